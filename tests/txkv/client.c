/* client.c - transactions as an atom makes them, with txkv.h.
 *
 *   "move HOW FROM TO AMOUNT"   moves so much between two numbers, by a "call" or an "ask", and answers with
 *                               "STATUS PART REQUEST STATUS-OF-REQUEST"
 *   "old HOW FROM TO AMOUNT"    the same, with versions that are not those that it read
 *   "nothing"                   asks for no change at all
 */
#include "txkv.h"

static kv_store store = {.kind = "kv", .shards = 4}, coordinators = {.kind = "tx", .shards = 2};

#define TIMEOUT 1000000000ull

static radon_bytes told(const txkv_answer *it) {
    radon_buffer text = {0};
    radon_buffer_add_u64(&text, it->status);
    radon_buffer_add_byte(&text, ' ');
    radon_buffer_add_u64(&text, it->part);
    radon_buffer_add_byte(&text, ' ');
    radon_buffer_add_u64(&text, it->request);
    radon_buffer_add_byte(&text, ' ');
    radon_buffer_add_u64(&text, it->because.status);
    return radon_buffer_bytes(&text);
}

/* Adds to the number under a key. */
static radon_error change(txkv *all, radon_bytes key, int64_t delta, uint64_t older) {
    kv_answer found;
    int64_t number = 0;
    radon_error error = kv_call(&store, key, kv_get(key), TIMEOUT, &found);
    if (error != RADON_OK) return error;
    radon_parse_s64(found.value, &number);
    txkv_add(all, &store, key, kv_get_if(key, found.version + older));
    txkv_add(all, &store, key, kv_put(key, radon_format_s64(number + delta)));
    return RADON_OK;
}

RADON_RECEIVE(message, body) {
    txkv all = {0};
    txkv_answer it;
    int64_t amount = 0;
    radon_bytes words = body, verb = radon_cut(&words, ' ');
    radon_bytes how = radon_cut(&words, ' '), from = radon_cut(&words, ' '), to = radon_cut(&words, ' ');
    radon_parse_s64(words, &amount);
    if (radon_is(verb, "nothing")) {
        bool refused = txkv_call(&all, &coordinators, TIMEOUT, &it) == RADON_INVALID;
        RADON_TRY(radon_message_reply(message, radon_text(refused ? "invalid" : "done")));
        return RADON_DONE;
    }
    RADON_TRY(change(&all, from, -amount, 0));
    RADON_TRY(change(&all, to, amount, radon_is(verb, "old")));
    if (radon_is(how, "ask")) {
        RADON_TRY(txkv_ask(&all, &coordinators, TIMEOUT, 5));
        RADON_TRY(radon_message_keep(message, 5));
        return RADON_DONE;
    }
    RADON_TRY(txkv_call(&all, &coordinators, TIMEOUT, &it));
    RADON_TRY(radon_message_reply(message, told(&it)));
    return RADON_DONE;
}

RADON_REPLIED(token, error, answer) {
    radon_message asker;
    txkv_answer it;
    RADON_TRY(error);
    if (!txkv_parse(answer, &it) || !radon_messaging_kept(token, &asker)) return radon_fail("no answer");
    RADON_TRY(radon_message_reply(asker, told(&it)));
    radon_message_drop(asker);
    return RADON_DONE;
}

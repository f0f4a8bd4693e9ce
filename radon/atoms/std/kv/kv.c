/* kv.c - one shard of the standard key-value store. docs/kv.md has the messages and what they mean, byte by byte.
 *
 * A message is a turn, so each request is atomic, and all of them are in one order. Whatever is wrong with a request is
 * answered and changes nothing: to fail the turn would only have it tried again.
 */
#include "types.h"

static radon_bytes respond(const request *given) {
    static const uint32_t limits[] = {KV_KEY_MAX, KV_VALUE_MAX, KV_BATCH_MAX, KV_BATCH_BYTES};
    switch (given->op) {
    case KV_INFO: return answer_info(KV_FORMAT, limits, 4);
    case KV_BATCH: return batch_run(given);
    case KV_SCAN: return entries_page(given);
    case KV_PREPARE: return transaction_prepare(given);
    case KV_COMMIT:
    case KV_ABORT: return transaction_end(given);
    default: return request_run(given, (radon_bytes){0});
    }
}

/* A part of a transaction that nobody counts on any more: a dead letter, say, that was revived when all is over. */
static bool is_unheard(radon_message message, const request *given) {
    bool part = given->op == KV_PREPARE || (given->op == KV_BATCH && given->key.len > 0);
    return part && !radon_message_wants_reply(message);
}

/* RADON_INVALID of a reply: nobody waits for one, and what was asked is done. */
RADON_RECEIVE(message, body) {
    request given;
    RADON_TRY(entries_begin());
    kv_status status = types_begin(message);
    if (status == KV_OK) status = request_read(body, &given);
    if (status == KV_OK && is_unheard(message, &given)) return RADON_DONE;
    radon_bytes it = status == KV_OK ? respond(&given) : plain(status);
    if (!refused(it)) status = types_settle();
    if (status != KV_OK) it = plain(status);
    if (refused(it)) entries_undo(0);
    if (it.len > 0 && radon_message_reply(message, it) == RADON_TOO_LARGE) {
        entries_undo(0);
        radon_message_reply(message, answer(KV_TOO_LARGE, 0, status == KV_OK ? types_hand_back(&given) : KV_NOTHING));
    }
    entries_finish();
    types_finish();
    return RADON_DONE;
}

RADON_FIRED(token) {
    RADON_TRY(entries_begin());
    types_begin((radon_message){0});
    if (token == EXPIRY_TIMER) RADON_TRY(entries_expire());
    else RADON_TRY(types_fired(token));
    types_settle(); /* what has less in it than before fits */
    entries_finish();
    types_finish();
    return RADON_DONE;
}

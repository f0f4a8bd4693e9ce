/* kv_client.c - asks the store for many entries, one question each, many under way; each answer is looked at.
 *
 *   "fill FROM TO WINDOW"           puts the entries from one to the other
 *   "get N KEYS ROW WINDOW"         so many entries out of KEYS, in no order; which ones, ROW says
 *   "put N KEYS ROW WINDOW"         likewise
 *   "get-many N KEYS ROW WINDOW", "put-many ...": likewise, 16 in each question, which are of one shard
 *
 * Who wants a reply has it when all is done.
 */
#include "kv.h"

#include "entries.h"

enum { MANY = 16, SHARDS = 16, KNOWN = 4096, TOLD = 1 };

static kv_store store = {.kind = "kv", .shards = SHARDS};
static uint32_t known[SHARDS][KNOWN]; /* entries of each shard, for questions about many of one */
static uint32_t count[SHARDS];

static struct {
    bool fill, put;
    uint64_t left, keys, row, next, many, waiting;
} work; /* a benchmark loses no instance */

static uint64_t number(radon_bytes *rest) {
    uint64_t found = 0;
    radon_parse_u64(radon_cut(rest, ' '), &found);
    return found;
}

static uint8_t value[VALUE];

static radon_bytes ask_for(uint64_t index, uint8_t key[KEY]) {
    key_of(index, key);
    radon_bytes name = {key, KEY};
    if (!work.put) return kv_get(name);
    memcpy(value, &index, sizeof index);
    memcpy(value + 8, &work.row, sizeof work.row);
    return kv_put(name, (radon_bytes){value, VALUE});
}

static radon_error next(void) {
    uint8_t key[KEY];
    uint64_t index = work.fill ? work.next++ : next_index(&work.row, work.keys);
    work.left--;
    radon_bytes request = ask_for(index, key);
    return kv_ask(&store, (radon_bytes){key, KEY}, request, KV_FOR_EVER, index);
}

static void know(void) {
    uint8_t key[KEY];
    uint64_t row = work.row;
    for (uint32_t full = 0; full < SHARDS;) {
        uint32_t index = (uint32_t)next_index(&row, work.keys);
        key_of(index, key);
        uint32_t shard = kv_shard(&store, (radon_bytes){key, KEY});
        if (count[shard] == KNOWN) continue;
        known[shard][count[shard]++] = index;
        full += count[shard] == KNOWN;
    }
}

static radon_error next_many(void) {
    uint8_t key[KEY];
    radon_buffer batch = {0};
    uint32_t shard = (uint32_t)(work.next++ % SHARDS);
    for (int each = 0; each < MANY; each++)
        kv_add_to(&batch, ask_for(known[shard][next_index(&work.row, KNOWN)], key));
    work.left -= MANY;
    return kv_ask_shard(&store, shard, kv_batch(batch), KV_FOR_EVER, 0);
}

RADON_RECEIVE(message, body) {
    radon_bytes rest = body, word = radon_cut(&rest, ' ');
    work.fill = radon_is(word, "fill");
    work.put = work.fill || radon_starts_with(word, radon_text("put"));
    work.many = radon_is(word, "get-many") || radon_is(word, "put-many");
    uint64_t first = number(&rest);
    work.keys = number(&rest);
    work.next = work.fill ? first : 0;
    work.left = work.fill ? work.keys - first : first;
    work.row = work.fill ? 0 : number(&rest);
    if (work.many && count[0] == 0) know();
    if (radon_message_wants_reply(message)) RADON_TRY(radon_message_keep(message, TOLD));
    for (uint64_t window = number(&rest); window > 0 && work.left > 0; window--, work.waiting++)
        RADON_TRY(work.many ? next_many() : next());
    return RADON_DONE;
}

static radon_outcome tell(void) {
    radon_message asked;
    if (!radon_messaging_kept(TOLD, &asked)) return RADON_DONE;
    RADON_TRY(radon_message_reply(asked, (radon_bytes){0}));
    radon_message_drop(asked);
    return RADON_DONE;
}

static bool is_right(uint64_t index, const kv_answer *it) {
    if (it->status != KV_OK) return false;
    return work.put ? it->version != 0 : it->value.len == VALUE && radon_load_u64(it->value.data) == index;
}

RADON_REPLIED(token, error, answer) {
    kv_answer it;
    RADON_TRY(error);
    if (!kv_parse(answer, &it)) return radon_fail("no answer");
    if (!work.many && !is_right(token, &it)) return radon_fail("a wrong answer");
    for (radon_bytes rest = it.value; work.many && rest.len > 0;) {
        kv_answer each;
        if (it.status != KV_OK || it.version != MANY || !kv_next(&rest, &each)) return radon_fail("a wrong batch");
        if (each.status != KV_OK || (!work.put && each.value.len != VALUE)) return radon_fail("a wrong answer in a batch");
    }
    if (work.left > 0) RADON_TRY(work.many ? next_many() : next());
    else if (--work.waiting == 0) return tell();
    return RADON_DONE;
}

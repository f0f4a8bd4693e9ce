/* txkv_client.c - asks for many transactions, each of two entries of different shards, many under way.
 *
 *   "put N KEYS ROW WINDOW"      puts both
 *   "move N KEYS ROW WINDOW"     gets both, and puts both if nobody else has meanwhile
 */
#include "txkv.h"

#include "entries.h"

enum { SHARDS = 16, COORDINATORS = 4 };

static kv_store store = {.kind = "kv", .shards = SHARDS}, coordinators = {.kind = "tx", .shards = COORDINATORS};

typedef struct {
    uint64_t index[2], version[2];
    int awaited; /* gets */
} pair;

static struct {
    bool move;
    uint64_t left, keys, row;
} work; /* a benchmark loses no instance */

static pair pairs[256]; /* under way, by token / 2 */

static uint64_t number(radon_bytes *rest) {
    uint64_t found = 0;
    radon_parse_u64(radon_cut(rest, ' '), &found);
    return found;
}

static radon_bytes name_of(uint64_t index) {
    uint8_t *key = radon_alloc(KEY);
    key_of(index, key);
    return (radon_bytes){key, KEY};
}

static radon_error write_both(uint64_t token) {
    static uint8_t value[VALUE];
    const pair *it = &pairs[token / 2];
    txkv all = {0};
    for (int each = 0; each < 2; each++) {
        radon_bytes key = name_of(it->index[each]);
        memcpy(value, &it->index[each], 8);
        memcpy(value + 8, &work.row, 8);
        kv_options options = {.flags = work.move ? KV_IF_VERSION : 0, .version = it->version[each]};
        txkv_add(&all, &store, key, kv_put_with(key, (radon_bytes){value, VALUE}, options));
    }
    return txkv_ask(&all, &coordinators, KV_FOR_EVER, token | 1);
}

static radon_error begin(uint64_t token) {
    pair *it = &pairs[token / 2];
    *it = (pair){.index = {next_index(&work.row, work.keys)}, .awaited = work.move ? 2 : 0};
    do it->index[1] = next_index(&work.row, work.keys);
    while (kv_shard(&store, name_of(it->index[1])) == kv_shard(&store, name_of(it->index[0])));
    work.left--;
    if (!work.move) return write_both(token);
    radon_error error = RADON_OK;
    for (int each = 0; each < 2 && error == RADON_OK; each++) {
        radon_bytes key = name_of(it->index[each]);
        error = kv_ask(&store, key, kv_get(key), KV_FOR_EVER, token | (uint64_t)each << 32);
    }
    return error;
}

RADON_RECEIVE(message, body) {
    radon_bytes rest = body;
    work.move = radon_is(radon_cut(&rest, ' '), "move");
    work.left = number(&rest);
    work.keys = number(&rest);
    work.row = number(&rest);
    uint64_t window = number(&rest);
    for (uint64_t each = 0; each < window && work.left > 0; each++) RADON_TRY(begin(2 * each));
    return RADON_DONE;
}

/* Of hundreds of thousands of entries two may meet: then it is begun again. */
RADON_REPLIED(token, error, answer) {
    uint64_t slot = token & 0xfffffffe;
    pair *it = &pairs[slot / 2];
    RADON_TRY(error);
    if (token & 1) {
        txkv_answer done;
        if (!txkv_parse(answer, &done)) return radon_fail("no answer");
        if (done.status > KV_LOCKED) return radon_fail("a wrong answer");
        if (done.status != KV_OK) work.left++;
        if (work.left > 0) RADON_TRY(begin(slot));
        return RADON_DONE;
    }
    kv_answer found;
    if (!kv_parse(answer, &found) || (found.status != KV_OK && found.status != KV_LOCKED))
        return radon_fail("a wrong answer to a get");
    it->version[token >> 32] = found.version; /* 0 if it is locked, which will conflict */
    if (--it->awaited == 0) RADON_TRY(write_both(slot));
    return RADON_DONE;
}

/* client.c - an atom that puts load on `kv`: the same operations as the client over TCP, one question each.
 *
 * A message is a load_mix, and its answer comes when all is done: a load_tally, then for each kind of operation a u32 of
 * how many buckets follow, each a u32 and a u64, then text: what was wrong first. It forgets nothing only as long as its
 * instance lives, which is good enough for a benchmark.
 *
 * Its clock is that of turns, which stands still while a batch of turns runs.
 */
#include "kv.h"

#include "../native/histogram.h"
#include "../native/records.h"
#include "../native/source.h"

enum { KEPT = 1, TIMER = 1 };

typedef struct {
    load_operation operation;
    uint32_t next;   /* of the free ones */
    uint32_t awaits; /* answers, of a scan one from each shard */
    bool used, modifies, found;
} slot;

static kv_store store = {.kind = "kv"};
static load_source source;
static load_tally tally;
static uint64_t counts[LOAD_KINDS][LOAD_BUCKETS];
static slot slots[LOAD_WINDOW];
static uint32_t free_slot, under_way, run;
static bool running;
static const char *why;

static void complain(const char *what) {
    if (why == NULL) why = what;
}

static void wrong(const char *what) {
    tally.wrong++;
    complain(what);
}

static radon_error ask(slot *at, radon_bytes key, radon_bytes request) {
    at->awaits = 1;
    return kv_ask(&store, key, request, KV_FOR_EVER, (uint64_t)run << 32 | (uint64_t)(at - slots));
}

static radon_error put(slot *at, radon_bytes key) {
    radon_bytes request;
    uint32_t size = source.mix.value_size;
    uint8_t *value = kv_build(KV_PUT, (kv_options){0}, size, key, &request);
    record_value(at->operation.id, at->operation.number, value, size);
    return ask(at, key, request);
}

/* Twice its share from each shard: together that is nearly always all that a merge needs. */
static radon_error scan(slot *at, radon_bytes key) {
    uint32_t share = 2 * (at->operation.number / store.shards) + 4;
    if (share > at->operation.number) share = at->operation.number;
    radon_bytes request = kv_scan(key, RADON_NONE, share, 0);
    radon_error error = RADON_OK;
    at->awaits = store.shards;
    for (uint32_t shard = 0; shard < store.shards && error == RADON_OK; shard++)
        error = kv_ask_shard(&store, shard, request, KV_FOR_EVER, (uint64_t)run << 32 | (uint64_t)(at - slots));
    return error;
}

static radon_error begin(const load_operation *operation) {
    uint8_t name[LOAD_KEY];
    radon_bytes key = {name, LOAD_KEY};
    slot *at = &slots[free_slot];
    free_slot = at->next;
    under_way++;
    *at = (slot){.operation = *operation, .used = true, .modifies = operation->kind == LOAD_MODIFY};
    record_key(operation->id, name);
    switch (operation->kind) {
    case LOAD_READ:
    case LOAD_MODIFY: return ask(at, key, kv_get(key));
    case LOAD_SCAN: return scan(at, key);
    default: return put(at, key);
    }
}

/* Begins all that may begin; in an open loop the timer says when the next one may. */
static radon_error go_on(uint64_t now) {
    load_operation operation;
    radon_error error = RADON_OK;
    while (error == RADON_OK && under_way < source.mix.window && source_next(&source, now, &operation))
        error = begin(&operation);
    if (error == RADON_OK && source.due != SOURCE_NEVER && source.due > now)
        error = radon_clock_set_timer(source.due - now, TIMER);
    return error;
}

static void give_up(const load_operation *operation, uint64_t now) {
    tally.unfinished++;
    histogram_add(counts[operation->kind], now > operation->start ? now - operation->start : 0);
}

static radon_error finish(uint64_t now) {
    radon_buffer answer = {0};
    radon_message asked;
    load_operation operation;
    running = false;
    for (uint32_t n = 0; n < source.mix.window && under_way > 0; n++)
        if (slots[n].used) give_up(&slots[n].operation, now);
    if (source.mix.rate > 0)
        while (source_next(&source, now, &operation)) give_up(&operation, now);
    tally.ended = now;
    tally.inserted = source.inserted;
    radon_buffer_add(&answer, (radon_bytes){(const uint8_t *)&tally, sizeof tally});
    for (uint32_t kind = 0; kind < LOAD_KINDS; kind++) {
        uint32_t used = 0;
        for (uint32_t n = 0; n < LOAD_BUCKETS; n++) used += counts[kind][n] != 0;
        radon_store_u32(radon_buffer_extend(&answer, 4), used);
        for (uint32_t n = 0; n < LOAD_BUCKETS; n++) {
            if (counts[kind][n] == 0) continue;
            uint8_t *to = radon_buffer_extend(&answer, 12);
            radon_store_u32(to, n);
            radon_store_u64(to + 4, counts[kind][n]);
        }
    }
    if (why != NULL) radon_buffer_add_text(&answer, why);
    if (!radon_messaging_kept(KEPT, &asked)) return RADON_OK;
    radon_error error = radon_message_reply(asked, radon_buffer_bytes(&answer));
    radon_message_drop(asked);
    return error;
}

static radon_error go_on_or_finish(uint64_t now) {
    bool open = source.mix.rate > 0, late = now > source.until && now - source.until > source.mix.patience;
    radon_error error = late ? RADON_OK : go_on(now);
    if (error != RADON_OK) return error;
    if (!late && (under_way > 0 || (open && source.due != SOURCE_NEVER))) return RADON_OK;
    return finish(now);
}

RADON_RECEIVE(message, body) {
    load_mix mix;
    if (body.len != sizeof mix) return radon_fail("a message has to be a load_mix");
    memcpy(&mix, body.data, sizeof mix);
    if (running || mix.window == 0 || mix.window > LOAD_WINDOW || mix.stride == 0) return radon_fail("no load");
    uint64_t now = radon_clock_now();
    memset(counts, 0, sizeof counts);
    tally = (load_tally){.begun = now};
    why = NULL;
    source_begin(&source, &mix, now);
    store.shards = mix.shards;
    for (uint32_t n = 0; n < mix.window; n++) slots[n] = (slot){.next = n + 1};
    free_slot = under_way = 0;
    run++;
    running = true;
    RADON_TRY(radon_message_keep(message, KEPT));
    RADON_TRY(go_on_or_finish(now));
    return RADON_DONE;
}

static bool is_value(uint64_t id, const kv_answer *it) {
    return it->value.len == source.mix.value_size && record_is(id, it->value.data, (uint32_t)it->value.len);
}

/* A page of one shard: in order, each with its own value, the first record of all among them. */
static bool is_page(slot *at, radon_bytes page) {
    radon_bytes key, before = {0};
    kv_answer entry;
    kv_scan_resume(&page);
    for (uint32_t n = 0; page.len > 0; n++, before = key) {
        if (n >= at->operation.number || !kv_scan_next(&page, &key, &entry) || key.len != LOAD_KEY) return false;
        uint64_t id = record_id(key.data);
        if (id == UINT64_MAX || !record_is(id, entry.value.data, (uint32_t)entry.value.len)) return false;
        if (n > 0 && radon_compare(before, key) >= 0) return false;
        at->found |= id == at->operation.id;
    }
    return true;
}

static void check(slot *at, const kv_answer *it) {
    switch (at->operation.kind) {
    case LOAD_READ:
    case LOAD_MODIFY:
        if (at->operation.kind == LOAD_READ || at->modifies) {
            if (!is_value(at->operation.id, it)) wrong("a wrong value");
            break;
        }
        /* fallthrough */
    case LOAD_UPDATE:
    case LOAD_INSERT:
        if (it->version == 0) wrong("a put without a version");
        else if (at->operation.kind == LOAD_INSERT) source_acknowledge(&source, at->operation.id);
        break;
    case LOAD_SCAN:
        if (!is_page(at, it->value)) wrong("a scan found wrong records");
        else if (at->awaits == 1 && !at->found) wrong("a scan has not found where it starts");
        break;
    }
}

RADON_REPLIED(token, error, answer) {
    kv_answer it;
    uint8_t name[LOAD_KEY];
    if (!running || (uint32_t)(token >> 32) != run) return RADON_DONE; /* nobody waits for it any more */
    slot *at = &slots[(uint32_t)token];
    uint64_t now = radon_clock_now();
    if (error != RADON_OK || !kv_parse(answer, &it) || it.status > KV_ABSENT) {
        tally.errors++;
        complain(error != RADON_OK ? radon_error_name(error) : "the store refused a request");
    } else if (it.status == KV_ABSENT) {
        wrong("a record is not there");
    } else {
        check(at, &it);
        if (at->modifies) {
            at->modifies = false;
            record_key(at->operation.id, name);
            RADON_TRY(put(at, (radon_bytes){name, LOAD_KEY}));
            return RADON_DONE;
        }
    }
    if (--at->awaits > 0) return RADON_DONE;
    tally.done[at->operation.kind]++;
    histogram_add(counts[at->operation.kind], now > at->operation.start ? now - at->operation.start : 0);
    at->used = false;
    at->next = free_slot;
    free_slot = (uint32_t)(at - slots);
    under_way--;
    RADON_TRY(go_on_or_finish(now));
    return RADON_DONE;
}

RADON_FIRED(token) {
    if (running) RADON_TRY(go_on_or_finish(radon_clock_now()));
    return RADON_DONE;
}

/* databases.c - commands about a whole database; a shard answers for what it has of it. */
#include "databases.h"
#include "keyspace.h"
#include "scans.h"

static radon_bytes one_byte(uint8_t byte) {
    uint8_t *bytes = radon_alloc(1);
    *bytes = byte;
    return (radon_bytes){bytes, 1};
}

entry_walk entries_of(uint8_t db) {
    return (entry_walk){one_byte(db), one_byte(db + 1), 256, {0}, 0, radon_clock_now()};
}

bool entry_walk_next(entry_walk *walk, radon_bytes *key) {
    for (;; walk->at++) {
        if (walk->at == walk->page.len) {
            if (walk->page.len > 0)
                walk->start = radon_concat(walk->page.data[walk->at - 1].key, one_byte(0));
            walk->at = 0;
            radon_error error = entries_scan(walk->start, radon_some(walk->end), walk->limit, false, &walk->page);
            if (error != RADON_OK || walk->page.len == 0) return false;
        }
        *key = walk->page.data[walk->at].key;
        uint64_t expiry = radon_load_u64(walk->page.data[walk->at].value.data + 16);
        if (expiry == 0 || expiry > walk->now) break;
    }
    walk->at++;
    return true;
}

type entry_walk_type(const entry_walk *walk) { return (type)walk->page.data[walk->at - 1].value.data[1]; }

/* ---- what there is ---- */

kv_status command_dbsize(call *c) {
    reply_integer(c->to, (int64_t)count_of(c->db));
    return KV_OK;
}

kv_status command_keys(call *c) {
    radon_bytes key;
    size_t begin = c->to->bytes.len, count = 0;
    entry_walk walk = entries_of(c->db);
    while (entry_walk_next(&walk, &key)) {
        if (!glob_matches(c->argv[1], key_name(key))) continue;
        reply_bulk(c->to, key_name(key));
        count++;
    }
    reply_array_around(c->to, begin, count);
    return KV_OK;
}

kv_status command_scan(call *c) {
    radon_option start, next = RADON_NONE;
    scan_options options;
    radon_bytes key;
    replies shown = {.resp = c->to->resp};
    size_t seen = 0, count = 0;
    TRY(scan_cursor(c, 1, &start));
    TRY(scan_read_options(c, 2, &options));
    entry_walk walk = entries_of(c->db);
    if (start.some && start.value.len > 0 && start.value.data[0] == c->db) walk.start = start.value;
    walk.limit = options.count < walk.limit ? options.count + 1 : walk.limit;
    while (entry_walk_next(&walk, &key)) {
        if (seen++ == options.count) {
            next = radon_some(key);
            break;
        }
        bool of_type = !options.type.some || is_word(options.type.value, type_table[entry_walk_type(&walk)].name);
        if (!of_type || !scan_shows(&options, key_name(key))) continue;
        reply_bulk(&shown, key_name(key));
        count++;
    }
    reply_array(c->to, 2);
    TRY(scan_reply_cursor(c, next));
    reply_array(c->to, count);
    reply_bytes(c->to, radon_buffer_bytes(&shown.bytes));
    return KV_OK;
}

/* One of the first this many, each as likely. */
static bool random_of_first(entry_walk *walk, uint64_t count, radon_bytes *key) {
    uint64_t which = radon_random_next() % count;
    bool some = false;
    radon_bytes next;
    while (entry_walk_next(walk, &next)) {
        *key = next;
        some = true;
        if (which-- == 0) break;
    }
    return some;
}

#define FEW 1024 /* entries that are counted off */

/* Among many, one that follows somewhere between the first key and the last: no key is left out, but some are likelier. */
static void start_somewhere(entry_walk *walk) {
    radon_bytes first, last;
    radon_entry_list page;
    radon_error error = entries_scan(walk->start, radon_some(walk->end), 1, false, &page);
    if (error != RADON_OK || page.len == 0) return;
    first = page.data[0].key;
    if (entries_scan(walk->start, radon_some(walk->end), 1, true, &page) != RADON_OK || page.len == 0) return;
    last = page.data[0].key;
    size_t same = 0;
    while (same < first.len && same < last.len && first.data[same] == last.data[same]) same++;
    radon_buffer start = {0};
    radon_buffer_add(&start, radon_slice(first, 0, same));
    for (size_t index = same; index < same + 8; index++) {
        uint8_t low = index < first.len ? first.data[index] : 0, high = index < last.len ? last.data[index] : 255;
        if (low > high) low = 0, high = 255;
        radon_buffer_add_byte(&start, (uint8_t)(low + radon_random_next() % (uint64_t)(high - low + 1)));
    }
    walk->start = radon_buffer_bytes(&start);
}

kv_status command_randomkey(call *c) {
    radon_bytes key;
    uint64_t count = count_of(c->db);
    entry_walk walk = entries_of(c->db);
    if (count > FEW) start_somewhere(&walk);
    bool some = count > 0 && random_of_first(&walk, count > FEW ? 16 : count, &key);
    walk = entries_of(c->db);
    if (!some && count > 0) some = entry_walk_next(&walk, &key);
    some ? reply_bulk(c->to, key_name(key)) : reply_null(c->to);
    return KV_OK;
}

/* ---- flushing ---- */

static kv_status remove_all(call *c, uint8_t db) {
    radon_bytes key;
    entry_walk walk = entries_of(db);
    while (entry_walk_next(&walk, &key)) {
        entry it;
        TRY(key_load(c, key, &it));
        TRY(entry_remove(key, &it));
    }
    return KV_OK;
}

/* Everything goes at once where nobody may want it back, however much there is. */
static kv_status wipe(void) {
    if (entries_wipe() != RADON_OK) return KV_INVALID;
    TRY(collections_wipe());
    return counts_wipe();
}

/* The databases from the first to the last. */
static kv_status flush(call *c, uint8_t first, uint8_t last) {
    bool everything = c->alone && !locks_any();
    if (c->argc > 2 || (c->argc == 2 && !call_is(c, 1, "sync") && !call_is(c, 1, "async"))) return call_fail_syntax(c);
    for (uint8_t db = 0; db < DATABASES; db++) everything &= (db >= first && db <= last) || count_of(db) == 0;
    if (everything) TRY(wipe());
    else for (uint8_t db = first; db <= last; db++) TRY(remove_all(c, db));
    reply_status(c->to, "OK");
    return KV_OK;
}

kv_status command_flushdb(call *c) { return flush(c, c->db, c->db); }
kv_status command_flushall(call *c) { return flush(c, 0, DATABASES - 1); }

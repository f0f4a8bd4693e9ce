/* scans.c - cursors, and the scans of collections.
 *
 *     cursors   bucket: slot (u16) -> cursor (u64), where it goes on
 *
 * A cursor is a number that stands for a name; the last SLOTS of them are known. One that is not begins anew: so
 * whoever goes on until 0 has seen all that was there all the time, if perhaps twice.
 */
#include "scans.h"

#define SLOTS 4096

static kv_status open_cursors(radon_bucket *out) {
    static radon_bucket cursors;
    if (cursors.handle == 0 && radon_state_open(radon_text("cursors"), &cursors) != RADON_OK) return KV_INVALID;
    *out = cursors;
    return KV_OK;
}

static radon_bytes slot_of(uint64_t cursor) {
    uint8_t *bytes = radon_alloc(2);
    bytes[0] = (uint8_t)(cursor % SLOTS >> 8);
    bytes[1] = (uint8_t)cursor;
    return (radon_bytes){bytes, 2};
}

/* As strtoul does, which takes a sign, and nothing at all. */
static bool read_cursor(radon_bytes text, uint64_t *out) {
    bool negative = text.len > 0 && text.data[0] == '-', has_sign = negative || (text.len > 0 && text.data[0] == '+');
    *out = 0;
    if (text.len > 0 && !radon_parse_u64(radon_slice(text, has_sign, text.len), out)) return false;
    if (negative) *out = 0 - *out;
    return true;
}

kv_status scan_number(call *c, size_t index, uint64_t *out) {
    return read_cursor(c->argv[index], out) ? KV_OK : call_fail(c, "ERR invalid cursor");
}

kv_status scan_cursor(call *c, size_t index, radon_option *out) {
    uint64_t cursor;
    radon_bucket cursors;
    radon_option found;
    *out = RADON_NONE;
    TRY(scan_number(c, index, &cursor));
    if (cursor == 0) return KV_OK;
    TRY(open_cursors(&cursors));
    if (radon_bucket_get(cursors, slot_of(cursor), &found) != RADON_OK) return KV_INVALID;
    if (found.some && radon_load_u64(found.value.data) == cursor)
        *out = radon_some(radon_slice(found.value, 8, found.value.len));
    return KV_OK;
}

void scan_reply(call *c, uint64_t cursor, size_t count, const replies *shown) {
    reply_array(c->to, 2);
    reply_bulk(c->to, radon_format_u64(cursor));
    reply_array(c->to, count);
    reply_bytes(c->to, radon_buffer_bytes(&shown->bytes));
}

kv_status scan_reply_cursor(call *c, radon_option next) {
    uint64_t cursor = 0;
    radon_bucket cursors;
    if (next.some) {
        TRY(open_cursors(&cursors));
        TRY(entries_number(&cursor));
        uint8_t *bytes = radon_alloc(8 + next.value.len);
        radon_store_u64(bytes, cursor);
        memcpy(bytes + 8, next.value.data, next.value.len);
        radon_error error = radon_bucket_put(cursors, slot_of(cursor), (radon_bytes){bytes, 8 + next.value.len});
        if (error != RADON_OK) return KV_EXHAUSTED;
    }
    reply_bulk(c->to, radon_format_u64(cursor));
    return KV_OK;
}

kv_status scan_read_options(call *c, size_t index, scan_options *out) {
    *out = (scan_options){.count = 10};
    for (; index < c->argc; index += 2) {
        bool more = index + 1 < c->argc;
        if (more && call_is(c, index, "count")) {
            int64_t count;
            TRY(call_integer(c, index + 1, &count));
            if (count < 1) return call_fail_syntax(c);
            out->count = count < 100000 ? (uint32_t)count : 100000;
        } else if (more && call_is(c, index, "match")) {
            out->matches = true;
            out->pattern = c->argv[index + 1];
        } else if (more && c->is->keys == NONE && call_is(c, index, "type")) {
            out->type = radon_some(c->argv[index + 1]);
        } else {
            return call_fail_syntax(c);
        }
    }
    return KV_OK;
}

kv_status scan_elements(call *c, type type, radon_bytes prefix, scan_show *show) {
    collection of;
    radon_option start, end = RADON_NONE;
    radon_bytes name, bytes;
    scan_options options = {.count = 10};
    replies shown = {.resp = c->to->resp};
    size_t seen = 0, count = 0;
    TRY(scan_cursor(c, 2, &start));
    TRY(collection_open(c, call_key(c, 1), type, &of));
    if (of.count > 0) TRY(scan_read_options(c, 3, &options));
    uint8_t behind = prefix.len > 0 ? prefix.data[0] + 1 : 0;
    if (prefix.len > 0) end = radon_some((radon_bytes){&behind, 1});
    walk walk = walk_begin(&of, start.some ? start : radon_some(prefix), end, false);
    uint64_t most = of.count <= SCAN_AT_ONCE ? SCAN_AT_ONCE : options.count;
    radon_option next = RADON_NONE;
    while (walk_next(&walk, &name, &bytes)) {
        if (seen++ == most) {
            next = radon_some(name);
            break;
        }
        radon_bytes shown_name = radon_slice(name, prefix.len, name.len);
        if (scan_shows(&options, shown_name)) count += show(&shown, shown_name, bytes);
    }
    reply_array(c->to, 2);
    TRY(scan_reply_cursor(c, next));
    reply_array(c->to, count);
    reply_bytes(c->to, radon_buffer_bytes(&shown.bytes));
    return KV_OK;
}

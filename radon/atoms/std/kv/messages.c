/* messages.c - see messages.h. */
#include "types.h"

/* ---- reading ---- */

enum { NO_FIELD = 0, TAG = 1, VERSION = 2, EXPIRY = 4, PAYLOAD = 8, KEY = 16 };

/* What each operation takes; all else is 0 in a well-formed request, so that a later format may give it a meaning. */
static const struct {
    uint8_t flags;
    uint8_t fields;
} takes[] = {
    [KV_INFO] = {0, NO_FIELD},
    [KV_GET] = {CONDITIONS | KV_NO_VALUE | KV_BOUNDED, KEY},
    [KV_PUT] = {CONDITIONS | KV_KEEP_EXPIRY | KV_RELATIVE | KV_GIVE_OLD, KEY | TAG | EXPIRY | PAYLOAD},
    [KV_DELETE] = {CONDITIONS | KV_GIVE_OLD, KEY},
    [KV_COMPARE] = {KV_KEEP_EXPIRY | KV_RELATIVE | KV_GIVE_OLD, KEY | TAG | VERSION | EXPIRY | PAYLOAD},
    [KV_ADD] = {CONDITIONS | KV_RELATIVE, KEY | TAG | EXPIRY | PAYLOAD},
    [KV_APPEND] = {CONDITIONS | KV_RELATIVE, KEY | TAG | EXPIRY | PAYLOAD},
    [KV_WRITE] = {KV_IF_ABSENT | KV_IF_PRESENT | KV_RELATIVE, KEY | TAG | VERSION | EXPIRY | PAYLOAD},
    [KV_EXPIRE] = {CONDITIONS | KV_RELATIVE | KV_GIVE_OLD, KEY | EXPIRY},
    [KV_BATCH] = {0, KEY | PAYLOAD},
    [KV_SCAN] = {KV_NO_VALUE | KV_BOUNDED, KEY | VERSION},
    [KV_COMMAND] = {0, PAYLOAD},
    [KV_FETCH] = {CONDITIONS, KEY},
    [KV_STORE] = {CONDITIONS | KV_KEEP_EXPIRY | KV_RELATIVE, KEY | TAG | EXPIRY | PAYLOAD},
    [KV_PREPARE] = {0, KEY | PAYLOAD},
    [KV_COMMIT] = {0, KEY},
    [KV_ABORT] = {0, KEY},
};

static uint8_t fields_of(const request *given) {
    uint8_t fields = takes[given->op].fields;
    if (given->flags & KV_IF_VERSION) fields |= VERSION;
    if (given->flags & KV_BOUNDED) fields |= given->op == KV_GET ? VERSION | EXPIRY : PAYLOAD;
    return fields;
}

static bool well_formed(const request *given) {
    uint8_t fields = fields_of(given);
    if (given->flags & ~takes[given->op].flags) return false;
    if ((given->flags & KV_IF_VERSION) && (given->flags & KV_BOUNDED)) return false; /* both would be in `version` */
    return (fields & TAG || given->tag == 0) && (fields & VERSION || given->version == 0) &&
           (fields & EXPIRY || given->expiry == 0) && (fields & PAYLOAD || given->size == 0) &&
           (fields & KEY || given->key.len == 0);
}

kv_status request_split(radon_bytes body, request *out) {
    uint8_t *head = (uint8_t *)body.data;
    if (body.len < KV_HEAD) return KV_INVALID;
    size_t size = radon_load_u32(head + 4);
    if (head[3] != 0 || size > body.len - KV_HEAD) return KV_INVALID;
    *out = (request){
        .op = head[0],
        .alone = true,
        .flags = head[1],
        .tag = head[2],
        .version = radon_load_u64(head + 8),
        .expiry = radon_load_u64(head + 16),
        .payload = head + KV_HEAD,
        .size = size,
        .key = {head + KV_HEAD + size, body.len - KV_HEAD - size},
    };
    return KV_OK;
}

kv_status request_read(radon_bytes body, request *out) {
    kv_status status = request_split(body, out);
    if (status != KV_OK) return status;
    if (out->op >= sizeof takes / sizeof *takes || (out->op != KV_INFO && takes[out->op].fields == NO_FIELD))
        return KV_UNSUPPORTED;
    status = types_allow(out);
    if (status != KV_OK) return status;
    if (!well_formed(out)) return KV_INVALID;
    return out->key.len > KV_KEY_MAX && out->op != KV_SCAN ? KV_TOO_LARGE : KV_OK;
}

kv_status request_next(radon_bytes *rest, request *out) {
    radon_bytes body;
    kv_status status = kv_take_key(rest, &body) ? request_read(body, out) : KV_INVALID;
    out->alone = false;
    bool one = (out->op >= KV_GET && out->op <= KV_EXPIRE) || (out->op >= KV_COMMAND && out->op <= KV_STORE);
    return status == KV_OK && !one ? KV_INVALID : status;
}

uint64_t request_expiry(const request *given) {
    uint64_t now = given->flags & KV_RELATIVE && given->expiry != 0 ? radon_clock_now() : 0;
    return given->expiry > UINT64_MAX - now ? UINT64_MAX : given->expiry + now;
}

/* ---- answering ---- */

radon_bytes answer_length(const uint8_t *head, size_t length) {
    uint8_t bytes[8];
    radon_store_u64(bytes, length);
    return answer_about(KV_OK, head[1], radon_load_u64(head + 8), radon_load_u64(head + 16), (radon_bytes){bytes, 8});
}

radon_bytes answer_get(const request *given, radon_bytes entry) {
    const uint8_t *head = entry.data;
    radon_bytes value = radon_slice(entry, KV_HEAD, entry.len);
    if (given->flags & KV_NO_VALUE) return answer_length(head, value.len);
    if (!(given->flags & KV_BOUNDED)) return entry;
    size_t begin = given->version < value.len ? (size_t)given->version : value.len, rest = value.len - begin;
    value = (radon_bytes){value.data + begin, given->expiry < rest ? (size_t)given->expiry : rest};
    return answer_about(KV_OK, head[1], radon_load_u64(head + 8), radon_load_u64(head + 16), value);
}

radon_bytes answer_page(const request *given, radon_bucket values, shown *show) {
    radon_entry_list entries, more = {0};
    radon_option end = given->flags & KV_BOUNDED ? radon_some((radon_bytes){given->payload, given->size}) : RADON_NONE;
    radon_bytes resume = {0};
    radon_buffer page = {0};
    uint64_t limit = given->version, now = radon_clock_now();
    if (limit == 0 || limit > UINT32_MAX) return plain(KV_INVALID);
    radon_error error = radon_bucket_scan(values, radon_some(given->key), end, (uint32_t)limit, false, &entries);
    if (error == RADON_OK && entries.len > 0) {
        resume = key_after(entries.data[entries.len - 1].key);
        error = radon_bucket_scan(values, radon_some(resume), end, 1, false, &more);
    }
    if (error != RADON_OK) return plain(KV_INVALID);
    answer_begin(&page);
    kv_add_to(&page, more.len > 0 ? resume : KV_NOTHING);
    for (size_t index = 0; index < entries.len; index++) {
        radon_bytes it = show(entries.data[index].value, now);
        if (it.len == 0) continue;
        kv_add_to(&page, entries.data[index].key);
        size_t head = page.len;
        radon_buffer_add(&page, given->flags & KV_NO_VALUE ? radon_slice(it, 0, KV_HEAD) : it);
        if (given->flags & KV_NO_VALUE) radon_store_u32(page.data + head + 4, 0);
    }
    return answer_finish(&page, 0);
}

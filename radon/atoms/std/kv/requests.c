/* requests.c - requests about one key. */
#include "types.h"

/* The entry's head; its value too where that is asked for. */
static radon_bytes answer_entry(kv_status status, const entry *it, bool with_value) {
    return answer_about(status, it->tag, it->version, it->expiry, with_value ? it->value : KV_NOTHING);
}

/* ---- single operations: what there was is loaded, and the condition holds ---- */

static uint64_t expiry_given(const request *given, const entry *old) {
    return (given->flags & KV_KEEP_EXPIRY) && old->some ? old->expiry : request_expiry(given);
}

/* The answer to a change: what there was, if that was asked for, or the head of what is there now. */
static radon_bytes changed(const request *given, const entry *old, const uint8_t *head) {
    if (given->flags & KV_GIVE_OLD) return old->some ? answer_entry(KV_OK, old, true) : plain(KV_ABSENT);
    return answer_about(KV_OK, head[1], radon_load_u64(head + 8), radon_load_u64(head + 16), KV_NOTHING);
}

static radon_bytes put(const request *given, const entry *old) {
    static const entry unseen;
    uint64_t expiry = expiry_given(given, old != NULL ? old : &unseen);
    kv_status status = entry_store(given->key, given->payload, given->size, given->tag, expiry, old);
    return status == KV_OK ? changed(given, old, given->payload - KV_HEAD) : plain(status);
}

static radon_bytes delete(const request *given, const entry *old) {
    kv_status status = entry_remove(given->key, old);
    if (status != KV_OK) return plain(status);
    return old->some ? answer_entry(KV_OK, old, given->flags & KV_GIVE_OLD) : plain(KV_ABSENT);
}

static radon_bytes compare(const request *given, const entry *old) {
    if (given->version > given->size) return plain(KV_INVALID);
    size_t length = (size_t)given->version;
    if (old->some && old->tag != given->tag) return plain(KV_WRONG_TAG);
    if (!old->some || !radon_equal(old->value, (radon_bytes){given->payload, length}))
        return answer_entry(KV_CONFLICT, old, given->flags & KV_GIVE_OLD);
    uint8_t *value = given->payload + length;
    kv_status status =
        entry_store(given->key, value, given->size - length, given->tag, expiry_given(given, old), old);
    return status == KV_OK ? changed(given, old, value - KV_HEAD) : plain(status);
}

/* Replaces the value of an entry and keeps its expiry; a new one has that of the request. */
static kv_status revise(const request *given, const entry *old, uint8_t *value, size_t size) {
    uint64_t expiry = old->some ? old->expiry : expiry_given(given, old);
    return entry_store(given->key, value, size, given->tag, expiry, old);
}

static uint8_t *room_for(size_t size) { return (uint8_t *)radon_alloc(KV_HEAD + size) + KV_HEAD; }

static radon_bytes add(const request *given, const entry *old) {
    int64_t sum = 0;
    if (given->size != 8) return plain(KV_INVALID);
    if (old->some && !(radon_parse_s64(old->value, &sum) && radon_equal(radon_format_s64(sum), old->value)))
        return plain(KV_NOT_A_NUMBER);
    if (__builtin_add_overflow(sum, (int64_t)radon_load_u64(given->payload), &sum)) return plain(KV_OVERFLOW);
    radon_bytes text = radon_format_s64(sum);
    uint8_t *value = room_for(text.len);
    memcpy(value, text.data, text.len);
    kv_status status = revise(given, old, value, text.len);
    return status == KV_OK ? (radon_bytes){value - KV_HEAD, KV_HEAD + text.len} : plain(status);
}

static radon_bytes overwrite(const request *given, const entry *old, uint64_t offset) {
    if (offset > KV_VALUE_MAX || given->size > KV_VALUE_MAX - (size_t)offset) return plain(KV_TOO_LARGE);
    size_t end = (size_t)offset + given->size, size = old->value.len > end ? old->value.len : end;
    uint8_t *value = room_for(size);
    memcpy(value, old->value.data, old->value.len);
    memset(value + old->value.len, 0, size - old->value.len);
    memcpy(value + offset, given->payload, given->size);
    kv_status status = revise(given, old, value, size);
    return status == KV_OK ? answer_length(value - KV_HEAD, size) : plain(status);
}

static radon_bytes expire(const request *given, const entry *old) {
    if (!old->some) return plain(KV_ABSENT);
    uint8_t *value = room_for(old->value.len);
    memcpy(value, old->value.data, old->value.len);
    kv_status status =
        entry_store(given->key, value, old->value.len, old->tag, expiry_given(given, old), old);
    return status == KV_OK ? changed(given, old, value - KV_HEAD) : plain(status);
}

static radon_bytes absent(const request *given, const entry *it) {
    return answer(KV_ABSENT, entry_stamp(given->key, it), KV_NOTHING);
}

/* ---- all of them ---- */

bool request_holds(const request *given, const entry *now) {
    uint8_t flags = given->flags;
    return !(flags & KV_IF_ABSENT && now->some) && !(flags & KV_IF_PRESENT && !now->some) &&
           !(flags & KV_IF_VERSION && now->version != given->version && entry_stamp(given->key, now) != given->version);
}

/* A put that neither asks for anything of what it replaces nor may have to be undone; a commit never has to. */
static bool is_blind(const request *given, bool commit) {
    uint8_t asking = CONDITIONS | KV_KEEP_EXPIRY | KV_GIVE_OLD;
    return given->op == KV_PUT && (given->alone || commit) && !(given->flags & asking) && given->expiry == 0 &&
           entries_are_plain();
}

radon_bytes request_run(const request *given, radon_bytes holder) {
    entry old;
    radon_bytes other;
    if (given->op == KV_COMMAND) return types_command(given);
    bool reads = given->op == KV_GET || given->op == KV_FETCH;
    lock held = holder.len > 0 ? FREE : lock_of(given->key, &other);
    if (held == WRITTEN || (held == READ && !reads)) return answer(KV_LOCKED, 0, other);
    if (is_blind(given, holder.len > 0)) return put(given, NULL);
    kv_status status = entry_load(given->key, &old);
    if (status != KV_OK) return plain(status);
    if (!request_holds(given, &old)) return answer_entry(KV_CONFLICT, &old, given->flags & KV_GIVE_OLD);
    switch (given->op) {
    case KV_GET: return old.some ? answer_get(given, old.stored.value) : absent(given, &old);
    case KV_PUT: return put(given, &old);
    case KV_DELETE: return delete(given, &old);
    case KV_COMPARE: return compare(given, &old);
    case KV_EXPIRE: return expire(given, &old);
    case KV_FETCH: return old.some ? types_fetch(&old) : absent(given, &old);
    case KV_STORE: return types_store(given, &old, expiry_given(given, &old));
    default: break;
    }
    if (old.some && old.tag != given->tag) return answer_entry(KV_WRONG_TAG, &old, false);
    if (given->op == KV_ADD) return add(given, &old);
    return overwrite(given, &old, given->op == KV_APPEND ? old.value.len : given->version);
}

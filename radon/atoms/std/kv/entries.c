/* entries.c - the buckets of a shard.
 *
 *     values       key -> entry
 *     expiries     time (u64, big-endian) + key -> nothing; exactly one for each entry with an expiry
 *     locks        key -> mode (u8), name of the transaction
 *     prepared     name of a transaction -> what it will do
 *     shard        "version" -> no version above it was given out
 *
 * A timer is set for the first of the expiries, or earlier. What globals know is found again in the buckets when the
 * instance was lost, but for the versions: a new instance skips what may have been given out.
 */
#include "types.h"

#define VERSIONS 1024 /* reserved at once, so that few puts write it down */
#define EXPIRED 1000  /* entries that one turn of the timer removes */

static radon_bucket values, expiries, locks, prepared, shard;
static uint64_t version, reserved; /* the last one given out, and the last that may be */
static uint64_t alarm;             /* what the timer is set for; 0: there are no expiries */
static bool locked;                /* there may be locks */
static size_t moved;               /* in this turn */

#define VERSION_KEY radon_text("version")

static kv_status status_of(radon_error error) {
    switch (error) {
    case RADON_OK: return KV_OK;
    case RADON_TOO_LARGE: return KV_TOO_LARGE;
    case RADON_EXHAUSTED: return KV_EXHAUSTED;
    default: return KV_INVALID;
    }
}

/* ---- writes that can be undone ---- */

static change *changes; /* in the turn's memory */
static size_t changed, room;

static radon_error set(radon_bucket bucket, radon_bytes key, radon_option value) {
    return value.some ? radon_bucket_put(bucket, key, value.value) : radon_bucket_delete(bucket, key);
}

kv_status entries_write(radon_bucket bucket, radon_bytes key, radon_option new, radon_option old) {
    radon_error error = set(bucket, key, new);
    if (error != RADON_OK) return status_of(error);
    if (changed == room) {
        size_t more = room == 0 ? 16 : 2 * room;
        changes = radon_realloc(changes, room * sizeof *changes, more * sizeof *changes);
        room = more;
    }
    changes[changed++] = (change){bucket, key, old, new};
    return KV_OK;
}

const change *entries_changes(size_t *count) {
    *count = changed;
    return changes;
}

bool is_of_entry(const change *it) { return it->bucket.handle == values.handle; }

void entries_undo(size_t count) {
    while (changed > count) {
        change last = changes[--changed];
        if (last.bucket.handle == locks.handle) locked = true; /* one that was released may be back */
        if (set(last.bucket, last.key, last.old) != RADON_OK) __builtin_trap(); /* there was room for it before */
    }
}

/* ---- expiry ---- */

static radon_bytes expiry_key(uint64_t time, radon_bytes key) {
    uint8_t *bytes = radon_alloc(8 + key.len);
    radon_store_u64_key(bytes, time);
    memcpy(bytes + 8, key.data, key.len);
    return (radon_bytes){bytes, 8 + key.len};
}

static radon_error first_expiry(uint64_t *out) {
    radon_entry_list first;
    radon_error error = radon_bucket_scan(expiries, RADON_NONE, RADON_NONE, 1, false, &first);
    *out = first.len > 0 ? radon_load_u64_key(first.data[0].key.data) : 0;
    return error;
}

static radon_error set_alarm(uint64_t time) {
    uint64_t now = radon_clock_now();
    alarm = time;
    return radon_clock_set_timer(time > now ? time - now : 0, 0);
}

/* The entry's place among the expiries, moved from the old time to the new one. */
static kv_status move_expiry(radon_bytes key, uint64_t old, uint64_t new) {
    kv_status status = KV_OK;
    if (old == new) return KV_OK;
    if (old != 0) status = entries_write(expiries, expiry_key(old, key), RADON_NONE, radon_some(KV_NOTHING));
    if (new == 0 || status != KV_OK) return status;
    status = entries_write(expiries, expiry_key(new, key), radon_some(KV_NOTHING), RADON_NONE);
    if (status == KV_OK && (alarm == 0 || new < alarm)) status = status_of(set_alarm(new));
    return status;
}

/* Where there are types, it is a change that has more to follow. */
static radon_error remove_expired(radon_bytes key) {
    radon_option old;
    if (!typed) return radon_bucket_delete(values, key);
    radon_error error = radon_bucket_get(values, key, &old);
    if (error == RADON_OK) entries_write(values, key, RADON_NONE, old);
    return error;
}

radon_error entries_expire(void) {
    radon_entry_list due;
    uint64_t first;
    uint8_t end[8];
    radon_store_u64_key(end, radon_clock_now() + 1);
    radon_error error = radon_bucket_scan(expiries, RADON_NONE, radon_some((radon_bytes){end, 8}), EXPIRED, false, &due);
    for (size_t index = 0; index < due.len && error == RADON_OK; index++) {
        radon_bytes key = due.data[index].key;
        error = remove_expired(radon_slice(key, 8, key.len));
        if (error == RADON_OK) error = radon_bucket_delete(expiries, key);
    }
    if (error == RADON_OK) error = first_expiry(&first);
    if (error != RADON_OK) return error;
    alarm = 0;
    return first != 0 ? set_alarm(first) : RADON_OK;
}

/* ---- entries ---- */

static radon_error look_for_locks(void) {
    radon_entry_list any;
    radon_error error = radon_bucket_scan(locks, RADON_NONE, RADON_NONE, 1, false, &any);
    locked = any.len > 0;
    return error;
}

static radon_error open_buckets(void) {
    radon_option last;
    radon_error error = radon_state_open(radon_text("values"), &values);
    if (error == RADON_OK) error = radon_state_open(radon_text("expiries"), &expiries);
    if (error == RADON_OK) error = radon_state_open(radon_text("locks"), &locks);
    if (error == RADON_OK) error = radon_state_open(radon_text("prepared"), &prepared);
    if (error == RADON_OK) error = radon_state_open(radon_text("shard"), &shard);
    if (error == RADON_OK) error = radon_bucket_get(shard, VERSION_KEY, &last);
    if (error == RADON_OK) error = look_for_locks();
    if (error == RADON_OK) error = first_expiry(&alarm);
    if (error != RADON_OK) return error;
    version = reserved = last.some ? radon_load_u64(last.value.data) : 0;
    return RADON_OK;
}

radon_error entries_begin(void) {
    changes = NULL;
    changed = room = moved = 0;
    return shard.handle == 0 ? open_buckets() : RADON_OK;
}

size_t entries_moved(void) { return moved; }

bool entries_are_plain(void) { return !typed && alarm == 0 && !locked; }

/* 0: never. An entry is gone at its very time. */
static bool has_expired(uint64_t expiry) { return expiry != 0 && expiry <= radon_clock_now(); }

static uint64_t expiry_of(radon_option stored) { return stored.some ? radon_load_u64(stored.value.data + 16) : 0; }

kv_status entry_load(radon_bytes key, entry *out) {
    *out = (entry){0};
    radon_error error = radon_bucket_get(values, key, &out->stored);
    uint64_t expiry = expiry_of(out->stored);
    if (!out->stored.some || error != RADON_OK) return status_of(error);
    moved += out->stored.value.len;
    if (has_expired(expiry)) return KV_OK;
    const uint8_t *head = out->stored.value.data;
    out->some = true;
    out->tag = head[1];
    out->version = radon_load_u64(head + 8);
    out->expiry = expiry;
    out->value = (radon_bytes){head + KV_HEAD, out->stored.value.len - KV_HEAD};
    return KV_OK;
}

kv_status entries_number(uint64_t *out) {
    if (version == reserved) {
        uint8_t bytes[8];
        radon_store_u64(bytes, reserved + VERSIONS);
        radon_error error = radon_bucket_put(shard, VERSION_KEY, (radon_bytes){bytes, 8});
        if (error != RADON_OK) return status_of(error);
        reserved += VERSIONS;
    }
    *out = ++version;
    return KV_OK;
}

kv_status entry_store(radon_bytes key, uint8_t *value, size_t size, uint8_t tag, uint64_t expiry, const entry *old) {
    uint8_t *head = value - KV_HEAD;
    uint64_t next;
    if (key.len > KV_KEY_MAX || size > KV_VALUE_MAX) return KV_TOO_LARGE;
    kv_status status = entries_number(&next);
    if (status != KV_OK) return status;
    radon_store_u32(head, (uint32_t)tag << 8);
    radon_store_u32(head + 4, (uint32_t)size);
    radon_store_u64(head + 8, next);
    radon_store_u64(head + 16, expiry);
    radon_bytes stored = {head, KV_HEAD + size};
    moved += stored.len;
    if (old == NULL) return status_of(radon_bucket_put(values, key, stored));
    status = entries_write(values, key, radon_some(stored), old->stored);
    return status == KV_OK ? move_expiry(key, expiry_of(old->stored), expiry) : status;
}

kv_status entry_remove(radon_bytes key, const entry *old) {
    if (!old->stored.some) return KV_OK;
    kv_status status = entries_write(values, key, RADON_NONE, old->stored);
    return status == KV_OK ? move_expiry(key, expiry_of(old->stored), 0) : status;
}

radon_error entries_scan(radon_bytes start, radon_option end, uint32_t limit, bool backwards, radon_entry_list *out) {
    return radon_bucket_scan(values, radon_some(start), end, limit, backwards, out);
}

bool entries_locked(void) { return locked; }

radon_error entries_wipe(void) {
    radon_error error = radon_bucket_delete_range(values, RADON_NONE, RADON_NONE);
    return error == RADON_OK ? radon_bucket_delete_range(expiries, RADON_NONE, RADON_NONE) : error;
}

/* ---- transactions ---- */

lock lock_of(radon_bytes key, radon_bytes *holder) {
    radon_option found = {0};
    *holder = KV_NOTHING;
    if (!locked || radon_bucket_get(locks, key, &found) != RADON_OK || !found.some) return FREE;
    *holder = radon_slice(found.value, 1, found.value.len);
    return (lock)found.value.data[0];
}

kv_status lock_take(radon_bytes key, lock mode, radon_bytes holder) {
    radon_bytes had;
    radon_buffer value = {0};
    lock before = lock_of(key, &had);
    if (before >= mode) return KV_OK;
    radon_buffer_add_byte(&value, (uint8_t)mode);
    radon_buffer_add(&value, holder);
    locked = true;
    radon_option old = before == FREE ? RADON_NONE : radon_some((radon_bytes){had.data - 1, had.len + 1});
    return entries_write(locks, key, radon_some(radon_buffer_bytes(&value)), old);
}

kv_status lock_release(radon_bytes key) {
    radon_bytes had;
    if (lock_of(key, &had) == FREE) return KV_OK;
    return entries_write(locks, key, RADON_NONE, radon_some((radon_bytes){had.data - 1, had.len + 1}));
}

kv_status prepared_load(radon_bytes name, radon_option *out) {
    return status_of(radon_bucket_get(prepared, name, out));
}

kv_status prepared_store(radon_bytes name, radon_bytes what) {
    return entries_write(prepared, name, radon_some(what), RADON_NONE);
}

kv_status prepared_remove(radon_bytes name, radon_bytes what) {
    kv_status status = entries_write(prepared, name, RADON_NONE, radon_some(what));
    return status == KV_OK ? status_of(look_for_locks()) : status;
}

/* entries.c - the buckets of a shard.
 *
 *     values       key -> entry
 *     expiries     time (u64, big-endian) + key -> nothing; exactly one for each entry with an expiry
 *     prepared     name of a transaction -> what it will do
 *     shard        "version" -> no version above it was given out
 *
 * A timer is set for the first of the expiries, or earlier. What globals know is found again in the buckets when the
 * instance was lost, but for the versions, of which a new instance skips what may have been given out, and what was
 * removed: that may then have been anything.
 */
#include "types.h"

#define EXPIRED 1000 /* entries that one turn of the timer removes */

static radon_bucket values, expiries, prepared;
static sequence versions;
static uint64_t alarm;             /* what the timer is set for; 0: there are no expiries */
static size_t moved;               /* in this turn */

/* ---- writes that can be undone ---- */

static change *changes; /* in the turn's memory */
static size_t changed, room;

static radon_error set(radon_bucket bucket, radon_bytes key, radon_option new, radon_option old) {
    TRY(new.some ? radon_bucket_put(bucket, key, new.value) : radon_bucket_delete(bucket, key));
    if (bucket.handle == prepared.handle) locks_set(key, new.some ? new.value : old.value, new.some);
    return RADON_OK;
}

kv_status entries_write(radon_bucket bucket, radon_bytes key, radon_option new, radon_option old) {
    TRY(status_of(set(bucket, key, new, old)));
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
        if (set(last.bucket, last.key, last.old, last.new) != RADON_OK) __builtin_trap(); /* there was room for it before */
    }
}

/* ---- absence ---- */

#define ABSENCE (1ull << 63) /* of no version of an entry */

/* What was removed of the keys with one slot. */
typedef struct {
    uint64_t last; /* the hash of the key that was the last to be removed */
    uint64_t version, others; /* the highest that an entry of it had, and one of any other key */
} removal;

static removal removals[4096]; /* by the first bits of the key's hash */
static uint64_t forgotten;     /* no entry that was removed and is not among them had a higher version */

static uint64_t higher(uint64_t one, uint64_t other) { return one > other ? one : other; }

static uint64_t version_of(radon_option stored) { return stored.some ? radon_load_u64(stored.value.data + 8) : 0; }

static void note_removal(radon_bytes key, uint64_t version) {
    uint64_t hash = kv_hash(key);
    removal *it = &removals[hash >> 52];
    if (it->last != hash) *it = (removal){hash, version, higher(it->version, it->others)};
    it->version = higher(it->version, version);
}

uint64_t entry_stamp(radon_bytes key, const entry *it) {
    if (it->some) return it->version;
    uint64_t hash = kv_hash(key), expired = version_of(it->stored);
    const removal *of = &removals[hash >> 52];
    return ABSENCE | higher(higher(of->last == hash ? of->version : of->others, expired), forgotten);
}

/* Not before: what is undone was no removal, and nobody else sees what is between. */
void entries_finish(void) {
    for (size_t index = 0; index < changed; index++)
        if (is_of_entry(&changes[index]) && !changes[index].new.some)
            note_removal(changes[index].key, version_of(changes[index].old));
}

/* ---- expiry ---- */

static radon_bytes expiry_key(uint64_t time, radon_bytes key) { return radon_concat(number_key(time), key); }

static radon_error first_expiry(uint64_t *out) {
    radon_entry_list first;
    TRY(radon_bucket_scan(expiries, RADON_NONE, RADON_NONE, 1, false, &first));
    *out = first.len > 0 ? radon_load_u64_key(first.data[0].key.data) : 0;
    return RADON_OK;
}

static radon_error set_alarm(uint64_t time) {
    uint64_t now = radon_clock_now();
    alarm = time;
    return radon_clock_set_timer(time > now ? time - now : 0, EXPIRY_TIMER);
}

/* The entry's place among the expiries, moved from the old time to the new one. */
static kv_status move_expiry(radon_bytes key, uint64_t old, uint64_t new) {
    if (old == new) return KV_OK;
    if (old != 0) TRY(entries_write(expiries, expiry_key(old, key), RADON_NONE, radon_some(KV_NOTHING)));
    if (new == 0) return KV_OK;
    TRY(entries_write(expiries, expiry_key(new, key), radon_some(KV_NOTHING), RADON_NONE));
    return alarm == 0 || new < alarm ? status_of(set_alarm(new)) : KV_OK;
}

/* Where there are types, it is a change that has more to follow. */
static radon_error remove_expired(radon_bytes key) {
    radon_option old;
    if (!typed) {
        note_removal(key, versions.last);
        return radon_bucket_delete(values, key);
    }
    TRY(radon_bucket_get(values, key, &old));
    entries_write(values, key, RADON_NONE, old);
    return RADON_OK;
}

radon_error entries_expire(void) {
    radon_entry_list due;
    radon_option end = radon_some(number_key(radon_clock_now() + 1));
    TRY(radon_bucket_scan(expiries, RADON_NONE, end, EXPIRED, false, &due));
    for (size_t index = 0; index < due.len; index++) {
        radon_bytes key = due.data[index].key;
        TRY(remove_expired(radon_slice(key, 8, key.len)));
        TRY(radon_bucket_delete(expiries, key));
    }
    TRY(first_expiry(&alarm));
    return alarm != 0 ? set_alarm(alarm) : RADON_OK;
}

/* ---- entries ---- */

static radon_error find_locks(void) {
    radon_entry_list some;
    radon_bytes after = KV_NOTHING;
    do {
        TRY(radon_bucket_scan(prepared, radon_some(after), RADON_NONE, UINT32_MAX, false, &some));
        for (size_t index = 0; index < some.len; index++) locks_set(some.data[index].key, some.data[index].value, true);
        if (some.len > 0) after = key_after(some.data[some.len - 1].key);
    } while (some.len > 0);
    return RADON_OK;
}

static radon_error open_buckets(void) {
    TRY(radon_state_open(radon_text("values"), &values));
    TRY(radon_state_open(radon_text("expiries"), &expiries));
    TRY(radon_state_open(radon_text("prepared"), &prepared));
    TRY(find_locks());
    TRY(first_expiry(&alarm));
    if (has_expired(alarm, radon_clock_now())) TRY(set_alarm(alarm)); /* the timer's turn may have failed for good */
    TRY(sequence_begin(&versions, "shard", "version"));
    forgotten = versions.last;
    return RADON_OK;
}

radon_error entries_begin(void) {
    changes = NULL;
    changed = room = moved = 0;
    return versions.bucket.handle == 0 ? open_buckets() : RADON_OK;
}

size_t entries_moved(void) { return moved; }

bool entries_are_plain(void) { return !typed && alarm == 0; }

static uint64_t expiry_of(radon_option stored) { return stored.some ? radon_load_u64(stored.value.data + 16) : 0; }

kv_status entry_load(radon_bytes key, entry *out) {
    *out = (entry){0};
    TRY(status_of(radon_bucket_get(values, key, &out->stored)));
    uint64_t expiry = expiry_of(out->stored);
    if (!out->stored.some) return KV_OK;
    moved += out->stored.value.len;
    if (expiry != 0 && has_expired(expiry, radon_clock_now())) return KV_OK;
    const uint8_t *head = out->stored.value.data;
    out->some = true;
    out->tag = head[1];
    out->version = radon_load_u64(head + 8);
    out->expiry = expiry;
    out->value = (radon_bytes){head + KV_HEAD, out->stored.value.len - KV_HEAD};
    return KV_OK;
}

kv_status entries_number(uint64_t *out) { return status_of(sequence_next(&versions, out)); }

kv_status entry_store(radon_bytes key, uint8_t *value, size_t size, uint8_t tag, uint64_t expiry, const entry *old) {
    uint8_t *head = value - KV_HEAD;
    uint64_t next;
    if (key.len > KV_KEY_MAX || size > KV_VALUE_MAX) return KV_TOO_LARGE;
    TRY(entries_number(&next));
    radon_store_u32(head, (uint32_t)tag << 8);
    radon_store_u32(head + 4, (uint32_t)size);
    radon_store_u64(head + 8, next);
    radon_store_u64(head + 16, expiry);
    radon_bytes stored = {head, KV_HEAD + size};
    moved += stored.len;
    if (old == NULL) return status_of(radon_bucket_put(values, key, stored));
    TRY(entries_write(values, key, radon_some(stored), old->stored));
    return move_expiry(key, expiry_of(old->stored), expiry);
}

kv_status entry_remove(radon_bytes key, const entry *old) {
    if (!old->stored.some) return KV_OK;
    TRY(entries_write(values, key, RADON_NONE, old->stored));
    return move_expiry(key, expiry_of(old->stored), 0);
}

static radon_bytes unexpired(radon_bytes stored, uint64_t now) {
    return has_expired(radon_load_u64(stored.data + 16), now) ? KV_NOTHING : stored;
}

radon_bytes entries_page(const request *given) { return answer_page(given, values, unexpired); }

radon_error entries_scan(radon_bytes start, radon_option end, uint32_t limit, bool backwards, radon_entry_list *out) {
    return radon_bucket_scan(values, radon_some(start), end, limit, backwards, out);
}

radon_error entries_wipe(void) {
    forgotten = versions.last;
    TRY(radon_bucket_delete_range(values, RADON_NONE, RADON_NONE));
    return radon_bucket_delete_range(expiries, RADON_NONE, RADON_NONE);
}

/* ---- transactions ---- */

radon_option prepared_load(radon_bytes name) {
    radon_option found = RADON_NONE;
    radon_bucket_get(prepared, name, &found); /* a name is never too long */
    return found;
}

kv_status prepared_set(radon_bytes name, radon_option new, radon_option old) {
    return entries_write(prepared, name, new, old);
}

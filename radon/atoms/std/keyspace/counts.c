/* counts.c - how many entries each database has: bucket "counts", database (u8) -> entries, and those of them that have an
 * expiry (u64 each). */
#include "keyspace.h"

static radon_bucket bucket;
static tally counts[DATABASES], after[DATABASES]; /* as of the last turn, and of this one */

kv_status counts_begin(void) {
    if (bucket.handle != 0) return KV_OK;
    if (radon_state_open(radon_text("counts"), &bucket) != RADON_OK) return KV_INVALID;
    for (uint8_t db = 0; db < DATABASES; db++) {
        radon_option found;
        radon_bucket_get(bucket, (radon_bytes){&db, 1}, &found);
        counts[db] = (tally){0};
        size_t known = found.some ? found.value.len : 0; /* once it was the first number alone */
        if (known > 0) memcpy(&counts[db], found.value.data, known < sizeof(tally) ? known : sizeof(tally));
    }
    return KV_OK;
}

static radon_option bytes_of(tally it) {
    uint8_t *bytes = radon_alloc(sizeof it);
    memcpy(bytes, &it, sizeof it);
    return it.entries > 0 ? radon_some((radon_bytes){bytes, sizeof it}) : RADON_NONE;
}

static bool expires(radon_option stored) { return stored.some && radon_load_u64(stored.value.data + 16) != 0; }

/* What the changes of this turn make of it. Answers the databases that may differ, one bit for each. */
static uint32_t add_changes(tally *to) {
    size_t count;
    uint32_t touched = 0;
    const change *changes = entries_changes(&count);
    for (size_t index = 0; index < count; index++) {
        const change *it = &changes[index];
        if (!is_of_entry(it)) continue;
        to[it->key.data[0]].entries += (uint64_t)it->new.some - it->old.some;
        to[it->key.data[0]].expiring += (uint64_t)expires(it->new) - expires(it->old);
        touched |= 1u << it->key.data[0];
    }
    return touched;
}

kv_status counts_settle(void) {
    memcpy(after, counts, sizeof after);
    uint32_t touched = add_changes(after);
    for (uint8_t db = 0; touched >> db != 0; db++) {
        if (memcmp(&after[db], &counts[db], sizeof(tally)) == 0) continue;
        uint8_t *key = radon_alloc(1);
        *key = db;
        TRY(entries_write(bucket, (radon_bytes){key, 1}, bytes_of(after[db]), bytes_of(counts[db])));
    }
    return KV_OK;
}

void counts_finish(void) {
    size_t count;
    entries_changes(&count);
    if (count == 0) return;
    for (size_t db = 0; db < DATABASES; db++) statistics_entries(counts[db].entries, after[db].entries);
    memcpy(counts, after, sizeof counts);
}

kv_status counts_wipe(void) {
    memset(counts, 0, sizeof counts);
    return radon_bucket_delete_range(bucket, RADON_NONE, RADON_NONE) == RADON_OK ? KV_OK : KV_INVALID;
}

void counts_now(tally *out) {
    memcpy(out, counts, sizeof counts);
    add_changes(out);
}

uint64_t count_of(uint8_t db) {
    tally now[DATABASES];
    counts_now(now);
    return now[db].entries;
}

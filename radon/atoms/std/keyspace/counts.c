/* counts.c - how many entries each database has: bucket "counts", database (u8) -> entries (u64). */
#include "keyspace.h"

static radon_bucket bucket;
static uint64_t counts[DATABASES], after[DATABASES]; /* as of the last turn, and of this one */

kv_status counts_begin(void) {
    if (bucket.handle != 0) return KV_OK;
    if (radon_state_open(radon_text("counts"), &bucket) != RADON_OK) return KV_INVALID;
    for (uint8_t db = 0; db < DATABASES; db++) {
        radon_option found;
        radon_bucket_get(bucket, (radon_bytes){&db, 1}, &found);
        counts[db] = found.some ? radon_load_u64(found.value.data) : 0;
    }
    return KV_OK;
}

static radon_option number_of(uint64_t count) {
    uint8_t *bytes = radon_alloc(8);
    radon_store_u64(bytes, count);
    return count > 0 ? radon_some((radon_bytes){bytes, 8}) : RADON_NONE;
}

kv_status counts_settle(void) {
    size_t count;
    const change *changes = entries_changes(&count);
    bool same = true;
    memcpy(after, counts, sizeof after);
    for (size_t index = 0; index < count; index++) {
        const change *it = &changes[index];
        if (!is_of_entry(it) || it->new.some == it->old.some) continue;
        after[it->key.data[0]] += (uint64_t)it->new.some - it->old.some;
        same = false;
    }
    if (same) return KV_OK;
    for (uint8_t db = 0; db < DATABASES; db++) {
        if (after[db] == counts[db]) continue;
        uint8_t *key = radon_alloc(1);
        *key = db;
        TRY(entries_write(bucket, (radon_bytes){key, 1}, number_of(after[db]), number_of(counts[db])));
    }
    return KV_OK;
}

void counts_finish(void) {
    size_t count;
    entries_changes(&count);
    if (count > 0) memcpy(counts, after, sizeof counts);
}

kv_status counts_wipe(void) {
    memset(counts, 0, sizeof counts);
    return radon_bucket_delete_range(bucket, RADON_NONE, RADON_NONE) == RADON_OK ? KV_OK : KV_INVALID;
}

uint64_t count_of(uint8_t db) {
    size_t count;
    const change *changes = entries_changes(&count);
    uint64_t now = counts[db];
    for (size_t index = 0; index < count; index++) {
        const change *it = &changes[index];
        if (is_of_entry(it) && it->key.data[0] == db) now += (uint64_t)it->new.some - it->old.some;
    }
    return now;
}

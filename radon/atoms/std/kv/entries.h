/* entries.h - what a shard of kv keeps: entries with a version and an expiry, and how a turn's writes are undone.
 *
 * An entry is stored as the answer that a get gives (docs/kv.md): KV_HEAD bytes, then the value. So a get hands on what
 * it found, and a put writes the head into the request itself, right before the value: neither copies the value.
 */
#ifndef ENTRIES_H
#define ENTRIES_H

#include "locks.h"

typedef struct {
    bool some;           /* there is an entry, which has not expired; else all of the following is zero */
    uint8_t tag;
    uint64_t version;
    uint64_t expiry;
    radon_bytes value;   /* behind its head, which lies before it */
    radon_option stored; /* what lies in the bucket, expired or not */
} entry;

/* Before anything else in a turn. */
radon_error entries_begin(void);

kv_status entry_load(radon_bytes key, entry *out);

/* Whether no entry can have an expiry, so that one may be overwritten unseen. */
bool entries_are_plain(void);

/* Writes `size` bytes at `value`, over whose KV_HEAD bytes before them the head is written, with the next version.
 * `old`: what was loaded, or NULL where it is not known. The answer is that head. */
kv_status entry_store(radon_bytes key, uint8_t *value, size_t size, uint8_t tag, uint64_t expiry, const entry *old);

kv_status entry_remove(radon_bytes key, const entry *old);

/* What KV_IF_VERSION names to find the key as it is now: the entry's version, or that of its absence, which is another
 * one each time that the key has come and gone. */
uint64_t entry_stamp(radon_bytes key, const entry *it);

/* The answer to a scan: those that have not expired. */
radon_bytes entries_page(const request *given);

radon_error entries_scan(radon_bytes start, radon_option end, uint32_t limit, bool backwards, radon_entry_list *out);

/* Bytes of values that this turn has loaded and stored so far. */
size_t entries_moved(void);

/* ---- what a turn wrote ---- */

typedef struct {
    radon_bucket bucket;
    radon_bytes key;
    radon_option old, new;
} change;

/* A write that can be undone. `old`: what is there now. All of the arguments have to last until the turn ends. */
kv_status entries_write(radon_bucket bucket, radon_bytes key, radon_option new, radon_option old);

/* The changes so far, of which only those that stand are counted. */
const change *entries_changes(size_t *count);

/* Whether it is a change of an entry. */
bool is_of_entry(const change *it);

/* The changes behind the first `count` are as if they had not been. */
void entries_undo(size_t count);

/* Those that are left stay: the turn was answered. */
void entries_finish(void);

/* A number that was given to no entry and by no call before. */
kv_status entries_number(uint64_t *out);

/* Removes all of them at once, which cannot be undone. */
radon_error entries_wipe(void);

#define EXPIRY_TIMER 0 /* token */

/* Removes some that have expired, and sees to it that the others are. */
radon_error entries_expire(void);

/* ---- transactions ---- */

/* What a transaction has prepared: its requests, behind their length (u32), and room. Its keys are locked as long as it
 * is there. */
radon_option prepared_load(radon_bytes name);
kv_status prepared_set(radon_bytes name, radon_option new, radon_option old);

#endif

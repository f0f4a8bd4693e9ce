/* collections.h - collections of any type: a head, which is the value of the entry, and elements.
 *
 *     head       number of the collection (u64), elements (u64), a number that the type may use (u64)
 *     elements   bucket: number (u64, big-endian) + what the type calls the element -> its bytes
 *
 * A collection is opened, changed and closed; closing writes the head, with a new version of the entry, or removes the
 * entry where no element is left. Elements of a collection whose entry is gone are freed when the turn ends.
 */
#ifndef COLLECTIONS_H
#define COLLECTIONS_H

#include "call.h"

typedef struct {
    radon_bytes key;
    entry was;
    type type;
    uint64_t number; /* 0: there is none, so that the first element makes one */
    uint64_t count;  /* the type counts */
    uint64_t extra;  /* the type's */
    bool changed;    /* the head has to be written */
    bool grew;       /* an element was added */
} collection;

kv_status collection_open(call *c, radon_bytes key, type type, collection *out);
kv_status collection_close(collection *it);

/* Replies how many elements the collection at the key of the command has. */
kv_status collection_reply_count(call *c, type type);

/* An empty one, which replaces what is at the key. It keeps no expiry. */
kv_status collection_new(call *c, radon_bytes key, type type, collection *out);

/* With another key, expiry and version: the whole of `from`, which has to be removed in the same turn. */
kv_status collection_move(const entry *from, radon_bytes key, uint64_t expiry, const entry *old);

/* `old`: what is there, as element_get gave it. Both count as a change, but the type counts the elements. */
kv_status element_get(const collection *it, radon_bytes name, radon_option *out);
kv_status element_put(collection *it, radon_bytes name, radon_bytes bytes, radon_option old);
kv_status element_remove(collection *it, radon_bytes name, radon_option old);

/* ---- one element after the other, in the order of their names ---- */

typedef struct {
    const collection *of;
    radon_option start, end; /* what is left: from start up to end */
    bool backwards;
    uint32_t limit;          /* so many are loaded at once, at most */
    radon_entry_list page;
    size_t at;
} walk;

/* From `start` up to `end`, each of which may be none; backwards from the end on. */
walk walk_begin(const collection *of, radon_option start, radon_option end, bool backwards);

/* False: there are no more. What it gives lasts until the turn ends, and may be removed meanwhile. */
bool walk_next(walk *walk, radon_bytes *name, radon_bytes *bytes);

/* ---- what each type has to do ---- */

typedef struct {
    const char *name;
    const char *(*encoding)(const entry *it); /* what OBJECT ENCODING says */
    kv_status (*dump)(const collection *it, radon_buffer *to);
    kv_status (*load)(collection *it, radon_bytes dump); /* FAILED: it is no dump of that type */
} type_table_row;

extern const type_table_row type_table[TYPES];

const char *list_encoding(const entry *it);
kv_status list_dump(const collection *it, radon_buffer *to);
kv_status list_load(collection *it, radon_bytes dump);
const char *hash_encoding(const entry *it);
kv_status hash_dump(const collection *it, radon_buffer *to);
kv_status hash_load(collection *it, radon_bytes dump);
const char *set_encoding(const entry *it);
kv_status set_dump(const collection *it, radon_buffer *to);
kv_status set_load(collection *it, radon_bytes dump);
const char *zset_encoding(const entry *it);
kv_status zset_dump(const collection *it, radon_buffer *to);
kv_status zset_load(collection *it, radon_bytes dump);

/* Beyond these a collection has another encoding, and keeps it: parameters.c. */
typedef enum { HASH_ENTRIES, HASH_BYTES, SET_INTEGERS, ZSET_ENTRIES, ZSET_BYTES, ENCODING_LIMITS } encoding_limit;
bool beyond(encoding_limit limit, uint64_t number);

/* What a FETCH gives of an entry, and how a STORE brings it back; FAILED: it is no such dump. */
kv_status entry_dump(const entry *it, radon_bytes *out);
kv_status entry_restore(radon_bytes key, type type, radon_bytes dump, uint64_t expiry, const entry *old);

/* In dumps: bytes behind their length. */
static inline void dump_add(radon_buffer *to, radon_bytes bytes) { kv_add_to(to, bytes); }
static inline bool dump_take(radon_bytes *rest, radon_bytes *out) { return kv_take_key(rest, out); }

/* ---- for keyspace.c ---- */

kv_status collections_begin(void);

/* An entry of such a type, to be read. */
void collection_of(const entry *it, collection *out);

/* Removes all elements at once. */
kv_status collections_wipe(void);

/* Frees the elements of the collections that have no entry any more. */
void collections_finish(void);

#endif

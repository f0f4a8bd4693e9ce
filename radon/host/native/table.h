/* table.h - a hash table of pointers: atoms by kind and key, requests by id.
 *
 * Owns its slots, and neither the items nor their keys, which it never looks into: the caller says what is equal. A key
 * is in it once. A table that was never filled, or was cleared, has no memory; a small one, and one that was emptied, has a
 * single block: what few are put into comes and goes.
 *
 * The order of iteration differs in every process, since hashes do (bytes_hash). IT MUST NEVER REACH A COMMIT: whoever
 * iterates sorts what he finds, or does something for which order means nothing, such as to count or to free.
 */
#ifndef RADON_NATIVE_TABLE_H
#define RADON_NATIVE_TABLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct Slot {
    uint64_t hash;
    void *item; /* NULL: empty */
} Slot;

/* All zero is empty. */
typedef struct Table {
    Slot *slots;  /* NULL if room is 0 */
    size_t count; /* items */
    size_t room;  /* slots: 0 or a power of two */
} Table;

/* Whether this item has this key. Is asked only where the whole hash fits. */
typedef int (*TableEqual)(const void *item, const void *key);

/* The item with this key, or NULL. `hash` is bytes_hash or hash_u64 of the key, the same in all calls. */
void *table_find(const Table *table, uint64_t hash, TableEqual equal, const void *key);

/* Puts in an item, not NULL, whose key is not in the table: the caller has looked. */
void table_insert(Table *table, uint64_t hash, void *item);

/* Takes out the item with this key and answers it, or NULL if there is none. */
void *table_remove(Table *table, uint64_t hash, TableEqual equal, const void *key);

/* Each item once, in no order, then NULL; `*at` is 0 at the beginning. An insertion or removal ends the iteration. */
void *table_next(const Table *table, size_t *at);

/* Empty, and without memory. The items are the caller's to free, before this. */
void table_clear(Table *table);

#endif

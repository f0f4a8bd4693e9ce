/* databases.h - going through the entries of a database, as far as this shard has them. */
#ifndef DATABASES_H
#define DATABASES_H

#include "collections.h"

typedef struct {
    radon_bytes start, end;
    uint32_t limit; /* so many are loaded at once, at most */
    radon_entry_list page;
    size_t at;
    uint64_t now;
} entry_walk;

entry_walk entries_of(uint8_t db);

/* The key of the next entry that has not expired. */
bool entry_walk_next(entry_walk *walk, radon_bytes *key);

/* The type of the one that the walk has just shown. */
type entry_walk_type(const entry_walk *walk);

#endif

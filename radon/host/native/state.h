/* state.h - an ordered map from byte keys to byte values: a bucket of an atom.
 *
 * Owns its nodes and one reference to each key and value. Knows nothing of buckets, quotas or commits. Entries lie in
 * the order of bytes_compare, so iteration may reach a commit. Keys come from guests: every operation takes time in
 * O(size of the key * log(entries)) whatever they are, and recursion is no deeper than MAP_DEPTH.
 *
 * Most maps have one or two entries, and there is one for each of millions of atoms: one entry takes the struct and one
 * block of 40 bytes.
 */
#ifndef RADON_NATIVE_STATE_H
#define RADON_NATIVE_STATE_H

#include "bytes.h"

/* All zero is empty. */
typedef struct Map {
    struct Node *root; /* NULL: no entries */
    size_t count;
} Map;

/* Entries of a map that has no place in the processor's caches. */
enum { LARGE_MAP = 1024 };

static inline size_t map_count(const Map *map) { return map->count; }

/* Where the value of the key is, as long as the map is unchanged, or NULL. Whoever exchanges it has the old reference and
 * gives the map a new one. `own`, if not NULL, gets the key as the map has it, borrowed. */
Str **map_find(const Map *map, const uint8_t *key, size_t size, Str **own);

/* The value of the key, likewise (str_ref keeps it), or NULL. */
static inline Str *map_get(const Map *map, const uint8_t *key, size_t size) {
    Str **value = map_find(map, key, size, NULL);
    return value != NULL ? *value : NULL;
}

/* Sets the value of the key. Takes over the caller's reference to `value`, not NULL; takes one of its own to `key` if
 * that is new, and otherwise keeps the Str that it had. Answers the old value, with the map's reference to it, or
 * NULL. */
Str *map_put(Map *map, Str *key, Str *value);

/* The same for a key that is no Str yet: becomes a copy if it is new, and is only read otherwise. */
Str *map_put_bytes(Map *map, const uint8_t *key, size_t size, Str *value);

/* Removes the key. Answers its value, with the map's reference to it, or NULL if there was none. `key` may be the bytes
 * of the Str in the map. */
Str *map_take(Map *map, const uint8_t *key, size_t size);

/* Removes all, and frees all memory. */
void map_clear(Map *map);

/* ---- a search that is remembered; in parts, each asks for the memory that the next one reads, and waits for none ---- */

/* All zero has not begun. It means nothing once a key was put into the map, or taken from it. */
typedef struct Search {
    const Map *map; /* NULL: it has not begun */
    struct Node *node; /* where it is on its way to the leaf */
    struct Entry *entry; /* of the leaf; NULL: not known yet */
} Search;

/* Does the next part, or begins anew with another map. It is for one key. */
void search_on(Search *search, const Map *map, const uint8_t *key, size_t size);

/* As map_find; what it finds, search_found finds again. */
Str **search_at_once(Search *search, const Map *map, const uint8_t *key, size_t size, Str **own);

/* As map_find. NULL: it was for another key, or has not come far enough. */
Str **search_found(const Search *search, const uint8_t *key, size_t size, Str **own);

/* ---- iteration: a cursor stands on an entry, and means nothing once the map has changed ---- */

/* Nodes have at least 16 children, the root 2: this is enough for 2^45 entries. */
#define MAP_DEPTH 12

typedef struct Cursor {
    unsigned depth; /* of the leaf; the path there ends with the entry */
    struct {
        struct Node *node;
        unsigned at;
    } path[MAP_DEPTH];
} Cursor;

/* Stand on the first entry, the last one, the first whose key is not less than this; on the next, on the previous. They
 * answer 1, or 0 if there is no such entry; then the cursor means nothing. */
int map_first(const Map *map, Cursor *cursor);
int map_last(const Map *map, Cursor *cursor);
int map_seek(const Map *map, Cursor *cursor, const uint8_t *key, size_t size);
int map_next(Cursor *cursor);
int map_prev(Cursor *cursor);

/* Of the entry on which the cursor stands; the references are the map's. */
Str *cursor_key(const Cursor *cursor);
Str *cursor_value(const Cursor *cursor);

#endif

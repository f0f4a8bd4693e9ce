/* table.c - open addressing with linear probing.
 *
 * An item lies in its home slot or in the first free one behind it, so a search ends at a free slot. A removal closes
 * the gap by moving back what may move ("backward shift"), which leaves no tombstones to clean up. At most 3/4 of the
 * slots are taken.
 */
#include "table.h"

#include "bytes.h"

#define FIRST_ROOM 4

/* The slot in which a search begins. The number of slots takes part, so that tables of different sizes order the same
 * hashes differently: filling a small table by iterating over a large one would otherwise crowd one end of it, and take
 * quadratic time. */
static size_t home(uint64_t hash, size_t room) {
    return (size_t)((hash ^ room * UINT64_C(0xD6E8FEB86659FD93)) * UINT64_C(0x9E3779B97F4A7C15) >>
                    (__builtin_clzll(room) + 1));
}

/* The slot of this key, or the free one where it would be. The table has slots. */
static size_t seek(const Table *table, uint64_t hash, TableEqual equal, const void *key) {
    size_t at = home(hash, table->room);
    for (;; at = (at + 1) & (table->room - 1)) {
        const Slot *slot = &table->slots[at];
        if (slot->item == NULL || (slot->hash == hash && equal(slot->item, key))) return at;
    }
}

static void place(Table *table, Slot slot) {
    size_t at = home(slot.hash, table->room);
    while (table->slots[at].item != NULL) at = (at + 1) & (table->room - 1);
    table->slots[at] = slot;
}

static void resize(Table *table, size_t room) {
    Table old = *table;
    table->slots = xcalloc(room, sizeof(Slot));
    table->room = room;
    for (size_t at = 0; at < old.room; at++)
        if (old.slots[at].item != NULL) place(table, old.slots[at]);
    free(old.slots);
}

void *table_find(const Table *table, uint64_t hash, TableEqual equal, const void *key) {
    return table->room != 0 ? table->slots[seek(table, hash, equal, key)].item : NULL;
}

void table_insert(Table *table, uint64_t hash, void *item) {
    if (table->count + 1 > table->room / 4 * 3) resize(table, table->room != 0 ? table->room * 2 : FIRST_ROOM);
    place(table, (Slot){hash, item});
    table->count++;
}

void *table_remove(Table *table, uint64_t hash, TableEqual equal, const void *key) {
    if (table->room == 0) return NULL;
    size_t mask = table->room - 1, gap = seek(table, hash, equal, key);
    void *item = table->slots[gap].item;
    if (item == NULL) return NULL;
    for (size_t at = (gap + 1) & mask; table->slots[at].item != NULL; at = (at + 1) & mask) {
        size_t distance = (at - home(table->slots[at].hash, table->room)) & mask;
        if (distance < ((at - gap) & mask)) continue; /* its home lies behind the gap */
        table->slots[gap] = table->slots[at];
        gap = at;
    }
    table->slots[gap] = (Slot){0};
    if (--table->count < table->room / 8 && table->room > FIRST_ROOM) resize(table, table->room / 2);
    return item;
}

void *table_next(const Table *table, size_t *at) {
    while (*at < table->room) {
        void *item = table->slots[(*at)++].item;
        if (item != NULL) return item;
    }
    return NULL;
}

void table_clear(Table *table) {
    if (table->slots == NULL) return; /* most that a turn has */
    free(table->slots);
    *table = (Table){0};
}

/* table.c - the table against an array, with good hashes and with hashes of which most collide. */
#include "table.h"

#include "bytes.h"
#include "check.h"

#define KEYS 3000

typedef struct {
    uint32_t key;
    int in, met;
} Item;

static Item items[KEYS];

static int has_key(const void *item, const void *key) { return ((const Item *)item)->key == *(const uint32_t *)key; }

static uint64_t good(uint32_t key) { return hash_u64(key); }
static uint64_t poor(uint32_t key) { return key % 50; }

static void compare(const Table *table, uint64_t (*hash)(uint32_t), size_t count) {
    size_t at = 0, met = 0;
    for (Item *item; (item = table_next(table, &at)) != NULL; met++) {
        CHECK(item->in && !item->met);
        item->met = 1;
    }
    CHECK(met == count && table->count == count);
    for (uint32_t key = 0; key < KEYS; key++) {
        CHECK(table_find(table, hash(key), has_key, &key) == (items[key].in ? &items[key] : NULL));
        items[key].met = 0;
    }
}

/* Random operations on the first `bound` keys; the bias drifts, so that the table fills up and becomes empty again. */
static void against_array(uint64_t seed, uint64_t (*hash)(uint32_t), uint32_t operations) {
    Table table = {0};
    size_t count = 0;
    for (uint32_t operation = 0; operation < operations; operation++) {
        uint32_t bound = operation / 30000 % 2 ? KEYS : 10, key = random_below(&seed, bound);
        int insert = random_below(&seed, 10) < (operation / 10000 % 3 == 0 ? 8U : 3U);
        CHECK(table_find(&table, hash(key), has_key, &key) == (items[key].in ? &items[key] : NULL));
        if (!insert) {
            CHECK(table_remove(&table, hash(key), has_key, &key) == (items[key].in ? &items[key] : NULL));
            count -= (size_t)items[key].in;
            items[key].in = 0;
        } else if (!items[key].in) {
            table_insert(&table, hash(key), &items[key]);
            count++;
            items[key].in = 1;
        }
        CHECK(table.count == count && table.room <= count * 8 + 8);
        if (operation % 5000 == 0) compare(&table, hash, count);
    }
    compare(&table, hash, count);
    for (uint32_t key = 0; key < KEYS; key++) table_remove(&table, hash(key), has_key, &key), items[key].in = 0;
    CHECK(table.count == 0 && table.room <= 8);
    table_clear(&table);
    CHECK(table.slots == NULL && table.room == 0);
}

/* A table is filled by iterating over a larger one: quadratic, if both had the same order. */
static void copied_in_its_own_order(void) {
    enum { MANY = 1 << 20 };
    Item *many = xcalloc(MANY, sizeof *many);
    Table from = {0}, to = {0};
    for (uint32_t key = 0; key < MANY; key++) many[key].key = key, table_insert(&from, good(key), &many[key]);
    size_t at = 0, longest = 0, run = 0;
    for (Item *item; to.count < MANY * 7 / 10 && (item = table_next(&from, &at)) != NULL;)
        table_insert(&to, good(item->key), item);
    for (size_t slot = 0; slot < to.room; slot++) {
        run = to.slots[slot].item != NULL ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    CHECK(longest < 1000);
    table_clear(&from), table_clear(&to);
    free(many);
}

int main(int count, char **args) {
    uint64_t seed = count > 1 ? strtoull(args[1], NULL, 10) : 0;
    for (uint32_t key = 0; key < KEYS; key++) items[key].key = key;
    against_array(seed, good, 1000000);
    against_array(seed, poor, 200000);
    copied_in_its_own_order();
    CHECK(sizeof(Table) <= 24);
}

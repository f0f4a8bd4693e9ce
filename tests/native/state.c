/* state.c - the map against a sorted array, and its nodes against the invariants that node.h and state.c tell of.
 *
 * For those the program looks behind the headers. Compiled with a small FANOUT as well, which makes deep trees of few
 * entries. Lost and excess references are found by AddressSanitizer.
 */
#include "../../radon/host/native/node.c"
#include "../../radon/host/native/state.c"

#include "check.h"

#define MOST 4000

static struct {
    Str *key, *value; /* references of the model's own */
} model[MOST];
static unsigned count;

static unsigned model_seek(const Str *key, int *equal) {
    unsigned at = 0, end = count;
    while (at < end) {
        unsigned middle = (at + end) / 2;
        const Str *other = model[middle].key;
        if (bytes_compare(other->data, other->size, key->data, key->size) < 0)
            at = middle + 1;
        else
            end = middle;
    }
    *equal = at < count && str_equal(model[at].key, key);
    return at;
}

/* ---- invariants ---- */

static size_t check_node(const Node *node, unsigned depth, unsigned *leaf_depth, const Str **least) {
    CHECK(node->count <= node->room && node->room <= FANOUT && node->count >= 1U + node->inner && depth < MAP_DEPTH);
    CHECK(!node->inner || depth == 0 || node->count >= FEWEST);
    const Entry *entry = entries(node);
    size_t found = 0;
    for (unsigned at = 0; at < node->count; at++) {
        if (at >= node->inner) {
            const Str *key = entry[at].key, *first = entry[node->inner].key;
            CHECK(key->refs > 0 && key->size >= node->skip && memcmp(key->data, first->data, node->skip) == 0);
            CHECK(node->windows[at] == window(key->data, key->size, node->skip));
            CHECK(at == node->inner ||
                  bytes_compare(entry[at - 1].key->data, entry[at - 1].key->size, key->data, key->size) < 0);
        }
        if (node->inner) {
            const Str *below;
            found += check_node(entry[at].child, depth + 1, leaf_depth, &below);
            CHECK(at == 0 ? entry[at].key == NULL : entry[at].key == below);
            if (at == 0) *least = below;
        }
    }
    if (node->inner) return found;
    CHECK(*leaf_depth == 0 || *leaf_depth == depth + 1);
    *leaf_depth = depth + 1;
    *least = entry[0].key;
    return node->count;
}

static void compare(const Map *map, uint64_t *seed, Str *(*make)(uint64_t *)) {
    unsigned leaf_depth = 0, at = 0;
    const Str *least;
    CHECK(map_count(map) == count && (map->root == NULL) == (count == 0));
    if (count > 0) CHECK(check_node(map->root, 0, &leaf_depth, &least) == count);
    Cursor cursor;
    for (int on = map_first(map, &cursor); on; on = map_next(&cursor), at++)
        CHECK(at < count && str_equal(cursor_key(&cursor), model[at].key) && cursor_value(&cursor) == model[at].value);
    CHECK(at == count);
    for (int on = map_last(map, &cursor); on; on = map_prev(&cursor))
        CHECK(at-- > 0 && str_equal(cursor_key(&cursor), model[at].key));
    CHECK(at == 0);
    for (int round = 0; round < 50; round++) {
        Str *key = make(seed);
        int equal, on = map_seek(map, &cursor, key->data, key->size);
        at = model_seek(key, &equal);
        CHECK(on == (at < count) && (!on || str_equal(cursor_key(&cursor), model[at].key)));
        if (on && random_below(seed, 2)) { /* a walk to and fro */
            for (int steps = 0; steps < 20 && on; steps++) {
                int back = (int)random_below(seed, 2);
                on = back ? map_prev(&cursor) : map_next(&cursor);
                CHECK(on == (back ? at > 0 : at + 1 < count));
                at += back ? -1U : 1U;
                CHECK(!on || cursor_value(&cursor) == model[at].value);
            }
        }
        str_unref(key);
    }
}

/* A search in parts finds what one at once does, or nothing; answers whether it found it. */
static int search(const Map *map, const Str *key, uint64_t *seed, Str *(*make)(uint64_t *)) {
    Str *own, *same, *other = random_below(seed, 4) ? NULL : make(seed), **found;
    Search parts = {0};
    for (unsigned part = random_below(seed, 20); part > 0; part--) {
        const Str *about = other && random_below(seed, 2) ? other : key;
        search_on(&parts, map, about->data, about->size);
    }
    found = parts.map ? search_found(&parts, key->data, key->size, &own) : NULL;
    CHECK(!found || (found == map_find(map, key->data, key->size, &same) && own == same));
    str_unref(other);
    return found != NULL;
}

/* ---- operations ---- */

static void put_one(Map *map, Str *key, uint64_t *seed) {
    int equal;
    unsigned at = model_seek(key, &equal);
    if (!equal && count == MOST) return;
    uint64_t number = random_next(seed);
    Str *value = str_new(&number, sizeof number), *old;
    if (random_below(seed, 2)) {
        uint32_t refs = key->refs;
        old = map_put(map, key, value);
        CHECK(key->refs == refs + !equal);
    } else {
        old = map_put_bytes(map, key->data, key->size, value);
    }
    CHECK(old == (equal ? model[at].value : NULL));
    if (equal) {
        str_unref(old), str_unref(model[at].value);
    } else {
        memmove(model + at + 1, model + at, (count++ - at) * sizeof *model);
        model[at].key = str_ref(key);
    }
    model[at].value = str_ref(value);
}

static void take_at(Map *map, unsigned at) {
    Str *key = model[at].key, *value = map_take(map, key->data, key->size);
    CHECK(value == model[at].value);
    str_unref(value), str_unref(value), str_unref(key);
    memmove(model + at, model + at + 1, (--count - at) * sizeof *model);
}

static void take_one(Map *map, Str *key) {
    int equal;
    unsigned at = model_seek(key, &equal);
    if (equal)
        take_at(map, at);
    else
        CHECK(map_take(map, key->data, key->size) == NULL);
}

static void against_array(uint64_t seed, Str *(*make)(uint64_t *), unsigned operations) {
    Map map = {0};
    unsigned found = 0;
    for (unsigned operation = 0; operation < operations; operation++) {
        Str *key = make(&seed);
        int equal;
        unsigned at = model_seek(key, &equal), phase = operation * 8 / operations; /* grows and shrinks, four times */
        CHECK(map_get(&map, key->data, key->size) == (equal ? model[at].value : NULL));
        if (count > 0) found += (unsigned)search(&map, key, &seed, make);
        if (random_below(&seed, 10) < (phase % 2 == 0 ? 8U : 1U))
            put_one(&map, key, &seed);
        else if (random_below(&seed, 4) == 0 || count == 0)
            take_one(&map, key);
        else
            take_at(&map, phase < 3 ? random_below(&seed, count) : phase < 5 ? 0 : count - 1 - count / 2 % 2);
        str_unref(key);
        if (operation % (operations / 50) == 0) compare(&map, &seed, make);
    }
    compare(&map, &seed, make);
    CHECK(found > operations / 100);
    map_clear(&map);
    CHECK(map.root == NULL && map_count(&map) == 0);
    map_clear(&map);
    for (; count > 0; count--) str_unref(model[count - 1].key), str_unref(model[count - 1].value);
}

/* ---- keys ---- */

static Str *number(uint64_t *seed) { /* of a dense range, so that many are met again */
    uint32_t order = __builtin_bswap32(random_below(seed, 6000));
    return str_new(&order, sizeof order);
}

static Str *named(uint64_t *seed) { /* with a beginning in common, some without */
    char text[64];
    int size = snprintf(text, sizeof text, "%s/%05u", random_below(seed, 500) ? "account/balance" : "ab",
                        random_below(seed, 6000));
    return str_new(text, (size_t)size);
}

static Str *few_bytes(uint64_t *seed) { /* 0, 1 and 255, in keys of all sizes: padding, and prefixes of each other */
    uint8_t key[20];
    size_t size = random_below(seed, 4) ? random_below(seed, 8) : random_below(seed, sizeof key);
    for (size_t at = 0; at < size; at++) key[at] = (uint8_t[]){0, 1, 255}[random_below(seed, 3)];
    return str_new(key, size);
}

static Str *nested(uint64_t *seed) { /* "", "a", "aa", ... and what branches off */
    Str *key = str_room(random_below(seed, 3000));
    memset(key->data, 'a', key->size);
    if (key->size > 0 && random_below(seed, 4) == 0) key->data[random_below(seed, key->size)] = 'b';
    return key;
}

int main(int argc, char **args) {
    uint64_t seed = argc > 1 ? strtoull(args[1], NULL, 10) : 0;
    unsigned operations = 120000;
    against_array(seed, number, operations);
    against_array(seed, named, operations);
    against_array(seed, few_bytes, operations);
    against_array(seed, nested, operations / 4);
    CHECK(sizeof(Map) <= 16);
}

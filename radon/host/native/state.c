/* state.c - the ordered map as a B+tree.
 *
 * Leaves and inner nodes look alike: sorted entries, and beside each its *window*, 8 bytes of its key as a number. A
 * search runs over the windows, which lie close together, and reads a key itself only where windows are equal, so
 * mostly once. All keys of a node begin with the same `skip` bytes, and windows begin behind those: keys with a long
 * common beginning, which are the rule ("account/..."), are told apart as fast as others.
 *
 * An inner entry's key is the least key below it. It is borrowed from there, and not NULL but in a node's first entry,
 * which takes all that is less. Nodes that become too full are divided, ones that become too empty are joined with a
 * neighbour or get half of its entries. A node has memory for few more entries than it holds.
 */
#include "state.h"

#ifndef FANOUT
#define FANOUT 64 /* entries of a node, at most; tests make it smaller to get deeper trees */
#endif
#define FEWEST (FANOUT / 4) /* but in the root, and in leaves that were begun by appending */
#define JOINED (FANOUT * 3 / 4)

typedef struct Entry {
    Str *key;
    union {
        Str *value;         /* of a leaf */
        struct Node *child; /* of an inner node */
    };
} Entry;

typedef struct Node {
    uint16_t count;
    uint8_t room;
    uint8_t inner; /* 1, and 0 in a leaf: also the index of the first entry that has a key */
    uint32_t skip;
    uint64_t windows[]; /* `room` windows, then `room` entries */
} Node;

_Static_assert(sizeof(Node) + sizeof(uint64_t) + sizeof(Entry) <= 40, "one entry fits into a small block");
_Static_assert(FANOUT <= UINT8_MAX && FEWEST >= 2, "inner nodes have neighbours, and `room` is large enough");

static Entry *entries(const Node *node) { return (Entry *)(uintptr_t)(node->windows + node->room); }

/* ---- keys ---- */

/* The 8 bytes behind the first `skip` as a big-endian number; zeros stand for what a shorter key lacks. A key with a
 * smaller window is smaller; with the same one it may be anything. */
static uint64_t window(const uint8_t *key, size_t size, size_t skip) {
    uint64_t number = 0;
    if (size >= skip + 8) {
        memcpy(&number, key + skip, 8);
        return __builtin_bswap64(number);
    }
    for (size_t at = skip; at < skip + 8; at++) number = number << 8 | (at < size ? key[at] : 0);
    return number;
}

/* How many bytes both begin with. */
static uint32_t common(const Str *a, const Str *b) {
    uint32_t size = a->size < b->size ? a->size : b->size, same = 0;
    while (same + 8 <= size && memcmp(a->data + same, b->data + same, 8) == 0) same += 8;
    while (same < size && a->data[same] == b->data[same]) same++;
    return same;
}

/* ---- one node ---- */

/* The first entry that is not less than the key; `count` if all are. */
static unsigned search(const Node *node, const uint8_t *key, size_t size, int *equal) {
    const Entry *entry = entries(node);
    const uint64_t wanted = window(key, size, node->skip), *base = node->windows + node->inner;
    for (size_t rest = (size_t)node->count - node->inner, half; (half = rest / 2) > 0; rest -= half)
        base += half & -(size_t)(base[half - 1] < wanted); /* a branch would be predicted wrongly half the time */
    unsigned at = (unsigned)(base - node->windows) + (*base < wanted), end = at;
    while (end < node->count && node->windows[end] == wanted) end++;
    while (at < end) {
        unsigned middle = (at + end) / 2;
        const Str *other = entry[middle].key;
        int order = bytes_compare(other->data, other->size, key, size);
        if ((*equal = order == 0)) return middle;
        if (order < 0)
            at = middle + 1;
        else
            end = middle;
    }
    *equal = 0;
    if (node->skip > 0) { /* the windows say nothing unless the key begins like the others */
        int order = memcmp(key, entry[node->inner].key->data, size < node->skip ? size : node->skip);
        if (order > 0) return node->count;
        if (order < 0 || size < node->skip) return node->inner;
    }
    return at;
}

/* The index of the child below which the key belongs. */
static unsigned search_child(const Node *node, const uint8_t *key, size_t size) {
    int equal;
    unsigned at = search(node, key, size, &equal);
    return equal ? at : at - 1;
}

static void set_windows(Node *node) {
    for (unsigned at = node->inner; at < node->count; at++)
        node->windows[at] = window(entries(node)[at].key->data, entries(node)[at].key->size, node->skip);
}

/* After the entry got its key: its window; and all of them, if the key has less in common with the others than those
 * have. That can be only where it is the first or the last. */
static void fit(Node *node, unsigned at) {
    const Entry *entry = entries(node);
    if (at == node->inner || at == node->count - 1U) {
        uint32_t skip = common(entry[node->inner].key, entry[node->count - 1].key);
        if (skip < node->skip) {
            node->skip = skip;
            set_windows(node);
            return;
        }
    }
    node->windows[at] = window(entry[at].key->data, entry[at].key->size, node->skip);
}

/* Gives the node, which moves, memory for so many entries and a few more. */
static Node *resize(Node *node, unsigned count) {
    unsigned room = count <= 1 ? 1 : count <= 2 ? 2 : count <= 4 ? 4 : (count + 7) / 8 * 8, old = node->room;
    if (room > FANOUT) room = FANOUT;
    if (room == old) return node;
    size_t size = sizeof *node + room * (sizeof *node->windows + sizeof(Entry));
    if (room > old) node = xrealloc(node, size);
    Entry *from = entries(node);
    node->room = (uint8_t)room;
    memmove(entries(node), from, node->count * sizeof *from);
    return room > old ? node : xrealloc(node, size);
}

static Node *create(int inner) {
    Node *node = xmalloc(sizeof *node);
    *node = (Node){.inner = (uint8_t)inner, .skip = UINT32_MAX}; /* no bytes in which keys differ */
    return node;
}

/* Gives the node these entries instead of what it has; answers where it is now. */
static Node *fill(Node *node, const Entry *from, unsigned count) {
    node->count = 0;
    node = resize(node, count);
    node->count = (uint16_t)count;
    memcpy(entries(node), from, count * sizeof *from);
    if (node->inner) entries(node)[0].key = NULL;
    node->skip = common(entries(node)[node->inner].key, entries(node)[count - 1].key);
    set_windows(node);
    return node;
}

/* The node is not full; answers where it is now. */
static Node *node_insert(Node *node, unsigned at, Entry new) {
    if (node->count == node->room) node = resize(node, node->count + 1U);
    memmove(node->windows + at + 1, node->windows + at, (node->count - at) * sizeof *node->windows);
    memmove(entries(node) + at + 1, entries(node) + at, (node->count - at) * sizeof new);
    entries(node)[at] = new;
    node->count++;
    fit(node, at);
    return node;
}

/* Answers where the node is now. */
static Node *node_remove(Node *node, unsigned at) {
    node->count--;
    memmove(node->windows + at, node->windows + at + 1, (node->count - at) * sizeof *node->windows);
    memmove(entries(node) + at, entries(node) + at + 1, (node->count - at) * sizeof(Entry));
    return node->count < node->room / 2 ? resize(node, node->count) : node;
}

/* ---- paths ---- */

/* A child is searched as soon as it is chosen, so all its windows are asked for at once, not one after the other. That
 * saves a third of a search among a million keys. */
static Node *child(const Node *node, unsigned at) {
    Node *next = entries(node)[at].child;
    for (int line = 0; line < FANOUT / 8; line++) __builtin_prefetch(next->windows + line * 8);
    return next;
}

/* To the leaf to which the key belongs, and its place there; whether it is there. The map is not empty. */
static int find(const Map *map, Cursor *path, const uint8_t *key, size_t size) {
    Node *node = map->root;
    int equal;
    for (path->depth = 0;; path->depth++) {
        path->path[path->depth].node = node;
        if (!node->inner) break;
        unsigned at = search_child(node, key, size);
        path->path[path->depth].at = at;
        node = child(node, at);
    }
    path->path[path->depth].at = search(node, key, size, &equal);
    return equal;
}

/* The node of this level has moved. */
static void moved(Map *map, Cursor *path, unsigned level, Node *node) {
    path->path[level].node = node;
    if (level == 0)
        map->root = node;
    else
        entries(path->path[level - 1].node)[path->path[level - 1].at].child = node;
}

/* Down from the cursor's last node to a leaf, along its first or last entries. */
static int descend(Cursor *cursor, int last) {
    for (;;) {
        Node *node = cursor->path[cursor->depth].node;
        unsigned at = cursor->path[cursor->depth].at = last ? node->count - 1U : 0;
        if (!node->inner) return 1;
        cursor->path[++cursor->depth].node = child(node, at);
    }
}

/* ---- changes ---- */

/* Divides the full node of this level so that `new` has its place at `at`. Answers the entry for what was cut off. */
static Entry divide(Map *map, Cursor *path, unsigned level, unsigned at, Entry new) {
    Node *node = path->path[level].node;
    Entry all[FANOUT + 1];
    memcpy(all, entries(node), at * sizeof new);
    all[at] = new;
    memcpy(all + at + 1, entries(node) + at, (FANOUT - at) * sizeof new);
    unsigned cut = (FANOUT + 1) / 2;
    if (at == FANOUT) cut = node->inner ? FANOUT + 1 - FEWEST : FANOUT; /* keys that come in order fill their nodes */
    Node *rest = fill(create(node->inner), all + cut, FANOUT + 1 - cut);
    moved(map, path, level, fill(node, all, cut));
    return (Entry){all[cut].key, {.child = rest}};
}

/* Puts an entry where the path ends; what is divided on the way up gets an entry behind the one on the path. */
static void insert(Map *map, Cursor *path, Entry new) {
    for (unsigned level = path->depth;; level--) {
        Node *node = path->path[level].node;
        unsigned at = path->path[level].at + node->inner;
        if (node->count < FANOUT) {
            moved(map, path, level, node_insert(node, at, new));
            return;
        }
        new = divide(map, path, level, at, new);
        if (level == 0) {
            Entry both[] = {{NULL, {.child = map->root}}, new};
            map->root = fill(create(1), both, 2);
            return;
        }
    }
}

/* The leaf at the path's end has lost its first key, which an inner entry may have borrowed: lend it the next one. An
 * empty leaf is about to be joined with a neighbour. */
static void lend(const Cursor *path) {
    unsigned level = path->depth;
    const Node *leaf = path->path[level].node;
    while (level > 0 && path->path[level - 1].at == 0) level--;
    if (level == 0 || (leaf->count == 0 && level == path->depth)) return;
    Node *node = path->path[level - 1].node;
    unsigned at = path->path[level - 1].at;
    entries(node)[at].key = leaf->count > 0 ? entries(leaf)[0].key : entries(path->path[path->depth - 1].node)[1].key;
    fit(node, at);
}

/* The node of this level, not the root, has too few entries: joins it with a neighbour, or evens both out. */
static void join(Map *map, Cursor *path, unsigned level) {
    Node *parent = path->path[level - 1].node;
    unsigned at = path->path[level - 1].at;
    if (at > 0) at--;
    Entry *pair = entries(parent) + at, all[2 * FANOUT];
    Node *left = pair[0].child, *right = pair[1].child;
    unsigned total = (unsigned)left->count + right->count, cut = total <= JOINED ? total : total / 2;
    memcpy(all, entries(left), left->count * sizeof *all);
    memcpy(all + left->count, entries(right), right->count * sizeof *all);
    if (right->inner) all[left->count].key = pair[1].key;
    pair[0].child = fill(left, all, cut);
    if (cut < total) {
        pair[1] = (Entry){all[cut].key, {.child = fill(right, all + cut, total - cut)}};
        fit(parent, at + 1);
    } else {
        free(right);
        moved(map, path, level - 1, node_remove(parent, at + 1));
    }
}

static void destroy(Node *node) {
    for (unsigned at = 0; at < node->count; at++) {
        if (node->inner) {
            destroy(entries(node)[at].child);
        } else {
            str_unref(entries(node)[at].key);
            str_unref(entries(node)[at].value);
        }
    }
    free(node);
}

/* ---- the map ---- */

Str **map_find(const Map *map, const uint8_t *key, size_t size, Str **own) {
    const Node *node = map->root;
    if (node == NULL) return NULL;
    while (node->inner) node = child(node, search_child(node, key, size));
    int equal;
    unsigned at = search(node, key, size, &equal);
    if (equal && own != NULL) *own = entries(node)[at].key;
    return equal ? &entries(node)[at].value : NULL;
}

/* `own` is the key as a Str, or NULL. */
static Str *put(Map *map, const uint8_t *key, size_t size, Str *own, Str *value) {
    Cursor path;
    if (map->root == NULL) {
        path.depth = 0;
        path.path[0].node = map->root = create(0);
        path.path[0].at = 0;
    } else if (find(map, &path, key, size)) {
        Entry *entry = entries(path.path[path.depth].node) + path.path[path.depth].at;
        Str *old = entry->value;
        entry->value = value;
        return old;
    }
    map->count++;
    insert(map, &path, (Entry){own != NULL ? str_ref(own) : str_new(key, size), {.value = value}});
    return NULL;
}

Str *map_put(Map *map, Str *key, Str *value) { return put(map, key->data, key->size, key, value); }

Str *map_put_bytes(Map *map, const uint8_t *key, size_t size, Str *value) { return put(map, key, size, NULL, value); }

Str *map_take(Map *map, const uint8_t *key, size_t size) {
    Cursor path;
    if (map->root == NULL || !find(map, &path, key, size)) return NULL;
    unsigned level = path.depth, at = path.path[level].at;
    Entry gone = entries(path.path[level].node)[at];
    moved(map, &path, level, node_remove(path.path[level].node, at));
    if (at == 0) lend(&path);
    for (; level > 0 && path.path[level].node->count < FEWEST; level--) join(map, &path, level);
    Node *root = map->root;
    if (root->count == root->inner) { /* one child, or no entry */
        map->root = root->inner ? entries(root)[0].child : NULL;
        free(root);
    }
    map->count--;
    str_unref(gone.key);
    return gone.value;
}

void map_clear(Map *map) {
    if (map->root != NULL) destroy(map->root);
    *map = (Map){0};
}

/* ---- iteration ---- */

int map_first(const Map *map, Cursor *cursor) {
    cursor->depth = 0;
    cursor->path[0].node = map->root;
    return map->root != NULL && descend(cursor, 0);
}

int map_last(const Map *map, Cursor *cursor) {
    cursor->depth = 0;
    cursor->path[0].node = map->root;
    return map->root != NULL && descend(cursor, 1);
}

int map_seek(const Map *map, Cursor *cursor, const uint8_t *key, size_t size) {
    if (map->root == NULL) return 0;
    find(map, cursor, key, size);
    if (cursor->path[cursor->depth].at < cursor->path[cursor->depth].node->count) return 1;
    cursor->path[cursor->depth].at--;
    return map_next(cursor);
}

/* To the neighbour of the entry on the lowest level that has one, and from there down to a leaf. */
static int step(Cursor *cursor, int back) {
    for (unsigned level = cursor->depth + 1; level-- > 0;) {
        const Node *node = cursor->path[level].node;
        unsigned *at = &cursor->path[level].at;
        if (*at == (back ? 0 : node->count - 1U)) continue;
        *at += back ? -1U : 1U;
        cursor->depth = level;
        if (!node->inner) return 1;
        cursor->path[++cursor->depth].node = child(node, *at);
        return descend(cursor, back);
    }
    return 0;
}

int map_next(Cursor *cursor) { return step(cursor, 0); }

int map_prev(Cursor *cursor) { return step(cursor, 1); }

Str *cursor_key(const Cursor *cursor) {
    return entries(cursor->path[cursor->depth].node)[cursor->path[cursor->depth].at].key;
}

Str *cursor_value(const Cursor *cursor) {
    return entries(cursor->path[cursor->depth].node)[cursor->path[cursor->depth].at].value;
}

/* state.c - the ordered map as a B+tree of the nodes of node.h.
 *
 * Nodes that become too full are divided, ones that become too empty are joined with a neighbour or get half of its
 * entries.
 */
#include "state.h"

#include "node.h"

#define FEWEST (FANOUT / 4) /* but in the root, and in leaves that were begun by appending */
#define JOINED (FANOUT * 3 / 4)

_Static_assert(FEWEST >= 2, "inner nodes have neighbours");

/* ---- paths ---- */

/* To the leaf to which the key belongs, and its place there; whether it is there. The map is not empty. */
static int find(const Map *map, Cursor *path, const uint8_t *key, size_t size) {
    Node *node = map->root;
    int equal;
    for (path->depth = 0;; path->depth++) {
        path->path[path->depth].node = node;
        if (!node->inner) break;
        unsigned at = node_search_child(node, key, size);
        path->path[path->depth].at = at;
        node = node_child(node, at);
    }
    path->path[path->depth].at = node_search(node, key, size, &equal);
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
        cursor->path[++cursor->depth].node = node_child(node, at);
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
    Node *rest = node_fill(node_create(node->inner), all + cut, FANOUT + 1 - cut);
    if (map->count >= LARGE_MAP) memory_grows(rest);
    moved(map, path, level, node_fill(node, all, cut));
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
            map->root = node_fill(node_create(1), both, 2);
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
    node_fit(node, at);
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
    pair[0].child = node_fill(left, all, cut);
    if (cut < total) {
        pair[1] = (Entry){all[cut].key, {.child = node_fill(right, all + cut, total - cut)}};
        node_fit(parent, at + 1);
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
    Search search;
    return search_at_once(&search, map, key, size, own);
}

/* `own` is the key as a Str, or NULL. */
static Str *put(Map *map, const uint8_t *key, size_t size, Str *own, Str *value) {
    Cursor path;
    if (map->root == NULL) {
        path.depth = 0;
        path.path[0].node = map->root = node_create(0);
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

/* ---- searches in parts ---- */

void search_on(Search *search, const Map *map, const uint8_t *key, size_t size) {
    Node *node = search->node;
    Entry *entry;
    if (search->map != map) {
        *search = (Search){.map = map, .node = map->root};
    } else if (node->inner) {
        search->node = entries(node)[node_search_child(node, key, size)].child;
        node_ask(search->node);
    } else if (search->entry == NULL) {
        search->entry = entries(node) + node_guess(node, key, size);
        prefetch(search->entry, sizeof *search->entry);
    } else if (search->entry < entries(node) + node->count) {
        entry = search->entry;
        prefetch(entry->key, sizeof *entry->key + size);
        prefetch(entry->value, BEGINNING);
    }
}

Str **search_at_once(Search *search, const Map *map, const uint8_t *key, size_t size, Str **own) {
    Node *node = map->root;
    int equal;
    search->map = NULL;
    if (node == NULL) return NULL;
    while (node->inner) node = node_child(node, node_search_child(node, key, size));
    unsigned at = node_search(node, key, size, &equal);
    if (!equal) return NULL;
    *search = (Search){.map = map, .node = node, .entry = entries(node) + at};
    if (own != NULL) *own = search->entry->key;
    return &search->entry->value;
}

Str **search_found(const Search *search, const uint8_t *key, size_t size, Str **own) {
    Entry *entry = search->entry;
    if (entry == NULL || entry == entries(search->node) + search->node->count) return NULL;
    if (entry->key->size != size || memcmp(entry->key->data, key, size) != 0) return NULL;
    if (own != NULL) *own = entry->key;
    return &entry->value;
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
        cursor->path[++cursor->depth].node = node_child(node, *at);
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

/* node.c - what node.h declares. */
#include "node.h"

/* ---- keys ---- */

/* The 8 bytes behind the first `skip` as a big-endian number; zeros stand for what a shorter key lacks. A key with a
 * smaller window is smaller; with the same one it may be anything. */
static uint64_t window(const uint8_t *key, size_t size, size_t skip) {
    uint64_t number = 0;
    if (size >= skip + 8) {
        memcpy(&number, key + skip, 8);
        return __builtin_bswap64(number);
    }
    if (size <= skip) return 0;
    if (size >= 8) {
        memcpy(&number, key + size - 8, 8);
        number = __builtin_bswap64(number);
    } else {
        for (size_t at = skip; at < size; at++) number = number << 8 | key[at];
    }
    return number << 8 * (skip + 8 - size);
}

/* How many bytes both begin with. */
static uint32_t common(const Str *a, const Str *b) {
    uint32_t size = a->size < b->size ? a->size : b->size, same = 0;
    while (same + 8 <= size && memcmp(a->data + same, b->data + same, 8) == 0) same += 8;
    while (same < size && a->data[same] == b->data[same]) same++;
    return same;
}

/* ---- searching ---- */

static inline unsigned first_window(const Node *node, uint64_t wanted) {
    const uint64_t *base = node->windows + node->inner;
    for (size_t rest = (size_t)node->count - node->inner, half; (half = rest / 2) > 0; rest -= half)
        base += half & -(size_t)(base[half - 1] < wanted); /* a branch would be predicted wrongly half the time */
    return (unsigned)(base - node->windows) + (*base < wanted);
}

unsigned node_guess(const Node *node, const uint8_t *key, size_t size) {
    return first_window(node, window(key, size, node->skip));
}

unsigned node_search(const Node *node, const uint8_t *key, size_t size, int *equal) {
    const Entry *entry = entries(node);
    const uint64_t wanted = window(key, size, node->skip);
    unsigned at = first_window(node, wanted), end = at;
    while (end < node->count && node->windows[end] == wanted) end++;
    while (at < end) {
        unsigned middle = (at + end) / 2;
        const Str *other = entry[middle].key;
        prefetch(entry[middle].value, BEGINNING);
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

unsigned node_search_child(const Node *node, const uint8_t *key, size_t size) {
    int equal;
    unsigned at = node_search(node, key, size, &equal);
    return equal ? at : at - 1;
}

/* ---- changing ---- */

static void set_windows(Node *node) {
    for (unsigned at = node->inner; at < node->count; at++)
        node->windows[at] = window(entries(node)[at].key->data, entries(node)[at].key->size, node->skip);
}

/* After the entry got its key: its window; and all of them, if the key has less in common with the others than those
 * have. That can be only where it is the first or the last. */
void node_fit(Node *node, unsigned at) {
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

Node *node_create(int inner) {
    Node *node = xmalloc(sizeof *node);
    *node = (Node){.inner = (uint8_t)inner, .skip = UINT32_MAX}; /* no bytes in which keys differ */
    return node;
}

Node *node_fill(Node *node, const Entry *from, unsigned count) {
    node->count = 0;
    node = resize(node, count);
    node->count = (uint16_t)count;
    memcpy(entries(node), from, count * sizeof *from);
    if (node->inner) entries(node)[0].key = NULL;
    node->skip = common(entries(node)[node->inner].key, entries(node)[count - 1].key);
    set_windows(node);
    return node;
}

Node *node_insert(Node *node, unsigned at, Entry new) {
    if (node->count == node->room) node = resize(node, node->count + 1U);
    memmove(node->windows + at + 1, node->windows + at, (node->count - at) * sizeof *node->windows);
    memmove(entries(node) + at + 1, entries(node) + at, (node->count - at) * sizeof new);
    entries(node)[at] = new;
    node->count++;
    node_fit(node, at);
    return node;
}

Node *node_remove(Node *node, unsigned at) {
    node->count--;
    memmove(node->windows + at, node->windows + at + 1, (node->count - at) * sizeof *node->windows);
    memmove(entries(node) + at, entries(node) + at + 1, (node->count - at) * sizeof(Entry));
    return node->count < node->room / 2 ? resize(node, node->count) : node;
}

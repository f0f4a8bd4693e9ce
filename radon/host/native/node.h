/* node.h - one node of an ordered map's B+tree: entries in the order of bytes_compare, found by number.
 *
 * Leaves and inner nodes look alike: sorted entries, and beside each its *window*, 8 bytes of its key as a number. A
 * search runs over the windows, which lie close together, and reads a key itself only where windows are equal, so
 * mostly once. All keys of a node begin with the same `skip` bytes, and windows begin behind those: keys with a long
 * common beginning, which are the rule ("account/..."), are told apart as fast as others.
 *
 * What a map too large for any cache costs is waiting for memory. A search would wait for the windows of its leaf,
 * then for the entry, then for the key, and whoever asked for the value would wait for that, each wait beginning where
 * the one before it ends. So all of a node is asked for as soon as its address is known, and a value before its key is
 * compared, which leaves two waits of the four. To find one of a million values of 256 bytes and to copy it takes 590
 * ns instead of 790; in a map that fits a cache, what it took. What was tried besides: docs/decisions, "A large map
 * asks for its memory ahead".
 *
 * A node has memory for few more entries than it holds: it moves when it grows or shrinks, and whoever changes one gets
 * its new address. Knows nothing of the tree above it.
 */
#ifndef RADON_NATIVE_NODE_H
#define RADON_NATIVE_NODE_H

#include "bytes.h"

#ifndef FANOUT
#define FANOUT 64 /* entries of a node, at most; tests make it smaller to get deeper trees */
#endif

/* An inner entry's key is the least key below it. It is borrowed from there, and not NULL but in a node's first entry,
 * which takes all that is less. */
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
_Static_assert(FANOUT <= UINT8_MAX, "`room` is large enough");

/* Where that is, as a number: GCC 12 leaves out calls of functions that write `windows` and get to entries through it. */
static inline Entry *entries(const Node *node) {
    return (Entry *)((uintptr_t)node + sizeof *node + node->room * sizeof *node->windows);
}

/* The first entry that is not less than the key; `count` if all are. */
unsigned node_search(const Node *node, const uint8_t *key, size_t size, int *equal);

/* The first entry whose window is not less than the key's, which is the key's own if only that has this window. */
unsigned node_guess(const Node *node, const uint8_t *key, size_t size);

/* The index of the child below which the key belongs. */
unsigned node_search_child(const Node *node, const uint8_t *key, size_t size);

/* Asks for what node_guess reads. */
static inline void node_ask(const Node *node) { prefetch(node, sizeof *node + FANOUT * sizeof *node->windows); }

/* Of a value, what is asked for before its size is known: enough for most. What a smaller one lacks costs next to
 * nothing. */
enum { BEGINNING = 320 };

/* The child there, all of whose memory is asked for. */
static inline Node *node_child(const Node *node, unsigned at) {
    Node *child = entries(node)[at].child;
    prefetch(child, sizeof *child + FANOUT * (sizeof *child->windows + sizeof(Entry)));
    return child;
}

Node *node_create(int inner); /* without entries */

/* These answer where the node is now. */
Node *node_fill(Node *node, const Entry *from, unsigned count); /* gives it these entries instead of what it has */
Node *node_insert(Node *node, unsigned at, Entry new);          /* it is not full */
Node *node_remove(Node *node, unsigned at);

/* The entry has got another key. */
void node_fit(Node *node, unsigned at);

#endif

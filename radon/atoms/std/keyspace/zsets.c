/* zsets.c - sorted sets. */
#include "collections.h"

const char *zset_encoding(const entry *it) {
    (void)it;
    return "skiplist";
}

kv_status zset_dump(const collection *it, radon_buffer *to) {
    (void)it, (void)to;
    return FAILED;
}

kv_status zset_load(collection *it, radon_bytes dump) {
    (void)it, (void)dump;
    return FAILED;
}

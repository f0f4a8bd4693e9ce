/* sets.c - sets: an element is a member. */
#include "collections.h"

const char *set_encoding(const entry *it) {
    (void)it;
    return "hashtable";
}

kv_status set_dump(const collection *it, radon_buffer *to) {
    radon_bytes member, nothing;
    walk walk = walk_begin(it, RADON_NONE, RADON_NONE, false);
    while (walk_next(&walk, &member, &nothing)) dump_add(to, member);
    return KV_OK;
}

static kv_status add(collection *set, radon_bytes member, int64_t *added) {
    radon_option old;
    TRY(element_get(set, member, &old));
    if (old.some) return KV_OK;
    ++*added;
    set->count++;
    return element_put(set, member, KV_NOTHING, old);
}

kv_status set_load(collection *it, radon_bytes dump) {
    radon_bytes member;
    int64_t added = 0;
    while (dump.len > 0) {
        if (!dump_take(&dump, &member)) return FAILED;
        TRY(add(it, member, &added));
    }
    return KV_OK;
}

kv_status command_sadd(call *c) {
    collection set;
    int64_t added = 0;
    TRY(collection_open(c, call_key(c, 1), TYPE_SET, &set));
    for (size_t index = 2; index < c->argc; index++) TRY(add(&set, c->argv[index], &added));
    TRY(collection_close(&set));
    reply_integer(c->to, added);
    return KV_OK;
}

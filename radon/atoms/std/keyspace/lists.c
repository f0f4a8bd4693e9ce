/* lists.c - lists: an element's name is its place (u64, big-endian), one behind the other without a gap. */
#include "lists.h"

const char *list_encoding(const entry *it) {
    (void)it;
    return "quicklist";
}

radon_bytes list_place(const collection *list, uint64_t index) {
    uint8_t *bytes = radon_alloc(8);
    radon_store_u64_key(bytes, list->extra + index);
    return (radon_bytes){bytes, 8};
}

kv_status list_dump(const collection *it, radon_buffer *to) {
    radon_bytes place, value;
    walk walk = walk_begin(it, RADON_NONE, RADON_NONE, false);
    while (walk_next(&walk, &place, &value)) dump_add(to, value);
    return KV_OK;
}

kv_status list_load(collection *it, radon_bytes dump) {
    radon_bytes value;
    while (dump.len > 0) {
        if (!dump_take(&dump, &value)) return FAILED;
        TRY(list_push(it, TAIL, value));
    }
    return KV_OK;
}

kv_status list_push(collection *list, end at, radon_bytes value) {
    if (list->count == 0) list->extra = LIST_MIDDLE;
    if (at == HEAD) list->extra--;
    TRY(element_put(list, list_place(list, at == HEAD ? 0 : list->count), value, RADON_NONE));
    list->count++;
    return KV_OK;
}

static kv_status push(call *c, end at) {
    collection list;
    TRY(collection_open(c, call_key(c, 1), TYPE_LIST, &list));
    for (size_t index = 2; index < c->argc; index++) TRY(list_push(&list, at, c->argv[index]));
    TRY(collection_close(&list));
    reply_integer(c->to, (int64_t)list.count);
    return KV_OK;
}

kv_status command_lpush(call *c) { return push(c, HEAD); }
kv_status command_rpush(call *c) { return push(c, TAIL); }

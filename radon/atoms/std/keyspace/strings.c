/* strings.c - strings as they are: SET and GET in all their forms. */
#include "call.h"

kv_status command_get(call *c) {
    entry it;
    TRY(key_load_typed(c, call_key(c, 1), TYPE_STRING, &it));
    it.some ? reply_bulk(c->to, it.value) : reply_null(c->to);
    return KV_OK;
}

kv_status command_set(call *c) {
    entry old;
    radon_bytes key = call_key(c, 1), value = c->argv[2];
    TRY(key_load(c, key, &old));
    uint8_t *room = string_room(value.len);
    memcpy(room, value.data, value.len);
    TRY(string_store(key, room, value.len, 0, &old));
    reply_status(c->to, "OK");
    return KV_OK;
}

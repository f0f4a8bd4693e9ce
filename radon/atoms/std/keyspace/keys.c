/* keys.c - entries of any type. */
#include "collections.h"

kv_status command_del(call *c) {
    int64_t count = 0;
    for (size_t index = 1; index < c->argc; index++) {
        bool was_there;
        TRY(key_remove(c, call_key(c, index), &was_there));
        count += was_there;
    }
    reply_integer(c->to, count);
    return KV_OK;
}

kv_status command_type(call *c) {
    entry it;
    TRY(key_load(c, call_key(c, 1), &it));
    reply_status(c->to, it.some ? type_table[it.tag].name : "none");
    return KV_OK;
}

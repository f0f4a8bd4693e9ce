/* waiters.c - messages that wait for something to pop. */
#include "keyspace.h"

static radon_message current;

kv_status waiters_begin(radon_message message) {
    current = message;
    return KV_OK;
}

void key_is_ready(radon_bytes key) { (void)key; }

kv_status waiters_add(const radon_bytes *keys, size_t count, uint64_t place) {
    (void)keys, (void)count, (void)place;
    return KV_UNSUPPORTED;
}

kv_status waiters_withdraw(uint64_t place) {
    (void)place;
    return KV_UNSUPPORTED;
}

void waiters_wake(void) {}

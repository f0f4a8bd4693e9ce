/* untyped.c - kv as such: an entry is bytes, and its tag the client's. */
#include "types.h"

const bool typed = false;

kv_status types_begin(radon_message message) {
    (void)message;
    return KV_OK;
}

kv_status types_allow(const request *given) {
    return given->op < KV_COMMAND || given->op > KV_STORE ? KV_OK : KV_UNSUPPORTED;
}

radon_bytes types_command(const request *given) {
    (void)given;
    return plain(KV_UNSUPPORTED);
}

radon_bytes types_hand_back(const request *given) {
    (void)given;
    return KV_NOTHING;
}

radon_bytes types_fetch(const entry *it) {
    (void)it;
    return plain(KV_UNSUPPORTED);
}

radon_bytes types_store(const request *given, const entry *old, uint64_t expiry) {
    (void)old, (void)expiry;
    return types_command(given);
}

kv_status types_settle(void) { return KV_OK; }

void types_finish(void) {}

radon_error types_fired(uint64_t timer) {
    (void)timer;
    return RADON_OK;
}

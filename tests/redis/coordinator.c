/* coordinator.c - says of each transaction that a shard did not answer in time. */
#include "kv.h"

RADON_RECEIVE(message, body) {
    uint8_t head[KV_HEAD] = {KV_UNANSWERED};
    (void)body;
    RADON_TRY(radon_message_reply(message, (radon_bytes){head, KV_HEAD}));
    return RADON_DONE;
}

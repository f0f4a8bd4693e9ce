/* draws.c - draws so many ids as a client of the load_mix before them would. */
#include "radon.h"

#include "../../radon/bench/native/source.h"

static load_source source;

RADON_RECEIVE(message, body) {
    load_mix mix;
    memcpy(&mix, body.data, sizeof mix);
    size_t count = radon_load_u32(body.data + sizeof mix);
    uint64_t *ids = radon_alloc(count * sizeof *ids);
    source_begin(&source, &mix, 0);
    for (size_t n = 0; n < count; n++) ids[n] = source_id(&source);
    RADON_TRY(radon_message_reply(message, (radon_bytes){(const uint8_t *)ids, count * sizeof *ids}));
    return RADON_DONE;
}

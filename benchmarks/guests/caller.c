/* caller.c - "N": asks its peer so many times within one turn, which waits for each answer. */
#include "radon.h"

RADON_RECEIVE(message, body) {
    uint64_t times = 0;
    radon_address peer;
    radon_bytes answer;
    radon_parse_u64(body, &times);
    RADON_TRY(radon_messaging_open(radon_text("peer"), &peer));
    while (times--) RADON_TRY(radon_address_call(peer, radon_text("ask"), 60 * 1000000000ull, &answer));
    radon_address_drop(peer);
    return RADON_DONE;
}

/* sieve.c - the primes below 2^20, over and over: as many times as the body says. Nothing but accesses to memory. */
#include "radon.h"

enum { BELOW = 1 << 20 };

static uint8_t composite[BELOW];

static uint32_t primes(void) {
    uint32_t count = 0;
    memset(composite, 0, sizeof composite);
    for (uint32_t n = 2; n < BELOW; n++) {
        if (composite[n]) continue;
        count++;
        for (uint32_t multiple = 2 * n; multiple < BELOW; multiple += n) composite[multiple] = 1;
    }
    return count;
}

RADON_RECEIVE(message, body) {
    uint64_t times = 0;
    radon_parse_u64(body, &times);
    while (times--) {
        if (primes() != 82025) return radon_fail("that is not how many there are");
    }
    return RADON_DONE;
}

/* lists.c - moves 4 KiB, in and out, many times in a turn; with WASI it is a component that is more than one module
 *
 *   "get N"         so many times a value of 4 KiB into the guest
 *   "put N"         so many times one out of it
 *   anything else   is answered with itself
 */
#include "radon.h"

enum { SIZE = 4096 };

static uint8_t value[SIZE];

#ifdef WITH_WASI
__attribute__((import_module("wasi:clocks/monotonic-clock@0.2.0"), import_name("now"))) uint64_t wasi_now(void);
#define now wasi_now
#else
#define now radon_clock_now
#endif

static radon_outcome move(radon_bucket bucket, bool in, uint64_t times) {
    radon_bytes key = radon_text("key");
    radon_option found;
    uint64_t begin = now();
    memcpy(value, &begin, sizeof begin);
    while (times--) {
        value[8]++; /* else the commit would leave it out */
        if (!in) RADON_TRY(radon_bucket_put(bucket, key, (radon_bytes){value, SIZE}));
        if (in) RADON_TRY(radon_bucket_get(bucket, key, &found));
        if (in && found.value.len != SIZE) return radon_fail("the entry is missing");
    }
    return RADON_DONE;
}

RADON_RECEIVE(message, body) {
    radon_bytes rest = body, word = radon_cut(&rest, ' ');
    uint64_t times = 0;
    radon_bucket bucket;
    if (radon_is(word, "get") || radon_is(word, "put")) {
        radon_parse_u64(rest, &times);
        RADON_TRY(radon_state_open(radon_text("lists"), &bucket));
        radon_outcome outcome = move(bucket, radon_is(word, "get"), times);
        radon_bucket_drop(bucket);
        return outcome;
    }
    if (radon_message_wants_reply(message)) RADON_TRY(radon_message_reply(message, body));
    return RADON_DONE;
}

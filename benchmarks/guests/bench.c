/* bench.c - does one thing many times in a turn, so that the turn itself does not count.
 *
 *   "now N"             so many calls of clock.now
 *   "fill FROM TO"      puts the entries from one to the other
 *   "get N KEYS ROW"    so many entries out of KEYS, in no order; which ones, ROW says
 *   "put N KEYS ROW"    likewise
 *   anything else       is answered with itself
 */
#include "radon.h"

#include "entries.h"

static uint8_t value[VALUE];

static uint64_t number(radon_bytes *rest) {
    uint64_t found = 0;
    radon_parse_u64(radon_cut(rest, ' '), &found);
    return found;
}

static radon_outcome fill(radon_bucket bucket, uint64_t from, uint64_t to) {
    uint8_t key[KEY];
    for (uint64_t index = from; index < to; index++) {
        key_of(index, key);
        RADON_TRY(radon_bucket_put(bucket, (radon_bytes){key, KEY}, (radon_bytes){value, VALUE}));
    }
    return RADON_DONE;
}

static radon_outcome get(radon_bucket bucket, uint64_t times, uint64_t keys, uint64_t row) {
    uint8_t key[KEY];
    radon_option found;
    while (times--) {
        key_of(next_index(&row, keys), key);
        RADON_TRY(radon_bucket_get(bucket, (radon_bytes){key, KEY}, &found));
        if (found.value.len != VALUE) return radon_fail("an entry is missing");
    }
    return RADON_DONE;
}

static radon_outcome put(radon_bucket bucket, uint64_t times, uint64_t keys, uint64_t row) {
    uint8_t key[KEY];
    while (times--) {
        key_of(next_index(&row, keys), key);
        memcpy(value, &row, sizeof row); /* else the commit would leave it out */
        RADON_TRY(radon_bucket_put(bucket, (radon_bytes){key, KEY}, (radon_bytes){value, VALUE}));
    }
    return RADON_DONE;
}

static radon_outcome with_bucket(radon_bytes word, radon_bytes rest) {
    radon_bucket bucket;
    uint64_t a = number(&rest), b = number(&rest), c = number(&rest);
    RADON_TRY(radon_state_open(radon_text("bench"), &bucket));
    radon_outcome outcome = radon_is(word, "fill") ? fill(bucket, a, b)
                            : radon_is(word, "get") ? get(bucket, a, b, c)
                                                    : put(bucket, a, b, c);
    radon_bucket_drop(bucket);
    return outcome;
}

RADON_RECEIVE(message, body) {
    radon_bytes rest = body, word = radon_cut(&rest, ' ');
    if (radon_is(word, "now")) {
        uint64_t sum = 0;
        for (uint64_t times = number(&rest); times; times--) sum += radon_clock_now();
        return sum ? RADON_DONE : radon_fail("no time");
    }
    if (radon_is(word, "fill") || radon_is(word, "get") || radon_is(word, "put")) return with_bucket(word, rest);
    if (radon_message_wants_reply(message)) RADON_TRY(radon_message_reply(message, body));
    return RADON_DONE;
}

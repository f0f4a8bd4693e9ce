/* bench.c - does one thing many times in a turn, so that the turn itself does not count.
 *
 *   "now N", "get N", "put N"   so many syscalls, on the key "key"
 *   "pass"                      a hop: sends it on to the peer, who sends it back, and so on for ever
 *   "echo ..."                  answers with its body
 */
#include "radon.h"

static radon_bucket open_bucket(void) {
    radon_bucket bucket;
    if (radon_state_open(radon_text("bench"), &bucket) != RADON_OK) __builtin_trap();
    return bucket;
}

static uint8_t value[64];
static radon_address peer; /* lives as long as this instance, as globals do */

RADON_RECEIVE(message, body) {
    radon_bytes rest = body, word = radon_cut(&rest, ' '), name = radon_cut(&rest, ' ');
    uint64_t times = 0;
    if (radon_is(word, "pass")) {
        if (peer.handle == 0 && radon_messaging_open(radon_text("peer"), &peer) != RADON_OK) __builtin_trap();
        RADON_TRY(radon_address_send(peer, body));
        return RADON_DONE;
    }
    radon_parse_u64(name, &times);
    if (radon_is(word, "now")) {
        uint64_t sum = 0;
        for (uint64_t i = 0; i < times; i++) sum += radon_clock_now();
        RADON_TRY(radon_message_reply(message, radon_format_u64(sum)));
    } else if (radon_is(word, "put") || radon_is(word, "get")) {
        radon_bucket bucket = open_bucket();
        radon_option found;
        bool put = radon_is(word, "put");
        for (uint64_t i = 0; i < times; i++) {
            if (put) RADON_TRY(radon_bucket_put(bucket, radon_text("key"), (radon_bytes){value, sizeof value}));
            else RADON_TRY(radon_bucket_get(bucket, radon_text("key"), &found));
        }
        radon_bucket_drop(bucket);
        RADON_TRY(radon_message_reply(message, radon_text("done")));
    } else if (radon_message_wants_reply(message)) {
        RADON_TRY(radon_message_reply(message, body));
    }
    return RADON_DONE;
}

/* pair.c - two atoms that pass a number back and forth, and write it down: each turn is durable.
 *
 *   "KEY N"   from outside: begins with the atom of this key; is answered when N turns are done, which must be even
 *   8 bytes   from the other one: the turns that are left
 */
#include "radon.h"

enum { BEGUN = 1 };

static radon_address other; /* lives as long as this instance, as globals do */

static radon_outcome pass(uint64_t left) {
    radon_bucket bucket;
    radon_bytes number = {(const uint8_t *)&left, sizeof left};
    RADON_TRY(radon_state_open(radon_text("pair"), &bucket));
    RADON_TRY(radon_bucket_put(bucket, radon_text("left"), number));
    radon_bucket_drop(bucket);
    RADON_TRY(radon_address_send(other, number));
    return RADON_DONE;
}

static radon_outcome begin(radon_message question, radon_bytes rest) {
    uint64_t turns;
    radon_bytes name = radon_cut(&rest, ' ');
    if (!radon_parse_u64(rest, &turns)) return radon_fail("how many turns?");
    if (other.handle == 0) RADON_TRY(radon_messaging_open(name, &other));
    RADON_TRY(radon_message_keep(question, BEGUN));
    return pass(turns - 1);
}

RADON_RECEIVE(message, body) {
    uint64_t left;
    radon_message question;
    if (radon_message_wants_reply(message)) return begin(message, body);
    if (other.handle == 0 && !radon_message_sender(message, &other)) return radon_fail("from nobody");
    memcpy(&left, body.data, sizeof left);
    if (left > 0) return pass(left - 1);
    if (!radon_messaging_kept(BEGUN, &question)) return radon_fail("an odd number of turns");
    RADON_TRY(radon_message_reply(question, body));
    radon_message_drop(question);
    return RADON_DONE;
}

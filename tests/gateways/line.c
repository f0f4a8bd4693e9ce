/* line.c - a connection's atom, for the tests of TCP: does what a chunk says, and echoes what says nothing.
 *
 * It publishes what happens to it to the topic `lives`.
 */
#include "radon.h"

static radon_outcome tell(const char *what, radon_bytes more) {
    RADON_TRY(radon_topics_publish(radon_text("lives"), radon_concat(radon_text(what), more)));
    return RADON_DONE;
}

RADON_START(args) { return tell("start ", args); }

RADON_DOWN(token, status) { return token == 0 && status == 0 ? tell("down", radon_text("")) : RADON_DONE; }

/* say TIMES BYTES: so many messages to the connection, of so many bytes. */
static radon_outcome say(radon_address to, radon_bytes rest) {
    uint64_t times, size;
    if (!radon_parse_u64(radon_cut(&rest, ' '), &times) || !radon_parse_u64(rest, &size))
        return radon_fail("say TIMES BYTES");
    radon_bytes body = {radon_alloc(size), size};
    for (size_t at = 0; at < size; at++) ((uint8_t *)body.data)[at] = 'x';
    for (uint64_t time = 0; time < times; time++) RADON_TRY(radon_address_send(to, body));
    return RADON_DONE;
}

RADON_RECEIVE(message, body) {
    radon_bytes rest = body, verb = radon_cut(&rest, ' ');
    radon_address sender, other;
    if (radon_is(verb, "stop")) { /* stop ADDRESS, and end itself */
        RADON_TRY(radon_messaging_open(rest, &other));
        RADON_TRY(radon_lifecycle_stop(other));
        radon_lifecycle_exit(0);
        RADON_TRY(radon_message_reply(message, radon_text("")));
        return RADON_DONE;
    }
    if (!radon_message_sender(message, &sender)) return tell("outside ", body);
    if (radon_is(verb, "exit")) {
        RADON_TRY(radon_address_send(sender, rest));
        radon_lifecycle_exit(0);
    } else if (radon_is(verb, "say")) {
        radon_outcome outcome = say(sender, rest);
        if (outcome.failed) return outcome;
    } else if (radon_is(verb, "fail")) {
        return radon_fail("as you wish");
    } else if (radon_is(verb, "keep")) {
        RADON_TRY(radon_message_keep(message, 1));
        return tell("kept", radon_text(""));
    } else if (radon_is(verb, "slow")) { /* answered by a timer */
        RADON_TRY(radon_message_keep(message, 2));
        RADON_TRY(radon_clock_set_timer(1000000, 2));
    } else if (radon_is(verb, "whose")) {
        RADON_TRY(radon_address_send(sender, radon_address_text(sender)));
    } else if (radon_is(verb, "note")) { /* note ADDRESS: that one comes to life, which is recorded */
        RADON_TRY(radon_messaging_open(rest, &other));
        RADON_TRY(radon_address_send(other, radon_text("")));
        RADON_TRY(radon_message_reply(message, body));
    } else if (radon_is(verb, "later")) {
        RADON_TRY(radon_clock_set_timer(1000000, 1));
    } else if (radon_message_wants_reply(message)) {
        RADON_TRY(radon_message_reply(message, body));
    }
    radon_address_drop(sender);
    return RADON_DONE;
}

RADON_FIRED(token) {
    radon_message kept;
    if (radon_messaging_kept(token, &kept)) {
        RADON_TRY(radon_message_reply(kept, radon_text("slowly")));
        radon_message_drop(kept);
    }
    return tell("fired", radon_format_u64(token));
}

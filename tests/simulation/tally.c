/* tally.c - the counter with a mistake: it counts in a global, which is gone with its instance. */
#include "radon.h"

static int64_t total;

RADON_RECEIVE(message, body) {
    if (radon_is(body, "add 1")) total++;
    if (radon_message_wants_reply(message)) RADON_TRY(radon_message_reply(message, radon_format_s64(total)));
    return RADON_DONE;
}

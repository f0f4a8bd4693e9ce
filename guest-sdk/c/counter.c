/* counter.c - the sample atom: a number that outlives every crash.
 *
 * "add N" adds the decimal number N (perhaps negative), "get" adds nothing; both are answered with the total.
 */
#include "radon.h"

RADON_RECEIVE(message, body) {
    radon_bytes rest = body, word = radon_cut(&rest, ' ');
    int64_t delta = 0, total;
    bool understood = radon_is(word, "add") ? radon_parse_s64(rest, &delta) : radon_is(body, "get");
    if (!understood) {
        RADON_TRY(radon_message_reply(message, radon_text("say: add N, or: get")));
        return RADON_DONE; /* a caller's mistake; failing the turn would only have it tried again */
    }

    radon_bucket counts;
    RADON_TRY(radon_state_open(radon_text("counts"), &counts));
    RADON_TRY(radon_bucket_add(counts, radon_text("total"), delta, &total));
    radon_bucket_drop(counts);

    /* The new total and this answer take effect together, or not at all. */
    RADON_TRY(radon_message_reply(message, radon_format_s64(total)));
    return RADON_DONE;
}

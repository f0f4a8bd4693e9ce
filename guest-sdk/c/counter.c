/* counter.c - the sample atom: a number that outlives every crash.
 *
 * "add N" adds the decimal number N (perhaps negative), "get" adds nothing; whoever asks is answered with the total.
 */
#include "radon.h"

static radon_outcome answer(radon_message message, radon_bytes text) {
    if (radon_message_wants_reply(message)) RADON_TRY(radon_message_reply(message, text));
    return RADON_DONE;
}

RADON_RECEIVE(message, body) {
    radon_bytes rest = body, word = radon_cut(&rest, ' ');
    int64_t delta = 0, total;
    bool understood = radon_is(word, "add") ? radon_parse_s64(rest, &delta) : radon_is(body, "get");
    if (!understood) { /* a caller's mistake; failing the turn would only have it tried again */
        return answer(message, radon_text("say: add N, or: get"));
    }

    radon_bucket counts;
    RADON_TRY(radon_state_open(radon_text("counts"), &counts));
    RADON_TRY(radon_bucket_add(counts, radon_text("total"), delta, &total));
    radon_bucket_drop(counts);

    /* The new total and this answer take effect together, or not at all. */
    return answer(message, radon_format_s64(total));
}

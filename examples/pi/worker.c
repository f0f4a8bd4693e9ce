/* worker.c - throws COUNT darts at a square and exits with the number of those that hit the circle.
 *
 * Takes "FIRST COUNT SEED". Dart number N is a pure function of SEED and N (a counter, mixed as SplitMix64 does), so
 * workers that take FIRST..FIRST+COUNT-1 each throw together the very darts that one worker alone would throw.
 */
#include "radon.h"

static uint64_t dart(uint64_t seed, uint64_t number) {
    uint64_t bits = seed + (number + 1) * 0x9E3779B97F4A7C15;
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
    return bits ^ (bits >> 31);
}

/* Coordinates of 31 bits: integers, so that no rounding decides. */
static bool hits(uint64_t bits) {
    uint64_t x = bits >> 33, y = (bits & UINT32_MAX) >> 1;
    return x * x + y * y < UINT64_C(1) << 62;
}

RADON_RECEIVE(message, body) {
    radon_bytes first_word = radon_cut(&body, ' '), count_word = radon_cut(&body, ' ');
    uint64_t first, count, seed, inside = 0;
    radon_address printer;
    if (!radon_parse_u64(first_word, &first) || !radon_parse_u64(count_word, &count) || !radon_parse_u64(body, &seed))
        return radon_fail("a worker takes FIRST COUNT SEED");
    for (uint64_t number = first; number < first + count; number++) inside += hits(dart(seed, number));

    /* Exit when the line is printed, and no earlier. What the next turn has to know travels as the token. */
    radon_buffer line = {0};
    radon_buffer_add_u64(&line, inside);
    radon_buffer_add_text(&line, " of ");
    radon_buffer_add_u64(&line, count);
    radon_buffer_add_text(&line, " darts hit");
    RADON_TRY(radon_messaging_open(radon_text("printer"), &printer));
    RADON_TRY(radon_address_request(printer, radon_buffer_bytes(&line), UINT64_MAX, inside));
    return RADON_DONE;
}

RADON_REPLIED(inside, error, answer) {
    radon_lifecycle_exit((uint32_t)inside);
    return RADON_DONE;
}

/* wide.c - "A B": their product if it fits into 64 bits, else "too large". */
#include "radon.h"

RADON_RECEIVE(message, body) {
    radon_bytes rest = body, first = radon_cut(&rest, ' ');
    uint64_t a, b, product;
    if (!radon_parse_u64(first, &a) || !radon_parse_u64(rest, &b)) return radon_fail("say: A B");
    bool fits = !__builtin_mul_overflow(a, b, &product);
    RADON_TRY(radon_message_reply(message, fits ? radon_format_u64(product) : radon_text("too large")));
    return RADON_DONE;
}

/* leaky.c - opens handles and never drops one; counts its turns in state and in memory. */
#include "radon.h"

static uint64_t turns; /* of this instance */

RADON_RECEIVE(message, body) {
    radon_bucket bucket;
    int64_t total;
    RADON_TRY(radon_state_open(radon_text("turns"), &bucket));
    RADON_TRY(radon_bucket_add(bucket, radon_text("total"), 1, &total));
    for (int handles = 1; handles < 10; handles++) radon_messaging_self();
    turns++;
    RADON_TRY(radon_message_reply(message, radon_concat(radon_format_s64(total), radon_concat(radon_text(" "),
        radon_format_u64(turns)))));
    return RADON_DONE;
}

/* printer.c - writes what it is sent into the log, and answers with the number of the line. */
#include "radon.h"

RADON_RECEIVE(message, body) {
    radon_bucket bucket;
    int64_t lines;
    RADON_TRY(radon_state_open(radon_text("printer"), &bucket));
    RADON_TRY(radon_bucket_add(bucket, radon_text("lines"), 1, &lines));
    radon_bucket_drop(bucket);
    radon_log_write(RADON_LEVEL_INFO, body);
    if (radon_message_wants_reply(message)) RADON_TRY(radon_message_reply(message, radon_format_s64(lines)));
    return RADON_DONE;
}

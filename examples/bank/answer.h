/* answer.h - answers of the bank to those outside: JSON, and the status that the HTTP gateway makes of the metadata.
 *
 * Knows nothing of accounts. The same answers reach `radon call`, which prints the body.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include "radon.h"

#define OK "200"
#define BAD_REQUEST "400"
#define NOT_FOUND "404"
#define CONFLICT "409"
#define TOO_MANY "429"

/* A client that sent its message without waiting for an answer gets none. */
static inline radon_outcome answer(radon_message message, radon_bytes status, radon_bytes json) {
    radon_pair metadata[] = {
        {radon_text("http.status"), status},
        {radon_text("content-type"), radon_text("application/json")},
    };
    if (radon_message_wants_reply(message))
        RADON_TRY(radon_message_reply_with(message, (radon_pair_list){metadata, 2}, json));
    return RADON_DONE;
}

static inline radon_bytes error_json(radon_bytes why) {
    radon_json_writer json = {0};
    radon_json_open_object(&json);
    radon_json_name(&json, "error");
    radon_json_put_string(&json, why);
    radon_json_close_object(&json);
    return radon_json_text(&json);
}

/* What a client asks for and cannot have is an answer, not a failed turn: trying again would change nothing. */
static inline radon_outcome refuse(radon_message message, const char *status, const char *why) {
    return answer(message, radon_text(status), error_json(radon_text(why)));
}

#endif

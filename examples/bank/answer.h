/* answer.h - answers of the bank to those outside: JSON, and the status that the HTTP gateway makes of the metadata.
 *
 * Knows nothing of accounts. The same answers reach `radon call`, which prints the body.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include "radon.h"

/* A client that sent its message without waiting for an answer gets none. */
static inline radon_outcome answer(radon_message message, radon_bytes status, const radon_json_writer *body) {
    radon_pair metadata[] = {
        {radon_text("http.status"), status},
        {radon_text("content-type"), radon_text("application/json")},
    };
    if (radon_message_wants_reply(message))
        RADON_TRY(radon_message_reply_with(message, (radon_pair_list){metadata, 2}, radon_json_text(body)));
    return RADON_DONE;
}

/* What a client asks for and cannot have is an answer, not a failed turn: trying again would change nothing. */
static inline radon_outcome refuse(radon_message message, radon_bytes status, radon_bytes why) {
    radon_json_writer body = {0};
    radon_json_open_object(&body);
    radon_json_name(&body, "error");
    radon_json_put_string(&body, why);
    radon_json_close_object(&body);
    return answer(message, status, &body);
}

#define OK radon_text("200")
#define BAD_REQUEST radon_text("400")
#define NOT_FOUND radon_text("404")
#define CONFLICT radon_text("409")
#define TOO_MANY radon_text("429")

#endif

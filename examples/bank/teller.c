/* teller.c - takes {"from": NAME, "to": NAME, "cents": CENTS} to the account that the money comes from.
 *
 * It only looks at `from`: the message is forwarded as it came, together with the duty to answer it, so the account
 * answers the client itself and nothing waits here.
 */
#include "answer.h"

RADON_RECEIVE(message, body) {
    radon_json order;
    radon_bytes from;
    radon_address account;
    if (!radon_json_parse(body, &order) || !radon_json_string(radon_json_get(order, "from"), &from))
        return refuse(message, BAD_REQUEST, "say {\"from\": NAME, \"to\": NAME, \"cents\": CENTS}");
    if (from.len == 0 || radon_messaging_open(radon_concat(radon_text("account/"), from), &account) != RADON_OK)
        return refuse(message, BAD_REQUEST, "no account can have the name in `from`");
    RADON_TRY(radon_message_forward(message, account));
    radon_address_drop(account); /* handles outlast turns, and there is a limit */
    return RADON_DONE;
}

/* desk.c - does what the first word of a message says, for the tests of HTTP, in and out. */
#include "radon.h"

static radon_outcome say(radon_message message, radon_bytes body) {
    RADON_TRY(radon_message_reply(message, body));
    return RADON_DONE;
}

static radon_outcome say_with(radon_message message, const char *name, radon_bytes value, radon_bytes body) {
    radon_pair pair = {radon_text(name), value};
    RADON_TRY(radon_message_reply_with(message, (radon_pair_list){&pair, 1}, body));
    return RADON_DONE;
}

static radon_outcome count(radon_message message) {
    radon_bucket counts;
    int64_t total;
    RADON_TRY(radon_state_open(radon_text("counts"), &counts));
    RADON_TRY(radon_bucket_add(counts, radon_text("total"), 1, &total));
    radon_bucket_drop(counts);
    return say(message, radon_format_s64(total));
}

static radon_outcome with_endpoint(radon_bytes verb, radon_message message, radon_bytes body) {
    radon_address api;
    RADON_TRY(radon_messaging_open(radon_text("api"), &api));
    if (radon_is(verb, "forward")) {
        RADON_TRY(radon_message_forward(message, api));
    } else if (radon_is(verb, "send")) {
        RADON_TRY(radon_address_send(api, body));
        RADON_TRY(radon_message_reply(message, radon_text("sent")));
    } else if (radon_is(verb, "cast")) {
        RADON_TRY(radon_address_cast(api, body));
        RADON_TRY(radon_message_reply(message, radon_text("cast")));
    } else { /* ask MILLISECONDS BODY */
        uint64_t milliseconds;
        if (!radon_parse_u64(radon_cut(&body, ' '), &milliseconds)) return radon_fail("ask MILLISECONDS BODY");
        RADON_TRY(radon_message_keep(message, 1));
        RADON_TRY(radon_address_request(api, body, milliseconds * 1000000, 1));
    }
    radon_address_drop(api);
    return RADON_DONE;
}

RADON_REPLIED(token, error, answer) {
    radon_message asked;
    if (!radon_messaging_kept(token, &asked)) return radon_fail("nobody asked");
    radon_option status = radon_messaging_answer_metadata(radon_text("http.status"));
    radon_bytes text = error == RADON_OK ? answer : radon_text(radon_error_name(error));
    if (status.some) text = radon_concat(radon_concat(status.value, radon_text(" ")), text);
    radon_outcome outcome = say(asked, text);
    radon_message_drop(asked);
    return outcome;
}

RADON_RECEIVE(message, body) {
    radon_bytes rest = body, verb = radon_cut(&rest, ' ');
    if (radon_is(verb, "say")) return say(message, rest);
    if (radon_is(verb, "count")) return count(message);
    if (radon_is(verb, "nothing")) return RADON_DONE;
    if (radon_is(verb, "fail")) return radon_fail("as you wish");
    if (radon_is(verb, "self")) return say(message, radon_address_text(radon_messaging_self()));
    if (radon_is(verb, "status")) return say_with(message, "http.status", radon_cut(&rest, ' '), rest);
    if (radon_is(verb, "type")) return say_with(message, "Content-Type", radon_cut(&rest, ' '), rest);
    if (radon_is(verb, "metadata")) {
        radon_option found = radon_message_metadata(message, rest);
        return say(message, found.some ? found.value : radon_text("(none)"));
    }
    if (radon_is(verb, "header")) { /* header NAME VALUE */
        radon_bytes name = radon_cut(&rest, ' ');
        radon_pair pair = {name, rest};
        RADON_TRY(radon_message_reply_with(message, (radon_pair_list){&pair, 1}, radon_text("with a header")));
        return RADON_DONE;
    }
    if (radon_is(verb, "keep")) {
        RADON_TRY(radon_message_keep(message, 2));
        return RADON_DONE;
    }
    if (radon_is(verb, "release")) {
        radon_message kept;
        if (!radon_messaging_kept(2, &kept)) return say(message, radon_text("nothing is kept"));
        RADON_TRY(radon_message_reply(kept, rest));
        radon_message_drop(kept);
        return say(message, radon_text("released"));
    }
    if (radon_is(verb, "publish")) { /* publish TOPIC BODY */
        radon_bytes topic = radon_cut(&rest, ' ');
        RADON_TRY(radon_topics_publish(topic, rest));
        return say(message, radon_text("published"));
    }
    if (radon_is(verb, "measure")) {
        radon_log_count(radon_text("things"), 3);
        radon_log_observe(radon_text("a \"size\"\n"), 0.07);
        return say(message, radon_text("measured"));
    }
    return with_endpoint(verb, message, rest);
}

/* agent.c - the guest of the conformance suite for backends (backends.py): an atom that does what messages tell it.
 *
 * A message, and the args of `start`, are commands, one a line; where there is no line feed, semicolons divide them, so
 * that several fit into a BODY, which is the rest of the line. The answer is what the last command gave, or "error CODE"
 * of the first syscall that failed, which skips the rest. ADDR is "kind/key", and bound to its life where the agent
 * spawned it. What happens to the agent otherwise is noted: "replied CODE BODY", "fired TOKEN", "down TOKEN STATUS".
 *
 *     note TEXT            notes, which gives all of them     until N, once there are N     total     count N
 *     to ADDR BODY         cast ADDR BODY     later MS ADDR BODY     many N ADDR BODY     ask MS ADDR BODY
 *     call MS ADDR BODY    sleep MS           wait MS ADDR           forward ADDR COMMAND
 *     keep TOKEN           answer TOKEN BODY  timer MS TOKEN         cancel TOKEN
 *     spawn KIND BODY      watch TOKEN ADDR   stop ADDR              exit STATUS
 *     publish TOPIC BODY   subscribe TOPIC    unsubscribe TOPIC
 *     fill N               put N              object TEXT            read NAME     meta NAME
 *     fail                 trap               spin N                 need N, or fail: a total of N
 *     early N, or fail: N attempts were made
 */
#include "radon.h"

#define MS UINT64_C(1000000)

typedef struct {
    const radon_message *message; /* NULL: none is at hand */
    radon_bytes answer;
    radon_error error;
    bool withheld; /* the answer is another's, or comes later */
    const char *failed;
} turn;

static radon_bucket open_bucket(const char *name) {
    radon_bucket bucket;
    if (radon_state_open(radon_text(name), &bucket) != RADON_OK) __builtin_trap();
    return bucket;
}

static uint64_t number(radon_bytes *rest) {
    uint64_t value;
    if (!radon_parse_u64(radon_cut(rest, ' '), &value)) __builtin_trap();
    return value;
}

/* ---- notes ---- */

static size_t notes(radon_bytes *text) {
    radon_bucket bucket = open_bucket("notes");
    radon_entry_list found;
    radon_buffer lines = {0};
    if (radon_bucket_scan(bucket, RADON_NONE, RADON_NONE, UINT32_MAX, false, &found) != RADON_OK) __builtin_trap();
    for (size_t index = 0; index < found.len; index++) {
        if (index != 0) radon_buffer_add_byte(&lines, '\n');
        radon_buffer_add(&lines, found.data[index].value);
    }
    radon_bucket_drop(bucket);
    *text = radon_buffer_bytes(&lines);
    return found.len;
}

/* One more; whoever waited for so many is told. */
static radon_error note(radon_bytes text) {
    radon_bucket bucket = open_bucket("notes");
    radon_message waiting;
    radon_bytes all;
    uint8_t key[8];
    size_t count = notes(&all);
    radon_error error;
    radon_store_u64_key(key, count);
    error = radon_bucket_put(bucket, (radon_bytes){key, sizeof key}, text);
    radon_bucket_drop(bucket);
    if (error == RADON_OK && radon_messaging_kept(count + 1, &waiting)) {
        notes(&all);
        error = radon_message_reply(waiting, all);
        radon_message_drop(waiting);
    }
    return error;
}

static radon_error add(int64_t by, int64_t *total) {
    radon_bucket bucket = open_bucket("total");
    radon_error error = radon_bucket_add(bucket, radon_text("total"), by, total);
    radon_bucket_drop(bucket);
    return error;
}

/* ---- addresses: those of children as `spawn` gave them ---- */

static void remember(turn *t, radon_address child) {
    radon_bucket bucket = open_bucket("children");
    t->answer = radon_address_text(child);
    t->error = radon_bucket_put(bucket, t->answer, radon_address_seal(child));
    radon_bucket_drop(bucket);
}

static radon_error open_address(radon_bytes name, radon_address *to) {
    radon_bucket bucket = open_bucket("children");
    radon_option sealed = RADON_NONE;
    radon_error error = radon_bucket_get(bucket, name, &sealed);
    radon_bucket_drop(bucket);
    if (error != RADON_OK) return error;
    return sealed.some ? radon_messaging_unseal(sealed.value, to) : radon_messaging_open(name, to);
}

/* ---- commands ---- */

static void fail_unless(turn *t, bool good, const char *why) {
    if (!good) t->failed = why;
}

static void answer_kept(turn *t, uint64_t token, radon_bytes body) {
    radon_message kept;
    t->error = RADON_NOT_FOUND;
    if (!radon_messaging_kept(token, &kept)) return;
    t->error = radon_message_reply(kept, body);
    radon_message_drop(kept);
}

static void keep(turn *t, uint64_t token) {
    t->error = radon_message_keep(*t->message, token);
    t->withheld = true;
}

static bool about_itself(turn *t, radon_bytes verb, radon_bytes rest) {
    int64_t total = 0;
    if (radon_is(verb, "note")) t->error = note(rest);
    else if (radon_is(verb, "notes")) notes(&t->answer);
    else if (radon_is(verb, "until")) {
        uint64_t wanted = number(&rest);
        if (notes(&t->answer) < wanted) keep(t, wanted);
    } else if (radon_is(verb, "total") || radon_is(verb, "count")) {
        t->error = add(radon_is(verb, "count") ? (int64_t)number(&rest) : 0, &total);
        t->answer = radon_format_s64(total);
    } else if (radon_is(verb, "keep")) keep(t, number(&rest));
    else if (radon_is(verb, "answer")) {
        uint64_t token = number(&rest);
        answer_kept(t, token, rest);
    } else if (radon_is(verb, "timer")) {
        uint64_t delay = number(&rest) * MS;
        t->error = radon_clock_set_timer(delay, number(&rest));
    } else if (radon_is(verb, "cancel")) radon_clock_cancel_timer(number(&rest));
    else if (radon_is(verb, "exit")) radon_lifecycle_exit((uint32_t)number(&rest));
    else if (radon_is(verb, "fail")) t->failed = "told to";
    else if (radon_is(verb, "trap")) __builtin_trap();
    else if (radon_is(verb, "spin")) {
        for (volatile uint64_t left = number(&rest); left != 0; left--) {}
    } else if (radon_is(verb, "need")) {
        add(0, &total);
        fail_unless(t, total >= (int64_t)number(&rest), "the total is too low");
    } else if (radon_is(verb, "early")) fail_unless(t, radon_message_attempt(*t->message) >= number(&rest), "too early");
    else if (radon_is(verb, "sleep")) radon_clock_sleep(number(&rest) * MS);
    else if (radon_is(verb, "meta")) t->answer = radon_message_metadata(*t->message, rest).value;
    else if (radon_is(verb, "fill")) {
        size_t length = (size_t)number(&rest);
        t->answer = (radon_bytes){memset(radon_alloc(length), 'x', length), length};
    } else return false;
    return true;
}

static bool about_things(turn *t, radon_bytes verb, radon_bytes rest) {
    radon_object object;
    if (radon_is(verb, "object")) {
        t->error = radon_objects_put(rest, &object);
        if (t->error == RADON_OK) t->answer = radon_object_name(object);
        return true;
    }
    if (radon_is(verb, "read")) {
        t->error = radon_objects_open(rest, &object);
        if (t->error == RADON_OK) t->error = radon_object_read(object, 0, UINT32_MAX, &t->answer);
        return true;
    }
    if (radon_is(verb, "put")) {
        radon_bucket bucket = open_bucket("bytes");
        size_t length = (size_t)number(&rest);
        t->error = radon_bucket_put(bucket, radon_text("k"), (radon_bytes){memset(radon_alloc(length), 'x', length), length});
        radon_bucket_drop(bucket);
    } else if (radon_is(verb, "publish")) {
        radon_bytes topic = radon_cut(&rest, ' ');
        t->error = radon_topics_publish(topic, rest);
    } else if (radon_is(verb, "subscribe")) t->error = radon_topics_subscribe(rest);
    else if (radon_is(verb, "unsubscribe")) t->error = radon_topics_unsubscribe(rest);
    else if (radon_is(verb, "spawn")) {
        radon_bytes kind = radon_cut(&rest, ' ');
        radon_address child;
        t->error = radon_lifecycle_spawn(kind, rest, &child);
        if (t->error == RADON_OK) remember(t, child);
    } else return false;
    return true;
}

/* Commands with an address behind at most one number. */
static void about_another(turn *t, radon_bytes verb, radon_bytes rest) {
    bool timed = radon_is(verb, "later") || radon_is(verb, "ask") || radon_is(verb, "call") || radon_is(verb, "wait");
    bool counted = radon_is(verb, "many") || radon_is(verb, "watch");
    uint64_t first = timed ? number(&rest) * MS : counted ? number(&rest) : 0;
    radon_bytes name = radon_cut(&rest, ' ');
    radon_address to;
    uint32_t status = 0;
    t->error = open_address(name, &to);
    if (t->error != RADON_OK) return;
    if (radon_is(verb, "to")) t->error = radon_address_send(to, rest);
    else if (radon_is(verb, "cast")) t->error = radon_address_cast(to, rest);
    else if (radon_is(verb, "later")) t->error = radon_address_send_later(to, rest, first);
    else if (radon_is(verb, "many")) {
        while (first-- != 0 && t->error == RADON_OK) t->error = radon_address_send(to, rest);
    } else if (radon_is(verb, "ask")) t->error = radon_address_request(to, rest, first, 0);
    else if (radon_is(verb, "call")) t->error = radon_address_call(to, rest, first, &t->answer);
    else if (radon_is(verb, "wait")) {
        t->error = radon_lifecycle_wait(to, first, &status);
        t->answer = radon_format_u64(status);
    } else if (radon_is(verb, "watch")) t->error = radon_lifecycle_monitor(to, first);
    else if (radon_is(verb, "stop")) t->error = radon_lifecycle_stop(to);
    else __builtin_trap(); /* no such command */
    radon_address_drop(to);
}

static void run(turn *t, radon_bytes commands);

/* The agent that it is forwarded to gets the same line, and carries out the command. */
static void forward(turn *t, radon_bytes rest) {
    radon_bytes name = radon_cut(&rest, ' ');
    radon_address to, self = radon_messaging_self();
    if (radon_equal(name, radon_address_text(self))) {
        run(t, rest);
    } else {
        t->error = radon_messaging_open(name, &to);
        if (t->error == RADON_OK) t->error = radon_message_forward(*t->message, to);
        t->withheld = true;
    }
}

static void run(turn *t, radon_bytes commands) {
    uint8_t divider = radon_find(commands, '\n') < commands.len ? '\n' : ';';
    while (commands.len != 0 && t->error == RADON_OK && t->failed == NULL) {
        radon_bytes rest = radon_cut(&commands, divider), verb = radon_cut(&rest, ' ');
        t->answer = radon_text("");
        if (radon_is(verb, "forward")) forward(t, rest);
        else if (!about_itself(t, verb, rest) && !about_things(t, verb, rest)) about_another(t, verb, rest);
    }
    if (t->error != RADON_OK) t->answer = radon_concat(radon_text("error "), radon_text(radon_error_name(t->error)));
}

/* ---- handlers ---- */

RADON_RECEIVE(message, body) {
    turn t = {.message = &message};
    run(&t, body);
    if (t.failed != NULL) return radon_fail(t.failed);
    if (radon_message_wants_reply(message) && (!t.withheld || t.error != RADON_OK)) {
        radon_error error = radon_message_reply(message, t.answer);
        if (error != RADON_OK) RADON_TRY(radon_message_reply(message, radon_text(radon_error_name(error))));
    }
    return RADON_DONE;
}

RADON_START(args) {
    turn t = {0};
    run(&t, args);
    return t.failed != NULL ? radon_fail(t.failed) : RADON_DONE;
}

RADON_REPLIED(token, error, answer) {
    radon_bytes code = radon_concat(radon_text("replied "), radon_text(radon_error_name(error)));
    (void)token;
    RADON_TRY(note(answer.len == 0 ? code : radon_concat(radon_concat(code, radon_text(" ")), answer)));
    return RADON_DONE;
}

RADON_FIRED(token) {
    RADON_TRY(note(radon_concat(radon_text("fired "), radon_format_u64(token))));
    return RADON_DONE;
}

RADON_DOWN(token, status) {
    radon_bytes both = radon_concat(radon_concat(radon_format_u64(token), radon_text(" ")), radon_format_u64(status));
    RADON_TRY(note(radon_concat(radon_text("down "), both)));
    return RADON_DONE;
}

/* witness.c - an atom that keeps books on what happens to it, so that a loss, a doubling or a swap shows.
 *
 * "poke ID" from outside is counted under applied/ID and makes it do, as its random numbers say, some of: send numbered
 * hops to peers, arm timers, ask, call, postpone, spawn and wait, put objects and read those of others. One poke in six
 * then fails, but never the last attempt.
 * What its memory says of the turns of an atom has to agree with the books, also where others have the same memory.
 * Whatever contradicts its books is counted under "violation/..."; the rest is compared at the end by the simulator.
 */
#include "radon.h"

#define PEERS 4
#define SECOND UINT64_C(1000000000)

static int64_t count(const char *book, radon_bytes page) {
    radon_bucket books;
    int64_t total = -1;
    if (radon_state_open(radon_text("books"), &books) != RADON_OK) __builtin_trap();
    if (radon_bucket_add(books, radon_concat(radon_text(book), page), 1, &total) != RADON_OK) __builtin_trap();
    radon_bucket_drop(books);
    return total;
}

static radon_address peer(uint64_t number, radon_bytes *name) {
    radon_address found;
    *name = radon_concat(radon_text("witness/"), radon_format_u64(number % PEERS));
    if (radon_messaging_open(*name, &found) != RADON_OK) __builtin_trap();
    return found;
}

static radon_bytes words(const char *verb, radon_bytes argument) {
    return radon_concat(radon_text(verb), argument);
}

static void hop(uint64_t random) {
    radon_bytes name;
    radon_address to = peer(random, &name);
    int64_t number = count("out/", name);
    if (radon_address_send(to, words("hop ", radon_format_s64(number))) != RADON_OK) __builtin_trap();
    radon_address_drop(to);
}

static void arm(uint64_t random) {
    int64_t token = count("tokens", radon_text(""));
    count("armed/", radon_format_s64(token));
    if (radon_clock_set_timer(random % (3 * SECOND), (uint64_t)token) != RADON_OK) __builtin_trap();
}

static void ask(uint64_t random) {
    radon_bytes name;
    radon_address to = peer(random, &name);
    int64_t token = count("tokens", radon_text(""));
    count("asked/", radon_format_s64(token));
    if (radon_address_request(to, radon_text("ask"), 3600 * SECOND, (uint64_t)token) != RADON_OK) __builtin_trap();
    radon_address_drop(to);
}

#ifndef DIRECT
static void call(uint64_t random, radon_bytes id) {
    radon_bytes name, answer;
    radon_address to = peer(random, &name);
    radon_error error = radon_address_call(to, words("echo ", id), 2 * SECOND, &answer); /* once for each attempt */
    if (error == RADON_OK ? !radon_equal(answer, id) : error != RADON_TIMEOUT) count("violation/call", radon_text(""));
    radon_address_drop(to);
}
#endif

static void postpone(uint64_t random) {
    radon_bytes name;
    radon_address to = peer(random, &name);
    int64_t token = count("tokens", radon_text(""));
    radon_bytes page = words("", radon_concat(radon_concat(name, radon_text("/")), radon_format_s64(token)));
    count("posted/", page);
    if (radon_address_send_later(to, words("late ", page), random % (3 * SECOND)) != RADON_OK) __builtin_trap();
    radon_address_drop(to);
}

static void spawn(uint64_t random) {
    radon_address child;
    uint32_t wanted = (uint32_t)(random % 100);
    if (radon_lifecycle_spawn(radon_text("witness"), radon_format_u64(wanted), &child) != RADON_OK) __builtin_trap();
    if (random % 3 == 0) { /* not born yet: the wait sees nobody, unless the turn has committed */
        if (radon_lifecycle_monitor(child, wanted) != RADON_OK) __builtin_trap();
        count("watched/", radon_format_u64(wanted));
    }
#ifndef DIRECT
    uint32_t status;
    if (random % 3 && radon_lifecycle_wait(child, SECOND, &status) == RADON_OK) {
        count("violation/waited-for-the-unborn", radon_text(""));
    }
#endif
    radon_address_drop(child);
}

/* Memory is a cache of what ended well, or new. */
static void remember(void) {
    static int64_t turns[PEERS];
    radon_address own = radon_messaging_self();
    radon_bytes name = radon_address_text(own);
    uint64_t number = (uint64_t)(name.data[name.len - 1] - '0') % PEERS;
    int64_t turn = count("turns", radon_text(""));
    if (turns[number] && turns[number] != turn - 1) count("violation/memory", radon_text(""));
    turns[number] = turn;
    radon_address_drop(own);
}

/* ---- objects ---- */

static void pin(radon_bytes name) {
    if (radon_objects_pin(name) != RADON_OK) count("violation/pin", radon_text(""));
    count("pinned/", name);
}

/* A peer is told of it. */
static void put(uint64_t random, radon_bytes body) {
    radon_object object;
    radon_bytes name, to_name;
    radon_address to = peer(random, &to_name);
    if (radon_objects_put(body, &object) != RADON_OK) __builtin_trap();
    name = radon_object_name(object);
    count("put/", name);
    if (random & 0x100) pin(name);
    if (radon_address_send(to, radon_concat(radon_concat(words("read ", name), radon_text(" ")), body)) != RADON_OK) __builtin_trap();
    radon_object_drop(object);
    radon_address_drop(to);
}

static bool is_there(radon_bytes name, radon_bytes *body) {
    radon_object object;
    bool found = radon_objects_open(name, &object) == RADON_OK;
    if (!found) return false;
    found = radon_object_read(object, 0, UINT32_MAX, body) == RADON_OK;
    radon_object_drop(object);
    return found;
}

/* The one that it was told of last; and another one, that there never was. */
static void look_again(void) {
    radon_bucket known;
    radon_option name;
    radon_bytes body;
    radon_bytes of_nobody = radon_text("0000000000000000000000000000000000000000000000000000000000000000");
    if (radon_state_open(radon_text("known"), &known) != RADON_OK) __builtin_trap();
    if (radon_bucket_get(known, radon_text("last"), &name) != RADON_OK) __builtin_trap();
    if (name.some && !is_there(name.value, &body)) count("violation/lost", name.value);
    if (is_there(of_nobody, &body)) count("violation/found", radon_text(""));
    radon_bucket_drop(known);
}

static void read(uint64_t random, radon_bytes name, radon_bytes expected) {
    radon_bucket known;
    radon_bytes body;
    if (!is_there(name, &body) || !radon_equal(body, expected)) count("violation/read", name);
    count("read/", name);
    if (random & 1) pin(name);
    if (random & 2) { /* and for a while only */
        if (radon_objects_pin(name) != RADON_OK || radon_objects_unpin(name) != RADON_OK) count("violation/unpin", name);
    }
    if (radon_state_open(radon_text("known"), &known) != RADON_OK) __builtin_trap();
    if (radon_bucket_put(known, radon_text("last"), name) != RADON_OK) __builtin_trap();
    radon_bucket_drop(known);
}

static radon_outcome poke(radon_message message, radon_bytes id) {
    uint64_t random = radon_random_next();
    remember();
    count("applied/", id);
    for (uint64_t hops = random % 4; hops > 0; hops--) hop(radon_random_next());
    if (random & 0x10) arm(radon_random_next());
    if (random & 0x20) ask(radon_random_next());
    radon_bytes attempt = words("/", radon_format_u64(radon_message_attempt(message)));
#ifndef DIRECT
    if ((random & 0xc0) == 0) call(radon_random_next(), radon_concat(id, attempt));
#endif
    if (random & 0x1000) look_again();
    if (random & 0x800) put(radon_random_next(), words("object ", radon_concat(id, attempt)));
    if (random & 0x100) postpone(radon_random_next());
    if ((random & 0x600) == 0) spawn(radon_random_next());
    if (radon_message_wants_reply(message)) RADON_TRY(radon_message_reply(message, id));
    if (radon_message_attempt(message) < 2 && radon_random_next() % 6 == 0) {
        if (radon_random_next() % 2) __builtin_trap();
        return radon_fail("unlucky");
    }
    return RADON_DONE;
}

RADON_RECEIVE(message, body) {
    radon_bytes rest = body, word = radon_cut(&rest, ' ');
    radon_address sender;
    if (radon_is(word, "poke")) return poke(message, rest);
    if (radon_is(word, "hop")) {
        int64_t number;
        if (!radon_message_sender(message, &sender) || !radon_parse_s64(rest, &number)) __builtin_trap();
        if (count("in/", radon_address_text(sender)) != number) count("violation/order", radon_text(""));
        if (radon_message_attempt(message) < 2 && radon_random_next() % 6 == 0) return radon_fail("stumbled");
    } else if (radon_is(word, "ask")) { /* the duty is kept and the answer given by a timer */
        int64_t token = count("tokens", radon_text(""));
        count("armed/", radon_format_s64(token));
        RADON_TRY(radon_message_keep(message, (uint64_t)token));
        RADON_TRY(radon_clock_set_timer(radon_random_next() % SECOND, (uint64_t)token));
    } else if (radon_is(word, "echo")) {
        if (count("echoed/", rest) > 1) count("violation/called-twice", radon_text(""));
        RADON_TRY(radon_message_reply(message, rest));
    } else if (radon_is(word, "read")) {
        radon_bytes name = radon_cut(&rest, ' ');
        read(radon_random_next(), name, rest);
        if (radon_message_attempt(message) < 2 && radon_random_next() % 6 == 0) return radon_fail("stumbled");
    } else if (radon_is(word, "late")) {
        count("arrived/", rest);
    }
    return RADON_DONE;
}

RADON_START(args) {
    uint64_t status;
    if (radon_parse_u64(args, &status)) radon_lifecycle_exit((uint32_t)status);
    return RADON_DONE;
}

RADON_REPLIED(token, error, answer) {
    count("answered/", radon_format_u64(token));
    if (error != RADON_OK || !radon_is(answer, "here")) count("violation/answer", radon_text(""));
    return RADON_DONE;
}

RADON_FIRED(token) {
    radon_message question;
    count("fired/", radon_format_u64(token));
    if (radon_messaging_kept(token, &question)) {
        RADON_TRY(radon_message_reply(question, radon_text("here")));
        radon_message_drop(question);
    }
    return RADON_DONE;
}

RADON_DOWN(token, status) {
    if (status != token) count("violation/status", radon_text(""));
    count("ended/", radon_format_u64(token));
    return RADON_DONE;
}

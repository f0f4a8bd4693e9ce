/* script.c - an atom that does what its messages say: one line of script, one syscall. The language: script_machine.h.
 *
 * A verb is named as in the table of syscalls, without the interface of a resource's methods: `bucket.get`,
 * `messaging.open`, `clock.now`. It takes its parameters in the order of radon.wit, lists last. `receive` runs the
 * body and answers with the output, unless the script answered, kept, forwarded or was `silent`; `$message` is the
 * message. `start` runs its args. The other handlers run the entry of the bucket "scripts" that has their name, if
 * there is one, with `$token` and, as it comes, `$error`, `$answer` and `$status`. All but `receive` note what they got
 * and what came of it in the bucket "events". With DIRECT defined, no syscall is imported that suspends.
 */
#include "script_machine.h"

static void run(machine *m, radon_bytes script);
static void carry_out(line *c);
static volatile size_t turns; /* of this instance, since `memory.count` counts */

/* ---- handles by name ---- */

static radon_error open_address(radon_bytes name, int32_t *handle) {
    radon_address opened;
    radon_error error = radon_messaging_open(name, &opened);
    *handle = opened.handle;
    return error;
}

static radon_error open_bucket(radon_bytes name, int32_t *handle) {
    radon_bucket opened;
    radon_error error = radon_state_open(name, &opened);
    *handle = opened.handle;
    return error;
}

static radon_address take_address(line *c) { return (radon_address){take_opened(c, ADDRESS, open_address)}; }
static radon_bucket take_bucket(line *c) { return (radon_bucket){take_opened(c, BUCKET, open_bucket)}; }
static radon_message take_message(line *c) { return (radon_message){take_held(c, MESSAGE)}; }
static radon_object take_object(line *c) { return (radon_object){take_held(c, OBJECT)}; }

/* ---- verbs: the words first, then the syscall, unless a word was wrong ---- */

#define VERB(name) static void name(line *c)
#define READY                          \
    do {                               \
        if (c->fault != NULL) return; \
    } while (0)

static void give_option(line *c, radon_option value) {
    if (value.some) give(c, value.value);
    else give_none(c);
}

VERB(messaging_self) { give_handle(c, ADDRESS, radon_messaging_self().handle); }

VERB(messaging_open) {
    radon_bytes name = take_bytes(c);
    int32_t handle;
    READY;
    if (went_well(c, open_address(name, &handle))) give_handle(c, ADDRESS, handle);
}

VERB(messaging_unseal) {
    radon_bytes sealed = take_bytes(c);
    radon_address address;
    READY;
    if (went_well(c, radon_messaging_unseal(sealed, &address))) give_handle(c, ADDRESS, address.handle);
}

VERB(messaging_kept) {
    uint64_t token = take_number(c);
    radon_message message;
    READY;
    if (radon_messaging_kept(token, &message)) give_handle(c, MESSAGE, message.handle);
    else give_none(c);
}

VERB(address_text) {
    radon_address self = take_address(c);
    READY;
    give(c, radon_address_text(self));
}

VERB(address_distance) {
    static const char *const names[] = {"same-domain", "same-process", "same-host", "remote"};
    radon_address self = take_address(c);
    READY;
    give(c, radon_text(names[radon_address_distance(self)]));
}

VERB(address_seal) {
    radon_address self = take_address(c);
    READY;
    give(c, radon_address_seal(self));
}

VERB(address_send) {
    radon_address self = take_address(c);
    radon_bytes body = take_bytes(c);
    READY;
    went_well(c, radon_address_send(self, body));
}

VERB(address_cast) {
    radon_address self = take_address(c);
    radon_bytes body = take_bytes(c);
    READY;
    went_well(c, radon_address_cast(self, body));
}

VERB(address_send_later) {
    radon_address self = take_address(c);
    radon_bytes body = take_bytes(c);
    uint64_t delay = take_number(c);
    READY;
    went_well(c, radon_address_send_later(self, body, delay));
}

VERB(address_request) {
    radon_address self = take_address(c);
    radon_bytes body = take_bytes(c);
    uint64_t timeout = take_number(c), token = take_number(c);
    READY;
    went_well(c, radon_address_request(self, body, timeout, token));
}

VERB(address_drop) { /* of a register */
    radon_bytes word = next_plain(c);
    slot *held = word.len > 1 && word.data[0] == '$' ? find_slot(c->machine, radon_slice(word, 1, word.len)) : NULL;
    if (held == NULL || held->lent || held->sort == NOTHING || held->sort == BYTES) {
        fault(c, "unset");
        return;
    }
    drop_handle(held);
    held->sort = NOTHING;
}

#ifndef DIRECT

VERB(address_call) {
    radon_address self = take_address(c);
    radon_bytes body = take_bytes(c), answer;
    uint64_t timeout = take_number(c);
    READY;
    if (went_well(c, radon_address_call(self, body, timeout, &answer))) give(c, answer);
}

VERB(lifecycle_wait) {
    radon_address target = take_address(c);
    uint64_t timeout = take_number(c);
    uint32_t status;
    READY;
    if (went_well(c, radon_lifecycle_wait(target, timeout, &status))) give_number(c, status);
}

VERB(clock_sleep) {
    uint64_t duration = take_number(c);
    READY;
    radon_clock_sleep(duration);
}

#endif

VERB(message_sender) {
    radon_message self = take_message(c);
    radon_address sender;
    READY;
    if (radon_message_sender(self, &sender)) give_handle(c, ADDRESS, sender.handle);
    else give_none(c);
}

VERB(message_wants_reply) {
    radon_message self = take_message(c);
    READY;
    give_number(c, radon_message_wants_reply(self));
}

VERB(message_id) {
    radon_message self = take_message(c);
    READY;
    give(c, radon_message_id(self));
}

VERB(message_attempt) {
    radon_message self = take_message(c);
    READY;
    give_number(c, radon_message_attempt(self));
}

VERB(message_deadline) {
    radon_message self = take_message(c);
    READY;
    give_number(c, radon_message_deadline(self));
}

VERB(message_topic) {
    radon_message self = take_message(c);
    READY;
    give_option(c, radon_message_topic(self));
}

VERB(message_metadata) {
    radon_message self = take_message(c);
    radon_bytes name = take_bytes(c);
    READY;
    give_option(c, radon_message_metadata(self, name));
}

VERB(message_reply) {
    radon_message self = take_message(c);
    radon_bytes body = take_bytes(c);
    READY;
    went_well(c, radon_message_reply(self, body));
}

VERB(message_reply_with) { /* the body, then names and values */
    radon_message self = take_message(c);
    radon_bytes body = take_bytes(c);
    radon_pair pairs[16];
    size_t count = 0;
    while (count < 16 && has_more(c) && c->fault == NULL) {
        pairs[count].name = take_bytes(c);
        pairs[count++].value = take_bytes(c);
    }
    READY;
    went_well(c, radon_message_reply_with(self, (radon_pair_list){pairs, count}, body));
}

VERB(message_forward) {
    radon_message self = take_message(c);
    radon_address to = take_address(c);
    READY;
    went_well(c, radon_message_forward(self, to));
}

VERB(message_keep) {
    radon_message self = take_message(c);
    uint64_t token = take_number(c);
    READY;
    went_well(c, radon_message_keep(self, token));
}

/* script_messaging.h - the verbs of script.c for addresses and messages; the others are in script_syscalls.h. */
#ifndef SCRIPT_MESSAGING_H
#define SCRIPT_MESSAGING_H

#include "script_machine.h"

static radon_error open_address(radon_bytes name, int32_t *handle) {
    radon_address opened;
    radon_error error = radon_messaging_open(name, &opened);
    *handle = opened.handle;
    return error;
}

static radon_address take_address(line *c) { return (radon_address){take_opened(c, ADDRESS, open_address)}; }
static radon_message take_message(line *c) { return (radon_message){take_held(c, MESSAGE)}; }

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

VERB(messaging_answer_metadata) {
    radon_bytes name = take_bytes(c);
    READY;
    give_option(c, radon_messaging_answer_metadata(name));
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

#ifndef DIRECT

VERB(address_call) {
    radon_address self = take_address(c);
    radon_bytes body = take_bytes(c), answer;
    uint64_t timeout = take_number(c);
    READY;
    if (went_well(c, radon_address_call(self, body, timeout, &answer))) give(c, answer);
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

#endif

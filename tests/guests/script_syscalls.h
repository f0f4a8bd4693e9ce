/* script_syscalls.h - one verb of script.c for every syscall: take the words, make the syscall, give what it answers.
 *
 * The words are the parameters in the order of radon.wit, but for lists, which come last. With DIRECT defined, no
 * syscall is imported that suspends.
 */
#ifndef SCRIPT_SYSCALLS_H
#define SCRIPT_SYSCALLS_H

#include "script_messaging.h"

/* ---- state ---- */

static radon_error open_bucket(radon_bytes name, int32_t *handle) {
    radon_bucket opened;
    radon_error error = radon_state_open(name, &opened);
    *handle = opened.handle;
    return error;
}

static radon_bucket take_bucket(line *c) { return (radon_bucket){take_opened(c, BUCKET, open_bucket)}; }

VERB(state_open) {
    radon_bytes name = take_bytes(c);
    int32_t handle;
    READY;
    if (went_well(c, open_bucket(name, &handle))) give_handle(c, BUCKET, handle);
}

VERB(bucket_get) {
    radon_bucket self = take_bucket(c);
    radon_bytes key = take_bytes(c);
    radon_option value;
    READY;
    if (went_well(c, radon_bucket_get(self, key, &value))) give_option(c, value);
}

VERB(bucket_get_many) {
    radon_bucket self = take_bucket(c);
    radon_bytes keys[64];
    size_t count = 0;
    radon_option_list values;
    while (count < 64 && has_more(c) && c->fault == NULL) keys[count++] = take_bytes(c);
    READY;
    if (!went_well(c, radon_bucket_get_many(self, (radon_bytes_list){keys, count}, &values))) return;
    for (size_t index = 0; index < values.len; index++) {
        if (values.data[index].some) give_word(c, values.data[index].value);
        else give_none(c);
    }
}

VERB(bucket_put) {
    radon_bucket self = take_bucket(c);
    radon_bytes key = take_bytes(c), value = take_bytes(c);
    READY;
    went_well(c, radon_bucket_put(self, key, value));
}

VERB(bucket_delete) {
    radon_bucket self = take_bucket(c);
    radon_bytes key = take_bytes(c);
    READY;
    went_well(c, radon_bucket_delete(self, key));
}

VERB(bucket_delete_range) {
    radon_bucket self = take_bucket(c);
    radon_option start = take_option(c), end = take_option(c);
    READY;
    went_well(c, radon_bucket_delete_range(self, start, end));
}

VERB(bucket_add) {
    radon_bucket self = take_bucket(c);
    radon_bytes key = take_bytes(c);
    int64_t delta = take_signed(c), total;
    READY;
    if (went_well(c, radon_bucket_add(self, key, delta, &total))) give(c, radon_format_s64(total));
}

VERB(bucket_scan) {
    radon_bucket self = take_bucket(c);
    radon_option start = take_option(c), end = take_option(c);
    uint32_t limit = (uint32_t)take_number(c);
    bool backwards = take_number(c) != 0;
    radon_entry_list entries;
    READY;
    if (!went_well(c, radon_bucket_scan(self, start, end, limit, backwards, &entries))) return;
    for (size_t index = 0; index < entries.len; index++) {
        give_word(c, entries.data[index].key);
        give_word(c, entries.data[index].value);
    }
}

/* ---- objects ---- */

static radon_object take_object(line *c) { return (radon_object){take_held(c, OBJECT)}; }

VERB(objects_put) {
    radon_bytes body = take_bytes(c);
    radon_object object;
    READY;
    if (went_well(c, radon_objects_put(body, &object))) give_handle(c, OBJECT, object.handle);
}

VERB(objects_open) {
    radon_bytes name = take_bytes(c);
    radon_object object;
    READY;
    if (went_well(c, radon_objects_open(name, &object))) give_handle(c, OBJECT, object.handle);
}

VERB(objects_pin) {
    radon_bytes name = take_bytes(c);
    READY;
    went_well(c, radon_objects_pin(name));
}

VERB(objects_unpin) {
    radon_bytes name = take_bytes(c);
    READY;
    went_well(c, radon_objects_unpin(name));
}

VERB(object_name) {
    radon_object self = take_object(c);
    READY;
    give(c, radon_object_name(self));
}

VERB(object_size) {
    radon_object self = take_object(c);
    READY;
    give_number(c, radon_object_size(self));
}

VERB(object_read) {
    radon_object self = take_object(c);
    uint64_t offset = take_number(c);
    uint32_t length = (uint32_t)take_number(c);
    radon_bytes part;
    READY;
    if (went_well(c, radon_object_read(self, offset, length, &part))) give(c, part);
}

/* ---- lives, topics ---- */

VERB(lifecycle_spawn) {
    radon_bytes kind = take_bytes(c), args = take_bytes(c);
    radon_address child;
    READY;
    if (went_well(c, radon_lifecycle_spawn(kind, args, &child))) give_handle(c, ADDRESS, child.handle);
}

/* `$w = lifecycle.spawn-many ...` sets $w.0, $w.1, ... */
VERB(lifecycle_spawn_many) {
    radon_bytes kind = take_bytes(c), target = c->target;
    uint32_t count = (uint32_t)take_number(c);
    radon_bytes args = take_bytes(c);
    radon_address_list children;
    READY;
    if (!went_well(c, radon_lifecycle_spawn_many(kind, count, args, &children))) return;
    for (size_t index = 0; index < children.len; index++) {
        if (target.len != 0 && !radon_is(target, "_"))
            c->target = radon_concat(radon_concat(target, radon_text(".")), radon_format_u64(index));
        give_handle(c, ADDRESS, children.data[index].handle);
    }
    c->target = target;
}

VERB(lifecycle_exit) {
    uint32_t status = (uint32_t)take_number(c);
    READY;
    radon_lifecycle_exit(status);
}

VERB(lifecycle_stop) {
    radon_address target = take_address(c);
    READY;
    went_well(c, radon_lifecycle_stop(target));
}

VERB(lifecycle_monitor) {
    radon_address target = take_address(c);
    uint64_t token = take_number(c);
    READY;
    went_well(c, radon_lifecycle_monitor(target, token));
}

#ifndef DIRECT

VERB(lifecycle_wait) {
    radon_address target = take_address(c);
    uint64_t timeout = take_number(c);
    uint32_t status;
    READY;
    if (went_well(c, radon_lifecycle_wait(target, timeout, &status))) give_number(c, status);
}

#endif

VERB(topics_publish) {
    radon_bytes topic = take_bytes(c), body = take_bytes(c);
    READY;
    went_well(c, radon_topics_publish(topic, body));
}

VERB(topics_subscribe) {
    radon_bytes topic = take_bytes(c);
    READY;
    went_well(c, radon_topics_subscribe(topic));
}

VERB(topics_unsubscribe) {
    radon_bytes topic = take_bytes(c);
    READY;
    went_well(c, radon_topics_unsubscribe(topic));
}

/* ---- the surroundings ---- */

VERB(clock_now) { give_number(c, radon_clock_now()); }

VERB(clock_set_timer) {
    uint64_t delay = take_number(c), token = take_number(c);
    READY;
    went_well(c, radon_clock_set_timer(delay, token));
}

VERB(clock_cancel_timer) {
    uint64_t token = take_number(c);
    READY;
    radon_clock_cancel_timer(token);
}

#ifndef DIRECT

VERB(clock_sleep) {
    uint64_t duration = take_number(c);
    READY;
    radon_clock_sleep(duration);
}

#endif

VERB(random_next) { give_number(c, radon_random_next()); }

VERB(random_fill) {
    uint32_t length = (uint32_t)take_number(c);
    READY;
    give(c, radon_random_fill(length));
}

VERB(log_write) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    radon_bytes level = take_bytes(c), text = take_bytes(c);
    size_t index = 0;
    while (index < 4 && !radon_is(level, names[index])) index++;
    if (index == 4) fault(c, "malformed");
    READY;
    radon_log_write((radon_level)index, text);
}

VERB(log_count) {
    radon_bytes name = take_bytes(c);
    uint64_t by = take_number(c);
    READY;
    radon_log_count(name, by);
}

VERB(log_observe) { /* the value as the 64 bits of its f64, a decimal number */
    radon_bytes name = take_bytes(c);
    uint64_t bits = take_number(c);
    double value;
    READY;
    __builtin_memcpy(&value, &bits, sizeof value);
    radon_log_observe(name, value);
}

VERB(config_get) {
    radon_bytes name = take_bytes(c);
    READY;
    give_option(c, radon_config_get(name));
}

/* ---- the ends of handles: of the register's, before the turn ends ---- */

static void drop_register(line *c, sort wanted) {
    radon_bytes word = next_plain(c);
    slot *held = word.len > 1 && word.data[0] == '$' ? find_slot(c->machine, radon_slice(word, 1, word.len)) : NULL;
    if (held == NULL || held->lent || held->sort != wanted) {
        fault(c, "unset");
        return;
    }
    drop_handle(held);
    held->sort = NOTHING;
}

VERB(address_drop) { drop_register(c, ADDRESS); }
VERB(message_drop) { drop_register(c, MESSAGE); }
VERB(bucket_drop) { drop_register(c, BUCKET); }
VERB(object_drop) { drop_register(c, OBJECT); }

#endif

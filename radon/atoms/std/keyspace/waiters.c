/* waiters.c - messages that wait until there is something to pop, or in line (lines.c).
 *
 *     waiters   bucket: 'k', length of the key (u32, big-endian), key, place (u64, big-endian) -> nothing
 *                       'p', place -> the keys, each behind its length (u32)
 *
 * A place in the queue is a number, and the token under which the message is kept. Who waits is told when there may be
 * something, and asks again: so nothing is popped for somebody who is gone. A connection that ends withdraws; but what
 * restarts has no connections any more, and so a new instance watches all who wait, as those who have subscribed.
 */
#include "keyspace.h"

static radon_bucket waiters;
static bool waiting;          /* there may be some */
static radon_message current; /* the message of this turn */
static radon_buffer ready;    /* keys, each behind its length, in the turn's memory */

void key_is_ready(radon_bytes key) {
    if (waiting) dump_add(&ready, key);
}

/* The places of those who wait for a key lie between this with `place` 0 and that with the highest. */
static radon_bytes name_of_key(radon_bytes key, uint64_t place) {
    uint8_t *bytes = radon_alloc(13 + key.len);
    bytes[0] = 'k';
    radon_store_u32(bytes + 1, __builtin_bswap32((uint32_t)key.len));
    memcpy(bytes + 5, key.data, key.len);
    radon_store_u64_key(bytes + 5 + key.len, place);
    return (radon_bytes){bytes, 13 + key.len};
}

static radon_bytes name_of_place(uint64_t place) {
    uint8_t *bytes = radon_alloc(9);
    bytes[0] = 'p';
    radon_store_u64_key(bytes + 1, place);
    return (radon_bytes){bytes, 9};
}

/* Whoever waits there does not any more. False: nobody does. */
static bool forget(uint64_t place) {
    radon_option keys;
    radon_bytes rest, key;
    if (radon_bucket_get(waiters, name_of_place(place), &keys) != RADON_OK || !keys.some) return false;
    for (rest = keys.value; dump_take(&rest, &key);) radon_bucket_delete(waiters, name_of_key(key, place));
    radon_bucket_delete(waiters, name_of_place(place));
    return true;
}

static void tell(radon_message message, kv_status status, uint64_t place, radon_bytes why) {
    uint8_t number[8];
    radon_store_u64(number, place);
    radon_message_reply(message, answer(status, 0, radon_concat((radon_bytes){number, 8}, why)));
    radon_message_drop(message);
}

/* Whoever waits there is answered, if somebody does, and waits no more. */
static void release(uint64_t place, kv_status status) {
    radon_message message;
    if (forget(place) && radon_messaging_kept(place, &message)) tell(message, status, place, KV_NOTHING);
}

void waiters_withdraw(uint64_t place) { release(place, KV_CONFLICT); }

kv_status waiters_add(const radon_bytes *keys, size_t count, uint64_t place) {
    radon_buffer all = {0};
    if (place == 0) TRY(entries_number(&place));
    else waiters_withdraw(place);
    for (size_t index = 0; index < count; index++) {
        dump_add(&all, keys[index]);
        TRY(entries_write(waiters, name_of_key(keys[index], place), radon_some(KV_NOTHING), RADON_NONE));
    }
    TRY(entries_write(waiters, name_of_place(place), radon_some(radon_buffer_bytes(&all)), RADON_NONE));
    waiting = true;
    return radon_message_keep(current, place) == RADON_OK ? KV_OK : KV_INVALID;
}

/* With `all` of those in line too, who wait for nothing to pop. */
static radon_bytes places(bool all) {
    radon_buffer out = {0};
    radon_bytes start = radon_text("p");
    radon_entry_list page;
    while (waiting && radon_bucket_scan(waiters, radon_some(start), radon_some(radon_text("q")), 256, false, &page) == RADON_OK &&
           page.len > 0) {
        for (size_t index = 0; index < page.len; index++) {
            radon_entry it = page.data[index];
            if (all || it.value.data[4] != DATABASE_OF_LINES) radon_buffer_add(&out, radon_slice(it.key, 1, 9));
        }
        start = key_after(page.data[page.len - 1].key);
    }
    return radon_buffer_bytes(&out);
}

radon_bytes waiters_places(void) { return places(false); }

static bool is_from(radon_message message, radon_bytes atom) {
    radon_address sender;
    if (!radon_message_sender(message, &sender)) return false;
    bool is = radon_equal(radon_address_text(sender), atom);
    radon_address_drop(sender);
    return is;
}

bool waiters_unblock(radon_bytes atom, radon_bytes why) {
    radon_message message;
    for (radon_bytes rest = places(false); rest.len >= 8; rest = radon_slice(rest, 8, rest.len)) {
        uint64_t place = radon_load_u64_key(rest.data);
        if (!radon_messaging_kept(place, &message)) continue;
        if (is_from(message, atom)) {
            forget(place);
            tell(message, KV_CONFLICT, place, why);
            return true;
        }
        radon_message_keep(message, place);
        radon_message_drop(message);
    }
    return false;
}

static void watch_all(void) {
    radon_message message;
    radon_address sender;
    for (radon_bytes rest = places(true); rest.len >= 8; rest = radon_slice(rest, 8, rest.len)) {
        uint64_t place = radon_load_u64_key(rest.data);
        if (!is_place(place) || !radon_messaging_kept(place, &message)) continue;
        if (radon_message_sender(message, &sender)) {
            radon_lifecycle_monitor(sender, place);
            radon_address_drop(sender);
        }
        radon_message_keep(message, place);
        radon_message_drop(message);
    }
}

kv_status waiters_begin(radon_message message) {
    current = message;
    ready = (radon_buffer){0};
    if (waiters.handle != 0) return KV_OK;
    radon_entry_list some;
    radon_error error = radon_state_open(radon_text("waiters"), &waiters);
    if (error == RADON_OK) error = radon_bucket_scan(waiters, RADON_NONE, RADON_NONE, 1, false, &some);
    waiting = error == RADON_OK && some.len > 0;
    if (waiting) watch_all();
    return error == RADON_OK ? KV_OK : KV_INVALID;
}

static void wake_those_of(radon_bytes key) {
    radon_option start = radon_some(name_of_key(key, 0)), end = radon_some(name_of_key(key, UINT64_MAX));
    radon_entry_list page;
    while (radon_bucket_scan(waiters, start, end, 256, false, &page) == RADON_OK && page.len > 0) {
        for (size_t index = 0; index < page.len; index++) {
            radon_bytes name = page.data[index].key;
            release(radon_load_u64_key(name.data + name.len - 8), KV_READY);
        }
    }
}

void waiters_wake(void) {
    radon_bytes rest = radon_buffer_bytes(&ready), key;
    while (dump_take(&rest, &key)) {
        entry it;
        bool some = entry_load(key, &it) == KV_OK && it.some;
        if (some && (it.tag == TYPE_LIST || it.tag == TYPE_ZSET)) wake_those_of(key);
    }
}

/* Whether there is still somebody who hears it. */
static bool release_in_time(uint64_t place, uint64_t now) {
    radon_message message;
    if (!forget(place) || !radon_messaging_kept(place, &message)) return false;
    bool heard = radon_message_deadline(message) == 0 || radon_message_deadline(message) > now;
    tell(message, KV_READY, place, KV_NOTHING);
    return heard;
}

uint64_t waiters_call_first(radon_bytes key, uint64_t now) {
    radon_option start = radon_some(name_of_key(key, 0)), end = radon_some(name_of_key(key, UINT64_MAX));
    radon_entry_list first;
    while (waiting && radon_bucket_scan(waiters, start, end, 1, false, &first) == RADON_OK && first.len > 0) {
        radon_bytes name = first.data[0].key;
        uint64_t place = radon_load_u64_key(name.data + name.len - 8);
        if (release_in_time(place, now)) return place;
    }
    return 0;
}

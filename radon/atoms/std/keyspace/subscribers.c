/* subscribers.c - who has subscribed to what, and what is published: the commands of redis/pubsub.h.
 *
 *     subscribers   bucket: 'a', sealed address -> number of that connection (u64, big-endian)
 *                           'n', number -> sealed address
 *                           'o', number, 'c' or 'p', name -> nothing: it has subscribed to that
 *                           'c', channel -> how many have (u64)
 *                           'p', pattern -> how many have
 *
 * A connection that ends is heard of, for it is watched. What restarts has no connections any more, and nobody tells:
 * so a new instance watches all again, and hears of those that do not live at once.
 */
#include "keyspace.h"

#include "../redis/pubsub.h"

#include "scans.h"

static radon_bucket subscribers;
static radon_message current;
static bool watching;           /* this instance watches all that are known */
static radon_buffer publishing; /* channels and messages, each behind its length, in the turn's memory */

static radon_bytes name_of(char letter, radon_bytes rest) {
    uint8_t *name = radon_alloc(1 + rest.len);
    name[0] = (uint8_t)letter;
    memcpy(name + 1, rest.data, rest.len);
    return (radon_bytes){name, 1 + rest.len};
}

static radon_bytes number_bytes(uint64_t number) {
    uint8_t *bytes = radon_alloc(8);
    radon_store_u64_key(bytes, number);
    return (radon_bytes){bytes, 8};
}

/* What comes behind all names with this prefix, which begins with a letter. */
static radon_bytes behind(radon_bytes prefix) {
    size_t length = prefix.len;
    while (prefix.data[length - 1] == UINT8_MAX) length--;
    radon_bytes end = radon_concat(radon_slice(prefix, 0, length), KV_NOTHING);
    ((uint8_t *)end.data)[length - 1]++;
    return end;
}

/* The next entries under a prefix, the first time with start {0}; no entries: that was all. */
static radon_entry_list next_page(radon_bytes prefix, radon_bytes *start) {
    radon_entry_list page = {0};
    radon_bytes end = behind(prefix);
    if (start->len == 0) *start = prefix;
    radon_bucket_scan(subscribers, radon_some(*start), radon_some(end), 256, false, &page);
    if (page.len > 0) *start = key_after(page.data[page.len - 1].key);
    return page;
}

static kv_status load(radon_bytes name, radon_option *out) {
    return radon_bucket_get(subscribers, name, out) == RADON_OK ? KV_OK : KV_TOO_LARGE; /* of the name */
}

/* ---- connections ---- */

static void watch_all(void) {
    radon_bytes start = {0};
    for (radon_entry_list page; (page = next_page(radon_text("n"), &start)).len > 0;) {
        for (size_t index = 0; index < page.len; index++) {
            radon_address address;
            if (radon_messaging_unseal(page.data[index].value, &address) != RADON_OK) continue;
            radon_lifecycle_monitor(address, radon_load_u64_key(page.data[index].key.data + 1));
            radon_address_drop(address);
        }
    }
}

kv_status subscribers_begin(radon_message message) {
    current = message;
    publishing = (radon_buffer){0};
    if (subscribers.handle != 0) return KV_OK;
    watching = false;
    return radon_state_open(radon_text("subscribers"), &subscribers) == RADON_OK ? KV_OK : KV_INVALID;
}

/* The number of the connection that asks. */
static kv_status sender_number(uint64_t *out) {
    radon_address sender;
    radon_option known;
    if (!radon_message_sender(current, &sender)) return KV_INVALID;
    radon_bytes sealed = radon_address_seal(sender);
    kv_status status = load(name_of('a', sealed), &known);
    if (status == KV_OK && known.some) {
        *out = radon_load_u64_key(known.value.data);
    } else if (status == KV_OK) {
        status = entries_number(out);
        radon_bytes number = number_bytes(*out);
        if (status == KV_OK) status = entries_write(subscribers, name_of('a', sealed), radon_some(number), RADON_NONE);
        if (status == KV_OK) status = entries_write(subscribers, name_of('n', number), radon_some(sealed), RADON_NONE);
        radon_lifecycle_monitor(sender, *out);
    }
    radon_address_drop(sender);
    return status;
}

/* ---- subscriptions ---- */

static kv_status number_of(char letter, radon_bytes name, uint64_t *out) {
    radon_option found;
    TRY(load(name_of(letter, name), &found));
    *out = found.some ? radon_load_u64(found.value.data) : 0;
    return KV_OK;
}

/* Makes it so that the connection has subscribed, or has not. */
static kv_status subscribe(uint64_t connection, char letter, radon_bytes name, bool on) {
    radon_bytes own = name_of('o', radon_concat(number_bytes(connection), name_of(letter, name)));
    radon_option before;
    uint64_t number;
    uint8_t bytes[8];
    TRY(load(own, &before));
    if (before.some == on) return KV_OK;
    TRY(number_of(letter, name, &number));
    radon_store_u64(bytes, number);
    radon_option was = number > 0 ? radon_some(radon_concat((radon_bytes){bytes, 8}, KV_NOTHING)) : RADON_NONE;
    on ? number++ : number--;
    radon_store_u64(bytes, number);
    radon_option is = number > 0 ? radon_some((radon_bytes){bytes, 8}) : RADON_NONE;
    TRY(entries_write(subscribers, name_of(letter, name), is, was));
    return entries_write(subscribers, own, on ? radon_some(KV_NOTHING) : RADON_NONE, before);
}

/* An end is no question that could be answered with "it is full": what there is gets less. */
RADON_DOWN(token, status) {
    radon_bytes start = {0}, number = number_bytes(token), own = name_of('o', number);
    radon_option sealed;
    RADON_TRY(entries_begin());
    types_begin((radon_message){0});
    if (is_place(token)) waiters_withdraw(token);
    for (radon_entry_list page; (page = next_page(own, &start)).len > 0;) {
        for (size_t index = 0; index < page.len; index++) {
            radon_bytes what = radon_slice(page.data[index].key, own.len, page.data[index].key.len);
            subscribe(token, (char)what.data[0], radon_slice(what, 1, what.len), false);
        }
    }
    if (load(name_of('n', number), &sealed) == KV_OK && sealed.some) {
        entries_write(subscribers, name_of('a', sealed.value), RADON_NONE, RADON_NONE);
        entries_write(subscribers, name_of('n', number), RADON_NONE, RADON_NONE);
    }
    return RADON_DONE;
}

static kv_status subscribe_all(call *c, char letter, bool on) {
    uint64_t connection;
    TRY(sender_number(&connection));
    for (size_t index = 1; index < c->argc; index++) TRY(subscribe(connection, letter, c->argv[index], on));
    reply_status(c->to, "OK");
    return KV_OK;
}

/* ---- publishing: when the turn is sure to be ---- */

static kv_status publish(call *c) {
    radon_bytes start = {0};
    uint64_t direct, all;
    if (c->argc != 3) return KV_INVALID;
    TRY(number_of('c', c->argv[1], &direct));
    all = direct;
    for (radon_entry_list page; (page = next_page(radon_text("p"), &start)).len > 0;) {
        for (size_t index = 0; index < page.len; index++) {
            radon_bytes pattern = radon_slice(page.data[index].key, 1, page.data[index].key.len);
            if (glob_matches(pattern, c->argv[1])) all += radon_load_u64(page.data[index].value.data);
        }
    }
    reply_integer(c->to, (int64_t)all);
    if (all == 0) return KV_OK;
    radon_address self = radon_messaging_self();
    radon_bytes shard = radon_address_text(self);
    radon_address_drop(self);
    dump_add(&publishing, direct > 0 ? channel_topic(c->argv[1], shard) : KV_NOTHING);
    dump_add(&publishing, all > direct ? patterns_topic(shard) : KV_NOTHING);
    dump_add(&publishing, publication(c->argv[1], c->argv[2]));
    return entries_write(subscribers, radon_text("x"), RADON_NONE, RADON_NONE); /* so that it can be told whether it is undone */
}

void subscribers_publish(void) {
    radon_bytes rest = radon_buffer_bytes(&publishing), direct, by_pattern, body;
    size_t changes;
    entries_changes(&changes);
    if (changes == 0) return; /* all was undone */
    while (dump_take(&rest, &direct) && dump_take(&rest, &by_pattern) && dump_take(&rest, &body)) {
        if (direct.len > 0) radon_topics_publish(direct, body);
        if (by_pattern.len > 0) radon_topics_publish(by_pattern, body);
    }
}

/* ---- what there is ---- */

static kv_status list_channels(call *c) {
    radon_bytes start = {0};
    size_t begin = c->to->bytes.len, count = 0;
    for (radon_entry_list page; (page = next_page(radon_text("c"), &start)).len > 0;) {
        for (size_t index = 0; index < page.len; index++) {
            radon_bytes channel = radon_slice(page.data[index].key, 1, page.data[index].key.len);
            if (c->argc > 1 && !glob_matches(c->argv[1], channel)) continue;
            reply_bulk(c->to, channel);
            count++;
        }
    }
    reply_array_around(c->to, begin, count);
    return KV_OK;
}

static kv_status count_subscribers(call *c) {
    reply_array(c->to, 2 * (c->argc - 1));
    for (size_t index = 1; index < c->argc; index++) {
        uint64_t number;
        TRY(number_of('c', c->argv[index], &number));
        reply_bulk(c->to, c->argv[index]);
        reply_integer(c->to, (int64_t)number);
    }
    return KV_OK;
}

static kv_status count_patterns(call *c) {
    radon_bytes start = {0};
    int64_t count = 0;
    for (radon_entry_list page; (page = next_page(radon_text("p"), &start)).len > 0;) count += (int64_t)page.len;
    reply_integer(c->to, count);
    return KV_OK;
}

kv_status subscribers_run(call *c) {
    if (!watching) watch_all();
    watching = true;
    if (call_is(c, 0, ".publish")) return publish(c);
    if (call_is(c, 0, ".subscribe")) return subscribe_all(c, 'c', true);
    if (call_is(c, 0, ".unsubscribe")) return subscribe_all(c, 'c', false);
    if (call_is(c, 0, ".psubscribe")) return subscribe_all(c, 'p', true);
    if (call_is(c, 0, ".punsubscribe")) return subscribe_all(c, 'p', false);
    if (call_is(c, 0, ".channels")) return list_channels(c);
    if (call_is(c, 0, ".numsub")) return count_subscribers(c);
    if (call_is(c, 0, ".numpat")) return count_patterns(c);
    return call_fail(c, "ERR no such internal command");
}

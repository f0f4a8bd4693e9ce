/* pubsub.c - SUBSCRIBE and the like. Subscriptions are state; what is published comes as messages of a topic, and goes
 * out to the peer. Shards count (redis/pubsub.h). */
#include "features.h"

#include "../redis/glob.h"
#include "../redis/pubsub.h"

/* The two sorts of subscriptions. */
typedef struct {
    char letter; /* of their keys in the bucket */
    const char *subscribe, *unsubscribe;
    const char *ask_subscribe, *ask_unsubscribe; /* what shards are asked */
} sort;

static const sort channels = {'c', "subscribe", "unsubscribe", ".subscribe", ".unsubscribe"};
static const sort patterns = {'p', "psubscribe", "punsubscribe", ".psubscribe", ".punsubscribe"};

static const sort *sort_of(int number) {
    bool plain = number == command_number_subscribe || number == command_number_unsubscribe;
    return plain ? &channels : &patterns;
}

static uint32_t *count_of(session *it, const sort *of) { return of == &channels ? &it->channels : &it->patterns; }

static bool has(connection *self, const sort *of, radon_bytes name) {
    radon_option found = {0};
    if (*count_of(&self->session, of) == 0) return false;
    return radon_bucket_get(self->bucket, session_key(of->letter, name), &found) == RADON_OK && found.some;
}

/* ---- topics ---- */

typedef radon_error change_topic(radon_bytes topic);

static radon_bytes shard_name(uint32_t shard) {
    radon_buffer name = {0};
    radon_buffer_add(&name, settings_get()->keys);
    radon_buffer_add_text(&name, "/#");
    radon_buffer_add_u64(&name, shard);
    return radon_buffer_bytes(&name);
}

static radon_error change_channel(radon_bytes channel, change_topic *change) {
    return change(channel_topic(channel, shard_name(shard_of(channel))));
}

/* Any shard may publish what a pattern fits. */
static radon_error change_patterns(change_topic *change) {
    radon_error error = RADON_OK;
    for (uint32_t shard = 0; shard < settings_get()->shards && error == RADON_OK; shard++)
        error = change(patterns_topic(shard_name(shard)));
    return error;
}

/* ---- asking shards ---- */

/* Which of the names are to change, and ask for those; false: none is. */
static bool ask_about(connection *self, const sort *of, const char *question, const arguments *names, bool present) {
    const uint32_t shards = settings_get()->shards;
    bool asked = false;
    for (uint32_t shard = 0; shard < shards; shard++) {
        arguments call = {.argv = radon_alloc((names->argc + 1) * sizeof *call.argv), .argc = 1};
        call.argv[0] = radon_text(question);
        for (size_t index = 1; index < names->argc; index++) {
            radon_bytes name = names->argv[index];
            if (of == &channels && shard_of(name) != shard) continue;
            if (has(self, of, name) == present) call.argv[call.argc++] = name;
        }
        if (call.argc == 1) continue;
        radon_buffer message = {0};
        command_begin(self, &message, 0, 0);
        wire_pack(&message, &call);
        ask(self, shard, command_finish(&message));
        asked = true;
    }
    return asked;
}

/* All that there are, as the arguments of a command. */
static arguments all_of(connection *self, const sort *of) {
    const uint32_t count = *count_of(&self->session, of);
    arguments all = {.argv = radon_alloc((count + 1) * sizeof *all.argv), .argc = 1};
    radon_bytes start = session_key(of->letter, KV_NOTHING), end = session_key((char)(of->letter + 1), KV_NOTHING);
    while (all.argc <= count) {
        radon_entry_list page;
        connection_check(self, radon_bucket_scan(self->bucket, radon_some(start), radon_some(end), 256, false, &page));
        if (page.len == 0) break;
        for (size_t index = 0; index < page.len && all.argc <= count; index++)
            all.argv[all.argc++] = radon_slice(page.data[index].key, 1, page.data[index].key.len);
        start = radon_concat(page.data[page.len - 1].key, (radon_bytes){(const uint8_t *)"", 1});
    }
    return all;
}

/* ---- the commands ---- */

static void reply_to_one(connection *self, replies *to, const char *what, radon_option name) {
    reply_push(to, 3);
    reply_bulk_text(to, what);
    reply_option(to, name);
    reply_integer(to, (int64_t)self->session.channels + self->session.patterns);
}

static void enter(connection *self, const sort *of, radon_bytes name) {
    if (has(self, of, name)) return;
    connection_check(self, radon_bucket_put(self->bucket, session_key(of->letter, name), KV_NOTHING));
    ++*count_of(&self->session, of);
    self->changed = true;
}

static void leave(connection *self, const sort *of, radon_bytes name) {
    if (!has(self, of, name)) return;
    connection_check(self, radon_bucket_delete(self->bucket, session_key(of->letter, name)));
    self->changed = true;
    bool last = --*count_of(&self->session, of) == 0;
    if (of == &channels) change_channel(name, radon_topics_unsubscribe);
    else if (last) change_patterns(radon_topics_unsubscribe);
}

/* The replies to all names of a command, as they are entered or left. */
static radon_bytes settle(connection *self, const sort *of, bool entering, const arguments *names) {
    replies to = connection_replies(self);
    const char *what = entering ? of->subscribe : of->unsubscribe;
    for (size_t index = 1; index < names->argc; index++) {
        radon_bytes name = names->argv[index];
        entering ? enter(self, of, name) : leave(self, of, name);
        reply_to_one(self, &to, what, radon_some(name));
    }
    if (names->argc == 1) reply_to_one(self, &to, what, RADON_NONE);
    return radon_buffer_bytes(&to.bytes);
}

static radon_error subscribe_to_topics(const sort *of, const arguments *names) {
    radon_error error = of == &patterns ? change_patterns(radon_topics_subscribe) : RADON_OK;
    for (size_t index = 1; index < names->argc && error == RADON_OK; index++) {
        if (names->argv[index].len >= KV_KEY_MAX) error = RADON_TOO_LARGE;
        if (of == &channels && error == RADON_OK) error = change_channel(names->argv[index], radon_topics_subscribe);
    }
    return error;
}

static verdict subscribe(connection *self, replies *to, const sort *of) {
    const arguments *call = &self->call;
    if (settings_get()->shards == 0) return ask_for_shards(self);
    if (subscribe_to_topics(of, call) != RADON_OK) {
        reply_error(to, "ERR cannot subscribe to that: does the kind have the grant subscribe:redis:*?");
        return DONE;
    }
    connection_know_peer(self);
    if (ask_about(self, of, of->ask_subscribe, call, false)) {
        gather(self, ROUND_SUBSCRIBE, KV_NOTHING);
        return BEGUN;
    }
    connection_push(self, settle(self, of, true, call));
    return DONE;
}

static verdict unsubscribe(connection *self, const sort *of) {
    arguments names = self->call.argc > 1 ? self->call : all_of(self, of);
    if (settings_get()->shards == 0 && subscribed(&self->session)) return ask_for_shards(self);
    if (ask_about(self, of, of->ask_unsubscribe, &names, true)) {
        gather(self, ROUND_SUBSCRIBE, KV_NOTHING);
        return BEGUN;
    }
    connection_push(self, settle(self, of, false, &names));
    return DONE;
}

verdict run_subscribe(connection *self, replies *to) { return subscribe(self, to, &channels); }
verdict run_unsubscribe(connection *self, replies *to) {
    (void)to;
    return unsubscribe(self, &channels);
}
verdict run_psubscribe(connection *self, replies *to) { return subscribe(self, to, &patterns); }
verdict run_punsubscribe(connection *self, replies *to) {
    (void)to;
    return unsubscribe(self, &patterns);
}

bool unsubscribe_all(connection *self) {
    const sort *of = self->session.channels > 0 ? &channels : &patterns;
    arguments names = all_of(self, of);
    if (!subscribed(&self->session) || !ask_about(self, of, of->ask_unsubscribe, &names, true)) return false;
    return gather(self, ROUND_SUBSCRIBE, KV_NOTHING);
}

void subscribe_finish(connection *self) {
    int number = command_find(self->call.argv[0]);
    bool resets = number == command_number_reset;
    const sort *of = !resets ? sort_of(number) : self->session.channels > 0 ? &channels : &patterns;
    bool entering = number == command_number_subscribe || number == command_number_psubscribe;
    kv_answer worst = gathered_worst(self);
    if (worst.status != KV_OK && entering) return connection_done(self, refusal(self, worst));
    arguments names = self->call.argc > 1 && !resets ? self->call : all_of(self, of);
    radon_bytes reply = settle(self, of, entering, &names);
    if (resets) return; /* it is run again, until there is nothing to leave any more */
    connection_push(self, reply);
    connection_done(self, KV_NOTHING);
}

/* ---- PUBLISH, PUBSUB: the shards know ---- */

/* The command in `call` with another name, and the arguments from `from` on. */
static arguments renamed(const arguments *call, const char *name, size_t from) {
    arguments it = {.argv = radon_alloc((call->argc + 1) * sizeof *it.argv), .argc = 1};
    it.argv[0] = radon_text(name);
    for (size_t index = from; index < call->argc; index++) it.argv[it.argc++] = call->argv[index];
    return it;
}

verdict run_publish(connection *self, replies *to) {
    const arguments given = self->call;
    (void)to;
    if (settings_get()->shards == 0) return ask_for_shards(self);
    self->call = renamed(&given, ".publish", 1);
    bool taken = group_add(self, shard_of(given.argv[1]));
    self->call = given;
    return taken ? DONE : LATER;
}

void publish_pack(radon_buffer *to, const arguments *call) {
    const arguments it = renamed(call, ".publish", 1);
    wire_pack(to, &it);
}

verdict run_pubsub(connection *self, replies *to) {
    const arguments given = self->call;
    bool of_patterns = is_word(given.argv[1], "numpat"), of_channels = is_word(given.argv[1], "channels");
    bool counts = is_word(given.argv[1], "numsub");
    if (!of_patterns && !of_channels && !counts) {
        reply_help(to, &commands[command_number_pubsub]);
        return DONE;
    }
    if (settings_get()->shards == 0) return ask_for_shards(self);
    self->call = renamed(&given, of_patterns ? ".numpat" : of_channels ? ".channels" : ".numsub", 2);
    bool one = of_patterns || settings_get()->shards == 1;
    verdict became = !one ? everywhere_ask(self) : group_add(self, 0) ? DONE : LATER;
    self->call = given;
    return became;
}

/* ---- what is published ---- */

static void hear(connection *self, replies *to, radon_bytes topic, radon_bytes channel, radon_bytes message) {
    if (!radon_starts_with(topic, radon_text(PATTERNS_TOPIC))) {
        if (!has(self, &channels, channel)) return;
        reply_push(to, 3);
        reply_bulk_text(to, "message");
        reply_bulk(to, channel);
        reply_bulk(to, message);
        return;
    }
    arguments all = all_of(self, &patterns);
    for (size_t index = 1; index < all.argc; index++) {
        if (!glob_matches(all.argv[index], channel)) continue;
        reply_push(to, 4);
        reply_bulk_text(to, "pmessage");
        reply_bulk(to, all.argv[index]);
        reply_bulk(to, channel);
        reply_bulk(to, message);
    }
}

bool publication_heard(connection *self, radon_message message, radon_bytes body) {
    radon_option topic = radon_message_topic(message);
    replies to = connection_replies(self);
    radon_bytes channel;
    radon_address peer;
    if (!topic.some) return false;
    if (publication_take(&body, &channel)) hear(self, &to, topic.value, channel, body);
    self->chunk = (radon_message){0}; /* the peer is not who sent this */
    if (to.bytes.len > 0 && connection_peer(self, &peer)) {
        connection_write(peer, radon_buffer_bytes(&to.bytes));
        radon_address_drop(peer);
    }
    radon_bucket_drop(self->bucket);
    return true;
}

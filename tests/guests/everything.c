/* Calls every function of radon.h once and checks what comes back; test_sdk.py is the host on the other side.
 *
 * On "ok" every syscall is to succeed, on "err" every one that can fail is to fail. The other handlers fail with their
 * arguments as text, so that the host sees what reached them.
 */
#include "radon.h"

#define CHECK(condition) \
    if (!(condition)) return radon_fail(#condition)

static radon_outcome messages(radon_message message) {
    radon_address sender, self = radon_messaging_self(), opened, unsealed;
    radon_message kept;
    radon_option topic = radon_message_topic(message), trace = radon_message_metadata(message, radon_text("trace"));
    radon_option absent = radon_message_metadata(message, radon_text("absent"));
    CHECK(radon_message_sender(message, &sender));
    CHECK(radon_message_wants_reply(message));
    CHECK(radon_is(radon_message_id(message), "an id"));
    CHECK(radon_message_attempt(message) == 4000000000u);
    CHECK(radon_message_deadline(message) == 0xFFFFFFFFFFFFFFFE);
    CHECK(topic.some && radon_is(topic.value, "news"));
    CHECK(trace.some && trace.value.len == 0);
    CHECK(!absent.some);
    CHECK(radon_is(radon_address_text(sender), "kind/key"));
    CHECK(radon_address_distance(sender) == RADON_DISTANCE_SAME_HOST);
    CHECK(radon_is(radon_address_seal(sender), "sealed"));
    CHECK(radon_messaging_open(radon_text("kv/\xC3\xA9"), &opened) == RADON_OK);
    CHECK(radon_messaging_unseal(radon_text("sealed"), &unsealed) == RADON_OK);
    CHECK(radon_messaging_kept(77, &kept));
    radon_message_drop(kept);
    CHECK(!radon_messaging_kept(78, &kept) && kept.handle == 0);
    CHECK(radon_is(radon_messaging_answer_metadata(radon_text("http.status")).value, "202"));
    radon_address_drop(sender);
    radon_address_drop(opened);
    radon_address_drop(unsealed);
    radon_address_drop(self);
    return RADON_DONE;
}

static radon_outcome sending(radon_message message, radon_error expected) {
    radon_pair pairs[] = {{radon_text("status"), radon_text("200")}, {radon_text("empty"), radon_text("")}};
    radon_address self = radon_messaging_self();
    radon_bytes answer;
    CHECK(radon_address_send(self, radon_text("send")) == expected);
    CHECK(radon_address_cast(self, (radon_bytes){0}) == expected);
    CHECK(radon_address_send_later(self, radon_text("later"), 1ull << 40) == expected);
    CHECK(radon_address_request(self, radon_text("request"), 5, 6) == expected);
    CHECK(radon_address_call(self, radon_text("call"), 7, &answer) == expected);
    CHECK(radon_is(answer, expected == RADON_OK ? "answer" : ""));
    CHECK(radon_message_reply(message, radon_text("reply")) == expected);
    CHECK(radon_message_reply_with(message, (radon_pair_list){pairs, 2}, radon_text("body")) == expected);
    CHECK(radon_message_keep(message, 99) == expected);
    radon_address_drop(self);
    return RADON_DONE;
}

static radon_outcome state(void) {
    radon_bytes keys[] = {radon_text("a"), radon_text("b"), radon_text("c")};
    radon_bucket bucket;
    radon_option value;
    radon_option_list values;
    radon_entry_list entries;
    int64_t total;
    CHECK(radon_state_open(radon_text("bucket"), &bucket) == RADON_OK);
    CHECK(radon_bucket_get(bucket, radon_text("a"), &value) == RADON_OK);
    CHECK(value.some && radon_is(value.value, "1"));
    CHECK(radon_bucket_get(bucket, radon_text("b"), &value) == RADON_OK && !value.some);
    CHECK(radon_bucket_get_many(bucket, (radon_bytes_list){keys, 3}, &values) == RADON_OK && values.len == 3);
    CHECK(values.data[0].some && radon_is(values.data[0].value, "1"));
    CHECK(!values.data[1].some);
    CHECK(values.data[2].some && values.data[2].value.len == 0);
    CHECK(radon_bucket_put(bucket, radon_text("k"), radon_text("v")) == RADON_OK);
    CHECK(radon_bucket_delete(bucket, radon_text("k")) == RADON_OK);
    CHECK(radon_bucket_delete_range(bucket, RADON_NONE, radon_some(radon_text("z"))) == RADON_OK);
    CHECK(radon_bucket_add(bucket, radon_text("n"), -5, &total) == RADON_OK && total == INT64_MIN);
    CHECK(radon_bucket_scan(bucket, radon_some(radon_text("a")), RADON_NONE, 7, true, &entries) == RADON_OK);
    CHECK(entries.len == 2 && radon_is(entries.data[0].key, "k2") && radon_is(entries.data[0].value, "v2"));
    CHECK(radon_is(entries.data[1].key, "k1") && radon_is(entries.data[1].value, ""));
    radon_bucket_drop(bucket);
    return RADON_DONE;
}

static radon_outcome objects(void) {
    radon_object put, opened;
    radon_bytes part;
    CHECK(radon_objects_put(radon_text("large"), &put) == RADON_OK);
    CHECK(radon_objects_open(radon_text("abc"), &opened) == RADON_OK);
    CHECK(radon_is(radon_object_name(put), "abc"));
    CHECK(radon_object_size(put) == 1ull << 33);
    CHECK(radon_object_read(put, 1ull << 32, 5, &part) == RADON_OK && radon_is(part, "large"));
    CHECK(radon_objects_pin(radon_text("abc")) == RADON_OK);
    CHECK(radon_objects_unpin(radon_text("abc")) == RADON_OK);
    radon_object_drop(put);
    radon_object_drop(opened);
    return RADON_DONE;
}

static radon_outcome lives(void) {
    radon_address child;
    radon_address_list children;
    uint32_t status;
    CHECK(radon_lifecycle_spawn(radon_text("worker"), radon_text("args"), &child) == RADON_OK);
    CHECK(radon_lifecycle_spawn_many(radon_text("worker"), 2, radon_text(""), &children) == RADON_OK);
    CHECK(children.len == 2);
    CHECK(radon_lifecycle_monitor(child, 1) == RADON_OK);
    CHECK(radon_lifecycle_wait(children.data[1], 2, &status) == RADON_OK && status == 3);
    CHECK(radon_lifecycle_stop(child) == RADON_OK);
    radon_lifecycle_exit(4);
    radon_address_drop(children.data[0]);
    radon_address_drop(children.data[1]);
    radon_address_drop(child);
    return RADON_DONE;
}

static radon_outcome surroundings(void) {
    radon_option setting = radon_config_get(radon_text("name"));
    CHECK(radon_topics_publish(radon_text("news"), radon_text("body")) == RADON_OK);
    CHECK(radon_topics_subscribe(radon_text("news")) == RADON_OK);
    CHECK(radon_topics_unsubscribe(radon_text("news")) == RADON_OK);
    CHECK(radon_clock_now() == 1700000000000000000);
    CHECK(radon_clock_set_timer(10, 11) == RADON_OK);
    radon_clock_cancel_timer(11);
    radon_clock_sleep(12);
    CHECK(radon_random_next() == 0x0123456789ABCDEF);
    CHECK(radon_is(radon_random_fill(4), "rand"));
    radon_log_write(RADON_LEVEL_WARN, radon_text("look"));
    radon_log_count(radon_text("hits"), 2);
    radon_log_observe(radon_text("seconds"), 0.5);
    CHECK(setting.some && radon_is(setting.value, "value"));
    return RADON_DONE;
}

static radon_outcome failing(void) {
    radon_address self = radon_messaging_self(), address;
    radon_bucket bucket, none;
    radon_address_list addresses;
    radon_object object, absent;
    radon_bytes part;
    radon_option_list values;
    radon_entry_list entries;
    int64_t total;
    uint32_t status;
    CHECK(radon_messaging_open(radon_text("x"), &address) == RADON_DENIED && address.handle == 0);
    CHECK(radon_messaging_unseal(radon_text("x"), &address) == RADON_INVALID && address.handle == 0);
    CHECK(radon_state_open(radon_text("x"), &none) == RADON_NOT_FOUND && none.handle == 0);
    CHECK(radon_state_open(radon_text("bucket"), &bucket) == RADON_OK);
    CHECK(radon_bucket_get_many(bucket, (radon_bytes_list){0}, &values) == RADON_TOO_LARGE && values.len == 0);
    CHECK(radon_bucket_put(bucket, radon_text("k"), radon_text("v")) == RADON_EXHAUSTED);
    CHECK(radon_bucket_add(bucket, radon_text("n"), 1, &total) == RADON_INVALID && total == 0);
    CHECK(radon_bucket_scan(bucket, RADON_NONE, RADON_NONE, 0, false, &entries) == RADON_INVALID && entries.len == 0);
    CHECK(radon_objects_put(radon_text("x"), &absent) == RADON_TOO_LARGE && absent.handle == 0);
    CHECK(radon_objects_open(radon_text("abc"), &object) == RADON_OK);
    CHECK(radon_object_read(object, 0, 0, &part) == RADON_UNAVAILABLE && part.data == NULL && part.len == 0);
    CHECK(radon_lifecycle_spawn_many(radon_text("x"), 1, radon_text(""), &addresses) == RADON_EXHAUSTED);
    CHECK(addresses.len == 0);
    CHECK(radon_lifecycle_wait(self, 0, &status) == RADON_TIMEOUT && status == 0);
    radon_address_drop(self);
    radon_bucket_drop(bucket);
    radon_object_drop(object);
    return RADON_DONE;
}

#define STEP(outcome)                       \
    do {                                    \
        radon_outcome step = (outcome);     \
        if (step.failed) return step;       \
    } while (0)

/* Two syscalls that wasmtime's component API cannot serve: two borrows at once, and an error beside an option. */
static radon_outcome bare(radon_message message) {
    radon_address self = radon_messaging_self();
    radon_bucket bucket;
    radon_option value;
    CHECK(radon_message_forward(message, self) == RADON_UNAVAILABLE);
    CHECK(radon_state_open(radon_text("bucket"), &bucket) == RADON_OK);
    CHECK(radon_bucket_get(bucket, radon_text("key"), &value) == RADON_CLOSED && !value.some && value.value.len == 0);
    return RADON_DONE;
}

RADON_RECEIVE(message, body) {
    if (radon_is(body, "bare")) return bare(message);
    if (radon_is(body, "err")) {
        STEP(sending(message, RADON_CLOSED));
        return failing();
    }
    CHECK(radon_is(body, "ok"));
    STEP(messages(message));
    STEP(sending(message, RADON_OK));
    STEP(state());
    STEP(objects());
    STEP(lives());
    STEP(surroundings());
    return RADON_DONE;
}

RADON_START(args) { return args.len == 0 ? RADON_DONE : radon_fail_with(args); }

RADON_REPLIED(token, error, answer) {
    radon_buffer text = {0};
    radon_buffer_add_u64(&text, token);
    radon_buffer_add_byte(&text, ' ');
    radon_buffer_add_text(&text, radon_error_name(error));
    radon_buffer_add_byte(&text, ' ');
    radon_buffer_add(&text, answer);
    return radon_fail_with(radon_buffer_bytes(&text));
}

RADON_FIRED(token) { return radon_fail_with(radon_format_u64(token)); }

RADON_DOWN(token, status) {
    radon_bytes first = radon_concat(radon_format_u64(token), radon_text(" "));
    return radon_fail_with(radon_concat(first, radon_format_u64(status)));
}

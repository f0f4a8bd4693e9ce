/* kv.c - one shard of a key-value store. README.md has the messages; they are text, so that people can type them.
 *
 *     get KEY                     =VALUE, or - where there is none
 *     put KEY VALUE               +
 *     delete KEY                  +, or - where there was none
 *     add KEY DELTA               =SUM; the value is a decimal number, at first 0
 *     cas KEY LENGTH OLD NEW      + if the value was OLD, which has LENGTH bytes, and now is NEW; else as `get`
 *     cas KEY - NEW               + if there was no value; else as `get`
 *     scan LIMIT [START [END]]    LENGTH KEY VALUE\n for each key from START up to END, in byte order
 *
 * An answer that begins with ! says why nothing was done. A key is text without spaces; a value is any bytes.
 *
 * A shard handles one message at a time and a message is a turn. So every command here is atomic, and compare-and-set
 * is a plain comparison.
 */
#include "radon.h"

#define LONGEST_KEY 512

/* Commands answer through `out`. Each writes at most once, and last: whatever error it returns, nothing was written. */
typedef radon_error command(radon_bucket values, radon_bytes key, radon_bytes rest, radon_bytes *out);

static radon_bytes found(radon_option value) {
    return value.some ? radon_concat(radon_text("="), value.value) : radon_text("-");
}

static radon_error get(radon_bucket values, radon_bytes key, radon_bytes rest, radon_bytes *out) {
    radon_option value;
    radon_error error = radon_bucket_get(values, key, &value);
    *out = found(value);
    return rest.len > 0 ? RADON_INVALID : error;
}

static radon_error put(radon_bucket values, radon_bytes key, radon_bytes rest, radon_bytes *out) {
    *out = radon_text("+");
    return radon_bucket_put(values, key, rest);
}

static radon_error delete(radon_bucket values, radon_bytes key, radon_bytes rest, radon_bytes *out) {
    radon_option value;
    radon_error error = radon_bucket_get(values, key, &value);
    *out = radon_text(value.some ? "+" : "-");
    if (rest.len > 0 || error != RADON_OK) return RADON_INVALID;
    return radon_bucket_delete(values, key);
}

/* Not bucket.add, which keeps 8 binary bytes: here a counter is a value like any other, to be read with `get`. */
static radon_error add(radon_bucket values, radon_bytes key, radon_bytes rest, radon_bytes *out) {
    radon_option value;
    int64_t sum = 0, delta;
    radon_error error = radon_bucket_get(values, key, &value);
    if (error != RADON_OK) return error;
    if (value.some && !radon_parse_s64(value.value, &sum)) return RADON_INVALID;
    if (!radon_parse_s64(rest, &delta) || __builtin_add_overflow(sum, delta, &sum)) return RADON_INVALID;
    radon_bytes text = radon_format_s64(sum);
    *out = radon_concat(radon_text("="), text);
    return radon_bucket_put(values, key, text);
}

static radon_error compare_and_set(radon_bucket values, radon_bytes key, radon_bytes rest, radon_bytes *out) {
    radon_option value, expected = RADON_NONE;
    radon_bytes word = radon_cut(&rest, ' ');
    uint64_t length;
    if (!radon_is(word, "-")) {
        if (!radon_parse_u64(word, &length) || length >= rest.len || rest.data[length] != ' ') return RADON_INVALID;
        expected = radon_some(radon_slice(rest, 0, length));
        rest = radon_slice(rest, length + 1, rest.len);
    }
    radon_error error = radon_bucket_get(values, key, &value);
    if (error != RADON_OK) return error;
    *out = found(value);
    if (value.some != expected.some || (value.some && !radon_equal(value.value, expected.value))) return RADON_OK;
    *out = radon_text("+");
    return radon_bucket_put(values, key, rest);
}

/* It stops at LIMIT, or earlier where the answer would be too long: who wants more asks again, behind the last key. */
static radon_error scan(radon_bucket values, radon_bytes limit, radon_bytes rest, radon_bytes *out) {
    radon_bytes start = radon_cut(&rest, ' '), end = rest;
    radon_entry_list entries;
    radon_buffer text = {0};
    uint64_t count;
    if (!radon_parse_u64(limit, &count) || count > UINT32_MAX) return RADON_INVALID;
    radon_error error = radon_bucket_scan(values, start.len > 0 ? radon_some(start) : RADON_NONE,
        end.len > 0 ? radon_some(end) : RADON_NONE, (uint32_t)count, false, &entries);
    for (size_t index = 0; index < entries.len; index++) {
        radon_buffer_add_u64(&text, entries.data[index].value.len);
        radon_buffer_add_byte(&text, ' ');
        radon_buffer_add(&text, entries.data[index].key);
        radon_buffer_add_byte(&text, ' ');
        radon_buffer_add(&text, entries.data[index].value);
        radon_buffer_add_byte(&text, '\n');
    }
    *out = radon_buffer_bytes(&text);
    return error;
}

static command *command_called(radon_bytes verb) {
    static const struct {
        const char *verb;
        command *run;
    } commands[] = {
        {"get", get}, {"put", put}, {"delete", delete}, {"add", add}, {"cas", compare_and_set}, {"scan", scan},
    };
    for (size_t index = 0; index < sizeof commands / sizeof *commands; index++)
        if (radon_is(verb, commands[index].verb)) return commands[index].run;
    return NULL;
}

RADON_RECEIVE(message, body) {
    static radon_bucket values; /* a cache: a handle lasts as long as the instance */
    radon_bytes rest = body, verb = radon_cut(&rest, ' '), key = radon_cut(&rest, ' '), out = {0};
    command *run = command_called(verb);
    radon_error error = RADON_OK;
    if (run == NULL || key.len == 0) error = RADON_INVALID;
    else if (key.len > LONGEST_KEY) error = RADON_TOO_LARGE;
    else {
        if (values.handle == 0) RADON_TRY(radon_state_open(radon_text("values"), &values));
        error = run(values, key, rest, &out);
    }
    /* What a command cannot do is the client's to hear. To fail the turn would only have it tried again. */
    if (error != RADON_OK) out = radon_concat(radon_text("!"), radon_text(radon_error_name(error)));
    if (radon_message_wants_reply(message)) RADON_TRY(radon_message_reply(message, out));
    return RADON_DONE;
}

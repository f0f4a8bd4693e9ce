/* The SDK's functions without a host: `answer` takes a command and its argument, and gives text. See test_sdk.py. */
#include "radon.h"

#define EXPORT(name) __attribute__((export_name(name)))

static radon_bytes bytes_of(radon_buffer *out) { return radon_buffer_bytes(out); }

static radon_bytes parsed(bool good, radon_bytes number) { return good ? number : radon_text("no"); }

static void rewrite(radon_json value, radon_json_writer *writer) {
    radon_json_walk walk = radon_json_walk_of(value);
    radon_bytes text;
    bool truth;
    switch (radon_json_type_of(value)) {
    case RADON_JSON_ARRAY:
        radon_json_open_array(writer);
        while (radon_json_next(&walk)) rewrite(walk.value, writer);
        radon_json_close_array(writer);
        return;
    case RADON_JSON_OBJECT:
        radon_json_open_object(writer);
        while (radon_json_next(&walk)) {
            radon_json_string(walk.name, &text);
            radon_json_name_bytes(writer, text);
            rewrite(walk.value, writer);
        }
        radon_json_close_object(writer);
        return;
    case RADON_JSON_STRING:
        radon_json_string(value, &text);
        radon_json_put_string(writer, text);
        return;
    case RADON_JSON_BOOL:
        radon_json_bool(value, &truth);
        radon_json_put_bool(writer, truth);
        return;
    case RADON_JSON_NULL: radon_json_put_null(writer); return;
    default: radon_json_put(writer, value);
    }
}

/* "NAME\nDOCUMENT": the member's type as a digit, then its text. */
static radon_bytes member(radon_bytes rest) {
    radon_bytes name = radon_cut(&rest, '\n');
    radon_buffer out = {0}, key = {0};
    radon_json document;
    radon_buffer_add(&key, name);
    radon_buffer_add_byte(&key, 0);
    radon_json_parse(rest, &document);
    radon_json found = radon_json_get(document, (const char *)key.data);
    radon_buffer_add_u64(&out, radon_json_type_of(found));
    radon_buffer_add(&out, found.text);
    return bytes_of(&out);
}

/* Every reader of a scalar on one value: which ones took it. */
static radon_bytes readers(radon_json value) {
    radon_buffer out = {0};
    radon_bytes text;
    int64_t s64;
    uint64_t u64;
    bool truth;
    if (radon_json_bool(value, &truth)) radon_buffer_add_text(&out, truth ? "bool:true " : "bool:false ");
    if (radon_json_number(value, &text)) radon_buffer_add_text(&out, "number ");
    if (radon_json_s64(value, &s64)) radon_buffer_add_text(&out, "s64 ");
    if (radon_json_u64(value, &u64)) radon_buffer_add_text(&out, "u64 ");
    if (radon_json_string(value, &text)) radon_buffer_add_text(&out, "string ");
    if (radon_json_is(value, "t\xC3\xA9xt")) radon_buffer_add_text(&out, "is ");
    return bytes_of(&out);
}

static radon_bytes written(radon_bytes text) {
    radon_json_writer writer = {0};
    radon_json_open_object(&writer);
    radon_json_name(&writer, "s\n");
    radon_json_put_string(&writer, text);
    radon_json_name(&writer, "list");
    radon_json_open_array(&writer);
    radon_json_put_s64(&writer, INT64_MIN);
    radon_json_put_u64(&writer, UINT64_MAX);
    radon_json_open_object(&writer);
    radon_json_close_object(&writer);
    radon_json_put_bool(&writer, false);
    radon_json_close_array(&writer);
    radon_json_name(&writer, "last");
    radon_json_put_null(&writer);
    radon_json_close_object(&writer);
    return radon_json_text(&writer);
}

/* "KEEP,START,END,TEXT": what compares, cuts and slices say of the text. */
static radon_bytes pieces(radon_bytes rest) {
    radon_buffer out = {0};
    uint64_t start, end;
    radon_bytes prefix = radon_cut(&rest, ',');
    radon_parse_u64(radon_cut(&rest, ','), &start);
    radon_parse_u64(radon_cut(&rest, ','), &end);
    radon_buffer_add(&out, radon_slice(rest, start, end));
    radon_buffer_add_byte(&out, '|');
    radon_buffer_add_u64(&out, radon_find(rest, 'x'));
    radon_buffer_add_byte(&out, radon_starts_with(rest, prefix) ? '+' : '-');
    int order = radon_compare(rest, prefix);
    radon_buffer_add_byte(&out, order < 0 ? '<' : order > 0 ? '>' : '=');
    return bytes_of(&out);
}

/* The memory functions through pointers, so that they are called and not expanded. */
static radon_bytes moved(radon_bytes text) {
    static void *(*volatile copy)(void *restrict, const void *restrict, size_t) = memcpy;
    static void *(*volatile move)(void *, const void *, size_t) = memmove;
    static void *(*volatile set)(void *, int, size_t) = memset;
    static size_t (*volatile length)(const char *) = strlen;
    uint8_t *room = radon_alloc(text.len + 3);
    copy(room + 1, text.data, text.len);
    move(room, room + 1, text.len);
    move(room + 1, room, text.len);
    set(room, '<', 1);
    set(room + 1 + text.len, '>', 1);
    room[text.len + 2] = 0;
    return (radon_bytes){room, length((const char *)room)};
}

static radon_bytes binary(uint64_t number) {
    uint8_t *room = radon_alloc(28);
    radon_store_u32(room, (uint32_t)number);
    radon_store_u64(room + 5, number); /* unaligned on purpose */
    radon_store_u64_key(room + 13, number);
    bool same = radon_load_u32(room) == (uint32_t)number && radon_load_u64(room + 5) == number;
    room[4] = same && radon_load_u64_key(room + 13) == number;
    return (radon_bytes){room, 21};
}

__attribute__((noinline)) static void fall_over(void) { __builtin_trap(); }

static radon_bytes dispatch(radon_bytes command, radon_bytes argument) {
    radon_json document;
    uint64_t u64;
    int64_t s64;
    if (radon_is(command, "u64")) return parsed(radon_parse_u64(argument, &u64), radon_format_u64(u64));
    if (radon_is(command, "s64")) return parsed(radon_parse_s64(argument, &s64), radon_format_s64(s64));
    if (radon_is(command, "binary") && radon_parse_u64(argument, &u64)) return binary(u64);
    if (radon_is(command, "pieces")) return pieces(argument);
    if (radon_is(command, "moved")) return moved(argument);
    if (radon_is(command, "member")) return member(argument);
    if (radon_is(command, "written")) return written(argument);
    if (radon_is(command, "crash")) fall_over();
    if (!radon_json_parse(argument, &document)) return radon_text(document.text.len == 0 ? "refused" : "not zeroed");
    if (radon_is(command, "readers")) return readers(document);
    if (radon_is(command, "third")) return radon_json_at(document, 2).text;
    radon_json_writer writer = {0};
    rewrite(document, &writer);
    return radon_json_text(&writer);
}

EXPORT("answer") const radon_bytes *answer(const uint8_t *data, size_t len) {
    static radon_bytes result;
    radon_bytes argument = {data, len}, command = radon_cut(&argument, ' ');
    result = dispatch(command, argument);
    return &result;
}

EXPORT("turn_over") void turn_over(void) { radon_turn_over(); }

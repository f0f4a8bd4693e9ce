/* radon_json.c - what radon_json.h declares.
 *
 * One strict scanner checks the document (`scan_`...); everything later relies on that check and only skips. So a
 * radon_json must come from radon_json_parse, or from another radon_json.
 */
#include "radon_json.h"

/* ---- the scanner: each function takes one thing off the front of `rest`, or answers false ---- */

static uint8_t front(const radon_bytes *rest) { return rest->len > 0 ? rest->data[0] : 0; }

static void advance(radon_bytes *rest, size_t length) { *rest = radon_slice(*rest, length, rest->len); }

static bool take(radon_bytes *rest, uint8_t byte) {
    if (rest->len == 0 || rest->data[0] != byte) return false;
    advance(rest, 1);
    return true;
}

static void skip_space(radon_bytes *rest) {
    while (take(rest, ' ') || take(rest, '\t') || take(rest, '\n') || take(rest, '\r')) continue;
}

static bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

static bool scan_digits(radon_bytes *rest) {
    if (!is_digit(front(rest))) return false;
    while (is_digit(front(rest))) advance(rest, 1);
    return true;
}

static bool scan_number(radon_bytes *rest) {
    take(rest, '-');
    if (!take(rest, '0') && !scan_digits(rest)) return false;
    if (take(rest, '.') && !scan_digits(rest)) return false;
    if (take(rest, 'e') || take(rest, 'E')) {
        if (!take(rest, '+')) take(rest, '-');
        return scan_digits(rest);
    }
    return true;
}

/* The length of the UTF-8 sequence at the front, or 0: overlong forms, surrogates and what lies beyond U+10FFFF are not
 * UTF-8. */
static size_t utf8_length(radon_bytes rest) {
    uint8_t lead = rest.data[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (length > rest.len) return 0;
    for (size_t index = 1; index < length; index++)
        if ((rest.data[index] & 0xC0) != 0x80) return 0;
    if (lead == 0xE0 && rest.data[1] < 0xA0) return 0;
    if (lead == 0xED && rest.data[1] > 0x9F) return 0;
    if (lead == 0xF0 && rest.data[1] < 0x90) return 0;
    if (lead == 0xF4 && rest.data[1] > 0x8F) return 0;
    return length;
}

static bool take_hex4(radon_bytes *rest, uint32_t *unit) {
    *unit = 0;
    if (rest->len < 4) return false;
    for (size_t index = 0; index < 4; index++) {
        uint8_t digit = rest->data[index], lower = digit | 0x20;
        if (is_digit(digit)) digit -= '0';
        else if (lower >= 'a' && lower <= 'f') digit = (uint8_t)(lower - 'a' + 10);
        else return false;
        *unit = *unit << 4 | digit;
    }
    advance(rest, 4);
    return true;
}

/* What follows a backslash, as a code point. */
static bool take_escape(radon_bytes *rest, uint32_t *point) {
    static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    uint32_t low;
    for (size_t index = 0; index < sizeof plain - 1; index++)
        if (take(rest, (uint8_t)plain[index])) {
            *point = (uint8_t)meant[index];
            return true;
        }
    if (!take(rest, 'u') || !take_hex4(rest, point)) return false;
    if (*point < 0xD800 || *point > 0xDFFF) return true;
    if (*point > 0xDBFF || !take(rest, '\\') || !take(rest, 'u') || !take_hex4(rest, &low)) return false;
    *point = 0x10000 + ((*point - 0xD800) << 10) + (low - 0xDC00);
    return low >= 0xDC00 && low <= 0xDFFF;
}

static bool scan_string(radon_bytes *rest) {
    uint32_t point;
    if (!take(rest, '"')) return false;
    while (rest->len > 0) {
        if (take(rest, '"')) return true;
        if (take(rest, '\\')) {
            if (!take_escape(rest, &point)) return false;
            continue;
        }
        size_t length = rest->data[0] < 0x20 ? 0 : utf8_length(*rest);
        if (length == 0) return false;
        advance(rest, length);
    }
    return false;
}

static bool scan_word(radon_bytes *rest, const char *word) {
    radon_bytes expected = radon_text(word);
    if (!radon_starts_with(*rest, expected)) return false;
    advance(rest, expected.len);
    return true;
}

static bool scan_value(radon_bytes *rest, int depth);

static bool scan_list(radon_bytes *rest, int depth, bool object) {
    uint8_t close = object ? '}' : ']';
    if (depth == 0) return false;
    advance(rest, 1);
    skip_space(rest);
    if (take(rest, close)) return true;
    do {
        skip_space(rest);
        if (object) {
            if (!scan_string(rest)) return false;
            skip_space(rest);
            if (!take(rest, ':')) return false;
            skip_space(rest);
        }
        if (!scan_value(rest, depth - 1)) return false;
        skip_space(rest);
    } while (take(rest, ','));
    return take(rest, close);
}

static bool scan_value(radon_bytes *rest, int depth) {
    switch (front(rest)) {
    case '{': return scan_list(rest, depth, true);
    case '[': return scan_list(rest, depth, false);
    case '"': return scan_string(rest);
    case 't': return scan_word(rest, "true");
    case 'f': return scan_word(rest, "false");
    case 'n': return scan_word(rest, "null");
    default: return scan_number(rest);
    }
}

bool radon_json_parse(radon_bytes document, radon_json *out) {
    radon_bytes rest = document;
    *out = (radon_json){0};
    skip_space(&rest);
    radon_bytes start = rest;
    if (!scan_value(&rest, RADON_JSON_DEPTH)) return false;
    radon_bytes value = radon_slice(start, 0, start.len - rest.len);
    skip_space(&rest);
    if (rest.len > 0) return false;
    out->text = value;
    return true;
}

/* ---- walking a checked document ---- */

radon_json_type radon_json_type_of(radon_json value) {
    switch (front(&value.text)) {
    case 0: return RADON_JSON_NOTHING;
    case 'n': return RADON_JSON_NULL;
    case 't':
    case 'f': return RADON_JSON_BOOL;
    case '"': return RADON_JSON_STRING;
    case '[': return RADON_JSON_ARRAY;
    case '{': return RADON_JSON_OBJECT;
    default: return RADON_JSON_NUMBER;
    }
}

static size_t string_length(radon_bytes rest) {
    size_t index = 1;
    while (rest.data[index] != '"') index += rest.data[index] == '\\' ? 2 : 1;
    return index + 1;
}

static bool ends_scalar(uint8_t byte) {
    return byte == ',' || byte == ']' || byte == '}' || byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* The length of the value at the front. Inside a list only strings and the depth of brackets matter. */
static size_t value_length(radon_bytes rest) {
    size_t index = 0, depth = 0;
    do {
        uint8_t byte = rest.data[index];
        if (byte == '"') {
            index += string_length(radon_slice(rest, index, rest.len));
            continue;
        }
        depth += byte == '[' || byte == '{';
        depth -= byte == ']' || byte == '}';
        index++;
        if (depth == 0 && byte != ']' && byte != '}')
            while (index < rest.len && !ends_scalar(rest.data[index])) index++;
    } while (depth > 0);
    return index;
}

static radon_json take_value(radon_bytes *rest) {
    radon_json value = {radon_slice(*rest, 0, value_length(*rest))};
    advance(rest, value.text.len);
    skip_space(rest);
    return value;
}

radon_json_walk radon_json_walk_of(radon_json value) {
    radon_json_walk walk = {0};
    radon_json_type type = radon_json_type_of(value);
    if (type == RADON_JSON_ARRAY || type == RADON_JSON_OBJECT) walk.rest = value.text;
    return walk;
}

bool radon_json_next(radon_json_walk *walk) {
    radon_bytes *rest = &walk->rest;
    bool object = front(rest) == '{' || walk->name.text.len > 0;
    advance(rest, 1); /* the opening bracket, a comma, or the closing bracket, behind which nothing stands */
    skip_space(rest);
    if (rest->len == 0 || front(rest) == '}' || front(rest) == ']') {
        *walk = (radon_json_walk){0};
        return false;
    }
    if (object) {
        walk->name = take_value(rest);
        advance(rest, 1); /* the colon */
        skip_space(rest);
    }
    walk->value = take_value(rest);
    return true;
}

radon_json radon_json_get(radon_json object, const char *name) {
    radon_json_walk walk = radon_json_walk_of(object);
    while (radon_json_next(&walk))
        if (radon_json_is(walk.name, name)) return walk.value;
    return (radon_json){0};
}

radon_json radon_json_at(radon_json array, size_t index) {
    radon_json_walk walk = radon_json_walk_of(array);
    if (radon_json_type_of(array) != RADON_JSON_ARRAY) return (radon_json){0};
    while (radon_json_next(&walk))
        if (index-- == 0) return walk.value;
    return (radon_json){0};
}

/* ---- values ---- */

bool radon_json_bool(radon_json value, bool *out) {
    *out = front(&value.text) == 't';
    return radon_json_type_of(value) == RADON_JSON_BOOL;
}

bool radon_json_s64(radon_json value, int64_t *out) { return radon_parse_s64(value.text, out); }
bool radon_json_u64(radon_json value, uint64_t *out) { return radon_parse_u64(value.text, out); }

bool radon_json_number(radon_json value, radon_bytes *out) {
    bool number = radon_json_type_of(value) == RADON_JSON_NUMBER;
    *out = number ? value.text : (radon_bytes){0};
    return number;
}

static size_t utf8_write(uint8_t *to, uint32_t point) {
    size_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t index = length - 1; index > 0; index--, point >>= 6) to[index] = (uint8_t)(0x80 | (point & 0x3F));
    to[0] = (uint8_t)(lead[length] | point);
    return length;
}

/* Takes the next character of a string's inside, unescaped, into `to` (4 bytes); answers its length. */
static size_t take_character(radon_bytes *rest, uint8_t *to) {
    uint32_t point;
    if (take(rest, '\\')) {
        take_escape(rest, &point);
        return utf8_write(to, point);
    }
    to[0] = rest->data[0];
    advance(rest, 1);
    return 1;
}

static radon_bytes inside(radon_json string) { return radon_slice(string.text, 1, string.text.len - 1); }

bool radon_json_string(radon_json value, radon_bytes *out) {
    *out = (radon_bytes){0};
    if (radon_json_type_of(value) != RADON_JSON_STRING) return false;
    radon_bytes rest = inside(value);
    if (radon_find(rest, '\\') == rest.len) {
        *out = rest;
        return true;
    }
    radon_buffer text = {0};
    while (rest.len > 0) {
        uint8_t character[4];
        size_t length = take_character(&rest, character);
        radon_buffer_add(&text, (radon_bytes){character, length});
    }
    *out = radon_buffer_bytes(&text);
    return true;
}

bool radon_json_is(radon_json value, const char *text) {
    radon_bytes expected = radon_text(text);
    if (radon_json_type_of(value) != RADON_JSON_STRING) return false;
    radon_bytes rest = inside(value);
    while (rest.len > 0) {
        uint8_t character[4];
        size_t length = take_character(&rest, character);
        if (!radon_starts_with(expected, (radon_bytes){character, length})) return false;
        advance(&expected, length);
    }
    return expected.len == 0;
}

/* ---- writing ---- */

static void before(radon_json_writer *writer) {
    if (writer->comma) radon_buffer_add_byte(&writer->out, ',');
    writer->comma = true;
}

static void open_list(radon_json_writer *writer, uint8_t bracket) {
    before(writer);
    radon_buffer_add_byte(&writer->out, bracket);
    writer->comma = false;
}

static void close_list(radon_json_writer *writer, uint8_t bracket) {
    radon_buffer_add_byte(&writer->out, bracket);
    writer->comma = true;
}

void radon_json_open_object(radon_json_writer *writer) { open_list(writer, '{'); }
void radon_json_close_object(radon_json_writer *writer) { close_list(writer, '}'); }
void radon_json_open_array(radon_json_writer *writer) { open_list(writer, '['); }
void radon_json_close_array(radon_json_writer *writer) { close_list(writer, ']'); }

static void write_word(radon_json_writer *writer, radon_bytes word) {
    before(writer);
    radon_buffer_add(&writer->out, word);
}

void radon_json_put_null(radon_json_writer *writer) { write_word(writer, radon_text("null")); }
void radon_json_put(radon_json_writer *writer, radon_json value) { write_word(writer, value.text); }

void radon_json_put_bool(radon_json_writer *writer, bool value) {
    write_word(writer, radon_text(value ? "true" : "false"));
}

void radon_json_put_s64(radon_json_writer *writer, int64_t value) {
    before(writer);
    radon_buffer_add_s64(&writer->out, value);
}

void radon_json_put_u64(radon_json_writer *writer, uint64_t value) {
    before(writer);
    radon_buffer_add_u64(&writer->out, value);
}

void radon_json_put_string(radon_json_writer *writer, radon_bytes text) {
    radon_buffer *out = &writer->out;
    before(writer);
    radon_buffer_add_byte(out, '"');
    while (text.len > 0) {
        uint8_t byte = text.data[0];
        size_t length = utf8_length(text);
        if (length == 0) {
            radon_buffer_add_text(out, "\xEF\xBF\xBD");
            length = 1;
        } else if (byte < 0x20) {
            static const char digits[] = "0123456789abcdef";
            radon_buffer_add_text(out, "\\u00");
            radon_buffer_add_byte(out, (uint8_t)digits[byte >> 4]);
            radon_buffer_add_byte(out, (uint8_t)digits[byte & 15]);
        } else {
            if (byte == '"' || byte == '\\') radon_buffer_add_byte(out, '\\');
            radon_buffer_add(out, radon_slice(text, 0, length));
        }
        advance(&text, length);
    }
    radon_buffer_add_byte(out, '"');
}

void radon_json_name(radon_json_writer *writer, const char *name) { radon_json_name_bytes(writer, radon_text(name)); }

void radon_json_name_bytes(radon_json_writer *writer, radon_bytes name) {
    radon_json_put_string(writer, name);
    radon_buffer_add_byte(&writer->out, ':');
    writer->comma = false;
}

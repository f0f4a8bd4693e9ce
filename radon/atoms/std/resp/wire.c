/* wire.c - the Redis protocol: reading commands as networking.c of Redis does, byte for byte, and writing replies. */
#include "wire.h"

#define LINE_MAX 65536 /* bytes of an inline command, and of the line that tells a length */
#define ARGUMENTS_MAX INT32_MAX
#define STRANGERS_ARGUMENTS 10
#define STRANGERS_BYTES 16384

static wire_state broken(const char *fault) { return (wire_state){.result = BROKEN, .fault = radon_text(fault)}; }

static wire_state partial(size_t need) { return (wire_state){.result = PARTIAL, .need = need}; }

static const wire_state whole = {.result = WHOLE};

static void add_argument(arguments *out, radon_bytes bytes) {
    if (out->argc == out->room) {
        size_t room = out->room == 0 ? 16 : 2 * out->room;
        out->argv = radon_realloc(out->argv, out->room * sizeof *out->argv, room * sizeof *out->argv);
        out->room = room;
    }
    out->argv[out->argc++] = bytes;
}

/* ---- inline commands ---- */

static bool is_space(uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

static int hex(uint8_t digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    digit = lower(digit);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static uint8_t escaped(uint8_t letter) {
    switch (letter) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return letter;
    }
}

/* The word between `quote`s at the front of `line`. False: it has no end, or something follows right behind. */
static bool take_quoted(radon_bytes *line, uint8_t quote, radon_buffer *word) {
    const uint8_t *at = line->data + 1, *end = line->data + line->len;
    while (at < end && *at != quote) {
        bool escape = *at == '\\' && end - at > 1 && (quote == '"' || at[1] == '\'');
        if (escape && quote == '"' && at[1] == 'x' && end - at > 3 && hex(at[2]) >= 0 && hex(at[3]) >= 0) {
            radon_buffer_add_byte(word, (uint8_t)(hex(at[2]) * 16 + hex(at[3])));
            at += 4;
        } else if (escape) {
            radon_buffer_add_byte(word, quote == '"' ? escaped(at[1]) : at[1]);
            at += 2;
        } else {
            radon_buffer_add_byte(word, *at++);
        }
    }
    if (at == end || (end - at > 1 && !is_space(at[1]))) return false;
    *line = (radon_bytes){at + 1, (size_t)(end - at - 1)};
    return true;
}

static bool split(radon_bytes line, arguments *out) {
    for (;;) {
        while (line.len > 0 && is_space(line.data[0])) line = radon_slice(line, 1, line.len);
        if (line.len == 0) return true;
        radon_buffer word = {0};
        while (line.len > 0 && !is_space(line.data[0])) {
            if (line.data[0] == '"' || line.data[0] == '\'') {
                if (!take_quoted(&line, line.data[0], &word)) return false;
            } else {
                radon_buffer_add_byte(&word, line.data[0]);
                line = radon_slice(line, 1, line.len);
            }
        }
        add_argument(out, radon_buffer_bytes(&word));
    }
}

static wire_state next_inline(radon_bytes *input, arguments *out) {
    size_t end = radon_find(*input, '\n');
    if (end == input->len) return end > LINE_MAX ? broken("too big inline request") : partial(end + 1);
    radon_bytes line = radon_slice(*input, 0, end);
    if (line.len > 0 && line.data[line.len - 1] == '\r') line.len--;
    if (!split(line, out)) return broken("unbalanced quotes in request");
    *input = radon_slice(*input, end + 1, input->len);
    return whole;
}

/* ---- arrays of bulks ---- */

/* The number in the line at `at`, which ends at the first CR; what follows that counts as LF. */
static wire_result take_number(radon_bytes input, size_t *at, int64_t *out) {
    radon_bytes rest = {input.data + *at, input.len - *at};
    size_t end = 0;
    if (rest.len > 10 && rest.data[0] != '0') { /* room for nine digits and what ends them, which nearly all have */
        uint32_t number = 0, digit;
        for (; end < 9 && (digit = rest.data[end] - (uint32_t)'0') <= 9; end++) number = number * 10 + digit;
        if (end > 0 && rest.data[end] == '\r') {
            *at += end + 2;
            *out = number;
            return WHOLE;
        }
    }
    while (end < rest.len && rest.data[end] != '\r') end++;
    if (end == rest.len) return end > LINE_MAX ? BROKEN : PARTIAL;
    if (end + 1 == rest.len) return PARTIAL;
    *at += end + 2;
    return read_integer((radon_bytes){rest.data, end}, out) ? WHOLE : BROKEN;
}

static wire_state not_a_bulk(uint8_t got) {
    radon_buffer fault = {0};
    radon_buffer_add_text(&fault, "expected '$', got '");
    radon_buffer_add_byte(&fault, got);
    radon_buffer_add_text(&fault, "'");
    return (wire_state){.result = BROKEN, .fault = radon_buffer_bytes(&fault)};
}

static wire_state next_array(radon_bytes *input, wire_limits limits, arguments *out) {
    radon_bytes in = *input;
    size_t at = 1;
    int64_t count, length;
    switch (take_number(in, &at, &count)) {
    case PARTIAL: return partial(in.len + 1);
    case BROKEN: return in.len > LINE_MAX && at == 1 ? broken("too big mbulk count string") : broken("invalid multibulk length");
    default: break;
    }
    if (count > ARGUMENTS_MAX) return broken("invalid multibulk length");
    if (limits.stranger && count > STRANGERS_ARGUMENTS) return broken("unauthenticated multibulk length");
    for (; count > 0; count--) {
        if (at == in.len) return partial(at + 1);
        if (in.data[at] != '$') return not_a_bulk(in.data[at]);
        size_t begin = ++at;
        switch (take_number(in, &at, &length)) {
        case PARTIAL: return partial(in.len + 1);
        case BROKEN: return at == begin ? broken("too big bulk count string") : broken("invalid bulk length");
        default: break;
        }
        if (length < 0 || (uint64_t)length > limits.most) return broken("invalid bulk length");
        if (limits.stranger && length > STRANGERS_BYTES) return broken("unauthenticated bulk length");
        if (at + (size_t)length + 2 > in.len) return partial(at + (size_t)length + 2);
        add_argument(out, (radon_bytes){in.data + at, (size_t)length});
        at += (size_t)length + 2;
    }
    *input = (radon_bytes){in.data + at, in.len - at};
    return whole;
}

wire_state wire_next(radon_bytes *input, wire_limits limits, arguments *out) {
    out->argc = 0;
    if (input->len == 0) return partial(1);
    wire_state state = input->data[0] == '*' ? next_array(input, limits, out) : next_inline(input, out);
    if (state.result == PARTIAL && state.need > limits.total) return broken("too big command");
    return state;
}

/* ---- as shards take them ---- */

void wire_pack(radon_buffer *out, const arguments *call) {
    size_t size = 2;
    for (size_t index = 0; index < call->argc; index++) size += 4 + call->argv[index].len;
    uint8_t *to = radon_buffer_extend(out, 4 + size);
    radon_store_u32(to, (uint32_t)size);
    to[4] = (uint8_t)call->argc;
    to[5] = (uint8_t)(call->argc >> 8);
    to += 6;
    for (size_t index = 0; index < call->argc; index++) {
        radon_bytes it = call->argv[index];
        radon_store_u32(to, (uint32_t)it.len);
        memcpy(to + 4, it.data, it.len);
        to += 4 + it.len;
    }
}

bool wire_unpack(radon_bytes *packed, arguments *out) {
    if (packed->len < 6) return false;
    size_t size = radon_load_u32(packed->data), at = 6, count = packed->data[4] | (size_t)packed->data[5] << 8;
    out->argc = 0;
    for (; count > 0; count--) {
        size_t length = radon_load_u32(packed->data + at);
        add_argument(out, (radon_bytes){packed->data + at + 4, length});
        at += 4 + length;
    }
    *packed = radon_slice(*packed, 4 + size, packed->len);
    return true;
}

/* ---- replies ---- */

void reply_error_about(replies *to, const char *before, radon_bytes what, const char *after) {
    radon_buffer_add_byte(&to->bytes, '-');
    reply_text(to, before);
    for (size_t index = 0; index < what.len; index++) {
        uint8_t byte = what.data[index];
        radon_buffer_add_byte(&to->bytes, byte == '\r' || byte == '\n' ? ' ' : byte);
    }
    reply_text(to, after);
    reply_text(to, "\r\n");
}

void reply_verbatim(replies *to, radon_bytes text) {
    if (to->resp == 2) return reply_bulk(to, text);
    reply_head(to, '=', (int64_t)text.len + 4);
    reply_text(to, "txt:");
    reply_bytes(to, text);
    reply_text(to, "\r\n");
}

bool read_line(radon_bytes *reply, uint8_t *type, radon_bytes *text) {
    size_t end = radon_find(*reply, '\r');
    if (end == 0 || end + 2 > reply->len) return false;
    *type = reply->data[0];
    *text = radon_slice(*reply, 1, end);
    *reply = radon_slice(*reply, end + 2, reply->len);
    return true;
}

bool read_bulk(radon_bytes *reply, radon_bytes *out) {
    uint8_t type;
    uint64_t length;
    radon_bytes text;
    if (!read_line(reply, &type, &text) || type != '$' || !radon_parse_u64(text, &length)) return false;
    if (length + 2 > reply->len) return false;
    *out = radon_slice(*reply, 0, (size_t)length);
    *reply = radon_slice(*reply, (size_t)length + 2, reply->len);
    return true;
}

/* codec.c - see codec.h */
#include "codec.h"

#include <stdio.h>

typedef struct Layout {
    const char *fixed, *variable; /* NULL: no such tag */
    size_t variables;
} Layout;

static const Layout layouts[256] = {
#define X(tag, fixed, variable) [tag] = {fixed, variable, sizeof variable - 1},
    RECORD_LAYOUTS(X)
#undef X
};

/* An encoded delivery: id, request, form and cast, attempt, deadline, token, code, life, six lengths. */
enum { DELIVERY_HEAD = 16 + 16 + 1 + 4 + 8 + 8 + 4 + 8 + 6 * 4, ADDRESS_HEAD = 12 };

enum { MOST_FIXED = 1 + MAX_FIXED * 8 + ID_SIZE }; /* bytes of a tag and the fixed fields behind it */

static uint32_t u32_at(const uint8_t *at) {
    uint32_t number;
    memcpy(&number, at, 4);
    return number;
}

static uint64_t u64_at(const uint8_t *at) {
    uint64_t number;
    memcpy(&number, at, 8);
    return number;
}

static void patch_u32(Buffer *buffer, size_t at, size_t number) {
    uint32_t little = (uint32_t)number;
    memcpy(buffer->data + at, &little, 4);
}

/* ---- writing ---- */

/* Each of these writes where there is room, and answers where it ends. */
static inline uint8_t *put_bytes(uint8_t *to, const void *from, size_t size) {
    memcpy(to, from, size);
    return to + size;
}
static inline uint8_t *put_u32(uint8_t *to, uint32_t number) { return put_bytes(to, &number, 4); }
static inline uint8_t *put_u64(uint8_t *to, uint64_t number) { return put_bytes(to, &number, 8); }
static inline uint8_t *put_str(uint8_t *to, const Str *s) { return s ? put_bytes(to, s->data, s->size) : to; }

static inline uint32_t size_of(const Str *s) { return s ? s->size : 0; }
static inline size_t address_size(const Address *a) { return ADDRESS_HEAD + (size_t)size_of(a->kind) + size_of(a->key); }

static uint8_t *put_address(uint8_t *to, const Address *a) {
    to = put_u32(put_u64(to, a->life), size_of(a->kind));
    return put_str(put_str(to, a->kind), a->key);
}

static void put_delivery(Buffer *buffer, const Delivery *d) {
    size_t sender = is_nowhere(&d->sender) ? 0 : address_size(&d->sender);
    size_t reply = is_nowhere(&d->reply) ? 0 : address_size(&d->reply);
    size_t texts = (size_t)size_of(d->topic) + size_of(d->pair) + size_of(d->metadata) + size_of(d->body);
    uint8_t *to = buffer_extend(buffer, DELIVERY_HEAD + sender + reply + texts);
    to = put_bytes(put_bytes(to, d->id, ID_SIZE), d->request, ID_SIZE);
    *to++ = (uint8_t)(d->form | (d->cast << 7));
    to = put_u64(put_u64(put_u32(to, d->attempt), d->deadline), d->token);
    to = put_u64(put_u32(to, d->code), d->life);
    to = put_u32(put_u32(to, (uint32_t)sender), (uint32_t)reply);
    to = put_u32(put_u32(to, size_of(d->topic)), size_of(d->pair));
    to = put_u32(put_u32(to, size_of(d->metadata)), size_of(d->body));
    if (sender) to = put_address(to, &d->sender);
    if (reply) to = put_address(to, &d->reply);
    put_str(put_str(put_str(put_str(to, d->topic), d->pair), d->metadata), d->body);
}

/* The fixed fields; answers where they end. The room is there. */
static uint8_t *put_fixed(uint8_t *to, const char *layout, va_list *fields) {
    for (; *layout; layout++) {
        uint64_t q;
        uint32_t i;
        double d;
        switch (*layout) {
        case 'Q': q = va_arg(*fields, uint64_t), to = put_bytes(to, &q, 8); break;
        case 'I': i = va_arg(*fields, uint32_t), to = put_bytes(to, &i, 4); break;
        case 'B': *to++ = (uint8_t)va_arg(*fields, int); break;
        case 'd': d = va_arg(*fields, double), to = put_bytes(to, &d, 8); break;
        default: /* 16s */
            to = put_bytes(to, va_arg(*fields, const uint8_t *), ID_SIZE);
            layout += 2;
        }
    }
    return to;
}

void put_record_v(Buffer *buffer, int tag, va_list fields) {
    const Layout *layout = &layouts[tag];
    size_t lengths;
    uint8_t *to = buffer_extend(buffer, MOST_FIXED);
    va_list rest;
    va_copy(rest, fields);
    *to = (uint8_t)tag;
    buffer->size -= MOST_FIXED - (size_t)(put_fixed(to + 1, layout->fixed, &rest) - to);
    lengths = buffer->size;
    buffer_extend(buffer, 4 * layout->variables);
    for (size_t i = 0; i < layout->variables; i++) {
        size_t from = buffer->size;
        if (layout->variable[i] == 'a') {
            const Address *a = va_arg(rest, const Address *);
            put_address(buffer_extend(buffer, address_size(a)), a);
        } else if (layout->variable[i] == 'd') {
            put_delivery(buffer, va_arg(rest, const Delivery *));
        } else {
            Slice bytes = va_arg(rest, Slice);
            buffer_put(buffer, bytes.data, bytes.size);
        }
        patch_u32(buffer, lengths + 4 * i, buffer->size - from);
    }
    va_end(rest);
}

void put_step(Buffer *buffer, uint64_t number, uint64_t time) {
    uint8_t *to = buffer_extend(buffer, 17);
    *to++ = R_STEP;
    put_u64(put_u64(to, number), time);
}

void put_record(Buffer *buffer, int tag, ...) {
    va_list fields;
    va_start(fields, tag);
    put_record_v(buffer, tag, fields);
    va_end(fields);
}

/* ---- reading ---- */

static bool is_address(Slice field) {
    size_t kind;
    if (field.size < ADDRESS_HEAD) return false;
    kind = u32_at(field.data + 8);
    if (kind > field.size - ADDRESS_HEAD) return false;
    return is_utf8(slice(field.data + ADDRESS_HEAD, kind)) &&
           is_utf8(slice(field.data + ADDRESS_HEAD + kind, field.size - ADDRESS_HEAD - kind));
}

static bool is_metadata(Slice field) {
    size_t at = 0;
    while (at < field.size) {
        size_t names, values;
        if (field.size - at < 8) return false;
        names = u32_at(field.data + at), values = u32_at(field.data + at + 4);
        at += 8;
        if (names > field.size - at || values > field.size - at - names) return false;
        if (!is_utf8(slice(field.data + at, names))) return false;
        at += names + values;
    }
    return true;
}

/* The six variable parts of an encoded delivery. False: its lengths do not add up. */
static bool delivery_parts(Slice field, Slice parts[6]) {
    size_t at = DELIVERY_HEAD;
    if (field.size < DELIVERY_HEAD) return false;
    for (size_t i = 0; i < 6; i++) {
        size_t size = u32_at(field.data + DELIVERY_HEAD - 24 + 4 * i);
        if (size > field.size - at) return false;
        parts[i] = slice(field.data + at, size);
        at += size;
    }
    return at == field.size;
}

static bool is_delivery(Slice field) {
    Slice parts[6];
    if (!delivery_parts(field, parts) || (field.data[32] & 0x7f) > DOWN) return false;
    for (size_t i = 0; i < 2; i++) {
        if (parts[i].size && !is_address(parts[i])) return false;
    }
    return is_utf8(parts[2]) && is_utf8(parts[3]) && is_metadata(parts[4]);
}

static bool is_field(char letter, Slice field) {
    switch (letter) {
    case 's': return is_utf8(field);
    case 'a': return is_address(field);
    case 'd': return is_delivery(field);
    case 'm': return is_metadata(field);
    default: return true;
    }
}

Reader reader_of(Slice body) {
    if (body.size == 0) body.data = no_id; /* NULL is nowhere, and nothing begins or ends there */
    return (Reader){.begin = body.data, .at = body.data, .end = body.data + body.size};
}

static bool malformed(Reader *reader, const char *why) {
    snprintf(reader->error, sizeof reader->error, "no record at byte %zu: %s", (size_t)(reader->at - reader->begin), why);
    return false;
}

bool next_record(Reader *reader, Record *record) {
    const uint8_t *at = reader->at;
    const Layout *layout;
    size_t variable, field = 0;
    if (at == reader->end) return false;
    record->data = at;
    record->tag = *at++;
    record->id = no_id;
    layout = &layouts[record->tag];
    if (layout->fixed == NULL) return malformed(reader, "its tag is unknown");
    for (const char *letter = layout->fixed; *letter; letter++, field++) {
        size_t size = *letter == '1' ? ID_SIZE : *letter == 'I' ? 4 : *letter == 'B' ? 1 : 8;
        if ((size_t)(reader->end - at) < size) return malformed(reader, "it is cut short");
        record->n[field] = 0;
        if (size == ID_SIZE) {
            record->id = at;
            letter += 2;
        } else {
            memcpy(&record->n[field], at, size);
        }
        at += size;
    }
    variable = layout->variables;
    if ((size_t)(reader->end - at) < 4 * variable) return malformed(reader, "it is cut short");
    for (size_t i = 0; i < variable; i++) record->v[i].size = u32_at(at + 4 * i);
    at += 4 * variable;
    for (size_t i = 0; i < variable; i++) {
        Slice *part = &record->v[i];
        if ((size_t)(reader->end - at) < part->size) return malformed(reader, "it is cut short");
        part->data = at;
        if (!is_field(layout->variable[i], *part)) return malformed(reader, "a field of it is malformed");
        at += part->size;
    }
    record->size = (size_t)(at - record->data);
    reader->at = at;
    return true;
}

Address decode_address(Slice field) {
    size_t kind = u32_at(field.data + 8), from = ADDRESS_HEAD + kind;
    if (field.size == ADDRESS_HEAD) return (Address){NULL, NULL, u64_at(field.data)};
    return address_new(
        slice(field.data + ADDRESS_HEAD, kind), slice(field.data + from, field.size - from), u64_at(field.data));
}

Delivery *decode_delivery(Slice field) {
    const uint8_t *at = field.data;
    Slice parts[6];
    Delivery *d = delivery_new(at, at[32] & 0x7f, NULL);
    delivery_parts(field, parts);
    memcpy(d->request, at + 16, ID_SIZE);
    d->cast = at[32] >> 7;
    d->attempt = u32_at(at + 33);
    d->deadline = u64_at(at + 37);
    d->token = u64_at(at + 45);
    d->code = u32_at(at + 53);
    d->life = u64_at(at + 57);
    if (parts[0].size) d->sender = decode_address(parts[0]);
    if (parts[1].size) d->reply = decode_address(parts[1]);
    d->topic = slice_str(parts[2]);
    d->pair = slice_str(parts[3]);
    d->metadata = slice_str(parts[4]);
    d->body = slice_str(parts[5]);
    return d;
}

Slice delivery_body(Slice field) {
    Slice parts[6];
    delivery_parts(field, parts);
    return parts[5];
}

/* ---- UTF-8 ---- */

/* Bytes of the character that begins with `first`, and the lowest and highest byte that may follow it; 0: none does. */
static size_t utf8_size(uint8_t first, uint8_t *low, uint8_t *high) {
    *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return 2;
    if (first >= 0xe0 && first <= 0xef) return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* How many bytes at the beginning of `text`, which is not empty, are of one character; `*whole`: all of it. */
static size_t utf8_character(Slice text, bool *whole) {
    uint8_t low, high;
    size_t size = utf8_size(text.data[0], &low, &high), have = 1;
    *whole = size == 1;
    if (size <= 1) return 1;
    if (text.size > 1 && text.data[1] >= low && text.data[1] <= high) have = 2;
    while (have > 1 && have < size && have < text.size && (text.data[have] & 0xc0) == 0x80) have++;
    *whole = have == size;
    return have;
}

size_t utf8_valid(Slice text) {
    bool whole = true;
    size_t at = 0, size;
    while (at < text.size) {
        if (text.data[at] < 0x80) { /* as nearly all are */
            at++;
            continue;
        }
        size = utf8_character(slice(text.data + at, text.size - at), &whole);
        if (!whole) break;
        at += size;
    }
    return at;
}

void put_text(Buffer *buffer, Slice bytes) {
    for (size_t at = 0, size; at < bytes.size; at += size) {
        bool whole;
        size = utf8_character(slice(bytes.data + at, bytes.size - at), &whole);
        if (whole) buffer_put(buffer, bytes.data + at, size);
        else buffer_put(buffer, "\xef\xbf\xbd", 3);
    }
}

size_t utf8_length(Slice text) {
    size_t length = 0;
    for (size_t i = 0; i < text.size; i++) length += (text.data[i] & 0xc0) != 0x80;
    return length;
}

size_t utf8_prefix(Slice text, size_t most) {
    size_t length = 0;
    for (size_t i = 0; i < text.size; i++) {
        if ((text.data[i] & 0xc0) != 0x80 && length++ == most) return i;
    }
    return text.size;
}

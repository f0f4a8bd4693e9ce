/* resp.c - see resp.h. */
#include "resp.h"

#include <stdlib.h>
#include <string.h>

#include "api.h"

enum { LINE = 64 << 10, BULK = 512 << 20, ELEMENTS = 1 << 20 };

/* A number that ends a head: optional minus, digits, nothing else. */
static bool number(const uint8_t *data, size_t size, int64_t *out) {
    bool minus = size > 0 && data[0] == '-';
    int64_t sum = 0;
    if (size == minus || size - minus > 18) return false;
    for (size_t at = minus; at < size; at++) {
        if (data[at] < '0' || data[at] > '9') return false;
        sum = sum * 10 + (data[at] - '0');
    }
    *out = minus ? -sum : sum;
    return true;
}

static int length(const uint8_t *line, size_t size, int64_t most, resp_value *out) {
    int64_t count;
    if (!number(line, size, &count) || count < -1 || count > most) return -1;
    if (count == -1) out->kind = RESP_NULL;
    out->size = count == -1 ? 0 : (size_t)count;
    return 0;
}

int resp_take(const uint8_t **at, const uint8_t *end, resp_value *out) {
    const uint8_t *line = *at + 1;
    if (*at == end) return 1;
    size_t there = (size_t)(end - *at);
    const uint8_t *stop = memchr(*at, '\r', there);
    if (stop == NULL) return there > LINE ? -1 : 1;
    if (stop + 1 == end) return 1;
    if (stop == *at || stop[1] != '\n') return -1;
    *out = (resp_value){.data = line, .size = (size_t)(stop - line)};
    const uint8_t *next = stop + 2;
    int64_t unused;
    switch (**at) {
    case '+': out->kind = RESP_TEXT; break;
    case '-': out->kind = RESP_ERROR; break;
    case ':':
        out->kind = RESP_NUMBER;
        if (!number(line, out->size, &unused)) return -1;
        break;
    case '$':
        out->kind = RESP_BULK;
        if (length(line, out->size, BULK, out) != 0) return -1;
        out->data = next;
        if (out->kind == RESP_NULL) break;
        if ((size_t)(end - next) < out->size + 2) return 1;
        if (next[out->size] != '\r' || next[out->size + 1] != '\n') return -1;
        next += out->size + 2;
        break;
    case '*':
        out->kind = RESP_ARRAY;
        if (length(line, out->size, ELEMENTS, out) != 0) return -1;
        out->data = next;
        break;
    default: return -1;
    }
    *at = next;
    return 0;
}

int64_t resp_size(const uint8_t *data, size_t size) {
    const uint8_t *at = data, *end = data + size;
    resp_value value;
    for (int64_t left = 1; left > 0; left--) {
        int status = resp_take(&at, end, &value);
        if (status != 0) return status > 0 ? 0 : -1;
        if (value.kind == RESP_ARRAY) left += (int64_t)value.size;
    }
    return at - data;
}

bool resp_reserve(resp_buffer *buffer, size_t size) {
    if (buffer->begin == buffer->end) buffer->begin = buffer->end = 0;
    if (buffer->capacity - buffer->end >= size) return true;
    size_t held = buffer->end - buffer->begin;
    if (buffer->begin > 0) memmove(buffer->data, buffer->data + buffer->begin, held);
    buffer->begin = 0;
    buffer->end = held;
    if (buffer->capacity - held >= size) return true;
    size_t capacity = 2 * (held + size);
    uint8_t *data = realloc(buffer->data, capacity);
    if (data == NULL) return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

static void head(resp_buffer *buffer, uint8_t kind, size_t count) {
    uint8_t digits[20], *to = buffer->data + buffer->end;
    int many = 0;
    do digits[many++] = (uint8_t)('0' + count % 10);
    while ((count /= 10) > 0);
    *to++ = kind;
    while (many > 0) *to++ = digits[--many];
    *to++ = '\r';
    *to++ = '\n';
    buffer->end = (size_t)(to - buffer->data);
}

void resp_array(resp_buffer *buffer, uint32_t arguments) { head(buffer, '*', arguments); }

uint8_t *resp_bulk(resp_buffer *buffer, const void *data, size_t size) {
    head(buffer, '$', size);
    uint8_t *place = buffer->data + buffer->end;
    if (data != NULL) memcpy(place, data, size);
    place[size] = '\r';
    place[size + 1] = '\n';
    buffer->end += size + 2;
    return place;
}

int64_t load_resp_size(const uint8_t *data, size_t size) { return resp_size(data, size); }

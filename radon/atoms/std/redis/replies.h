/* replies.h - writing replies in RESP2 and RESP3, as Redis 7 does. Shared by those who answer commands. */
#ifndef REDIS_REPLIES_H
#define REDIS_REPLIES_H

#include "radon.h"

typedef struct {
    radon_buffer bytes;
    uint8_t resp; /* 2 or 3 */
} replies;

static inline void reply_bytes(replies *to, radon_bytes bytes) { radon_buffer_add(&to->bytes, bytes); }

static inline void reply_text(replies *to, const char *text) { radon_buffer_add_text(&to->bytes, text); }

#define REPLY_HEAD 23 /* bytes, at most */

/* Writes a letter, a number and the end of the line; answers where it ends. */
static inline uint8_t *reply_write_head(uint8_t *at, uint8_t letter, int64_t number) {
    uint8_t digits[20];
    size_t start = sizeof digits;
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        digits[--start] = (uint8_t)('0' + size % 10);
        size /= 10;
    } while (size != 0);
    *at++ = letter;
    if (number < 0) *at++ = '-';
    while (start < sizeof digits) *at++ = digits[start++];
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

static inline void reply_head(replies *to, uint8_t letter, int64_t number) {
    uint8_t *begin = radon_buffer_extend(&to->bytes, REPLY_HEAD);
    to->bytes.len -= REPLY_HEAD - (size_t)(reply_write_head(begin, letter, number) - begin);
}

/* "OK", "QUEUED": without "\r\n" in it. */
static inline void reply_status(replies *to, const char *status) {
    radon_buffer_add_byte(&to->bytes, '+');
    reply_text(to, status);
    reply_text(to, "\r\n");
}

/* "ERR ...", "WRONGTYPE ...": without "\r\n" in it. */
static inline void reply_error(replies *to, const char *error) {
    radon_buffer_add_byte(&to->bytes, '-');
    reply_text(to, error);
    reply_text(to, "\r\n");
}

static inline void reply_integer(replies *to, int64_t number) { reply_head(to, ':', number); }

static inline void reply_bulk(replies *to, radon_bytes bytes) {
    size_t most = REPLY_HEAD + bytes.len + 2;
    uint8_t *begin = radon_buffer_extend(&to->bytes, most), *at = reply_write_head(begin, '$', (int64_t)bytes.len);
    memcpy(at, bytes.data, bytes.len);
    at[bytes.len] = '\r';
    at[bytes.len + 1] = '\n';
    to->bytes.len -= most - (size_t)(at + bytes.len + 2 - begin);
}

static inline void reply_bulk_text(replies *to, const char *text) { reply_bulk(to, radon_text(text)); }

/* No value, where there could be one. */
static inline void reply_null(replies *to) { reply_text(to, to->resp == 3 ? "_\r\n" : "$-1\r\n"); }

/* No array, where there could be one. */
static inline void reply_null_array(replies *to) { reply_text(to, to->resp == 3 ? "_\r\n" : "*-1\r\n"); }

static inline void reply_option(replies *to, radon_option option) {
    option.some ? reply_bulk(to, option.value) : reply_null(to);
}

/* So many replies follow. */
static inline void reply_array(replies *to, size_t count) { reply_head(to, '*', (int64_t)count); }

/* So many pairs of replies follow. In RESP2 an array. */
static inline void reply_map(replies *to, size_t pairs) {
    to->resp == 3 ? reply_head(to, '%', (int64_t)pairs) : reply_head(to, '*', (int64_t)(2 * pairs));
}

static inline void reply_set(replies *to, size_t count) {
    reply_head(to, to->resp == 3 ? '~' : '*', (int64_t)count);
}

/* What the server sends unasked. */
static inline void reply_push(replies *to, size_t count) {
    reply_head(to, to->resp == 3 ? '>' : '*', (int64_t)count);
}

/* `text` is how the number is written. */
static inline void reply_double_text(replies *to, radon_bytes text) {
    if (to->resp == 2) return reply_bulk(to, text);
    radon_buffer_add_byte(&to->bytes, ',');
    reply_bytes(to, text);
    reply_text(to, "\r\n");
}

/* ---- where it is known only afterwards how many there are ---- */

/* Puts the head of an array before what was written from `begin` on. */
static inline void reply_array_around(replies *to, size_t begin, size_t count) {
    replies head = {.resp = to->resp};
    size_t body = to->bytes.len - begin;
    reply_array(&head, count);
    radon_buffer_extend(&to->bytes, head.bytes.len);
    memmove(to->bytes.data + begin + head.bytes.len, to->bytes.data + begin, body);
    memcpy(to->bytes.data + begin, head.bytes.data, head.bytes.len);
}

#endif

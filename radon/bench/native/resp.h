/* resp.h - the Redis protocol as a client sees it: requests out, replies in, nothing copied. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { RESP_TEXT, RESP_ERROR, RESP_NUMBER, RESP_BULK, RESP_NULL, RESP_ARRAY } resp_kind;

/* One reply, or one element of an array. */
typedef struct {
    resp_kind kind;
    const uint8_t *data; /* the text or bulk; of an array its first element */
    size_t size;         /* bytes of that, or elements of an array */
} resp_value;

/* Takes the value at `*at` apart and moves `*at` behind its head, and behind its bytes if it is no array. 0: done; 1: it
 * is not whole; -1: it is no RESP. */
int resp_take(const uint8_t **at, const uint8_t *end, resp_value *out);

/* The bytes of the reply at `data` with all that is in it; 0: not whole yet; -1: it is no RESP. */
int64_t resp_size(const uint8_t *data, size_t size);

/* Bytes that grow; `data` NULL and all 0 at first. */
typedef struct {
    uint8_t *data;
    size_t begin, end, capacity; /* what is in it lies from `begin` to `end` */
} resp_buffer;

/* Room for `size` more bytes behind `end`. False where there is no memory. */
bool resp_reserve(resp_buffer *buffer, size_t size);

/* "*ARGUMENTS", then each argument; where `data` is NULL the caller writes its bytes to the answered place. Room must
 * have been reserved: RESP_HEAD and RESP_HEAD + size for each argument. */
#define RESP_HEAD 24
void resp_array(resp_buffer *buffer, uint32_t arguments);
uint8_t *resp_bulk(resp_buffer *buffer, const void *data, size_t size);

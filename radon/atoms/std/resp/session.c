/* session.c - the session in its bucket. */
#include "session.h"

#define FIXED 60 /* bytes before the names */

radon_bytes session_key(char letter, radon_bytes rest) {
    uint8_t *key = radon_alloc(1 + rest.len);
    key[0] = (uint8_t)letter;
    memcpy(key + 1, rest.data, rest.len);
    return (radon_bytes){key, 1 + rest.len};
}

radon_bytes session_number_key(char letter, uint32_t number) {
    uint8_t bytes[4];
    radon_store_u32(bytes, __builtin_bswap32(number)); /* so that they are in order */
    return session_key(letter, (radon_bytes){bytes, 4});
}

radon_error session_load(radon_bucket bucket, session *out) {
    radon_option stored;
    radon_error error = radon_bucket_get(bucket, radon_text("s"), &stored);
    *out = (session){.protocol = 2};
    if (error != RADON_OK || !stored.some) return error;
    const uint8_t *at = stored.value.data;
    out->protocol = at[0];
    out->db = at[1];
    out->flags = (uint16_t)(at[2] | at[3] << 8);
    uint32_t *numbers[] = {&out->pieces, &out->have, &out->begin, &out->need, &out->queued, &out->queue, &out->size,
        &out->watched, &out->channels, &out->patterns, &out->attempts};
    for (size_t index = 0; index < sizeof numbers / sizeof *numbers; index++)
        *numbers[index] = radon_load_u32(at + 4 + 4 * index);
    out->since = radon_load_u64(at + 48);
    radon_bytes rest = radon_slice(stored.value, FIXED, stored.value.len);
    for (size_t index = 0; index < NAMES && rest.len > 0; index++) {
        size_t length = radon_load_u32(rest.data);
        out->names[index] = radon_slice(rest, 4, 4 + length);
        rest = radon_slice(rest, 4 + length, rest.len);
    }
    if (rest.len == 0) return RADON_OK;
    out->line = radon_load_u64(rest.data);
    out->place = radon_load_u64(rest.data + 8);
    return RADON_OK;
}

/* What is as it began needs no entry. */
static bool is_fresh(const session *it) {
    const uint32_t all = it->pieces | it->queued | it->watched | it->channels | it->patterns | it->attempts;
    return it->protocol == 2 && it->db == 0 && it->flags == 0 && all == 0 && it->line == 0 && it->names[0].len == 0 &&
           it->names[1].len == 0 && it->names[2].len == 0;
}

radon_error session_store(radon_bucket bucket, const session *it) {
    radon_buffer out = {0};
    if (is_fresh(it)) return radon_bucket_delete(bucket, radon_text("s"));
    uint8_t *at = radon_buffer_extend(&out, FIXED);
    memset(at, 0, FIXED);
    at[0] = it->protocol;
    at[1] = it->db;
    at[2] = (uint8_t)it->flags;
    at[3] = (uint8_t)(it->flags >> 8);
    const uint32_t numbers[] = {it->pieces, it->have, it->begin, it->need, it->queued, it->queue, it->size, it->watched,
        it->channels, it->patterns, it->attempts};
    for (size_t index = 0; index < sizeof numbers / sizeof *numbers; index++)
        radon_store_u32(at + 4 + 4 * index, numbers[index]);
    radon_store_u64(at + 48, it->since);
    for (size_t index = 0; index < NAMES; index++) {
        radon_store_u32(radon_buffer_extend(&out, 4), (uint32_t)it->names[index].len);
        radon_buffer_add(&out, it->names[index]);
    }
    if (it->line != 0) {
        at = radon_buffer_extend(&out, 16);
        radon_store_u64(at, it->line);
        radon_store_u64(at + 8, it->place);
    }
    return radon_bucket_put(bucket, radon_text("s"), radon_buffer_bytes(&out));
}

radon_error session_join(radon_bucket bucket, char letter, uint32_t count, radon_bytes *out) {
    radon_buffer all = {0};
    *out = (radon_bytes){0};
    for (uint32_t number = 0; number < count; number++) {
        radon_option piece;
        radon_error error = radon_bucket_get(bucket, session_number_key(letter, number), &piece);
        if (error != RADON_OK) return error;
        if (count == 1) {
            *out = piece.value;
            return RADON_OK;
        }
        radon_buffer_add(&all, piece.value);
    }
    *out = radon_buffer_bytes(&all);
    return RADON_OK;
}

radon_error session_forget(radon_bucket bucket, char letter) {
    uint8_t start = (uint8_t)letter, end = (uint8_t)(letter + 1);
    return radon_bucket_delete_range(bucket, radon_some((radon_bytes){&start, 1}), radon_some((radon_bytes){&end, 1}));
}

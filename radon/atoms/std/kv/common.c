/* common.c - see common.h. */
#include "common.h"

kv_status status_of(radon_error error) {
    switch (error) {
    case RADON_OK: return KV_OK;
    case RADON_TOO_LARGE: return KV_TOO_LARGE;
    case RADON_EXHAUSTED: return KV_EXHAUSTED;
    case RADON_TIMEOUT: /* these three: only of other atoms */
    case RADON_CLOSED:
    case RADON_UNAVAILABLE: return KV_UNANSWERED;
    default: return KV_INVALID;
    }
}

uint64_t configured(const char *name, uint64_t otherwise) {
    radon_option config = radon_config_get(radon_text(name));
    uint64_t number;
    return config.some && radon_parse_u64(config.value, &number) ? number : otherwise;
}

radon_bytes number_key(uint64_t number) {
    uint8_t *bytes = radon_alloc(8);
    radon_store_u64_key(bytes, number);
    return (radon_bytes){bytes, 8};
}

radon_bytes key_after(radon_bytes key) { return radon_concat(key, (radon_bytes){(const uint8_t *)"", 1}); }

/* ---- numbers ---- */

#define RESERVED 1024

radon_error sequence_begin(sequence *it, const char *bucket, const char *key) {
    radon_option found;
    it->key = radon_text(key);
    TRY(radon_state_open(radon_text(bucket), &it->bucket));
    TRY(radon_bucket_get(it->bucket, it->key, &found));
    it->last = it->reserved = found.some ? radon_load_u64(found.value.data) : 0;
    return RADON_OK;
}

radon_error sequence_next(sequence *it, uint64_t *out) {
    if (it->last == it->reserved) {
        uint8_t bytes[8];
        radon_store_u64(bytes, it->reserved + RESERVED);
        TRY(radon_bucket_put(it->bucket, it->key, (radon_bytes){bytes, 8}));
        it->reserved += RESERVED;
    }
    *out = ++it->last;
    return RADON_OK;
}

/* ---- answers ---- */

radon_bytes answer_about(kv_status status, uint8_t tag, uint64_t version, uint64_t expiry, radon_bytes value) {
    uint8_t *head = radon_alloc(KV_HEAD + value.len);
    radon_store_u32(head, (uint32_t)status | (uint32_t)tag << 8);
    radon_store_u32(head + 4, (uint32_t)value.len);
    radon_store_u64(head + 8, version);
    radon_store_u64(head + 16, expiry);
    memcpy(head + KV_HEAD, value.data, value.len);
    return (radon_bytes){head, KV_HEAD + value.len};
}

radon_bytes answer(kv_status status, uint64_t version, radon_bytes value) {
    return answer_about(status, 0, version, 0, value);
}

void answer_begin(radon_buffer *buffer) { memset(radon_buffer_extend(buffer, KV_HEAD), 0, KV_HEAD); }

radon_bytes answer_finish(radon_buffer *buffer, uint64_t version) {
    radon_store_u32(buffer->data + 4, (uint32_t)(buffer->len - KV_HEAD));
    radon_store_u64(buffer->data + 8, version);
    return radon_buffer_bytes(buffer);
}

radon_bytes answer_info(uint64_t format, const uint32_t *told, size_t count) {
    radon_buffer all = {0};
    answer_begin(&all);
    radon_store_u32(radon_buffer_extend(&all, 4), (uint32_t)configured("shards", 0));
    for (size_t index = 0; index < count; index++) radon_store_u32(radon_buffer_extend(&all, 4), told[index]);
    return answer_finish(&all, format);
}

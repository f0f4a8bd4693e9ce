/* common.h - what kv, txkv and kvr all need: errors as statuses, numbers as keys, and answers put together. */
#ifndef COMMON_H
#define COMMON_H

#include "kv.h"

/* Leaves a function with the radon_error or kv_status of this call, if it is a failure. */
#define TRY(call_)                              \
    do {                                        \
        __typeof__(call_) try_result = (call_); \
        if (try_result != 0) return try_result; \
    } while (0)

/* What a client is told of an error that its request met. */
kv_status status_of(radon_error error);

/* A number of the kind's config, or `otherwise` where it says nothing. */
uint64_t configured(const char *name, uint64_t otherwise);

/* Keys that sort as their numbers do. */
radon_bytes number_key(uint64_t number);

/* The first key that there may be behind this one. */
radon_bytes key_after(radon_bytes key);

/* Whether an entry is gone: it is at its very time. 0: never. */
static inline bool has_expired(uint64_t expiry, uint64_t now) { return expiry != 0 && expiry <= now; }

/* ---- numbers that are given out once, whatever crashes ---- */

/* A few are reserved at once, so that most are given out without writing. */
typedef struct {
    radon_bucket bucket;
    radon_bytes key; /* of the last one that may have been given out */
    uint64_t last, reserved;
} sequence;

/* What was reserved and not given out is skipped. */
radon_error sequence_begin(sequence *it, const char *bucket, const char *key);
radon_error sequence_next(sequence *it, uint64_t *out);

/* ---- answers ---- */

/* An answer about an entry. */
radon_bytes answer_about(kv_status status, uint8_t tag, uint64_t version, uint64_t expiry, radon_bytes value);

/* An answer: `value` behind its head. */
radon_bytes answer(kv_status status, uint64_t version, radon_bytes value);

/* An answer to KV_INFO: the number of shards and what else the format has told so far. */
radon_bytes answer_info(uint64_t format, const uint32_t *told, size_t count);

/* An answer whose value is written into a buffer: begin first, finish when all is there. */
void answer_begin(radon_buffer *buffer);
radon_bytes answer_finish(radon_buffer *buffer, uint64_t version);

static inline radon_bytes plain(kv_status status) { return answer(status, 0, KV_NOTHING); }

static inline kv_status status_in(radon_bytes answer) { return (kv_status)answer.data[0]; }

/* Whether an answer says that what was asked could not be done. */
static inline bool refused(radon_bytes answer) { return answer.len > 0 && status_in(answer) > KV_ABSENT; }

#endif

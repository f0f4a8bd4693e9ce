/* requests.h - the requests of kv as they are carried out. docs/kv.md describes their bytes. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "entries.h"

typedef struct {
    kv_op op;
    bool alone; /* not one of many, which would have to be undone together */
    uint8_t flags;
    uint8_t tag;
    uint64_t version;
    uint64_t expiry;
    uint8_t *payload; /* behind a head that may be written over */
    size_t size;
    radon_bytes key;
} request;

/* Takes a message apart. Anything but KV_OK: it is none that can be carried out. */
kv_status request_read(radon_bytes body, request *out);

/* The next one in what a batch holds, which is about one key or a KV_COMMAND. At the end of it `rest` is empty. */
kv_status request_next(radon_bytes *rest, request *out);

/* Does the condition of the request hold for what there is? */
bool request_holds(const request *given, const entry *now);

/* Carries out a request that is about one key, and answers. Of the transaction that had locked it, or of none (no bytes). */
radon_bytes request_run(const request *given, radon_bytes holder);

/* An answer: `value` behind its head. */
radon_bytes answer(kv_status status, uint64_t version, radon_bytes value);

radon_bytes answer_about(kv_status status, uint8_t tag, uint64_t version, uint64_t expiry, radon_bytes value);

/* An answer whose value is written into a buffer: begin first, finish when all is there. */
void answer_begin(radon_buffer *buffer);
radon_bytes answer_finish(radon_buffer *buffer, uint64_t version);

static inline kv_status status_in(radon_bytes answer) { return (kv_status)answer.data[0]; }

/* Whether an answer says that what was asked could not be done. */
static inline bool refused(radon_bytes answer) { return answer.len > 0 && status_in(answer) > KV_ABSENT; }

/* The answers of many at once: batches and transactions. */
radon_bytes batch_run(const request *given);
radon_bytes transaction_prepare(const request *given);
radon_bytes transaction_end(const request *given);

#endif

/* messages.h - requests taken apart and answers put together, for every store that speaks docs/kv.md.
 *
 * What lies in a message may be written over: it is in this turn's memory, like all that the host hands in.
 */
#ifndef MESSAGES_H
#define MESSAGES_H

#include "common.h"

#define CONDITIONS (KV_IF_ABSENT | KV_IF_PRESENT | KV_IF_VERSION)

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

/* Takes a message apart, whatever it asks for. */
kv_status request_split(radon_bytes body, request *out);

/* The same for the operations that are not replication's. Anything but KV_OK: it is none that can be carried out. */
kv_status request_read(radon_bytes body, request *out);

/* The next one in what a batch holds, which is about one key or a KV_COMMAND. At the end of it `rest` is empty. */
kv_status request_next(radon_bytes *rest, request *out);

/* The time that a request gives its entry, in ns since 1970; 0: never. */
uint64_t request_expiry(const request *given);

/* The entry whose head this is, and what tells how long it is now. */
radon_bytes answer_length(const uint8_t *head, size_t length);

/* What a get shows of an entry, which is stored as the answer to one. */
radon_bytes answer_get(const request *given, radon_bytes entry);

/* The answer to a scan of what is stored there. What `show` gives nothing for is not in it, so that a page may be empty
 * and not the last. */
typedef radon_bytes shown(radon_bytes stored, uint64_t now);
radon_bytes answer_page(const request *given, radon_bucket values, shown *show);

#endif

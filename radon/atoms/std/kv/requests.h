/* requests.h - the requests of kv as they are carried out. docs/kv.md describes their bytes. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "entries.h"

/* Does the condition of the request hold for what there is of its key? */
bool request_holds(const request *given, const entry *now);

/* Carries out a request that is about one key, and answers. Of the transaction that had locked it, or of none (no bytes). */
radon_bytes request_run(const request *given, radon_bytes holder);

/* The answers of many at once: batches and transactions. */
radon_bytes batch_run(const request *given);
radon_bytes transaction_prepare(const request *given);
radon_bytes transaction_end(const request *given);

#endif

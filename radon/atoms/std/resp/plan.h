/* plan.h - what a transaction, or one command over several shards, is about: its commands, and all keys that they name. */
#ifndef PLAN_H
#define PLAN_H

#include "features.h"

typedef struct {
    radon_bytes key; /* behind its database */
    uint32_t shard;
    bool watched;    /* of a WATCH: `version` is what it has to have */
    uint64_t version;
} plan_key;

typedef struct {
    radon_buffer commands; /* for shards, packed */
    uint32_t count;
    radon_buffer keys;     /* plan_key, some more than once */
    uint32_t home;         /* the shard of the first key */
    bool one;              /* all keys are there */
    bool exec;             /* the replies are those of an EXEC */
    bool writes;           /* one of them may change something */
    bool publishes;        /* and there is a PUBLISH among its commands, which comes last of all */
    uint8_t db;
    radon_bytes fault;     /* why it cannot be done: a reply */
} plan;

/* Of the command in `call`, which may be EXEC. */
void plan_make(connection *self, plan *out);

static inline size_t plan_keys(const plan *it) { return it->keys.len / sizeof(plan_key); }
static inline const plan_key *plan_key_at(const plan *it, size_t index) {
    return (const plan_key *)it->keys.data + index;
}

/* Shards replied this to `commands`, each behind its length: the command in `call` is done, or publishes first. */
void plan_finish(connection *self, const plan *it, radon_bytes answers);
void plan_published(connection *self);

/* A GET that tells whether the key still has that version. */
radon_bytes version_check(radon_bytes key, uint64_t version);

#endif

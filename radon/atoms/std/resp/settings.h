/* settings.h - what is the same for all connections: the config of the kind, and the number of shards. All connections
 * of a domain share this memory, and a deployment empties it; what is not there yet is asked for. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "wire.h"

#define DATABASES 16
#define SHARDS_MAX 16384

typedef struct {
    radon_bytes password;    /* none: everybody may do everything */
    radon_bytes keys, tx;    /* the kinds of the shards and of the coordinators; no coordinators: no bytes */
    wire_limits limits;
    size_t replies;          /* bytes that the replies of several shards may have together */
    uint32_t shards;         /* 0: not known yet */
} settings;

/* Those of the deployment, read when they are first wanted. */
const settings *settings_get(void);

/* The number of shards has been told. */
void settings_set_shards(uint32_t shards);

/* Opens KIND/#NUMBER, the shard of that number, or with mark "/" the one that the number hashes to. */
radon_error settings_open(radon_bytes kind, const char *mark, uint32_t number, radon_address *out);

#endif

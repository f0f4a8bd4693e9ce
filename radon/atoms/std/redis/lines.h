/* lines.h - what connections and shards agree on about lines, in which those wait who want the same keys at a time.
 *
 * Commands of connections, which no client can send, alone in a COMMAND that names the connection's place:
 *
 *     .enter LINE     1 when this place is the head of the line; with BLOCK it waits for that, and is told READY
 *     .leave LINE     it is the head no more, or waits no more
 */
#ifndef REDIS_LINES_H
#define REDIS_LINES_H

#include "kv.h"

#define LINES 4096

/* The number (u16) of the line for a key with this hash, in the key's shard. Keys may share one. */
static inline uint16_t line_of(uint64_t hash) { return (uint16_t)(hash >> 52); }

#endif

/* statistics.h - what a shard's answer to `.info` tells of itself, for INFO: all of it since its instance began, because
 * none of it is state. What connections count they tell the first shard, whose instance stays when they are gone. */
#ifndef REDIS_STATISTICS_H
#define REDIS_STATISTICS_H

#include "commands.h"

typedef struct {
    uint64_t since;                 /* when the instance began: ns since 1970 */
    uint64_t commands, connections; /* as connections have told */
    uint64_t per_second;            /* commands, of late */
    uint64_t hits, misses, expired;
    uint64_t memory;                /* bytes of linear memory */
    uint64_t calls[COMMANDS];       /* of each command, as connections have told */
} statistics;

#endif

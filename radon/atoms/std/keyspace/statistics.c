/* statistics.c - what INFO tells of this shard (../redis/statistics.h). */
#include "keyspace.h"

#define PAGE 65536              /* bytes of a page of linear memory */
#define SECOND UINT64_C(1000000000) /* ns */

typedef struct {
    uint64_t at, commands;
} sample;

static statistics here;
static sample earlier, later; /* at least a second apart */
static bool by_timer;         /* nobody has asked for this turn */

void statistics_begin(bool timer) {
    by_timer = timer;
    if (here.since == 0) here.since = earlier.at = later.at = radon_clock_now();
}

void statistics_lookup(bool found) { *(found ? &here.hits : &here.misses) += 1; }

void statistics_entries(uint64_t before, uint64_t after) {
    if (by_timer) here.expired += before - after;
}

/* Since the question before, or the one before that. */
static uint64_t recent_rate(void) {
    uint64_t now = radon_clock_now();
    if (now - later.at >= SECOND) {
        earlier = later;
        later = (sample){now, here.commands};
    }
    double passed = (double)(now - earlier.at);
    return passed > 0 ? (uint64_t)((double)(here.commands - earlier.commands) * SECOND / passed) : 0;
}

static uint64_t number(radon_bytes text) {
    uint64_t it = 0;
    radon_parse_u64(text, &it);
    return it;
}

void statistics_told(radon_bytes commands, radon_bytes connections, radon_bytes calls) {
    here.commands += number(commands);
    here.connections += number(connections);
    if (calls.len != sizeof here.calls) return;
    for (size_t index = 0; index < COMMANDS; index++) here.calls[index] += radon_load_u64(calls.data + 8 * index);
}

const statistics *statistics_now(void) {
    here.per_second = recent_rate();
    here.memory = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
    return &here;
}

void statistics_reset(void) {
    here = (statistics){.since = here.since};
    earlier.commands = later.commands = 0;
    earlier.at = later.at = radon_clock_now();
}

/* statistics.c - what connections count for INFO, in the memory that they share: it begins anew with the instance. The
 * instance goes with the last connection, so that what was counted is told to the first shard (../redis/statistics.h),
 * whenever INFO is asked for and by whoever leaves as the last one. */
#include "features.h"

static struct {
    uint64_t since;                 /* when the first connection of this instance came: ns since 1970 */
    uint64_t clients;               /* that came since then, and are there */
    uint64_t commands, connections; /* that are not told yet */
    uint64_t calls[COMMANDS];       /* of each command, likewise */
} here;

void statistics_connected(uint64_t now) {
    if (here.since == 0) here.since = now;
    here.clients++;
    here.connections++;
}

void statistics_answered(int number) {
    here.commands++;
    if (number >= 0) here.calls[number]++;
}

uint64_t statistics_clients(void) { return here.clients > 0 ? here.clients : 1; /* who asks, of an instance before */ }

arguments statistics_question(void) {
    arguments it = {.argv = radon_alloc(4 * sizeof *it.argv), .argc = 4};
    radon_bytes calls = {(const uint8_t *)here.calls, sizeof here.calls};
    it.argv[0] = radon_text(".info");
    it.argv[1] = radon_format_u64(here.commands);
    it.argv[2] = radon_format_u64(here.connections);
    it.argv[3] = radon_concat(calls, KV_NOTHING);
    statistics_reset();
    return it;
}

void statistics_left(connection *self) {
    uint64_t since;
    radon_address first;
    peer_of(self, &since);
    if (here.since != 0 && since >= here.since) here.clients--;
    if (here.clients > 0 || settings_open(settings_get()->keys, "/#", 0, &first) != RADON_OK) return;
    self->call = statistics_question();
    radon_address_send(first, command_of(self, 0, 0));
    radon_address_drop(first);
}

void statistics_reset(void) {
    here.commands = here.connections = 0;
    memset(here.calls, 0, sizeof here.calls);
}

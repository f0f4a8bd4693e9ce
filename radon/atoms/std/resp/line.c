/* line.c - waiting in line for keys that many want at a time.
 *
 * A command over several shards that meets others gets in line for one of its keys, in that key's shard, and begins again
 * as the head of the line. It waits while it holds nothing and is in no other line, so no two wait for each other. Which
 * key: the one at which the most were met of late, as all connections of the domain know; so those who want the same find
 * the same line. For a while whoever wants to write that key gets in line before it begins.
 */
#include "plan.h"

#include "../redis/lines.h"

#define CROWDS 1024
#define LATELY 250000000ull        /* ns, so long it is known where others were met */
#define LOOKS 4                    /* so often who only reads, and is in nobody's way, begins again before that */
#define LINE_TIMEOUT 1000000000ull /* ns; then it asks again, with the same place */

/* By the hash of a key; of two keys with one slot the later one has it. In the memory of all connections: a hint. */
typedef struct {
    uint64_t hash, until;
    uint32_t met;
} crowd;

static crowd crowds[CROWDS];
static uint64_t crowded_until; /* nothing lasts longer; 0: there are none */

static crowd *crowd_of(uint64_t hash) { return &crowds[hash % CROWDS]; }

static void meet_at(uint64_t hash, uint64_t now) {
    crowd *it = crowd_of(hash);
    if (it->hash != hash || it->until <= now) *it = (crowd){.hash = hash};
    it->met++;
    it->until = crowded_until = now + LATELY;
}

static uint64_t hash_of(const plan_key *it) { return kv_hash(radon_slice(it->key, 1, it->key.len)); }

static void meet_at_all(const plan *what, uint64_t now) {
    for (size_t index = 0; index < plan_keys(what); index++) meet_at(hash_of(plan_key_at(what, index)), now);
}

/* The hash of the most crowded key; 0: there is none. */
static uint64_t most_crowded(const plan *what, uint64_t now) {
    uint64_t most = 0;
    uint32_t met = 0;
    for (size_t index = 0; index < plan_keys(what); index++) {
        uint64_t hash = hash_of(plan_key_at(what, index));
        const crowd *it = crowd_of(hash);
        if (it->hash != hash || it->until <= now || it->met < met || (it->met == met && hash > most)) continue;
        most = hash;
        met = it->met;
    }
    return most;
}

/* One of the commands of lines.h, about the line that this connection is in. */
static radon_bytes line_command(connection *self, const char *name, uint8_t flags) {
    uint16_t line = line_of(self->session.line);
    radon_bytes words[] = {radon_text(name), {(const uint8_t *)&line, sizeof line}};
    arguments given = self->call;
    self->call = (arguments){.argv = words, .argc = 2};
    radon_bytes message = command_of(self, flags, self->session.place);
    self->call = given;
    return message;
}

static uint32_t shard_of_line(const connection *self) {
    return (uint32_t)(self->session.line % settings_get()->shards);
}

static void enter(connection *self) {
    ask(self, shard_of_line(self), line_command(self, ".enter", COMMAND_BLOCK));
    gather_within(self, ROUND_LINE, KV_NOTHING, LINE_TIMEOUT);
}

/* False: there is no better line than the one that it is in. */
static bool get_in_line(connection *self, const plan *what, uint64_t now) {
    session *it = &self->session;
    uint64_t line = most_crowded(what, now);
    if (line == 0 || line == it->line) return false;
    if (it->line != 0) line_leave(self);
    else it->place = new_place(); /* which it keeps from line to line */
    if (it->since == 0) it->since = now;
    it->line = line;
    self->changed = true;
    enter(self);
    return true;
}

bool line_begin(connection *self) {
    plan what;
    if (crowded_until == 0 || self->session.line != 0) return false;
    uint64_t now = radon_clock_now();
    if (crowded_until <= now) crowded_until = 0;
    if (crowded_until == 0) return false;
    plan_make(self, &what);
    return what.writes && get_in_line(self, &what, now);
}

bool line_meet(connection *self) {
    plan what;
    uint64_t now = radon_clock_now();
    plan_make(self, &what);
    if (!what.writes && self->session.attempts < LOOKS) return false;
    meet_at_all(&what, now);
    return get_in_line(self, &what, now);
}

/* It may go: then the command is run, as it stands at the front. Or it asks again, where it has waited for long
 * enough, or somebody else has chosen the same place; after a pause where the shard lets no more wait. */
void line_finish(connection *self) {
    session *it = &self->session;
    kv_status status = gathered_only(self).status;
    uint64_t now = radon_clock_now();
    bool again = (int)status == STATUS_TIMEOUT || status == KV_CONFLICT;
    if (status == KV_READY) meet_at(it->line, now); /* it had to wait */
    if (status == KV_OK || status == KV_READY) return;
    self->changed = true;
    if (status == KV_CONFLICT) it->place = new_place();
    if (again && now - it->since < PATIENCE) return enter(self);
    if (!again) it->line = 0;
    if (again || !try_again(self)) connection_done(self, refusal(self, (kv_answer){.status = KV_LOCKED}));
}

void line_leave(connection *self) {
    radon_address shard;
    bool known = settings_get()->shards > 0; /* else that ends by itself */
    if (known && settings_open(settings_get()->keys, "/#", shard_of_line(self), &shard) == RADON_OK) {
        radon_address_send(shard, line_command(self, ".leave", 0));
        radon_address_drop(shard);
    }
    self->session.line = 0;
    self->changed = true;
}

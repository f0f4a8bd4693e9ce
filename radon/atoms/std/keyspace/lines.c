/* lines.c - who may go first among connections that want the same keys at a time (../redis/lines.h).
 *
 * It is a hint: who waits in line is not in the way of the one that is its head, and what keeps transactions apart is
 * locks. So who the heads are is in memory only; nobody is one for ever; and who waits does so for a limited time, and
 * then asks again.
 */
#include "keyspace.h"

#include "../redis/lines.h"

#define HEAD_TIME 1000000000ull /* ns, after which the next may go all the same */

typedef struct {
    uint64_t place; /* 0: there is none */
    uint64_t since;
} head;

static head heads[LINES];

kv_status lines_run(call *c) {
    bool enters = call_is(c, 0, ".enter");
    if (c->argc != 2 || c->argv[1].len != 2 || !c->alone || c->place == 0) return FAILED;
    size_t number = c->argv[1].data[0] | (size_t)c->argv[1].data[1] << 8;
    if (number >= LINES) return FAILED;
    c->db = DATABASE_OF_LINES;
    head *it = &heads[number];
    uint64_t now = radon_clock_now();
    bool own = it->place == c->place, over = own ? !enters : now - it->since >= HEAD_TIME;
    if (over) *it = (head){waiters_call_first(call_key(c, 1), now), now};
    if (!enters && !own) waiters_withdraw(c->place);
    if (enters && (own || it->place == 0)) *it = (head){c->place, now};
    reply_integer(c->to, it->place == c->place);
    if (it->place != c->place && enters) call_wait(c, 1, 1);
    return KV_OK;
}

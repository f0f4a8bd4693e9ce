/* blocking.c - BLPOP and the like: commands that wait until there is something to pop. The waiting is the shard's; how
 * long, is up to the request. */
#include "features.h"

#define FOR_EVER (UINT64_C(100) * 365 * 24 * 3600 * 1000000000) /* ns */

/* The timeout, in ns. What is none the shard refuses at once. */
static uint64_t timeout_of(const arguments *call, int number) {
    bool first = number == command_number_blmpop || number == command_number_bzmpop;
    radon_bytes text = call->argv[first ? 1 : call->argc - 1];
    uint64_t ns = 0, unit = 1000000000;
    bool fraction = false;
    for (size_t index = 0; index < text.len; index++) {
        uint8_t letter = text.data[index];
        if (letter == '.' && !fraction) {
            fraction = true;
        } else if (letter >= '0' && letter <= '9' && ns < FOR_EVER / 10) {
            if (fraction) unit /= 10;
            ns = fraction ? ns + (letter - '0') * unit : ns * 10 + (letter - '0') * UINT64_C(1000000000);
        } else {
            return FOR_EVER;
        }
    }
    return ns > 0 && ns < FOR_EVER ? ns : FOR_EVER;
}

static radon_bytes nothing(const connection *self, int number) {
    replies to = connection_replies(self);
    bool one = number == command_number_blmove || number == command_number_brpoplpush;
    one ? reply_null(&to) : reply_null_array(&to);
    return radon_buffer_bytes(&to.bytes);
}

/* Asks the shard; `place` in its queue, 0: behind all. `since` is when the command began. */
static void block(connection *self, int number, uint32_t shard, uint64_t place, uint64_t since) {
    uint64_t timeout = timeout_of(&self->call, number), passed = radon_clock_now() - since;
    uint8_t record[8];
    radon_store_u64(record, since);
    if (passed >= timeout) return connection_done(self, nothing(self, number));
    ask(self, shard, command_of(self, COMMAND_BLOCK, place));
    gather_within(self, ROUND_BLOCK, (radon_bytes){record, 8}, timeout - passed);
}

verdict block_begin(connection *self, int number, uint32_t home) {
    block(self, number, home, 0, radon_clock_now());
    return BEGUN;
}

void block_finish(connection *self) {
    int number = command_find(self->call.argv[0]);
    uint32_t home;
    spread_of(&commands[number], &self->call, &home);
    kv_answer answer = gathered(self, home);
    radon_bytes reply, rest = answer.value;
    if (answer.status == KV_READY && rest.len >= 8)
        return block(self, number, home, radon_load_u64(rest.data), radon_load_u64(self->record.data));
    if (answer.status == KV_LOCKED && try_again(self)) return;
    if ((int)answer.status == STATUS_TIMEOUT) return connection_done(self, nothing(self, number));
    bool whole = answer.status == KV_OK && kv_take_key(&rest, &reply);
    connection_done(self, whole ? reply : refusal(self, answer));
}

verdict block_across(connection *self, int number) { (void)number; return across_begin(self); }
void block_tried(connection *self) { (void)self; }
void block_waited(connection *self) { (void)self; }

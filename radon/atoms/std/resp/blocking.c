/* blocking.c - BLPOP and the like: commands that wait until there is something to pop.
 *
 * Where all keys are in one shard it is asked to run the command as soon as it can, and the message waits there. When the
 * time is over the shard is told so, and what it answers then is the end: it may have popped something meanwhile. Else
 * one shard after the other is asked to do it at once; where none can, all are asked to tell when they may. A waiter has
 * a place in the queues of the shards, by which it is withdrawn: it begins with the time, so that who came first is first.
 *
 * Meanwhile the chunk is let go of (connection.h), so that the gateway sees whether the peer is still there.
 *
 *     b   since when the command waits (u64), its place (u64), and the shards (u32 each) in which something waits
 */
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

/* Why a shard says that this does not wait any more; no bytes: it was asked to by the connection itself. */
static radon_bytes why(kv_answer answer) {
    return answer.status == KV_CONFLICT ? radon_slice(answer.value, 8, answer.value.len) : KV_NOTHING;
}

static radon_bytes nothing(const connection *self, int number, kv_answer answer) {
    replies to = connection_replies(self);
    if (radon_is(why(answer), UNBLOCKED_BY_ERROR))
        return radon_text("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    bool one = number == command_number_blmove || number == command_number_brpoplpush;
    one ? reply_null(&to) : reply_null_array(&to);
    return radon_buffer_bytes(&to.bytes);
}


/* ---- what is remembered ---- */

typedef struct {
    uint64_t since, place;
    radon_bytes shards;
} wait;

/* Connections of one domain, for which it may be the same microsecond, have different ones, and those of several most
 * likely. */
uint64_t new_place(void) {
    static uint64_t number;
    if (number == 0) number = radon_random_next();
    return UINT64_C(1) << 63 | (radon_clock_now() / 1000) << 12 | (number++ & 0xfff);
}

static bool load(connection *self, wait *out) {
    radon_option stored = {0};
    connection_check(self, radon_bucket_get(self->bucket, radon_text("b"), &stored));
    *out = (wait){.since = radon_clock_now()};
    if (!stored.some) return false;
    out->since = radon_load_u64(stored.value.data);
    out->place = radon_load_u64(stored.value.data + 8);
    out->shards = radon_slice(stored.value, 16, stored.value.len);
    return true;
}

static void store(connection *self, const wait *it) {
    radon_buffer out = {0};
    uint8_t *head = radon_buffer_extend(&out, 16);
    radon_store_u64(head, it->since);
    radon_store_u64(head + 8, it->place);
    radon_buffer_add(&out, it->shards);
    connection_check(self, radon_bucket_put(self->bucket, radon_text("b"), radon_buffer_bytes(&out)));
}

static void add_shard(wait *it, uint32_t shard) {
    uint8_t bytes[4];
    radon_store_u32(bytes, shard);
    it->shards = radon_concat(it->shards, (radon_bytes){bytes, 4});
}

/* Nothing waits for this connection any more. */
static void withdraw(connection *self, const wait *it) {
    radon_buffer message = {0};
    command_begin(self, &message, 0, it->place);
    for (size_t at = 0; at < it->shards.len; at += 4) {
        radon_address shard;
        if (settings_open(settings_get()->keys, "/#", radon_load_u32(it->shards.data + at), &shard) != RADON_OK) continue;
        radon_address_send(shard, command_finish(&message));
        radon_address_drop(shard);
    }
}

void block_abandon(connection *self) {
    wait it;
    if (load(self, &it)) withdraw(self, &it);
    if (self->session.line != 0) line_leave(self);
}

static void finish(connection *self, const wait *it, radon_bytes reply) {
    withdraw(self, it);
    connection_done(self, reply); /* which forgets `it` */
}

/* How long it may still wait. */
static uint64_t left_of(const connection *self, int number, const wait *it) {
    uint64_t timeout = timeout_of(&self->call, number), passed = radon_clock_now() - it->since;
    return passed < timeout ? timeout - passed : 0;
}

/* ---- one shard ---- */

verdict block_begin(connection *self, int number, uint32_t home) {
    wait it;
    if (!load(self, &it)) it.place = new_place();
    uint64_t left = left_of(self, number, &it);
    it.shards = KV_NOTHING;
    add_shard(&it, home);
    store(self, &it);
    bool ends = timeout_of(&self->call, number) < FOR_EVER;
    if (ends && left > 0) connection_check(self, radon_clock_set_timer(left, (uint64_t)TIMER_BLOCK << 32));
    ask(self, home, command_of(self, left > 0 ? COMMAND_BLOCK : 0, it.place));
    self->lets_go = gather_within(self, ROUND_BLOCK, KV_NOTHING, left + ASK_TIMEOUT);
    return BEGUN;
}

void block_timed_out(connection *self) {
    wait it;
    self->waiting = true;
    if (!load(self, &it)) return;
    connection_reread(self);
    if (left_of(self, command_find(self->call.argv[0]), &it) == 0) withdraw(self, &it);
}

void block_finish(connection *self) {
    int number = command_find(self->call.argv[0]);
    wait it;
    uint32_t home;
    load(self, &it);
    spread_of(&commands[number], &self->call, &home);
    kv_answer answer = gathered(self, home);
    radon_bytes reply, rest = answer.value;
    if (answer.status == KV_READY) {
        block_begin(self, number, home);
        return;
    }
    if (answer.status == KV_LOCKED && try_again(self)) return;
    radon_clock_cancel_timer((uint64_t)TIMER_BLOCK << 32);
    it.shards = KV_NOTHING; /* it does not wait there any more */
    if (answer.status == KV_CONFLICT) return finish(self, &it, nothing(self, number, answer)); /* and so it was told */
    bool whole = answer.status == KV_OK && kv_take_key(&rest, &reply);
    finish(self, &it, whole ? reply : refusal(self, answer));
}

/* ---- several shards: trying ---- */

static bool moves(int number) { return number == command_number_blmove || number == command_number_brpoplpush; }

/* The command with the keys from `from` on that are in one shard; the first behind them is the answer. */
static size_t part_of(const arguments *call, int number, size_t from, arguments *out) {
    key_places at;
    find_keys(&commands[number], call->argv, call->argc, &at);
    uint32_t shard = shard_of(call->argv[from]);
    size_t end = from;
    while (end <= at.last && shard_of(call->argv[end]) == shard) end++;
    *out = (arguments){.argv = radon_alloc(call->argc * sizeof *call->argv)};
    for (size_t index = 0; index < call->argc; index++)
        if (index < at.first || index > at.last || (index >= from && index < end)) out->argv[out->argc++] = call->argv[index];
    if (at.first == 3) out->argv[2] = radon_format_u64(end - from); /* which tells how many keys there are */
    return end;
}

static void try_from(connection *self, int number, size_t from) {
    arguments given = self->call;
    uint8_t record[4];
    uint32_t shard = shard_of(given.argv[from]);
    radon_store_u32(record, (uint32_t)part_of(&given, number, from, &self->call));
    ask(self, shard, command_of(self, 0, 0));
    self->call = given;
    gather(self, ROUND_TRY, (radon_bytes){record, 4});
}

static size_t first_key(const arguments *call, int number) {
    key_places at;
    find_keys(&commands[number], call->argv, call->argc, &at);
    return at.first;
}

verdict block_across(connection *self, int number) {
    wait it;
    if (!load(self, &it)) store(self, &it);
    if (moves(number)) return across_begin(self);
    try_from(self, number, first_key(&self->call, number));
    return BEGUN;
}

bool is_nothing(radon_bytes reply) {
    return radon_is(reply, "_\r\n") || radon_is(reply, "$-1\r\n") || radon_is(reply, "*-1\r\n");
}

void block_moved(connection *self, radon_bytes reply) {
    wait it;
    load(self, &it);
    is_nothing(reply) ? block_wait(self) : finish(self, &it, reply);
}

void block_tried(connection *self) {
    int number = command_find(self->call.argv[0]);
    key_places at;
    wait it;
    size_t next = radon_load_u32(self->record.data);
    find_keys(&commands[number], self->call.argv, self->call.argc, &at);
    kv_answer answer = gathered_only(self);
    radon_bytes reply, rest = answer.value;
    if (answer.status == KV_LOCKED && try_again(self)) return;
    load(self, &it);
    bool whole = answer.status == KV_OK && kv_take_key(&rest, &reply);
    if (!whole || !is_nothing(reply)) return finish(self, &it, whole ? reply : refusal(self, answer));
    next <= at.last ? try_from(self, number, next) : block_wait(self);
}

/* ---- several shards: waiting ---- */

/* One question for each shard that has keys of the command, under one place. */
void block_wait(connection *self) {
    int number = command_find(self->call.argv[0]);
    arguments given = self->call;
    key_places at;
    wait it;
    load(self, &it);
    if (self->session.line != 0) line_leave(self);
    uint64_t left = left_of(self, number, &it);
    if (left == 0) return finish(self, &it, nothing(self, number, (kv_answer){0}));
    it.place = new_place();
    it.shards = KV_NOTHING;
    find_keys(&commands[number], given.argv, given.argc, &at);
    if (moves(number)) at.last = at.first;
    for (uint32_t shard = 0; shard < settings_get()->shards; shard++) {
        self->call = (arguments){.argv = radon_alloc((given.argc + 1) * sizeof *given.argv), .argc = 1};
        self->call.argv[0] = radon_text(".wait");
        for (size_t index = at.first; index <= at.last; index += at.step)
            if (shard_of(given.argv[index]) == shard) self->call.argv[self->call.argc++] = given.argv[index];
        if (self->call.argc == 1) continue;
        token question = {ROUND_WAIT, 0, (uint16_t)shard, (uint32_t)it.place};
        if (ask_alone(question, command_of(self, COMMAND_BLOCK, it.place), left) == RADON_OK) add_shard(&it, shard);
    }
    self->call = given;
    store(self, &it);
    self->waiting = self->lets_go = true;
}

/* The first that tells. What others tell of this place later is not heard any more. */
void block_waited(connection *self, token question, radon_error error, radon_bytes body) {
    wait it;
    self->waiting = true;
    if (!load(self, &it) || (uint32_t)it.place != question.count) return;
    self->waiting = false;
    connection_reread(self);
    int number = command_find(self->call.argv[0]);
    kv_answer answer = understand(error, body);
    if ((int)answer.status == STATUS_TIMEOUT || why(answer).len > 0)
        return finish(self, &it, nothing(self, number, answer));
    if (answer.status != KV_OK && answer.status != KV_READY && answer.status != KV_CONFLICT)
        return finish(self, &it, refusal(self, answer));
    withdraw(self, &it);
    it.shards = KV_NOTHING;
    it.place = 0;
    store(self, &it); /* and then the command is run again, as it stands at the front */
}

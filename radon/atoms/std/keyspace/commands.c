/* commands.c - running the commands of a KV_COMMAND: docs/redis.md has its bytes. */
#include "keyspace.h"

#define MEMORY_MOST (32 << 20) /* bytes; half of what a kind has unless its manifest says otherwise */

typedef kv_status command_function(call *c);

/* Those that the connection answers itself are none of a shard. */
#define HANDLER_RESP(name)
#define HANDLER_SHARD(name) [command_number_##name] = command_##name,
#define HANDLER_ALL(name) HANDLER_SHARD(name)
#define DECLARE_RESP(name)
#define DECLARE_SHARD(name) command_function command_##name;
#define DECLARE_ALL(name) DECLARE_SHARD(name)
#define SUBCOMMAND(...)

#define COMMAND(name, arity, flags, categories, first, last, step, place, keys) DECLARE_##place(name)
#include "../redis/commands.def"
#undef COMMAND

static command_function *const functions[COMMANDS] = {
#define COMMAND(name, arity, flags, categories, first, last, step, place, keys) HANDLER_##place(name)
#include "../redis/commands.def"
#undef COMMAND
};

/* ---- one command ---- */

static void add_cut(replies *to, radon_bytes word, size_t length) {
    reply_text(to, "'");
    for (size_t index = 0; index < word.len && index < length; index++)
        radon_buffer_add_byte(&to->bytes, word.data[index] == '\r' || word.data[index] == '\n' ? ' ' : word.data[index]);
    reply_text(to, "' ");
}

static void reply_unknown(call *c) {
    size_t begin = 0;
    reply_text(c->to, "-ERR unknown command ");
    add_cut(c->to, c->argv[0], 128);
    c->to->bytes.len--;
    reply_text(c->to, ", with args beginning with: ");
    for (size_t index = 1; index < c->argc && begin < 128; index++) {
        add_cut(c->to, c->argv[index], 128 - begin);
        begin += c->argv[index].len + 3;
    }
    reply_text(c->to, "\r\n");
}

/* KV_LOCKED and what is no fault of the command is answered, all else is in the reply. */
static kv_status run(call *c) {
    size_t mark;
    int number = command_find(c->argv[0]);
    c->begin = c->to->bytes.len;
    bool internal = number < 0 && c->argv[0].len > 0 && c->argv[0].data[0] == '.'; /* which no client can send */
    if (!internal && (number < 0 || functions[number] == NULL)) {
        reply_unknown(c);
        return KV_OK;
    }
    c->is = internal ? NULL : &commands[number];
    if (!internal && !arity_fits(c->is->arity, c->argc)) {
        call_fail_arity(c);
        return KV_OK;
    }
    entries_changes(&mark);
    kv_status status = internal ? internal_run(c) : functions[number](c);
    if (status == KV_OK) return KV_OK;
    entries_undo(mark);
    if (status == KV_EXHAUSTED) call_fail(c, "OOM command not allowed when used memory > 'maxmemory'.");
    if (status == KV_TOO_LARGE) call_fail(c, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    return status == KV_LOCKED ? KV_LOCKED : KV_OK;
}

/* ---- all of them ---- */

/* Only three bytes of a word's length count: call_key writes into the fourth, and what comes back may come again. */
static bool take_word(radon_bytes *rest, radon_bytes *out) {
    if (rest->len < 4) return false;
    size_t length = radon_load_u32(rest->data) & 0xffffff;
    if (length > rest->len - 4) return false;
    *out = (radon_bytes){rest->data + 4, length};
    *rest = radon_slice(*rest, 4 + length, rest->len);
    return true;
}

/* The arguments of the next command; false: it is not well-formed. */
static bool take_arguments(radon_bytes *rest, call *c) {
    radon_bytes it;
    if (!kv_take_key(rest, &it) || it.len < 2) return false;
    c->argc = (size_t)(it.data[0] | it.data[1] << 8);
    it = radon_slice(it, 2, it.len);
    if (c->argc == 0 || c->argc > it.len / 4) return false;
    c->argv = radon_alloc(c->argc * sizeof *c->argv);
    for (size_t index = 0; index < c->argc; index++)
        if (!take_word(&it, &c->argv[index])) return false;
    return it.len == 0;
}

/* Are the replies as long as what may be written at once, or has the turn taken much memory? */
static bool is_full(const call *c) { return c->to->bytes.len > KV_BATCH_BYTES || radon_turn_used() > MEMORY_MOST; }

/* A command that only reads leaves nothing in the turn's memory but its reply, where that had room. */
static void tidy(const call *c, radon_buffer before, size_t used) {
    bool reads = c->is != NULL && c->is->flags & READONLY && !c->peeks;
    if (reads && c->to->bytes.data == before.data && c->to->bytes.capacity == before.capacity) radon_turn_release(used);
}

static kv_status run_all(call *c, radon_bytes rest, size_t *count) {
    for (*count = 0; rest.len > 0; ++*count) {
        const size_t used = radon_turn_used();
        const radon_buffer before = c->to->bytes;
        if (*count > 0 && is_full(c)) return KV_TOO_LARGE;
        if (!take_arguments(&rest, c)) return KV_INVALID;
        if (*count > 0 || rest.len > 0) c->may_wait = c->alone = false;
        size_t length = c->to->bytes.len;
        radon_buffer_extend(&c->to->bytes, 4);
        TRY(run(c));
        tidy(c, before, used);
        radon_store_u32(c->to->bytes.data + length, (uint32_t)(c->to->bytes.len - length - 4));
    }
    return KV_OK;
}

/* The message waits; it is answered in a later turn. */
static kv_status wait(call *c, uint64_t place) {
    size_t count = c->wait_last - c->wait_first + 1;
    radon_bytes *keys = radon_alloc(count * sizeof *keys);
    for (size_t index = 0; index < count; index++) keys[index] = call_key(c, c->wait_first + index);
    return waiters_add(keys, count, place);
}

#define COMMAND_HEAD 12
#define ANSWER 1024 /* bytes that most answers have room in */

radon_bytes types_command(const request *given) {
    const uint8_t *head = given->payload;
    radon_bytes rest = {given->payload + COMMAND_HEAD, given->size - COMMAND_HEAD};
    if (given->size < COMMAND_HEAD) return answer(KV_INVALID, 0, KV_NOTHING);
    uint8_t flags = head[1];
    uint64_t place = radon_load_u64(head + 4);
    bool peeks = flags & COMMAND_PEEK, blocks = flags & COMMAND_BLOCK;
    bool well_formed = (head[0] == 2 || head[0] == 3) && flags <= 7 && head[2] < DATABASES && head[3] == 0 &&
                       (peeks || !(flags & COMMAND_FOREIGN)) && !(blocks && (peeks || !given->alone));
    if (!well_formed) return answer(KV_INVALID, 0, KV_NOTHING);
    replies to = {.resp = head[0]};
    call c = {.to = &to, .db = head[2], .place = place, .peeks = peeks, .may_wait = blocks, .alone = given->alone && !peeks};
    size_t mark, count = 0;
    kv_status status = KV_OK;
    entries_changes(&mark);
    if (peeks) peek_begin();
    if (flags & COMMAND_FOREIGN) status = peek_bring(&rest);
    if (status == KV_OK && rest.len == 0 && place != 0) waiters_withdraw(place);
    to.bytes = (radon_buffer){radon_alloc(ANSWER), 0, ANSWER};
    answer_begin(&to.bytes);
    if (status == KV_OK) status = run_all(&c, rest, &count);
    if (status == KV_OK && c.waits) {
        status = wait(&c, place);
        if (status == KV_OK) return KV_NOTHING;
    }
    if (status == KV_OK && peeks) status = peek_report(&to.bytes);
    if (peeks) entries_undo(mark);
    if (status == KV_LOCKED || status == KV_TOO_LARGE) return answer(status, 0, types_hand_back(given));
    return status == KV_OK ? answer_finish(&to.bytes, count) : answer(status, 0, KV_NOTHING);
}

/* No command changes its arguments but for the bits of their lengths that are not read (call_key). */
radon_bytes types_hand_back(const request *given) {
    bool has = given->op == KV_COMMAND && given->size > COMMAND_HEAD && !(given->payload[1] & COMMAND_FOREIGN);
    return has ? (radon_bytes){given->payload + COMMAND_HEAD, given->size - COMMAND_HEAD} : KV_NOTHING;
}

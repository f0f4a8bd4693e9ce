/* gather.c - one question to each of some shards, and their answers. */
#include "rounds.h"

#define COMMAND_OP 12
#define COMMAND_HEAD 12 /* resp (u8), flags (u8), db (u8), 0, seq (u64) */
#define FIRST_PAUSE 1000000   /* ns */
#define LATE_PAUSE 128000000 /* ns */
#define DOUBLED 9            /* times, at most */
#define DOUBLED_AT_HEAD 4    /* the same of the head of a line, in whose way only a few can be */

/* ---- COMMAND ---- */

void command_begin(const connection *self, radon_buffer *message, uint8_t flags, uint64_t seq) {
    uint8_t *at = radon_buffer_extend(message, KV_HEAD + COMMAND_HEAD);
    memset(at, 0, KV_HEAD + COMMAND_HEAD);
    at[0] = COMMAND_OP;
    at += KV_HEAD;
    at[0] = self->session.protocol;
    at[1] = flags;
    at[2] = self->session.db;
    radon_store_u64(at + 4, seq);
}

radon_bytes command_finish(radon_buffer *message) {
    radon_store_u32(message->data + 4, (uint32_t)(message->len - KV_HEAD));
    return radon_buffer_bytes(message);
}

radon_bytes command_of(const connection *self, uint8_t flags, uint64_t seq) {
    radon_buffer message = {0};
    command_begin(self, &message, flags, seq);
    wire_pack(&message, &self->call);
    return command_finish(&message);
}

/* ---- questions ---- */

typedef struct {
    uint32_t shard;
    radon_bytes message;
} question;

typedef struct {
    uint32_t shard;
    kv_answer answer;
} shard_answer;

void ask(connection *self, uint32_t shard, radon_bytes message) {
    question it = {shard, message};
    radon_buffer_add(&self->questions, (radon_bytes){(const uint8_t *)&it, sizeof it});
}

bool gather(connection *self, round_kind kind, radon_bytes record) {
    return gather_within(self, kind, record, ASK_TIMEOUT);
}

static bool fail(connection *self, radon_error error) {
    connection_done(self, refusal(self, understand(error, KV_NOTHING)));
    return false;
}

radon_error ask_alone(token it, radon_bytes message, uint64_t timeout) {
    bool coordinates = it.kind == ROUND_COMMIT; /* any coordinator does */
    radon_address address;
    radon_error error =
        settings_open(coordinates ? settings_get()->tx : settings_get()->keys, coordinates ? "/" : "/#", it.shard, &address);
    if (error != RADON_OK) return error;
    error = radon_address_request(address, message, timeout, token_pack(it));
    radon_address_drop(address);
    return error;
}

bool gather_within(connection *self, round_kind kind, radon_bytes record, uint64_t timeout) {
    const question *all = (const question *)self->questions.data;
    size_t count = self->questions.len / sizeof *all;
    uint8_t left[8], flags = (uint8_t)((count == 1 ? ALONE : 0) | (record.len > 0 ? RECORD : 0));
    self->questions = (radon_buffer){0};
    for (size_t index = 0; index < count; index++) {
        token it = {kind, flags, (uint16_t)all[index].shard, settings_get()->shards};
        radon_error error = ask_alone(it, all[index].message, timeout);
        if (error != RADON_OK && index == 0) return fail(self, error);
        if (error != RADON_OK) { /* those before it will be answered, and nobody is to take that for something else */
            connection_check(self, error);
            return false;
        }
    }
    self->waiting = true;
    radon_store_u64(left, count);
    if (count > 1) connection_check(self, radon_bucket_put(self->bucket, radon_text("n"), (radon_bytes){left, 8}));
    if (record.len > 0) connection_check(self, radon_bucket_put(self->bucket, radon_text("r"), record));
    return !self->closing;
}

/* ---- answers ---- */

kv_answer understand(radon_error error, radon_bytes body) {
    kv_answer answer;
    if (error == RADON_OK && kv_parse(body, &answer)) return answer;
    if (error == RADON_TOO_LARGE) return (kv_answer){.status = KV_TOO_LARGE};
    return (kv_answer){.status = (kv_status)(error == RADON_TIMEOUT ? STATUS_TIMEOUT : STATUS_FAILED)};
}

/* As an answer is stored, one that did not come. */
static radon_bytes missing(radon_error error) {
    uint8_t *head = radon_alloc(KV_HEAD);
    memset(head, 0, KV_HEAD);
    head[0] = (uint8_t)understand(error, KV_NOTHING).status;
    return (radon_bytes){head, KV_HEAD};
}

static void add_answer(connection *self, uint32_t shard, kv_answer answer) {
    shard_answer it = {shard, answer};
    radon_buffer_add(&self->answers, (radon_bytes){(const uint8_t *)&it, sizeof it});
}

/* All that came before, a page after the other; where they are too much for a turn, none of them is there. */
static void load_answers(connection *self) {
    radon_bytes start = radon_text("a"), end = radon_text("b");
    for (size_t all = 0;;) {
        radon_entry_list page;
        connection_check(self, radon_bucket_scan(self->bucket, radon_some(start), radon_some(end), 64, false, &page));
        for (size_t index = 0; index < page.len; index++) {
            radon_entry it = page.data[index];
            all += it.value.len;
            add_answer(self, __builtin_bswap32(radon_load_u32(it.key.data + 1)), understand(RADON_OK, it.value));
        }
        if (all > settings_get()->replies) {
            self->answers.len = 0;
            break;
        }
        if (page.len == 0) break;
        start = radon_concat(page.data[page.len - 1].key, (radon_bytes){(const uint8_t *)"", 1});
    }
    connection_check(self, session_forget(self->bucket, 'a'));
    connection_check(self, radon_bucket_delete(self->bucket, radon_text("n")));
}

bool gather_take(connection *self, token it, radon_error error, radon_bytes body) {
    int64_t left = 0;
    if (!(it.flags & ALONE)) connection_check(self, radon_bucket_add(self->bucket, radon_text("n"), -1, &left));
    if (left > 0) {
        if (error != RADON_OK) body = missing(error);
        connection_check(self, radon_bucket_put(self->bucket, session_number_key('a', it.shard), body));
        return false;
    }
    add_answer(self, it.shard, understand(error, body));
    if (!(it.flags & ALONE)) load_answers(self);
    if (it.flags & RECORD) {
        radon_option stored = {0};
        connection_check(self, radon_bucket_get(self->bucket, radon_text("r"), &stored));
        connection_check(self, radon_bucket_delete(self->bucket, radon_text("r")));
        self->record = stored.value;
    }
    return true;
}

kv_answer gathered(const connection *self, uint32_t shard) {
    const shard_answer *all = (const shard_answer *)self->answers.data;
    size_t count = self->answers.len / sizeof *all;
    for (size_t index = 0; index < count; index++)
        if (all[index].shard == shard) return all[index].answer;
    return (kv_answer){.status = KV_TOO_LARGE}; /* they all answered, but together that was too much */
}

kv_answer gathered_only(const connection *self) { return ((const shard_answer *)self->answers.data)->answer; }

kv_answer gathered_worst(const connection *self) {
    const shard_answer *all = (const shard_answer *)self->answers.data;
    size_t count = self->answers.len / sizeof *all;
    if (count == 0) return (kv_answer){.status = KV_TOO_LARGE};
    for (size_t index = 0; index < count; index++)
        if (all[index].answer.status != KV_OK) return all[index].answer;
    return (kv_answer){0};
}

/* ---- what is refused ---- */

radon_bytes refusal(const connection *self, kv_answer answer) {
    replies out = connection_replies(self);
    switch ((int)answer.status) {
    case KV_LOCKED:
    case KV_CONFLICT: reply_error(&out, "TRYAGAIN others are changing the same keys; try again"); break;
    case KV_UNANSWERED: reply_error(&out, "TRYAGAIN a shard did not answer in time, so nothing was changed"); break;
    case KV_EXHAUSTED: reply_error(&out, "OOM command not allowed when used memory > 'maxmemory'."); break;
    case KV_TOO_LARGE: reply_error(&out, "ERR the command or its reply is longer than limits.message allows, or too much for one turn"); break;
    case STATUS_TIMEOUT: reply_error(&out, "ERR a shard did not answer in time; it may or may not have acted"); break;
    case STATUS_FAILED: reply_error(&out, "ERR a shard cannot be asked; see the log and the kind's grants"); break;
    default: reply_error(&out, "ERR a shard answered what makes no sense; is it std:keyspace?"); break;
    }
    return radon_buffer_bytes(&out.bytes);
}

/* Longer and longer, so that many who want the same leave each other room; and then shorter, so that none of them
 * starves. By chance, or those who met once would meet again and again. */
uint64_t pause_after(uint32_t attempts, uint64_t since) {
    uint64_t waited = radon_clock_now() - since, pause = (uint64_t)FIRST_PAUSE << (attempts < DOUBLED ? attempts : DOUBLED);
    if (waited >= PATIENCE) return 0;
    if (waited > PATIENCE / 4 && pause > LATE_PAUSE) pause = LATE_PAUSE;
    return pause / 2 + radon_random_next() % pause;
}

bool try_again(connection *self) {
    session *it = &self->session;
    if (it->since == 0) it->since = radon_clock_now();
    bool at_head = it->line != 0 && it->attempts > DOUBLED_AT_HEAD;
    uint64_t pause = pause_after(at_head ? DOUBLED_AT_HEAD : it->attempts, it->since);
    if (pause == 0) return false;
    it->attempts++;
    self->changed = self->waiting = true;
    connection_check(self, radon_clock_set_timer(pause, (uint64_t)TIMER_COMMAND << 32));
    return true;
}

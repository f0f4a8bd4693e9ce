/* groups.c - plain commands, gathered for their shards, and their replies in the order of the commands. */
#include "rounds.h"

#define FULL 65536 /* bytes for one shard, beyond which a group takes no further command */

/* A slot is a u32: a shard, of which the next reply belongs here; or a length, and so many bytes behind it. */
#define SLOT_DROP 0x80000000  /* nobody wants the shard's reply */
#define SLOT_BYTES 0x40000000

static void add_slot(connection *self, uint32_t slot) { radon_store_u32(radon_buffer_extend(&self->slots, 4), slot); }

bool group_add(connection *self, uint32_t shard) {
    uint32_t shards = settings_get()->shards;
    if (self->parts == NULL) {
        self->parts = radon_alloc(shards * sizeof *self->parts);
        memset(self->parts, 0, shards * sizeof *self->parts);
    }
    part *to = &self->parts[shard];
    if (to->count > 0 && to->message.len > FULL) return false;
    if (to->count++ == 0) {
        command_begin(self, &to->message, 0, 0);
        if (self->asked++ > 0) self->mixed = true;
    }
    wire_pack(&to->message, &self->call);
    bool silent = self->session.flags & (REPLY_OFF | REPLY_SKIP);
    if (silent) self->mixed = true;
    add_slot(self, shard | (silent ? SLOT_DROP : 0));
    return true;
}

void group_add_reply(connection *self, radon_bytes reply) {
    self->mixed = true;
    add_slot(self, SLOT_BYTES | (uint32_t)reply.len);
    radon_buffer_add(&self->slots, reply);
}

/* ---- replies ---- */

/* Each error is a reply of its own. */
static radon_bytes refuse_all(const connection *self, uint32_t count, kv_answer answer) {
    radon_buffer out = {0};
    radon_bytes reply = refusal(self, answer);
    for (; count > 0; count--) {
        radon_store_u32(radon_buffer_extend(&out, 4), (uint32_t)reply.len);
        radon_buffer_add(&out, reply);
    }
    return radon_buffer_bytes(&out);
}

/* The replies without their lengths, where the answer lies. */
static radon_bytes unwrap(radon_bytes replies) {
    radon_bytes rest = replies, next;
    uint8_t *begin = (uint8_t *)replies.data, *to = begin;
    if (kv_take_key(&rest, &next) && rest.len == 0) return next;
    for (rest = replies; kv_take_key(&rest, &next); to += next.len) memmove(to, next.data, next.len);
    return (radon_bytes){begin, (size_t)(to - begin)};
}

static radon_bytes replies_of(connection *self, uint32_t shard) {
    radon_option stored = {0};
    connection_check(self, radon_bucket_get(self->bucket, session_number_key('a', shard), &stored));
    return stored.value;
}

/* One more than the last shard that belongs to them: an instance that has not asked need not know how many there are. */
static uint32_t shards_in(radon_bytes slots) {
    uint32_t shards = 0;
    while (slots.len >= 4) {
        uint32_t slot = radon_load_u32(slots.data), shard = slot & ~SLOT_DROP;
        bool bytes = slot & SLOT_BYTES && !(slot & SLOT_DROP);
        if (!bytes && shard >= shards) shards = shard + 1;
        slots = radon_slice(slots, 4 + (bytes ? slot & ~SLOT_BYTES : 0), slots.len);
    }
    return shards;
}

static void assemble(connection *self, radon_bytes slots) {
    uint32_t shards = shards_in(slots);
    radon_bytes *rest = radon_alloc(shards * sizeof *rest);
    bool *there = radon_alloc(shards * sizeof *there);
    memset(there, 0, shards * sizeof *there);
    while (slots.len >= 4) {
        uint32_t slot = radon_load_u32(slots.data), shard = slot & ~SLOT_DROP;
        radon_bytes reply = {0};
        slots = radon_slice(slots, 4, slots.len);
        if (slot & SLOT_BYTES && !(slot & SLOT_DROP)) {
            reply = radon_slice(slots, 0, slot & ~SLOT_BYTES);
            slots = radon_slice(slots, reply.len, slots.len);
        } else {
            if (!there[shard]) rest[shard] = replies_of(self, shard);
            there[shard] = true;
            kv_take_key(&rest[shard], &reply);
        }
        if (!(slot & SLOT_DROP)) radon_buffer_add(&self->out.bytes, reply);
    }
}

/* ---- asking ---- */

void group_send(connection *self, bool more) {
    const uint32_t shards = settings_get()->shards;
    const part *parts = self->parts;
    token it = {.kind = self->mixed ? ROUND_GROUP : ROUND_DIRECT, .flags = more ? MORE : 0};
    uint8_t left[8];
    radon_store_u64(left, self->asked);
    self->parts = NULL;
    self->waiting = true;
    if (self->mixed) {
        connection_check(self, radon_bucket_put(self->bucket, radon_text("r"), radon_buffer_bytes(&self->slots)));
        connection_check(self, radon_bucket_put(self->bucket, radon_text("n"), (radon_bytes){left, 8}));
    }
    for (uint32_t shard = 0; shard < shards && self->waiting; shard++) {
        part to = parts[shard];
        if (to.count == 0) continue;
        it.shard = (uint16_t)shard;
        it.count = to.count;
        radon_error error = ask_alone(it, command_finish(&to.message), ASK_TIMEOUT);
        if (error != RADON_OK) group_answered(self, it, error, KV_NOTHING);
    }
}

/* ---- answers ---- */

static bool is_whole(token it, const kv_answer *answer) {
    return answer->status == KV_OK && answer->version == it.count;
}

bool group_finish(token it, radon_error error, radon_bytes body) {
    kv_answer answer;
    radon_message chunk;
    if (it.flags & (MORE | AGAIN) || error != RADON_OK || !kv_parse(body, &answer) || !is_whole(it, &answer))
        return false;
    radon_bytes replies = unwrap(answer.value);
    if (!radon_messaging_kept(CHUNK_TOKEN, &chunk)) return false;
    if (radon_message_reply(chunk, replies) == RADON_TOO_LARGE) {
        radon_address peer;
        if (radon_message_sender(chunk, &peer)) {
            connection_write(peer, replies);
            radon_address_drop(peer);
        }
    }
    radon_message_drop(chunk);
    return true;
}

/* What a part has to remember until it is done with: since when and how often it was refused, and the commands. */
typedef struct {
    uint64_t since, token;
    uint32_t attempts;
    radon_bytes commands;
} refused_part;

#define REFUSED_HEAD 20

static radon_error put_refused(connection *self, uint32_t shard, refused_part it) {
    radon_buffer out = {0};
    uint8_t *head = radon_buffer_extend(&out, REFUSED_HEAD);
    radon_store_u64(head, it.since);
    radon_store_u64(head + 8, it.token);
    radon_store_u32(head + 16, it.attempts);
    radon_buffer_add(&out, it.commands);
    return radon_bucket_put(self->bucket, session_number_key('q', shard), radon_buffer_bytes(&out));
}

static bool get_refused(connection *self, uint32_t shard, refused_part *out) {
    radon_option stored = {0};
    *out = (refused_part){0};
    if (radon_bucket_get(self->bucket, session_number_key('q', shard), &stored) != RADON_OK || !stored.some) return false;
    out->since = radon_load_u64(stored.value.data);
    out->token = radon_load_u64(stored.value.data + 8);
    out->attempts = radon_load_u32(stored.value.data + 16);
    out->commands = radon_slice(stored.value, REFUSED_HEAD, stored.value.len);
    return true;
}

/* The first `count` of packed commands. */
static radon_bytes first_of(radon_bytes packed, uint32_t count) {
    radon_bytes rest = packed, next;
    while (count-- > 0 && kv_take_key(&rest, &next)) continue;
    return radon_slice(packed, 0, packed.len - rest.len);
}

static void ask_again(connection *self, token it, radon_bytes commands) {
    radon_buffer message = {0};
    command_begin(self, &message, 0, 0);
    radon_buffer_add(&message, commands);
    it.flags |= AGAIN;
    radon_error error = ask_alone(it, command_finish(&message), ASK_TIMEOUT);
    if (error != RADON_OK) group_answered(self, it, error, KV_NOTHING);
}

/* Replies of the part join those that it has; of a direct one they leave. */
static void add_replies(connection *self, token it, radon_bytes replies) {
    radon_option before = {0};
    int64_t all = 0;
    if (it.kind == ROUND_DIRECT) {
        radon_buffer_add(&self->out.bytes, unwrap(radon_concat(replies, KV_NOTHING)));
        return;
    }
    radon_bytes key = session_number_key('a', it.shard);
    connection_check(self, radon_bucket_add(self->bucket, radon_text("l"), (int64_t)replies.len, &all));
    if (all > (int64_t)settings_get()->replies) return connection_check(self, RADON_EXHAUSTED);
    connection_check(self, radon_bucket_get(self->bucket, key, &before));
    if (before.some) replies = radon_concat(before.value, replies);
    connection_check(self, radon_bucket_put(self->bucket, key, replies));
}

/* All replies of a part are here. */
static void part_is_done(connection *self, token it) {
    int64_t left = 0;
    if (it.flags & AGAIN) connection_check(self, radon_bucket_delete(self->bucket, session_number_key('q', it.shard)));
    if (it.kind == ROUND_GROUP) {
        radon_option slots = {0};
        connection_check(self, radon_bucket_add(self->bucket, radon_text("n"), -1, &left));
        self->waiting = left > 0 && !self->closing;
        if (left > 0 || self->closing) return;
        connection_check(self, radon_bucket_get(self->bucket, radon_text("r"), &slots));
        assemble(self, slots.value);
        connection_check(self, session_forget(self->bucket, 'a'));
        connection_check(self, radon_bucket_delete(self->bucket, radon_text("l")));
        connection_check(self, radon_bucket_delete(self->bucket, radon_text("n")));
        connection_check(self, radon_bucket_delete(self->bucket, radon_text("r")));
    }
    self->waiting = false;
}

/* A shard that hands commands back has done none of those: it did not want so many, or a key of them is locked. */
static bool hands_back(connection *self, token it, const kv_answer *answer, refused_part *out) {
    bool again = it.flags & AGAIN && get_refused(self, it.shard, out);
    if (answer->status != KV_LOCKED && answer->status != KV_TOO_LARGE) return false;
    if (!again) *out = (refused_part){.since = radon_clock_now(), .commands = answer->value};
    if (out->commands.len == 0 || (answer->status == KV_TOO_LARGE && it.count < 2)) return false;
    return answer->status == KV_TOO_LARGE || pause_after(out->attempts, out->since) > 0;
}

void group_answered(connection *self, token it, radon_error error, radon_bytes body) {
    refused_part refused;
    kv_answer answer = understand(error, body);
    self->waiting = true;
    if (hands_back(self, it, &answer, &refused)) {
        if (answer.status == KV_TOO_LARGE) {
            it.count /= 2;
        } else {
            uint64_t pause = pause_after(refused.attempts++, refused.since);
            connection_check(self, radon_clock_set_timer(pause, (uint64_t)TIMER_GROUP << 32 | it.shard));
        }
        refused.token = token_pack(it);
        connection_check(self, put_refused(self, it.shard, refused));
        if (answer.status == KV_TOO_LARGE) ask_again(self, it, first_of(refused.commands, it.count));
        return;
    }
    add_replies(self, it, is_whole(it, &answer) ? answer.value : refuse_all(self, it.count, answer));
    if (self->closing) return;
    if (it.flags & AGAIN) {
        radon_bytes rest = radon_slice(refused.commands, first_of(refused.commands, it.count).len, refused.commands.len);
        radon_bytes counted = rest, next;
        for (it.count = 0; kv_take_key(&counted, &next); it.count++) continue;
        if (it.count > 0) {
            refused.commands = rest;
            refused.token = token_pack(it);
            connection_check(self, put_refused(self, it.shard, refused));
            ask_again(self, it, rest);
            return;
        }
    }
    part_is_done(self, it);
}

void group_again(connection *self, uint32_t shard) {
    refused_part refused;
    self->waiting = true;
    if (!get_refused(self, shard, &refused)) return;
    token it = token_unpack(refused.token);
    ask_again(self, it, first_of(refused.commands, it.count));
}

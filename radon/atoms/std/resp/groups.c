/* groups.c - plain commands, gathered for their shards, and their replies in the order of the commands. */
#include "rounds.h"

#define FULL 65536 /* bytes for one shard, beyond which a group takes no further command */
#define BEFORE 64  /* bytes of a message that precede its commands, or somewhat more */

/* What a group of several shards has in state: what is to come, the slots, and by shard the replies that have come. All
 * under one letter, so that one call forgets it. */
#define PROGRESS radon_text("gp")
#define SLOTS radon_text("gs")

static radon_bytes replies_key(uint32_t shard) { return session_number_key('g', shard); }

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
        size_t room = BEFORE + self->input.len * 2 / (shards + 1); /* more than its share of what follows */
        to->message = (radon_buffer){radon_alloc(room), 0, room};
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

/* The next slot, and the bytes behind it. */
static bool take_slot(radon_bytes *slots, uint32_t *slot, radon_bytes *bytes) {
    if (slots->len < 4) return false;
    *slot = radon_load_u32(slots->data);
    bool has = *slot & SLOT_BYTES && !(*slot & SLOT_DROP);
    *bytes = radon_slice(*slots, 4, 4 + (has ? *slot & ~SLOT_BYTES : 0));
    *slots = radon_slice(*slots, 4 + bytes->len, slots->len);
    return true;
}

static bool is_of_shard(uint32_t slot) { return slot & SLOT_DROP || !(slot & SLOT_BYTES); }

/* One more than the last shard that belongs to them: an instance that has not asked need not know how many there are. */
static uint32_t shards_in(radon_bytes slots) {
    uint32_t shards = 0, slot;
    radon_bytes bytes;
    while (take_slot(&slots, &slot, &bytes))
        if (is_of_shard(slot) && (slot & ~SLOT_DROP) >= shards) shards = (slot & ~SLOT_DROP) + 1;
    return shards;
}

/* Puts the replies in the order of the commands, and forgets them. Those of `last`, if there are any, are here; all
 * others are in state. */
static radon_error assemble(radon_bucket bucket, uint32_t last, radon_bytes replies, radon_buffer *out) {
    radon_option slots;
    radon_error error = radon_bucket_get(bucket, SLOTS, &slots);
    uint32_t shards = shards_in(slots.value), slot;
    radon_bytes *left = radon_alloc(shards * sizeof *left), rest = slots.value, reply; /* by shard, of its replies */
    memset(left, 0, shards * sizeof *left);
    if (last < shards) left[last] = replies;
    while (error == RADON_OK && take_slot(&rest, &slot, &reply)) {
        uint32_t shard = slot & ~SLOT_DROP;
        if (is_of_shard(slot) && left[shard].data == NULL) {
            radon_option stored;
            error = radon_bucket_get(bucket, replies_key(shard), &stored);
            if (error == RADON_OK) left[shard] = stored.value;
        }
        if (is_of_shard(slot)) kv_take_key(&left[shard], &reply);
        if (!(slot & SLOT_DROP)) radon_buffer_add(out, reply);
    }
    return error == RADON_OK ? session_forget(bucket, 'g') : error;
}

/* ---- what is to come ---- */

typedef struct {
    uint32_t shards; /* whose replies have not come */
    uint32_t bytes;  /* of those that have */
} progress;

static radon_error put_progress(radon_bucket bucket, progress it) {
    return radon_bucket_put(bucket, PROGRESS, (radon_bytes){(const uint8_t *)&it, sizeof it});
}

/* False: nothing is. */
static bool get_progress(radon_bucket bucket, progress *out) {
    radon_option stored;
    *out = (progress){0};
    if (radon_bucket_get(bucket, PROGRESS, &stored) != RADON_OK || !stored.some) return false;
    memcpy(out, stored.value.data, sizeof *out);
    return true;
}

/* ---- asking ---- */

void group_send(connection *self, bool more) {
    const uint32_t shards = settings_get()->shards;
    const part *parts = self->parts;
    token it = {.kind = self->mixed ? ROUND_GROUP : ROUND_DIRECT, .flags = more ? MORE : 0};
    self->parts = NULL;
    self->waiting = true;
    if (self->mixed) {
        connection_check(self, radon_bucket_put(self->bucket, SLOTS, radon_buffer_bytes(&self->slots)));
        connection_check(self, put_progress(self->bucket, (progress){.shards = self->asked}));
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

static bool reply_to_chunk(radon_bytes replies) {
    radon_message chunk;
    radon_address peer;
    if (!radon_messaging_kept(CHUNK_TOKEN, &chunk)) return false;
    if (radon_message_reply(chunk, replies) == RADON_TOO_LARGE && radon_message_sender(chunk, &peer)) {
        connection_write(peer, replies);
        radon_address_drop(peer);
    }
    radon_message_drop(chunk);
    return true;
}

/* Replies that are not the last ones wait for those; of the last ones all are put together. */
static bool finish_part(radon_bucket bucket, token it, radon_bytes replies) {
    progress now;
    radon_buffer out = {0};
    if (!get_progress(bucket, &now) || now.bytes + replies.len > settings_get()->replies) return false;
    if (now.shards == 1)
        return !(it.flags & MORE) && assemble(bucket, it.shard, replies, &out) == RADON_OK &&
               reply_to_chunk(radon_buffer_bytes(&out));
    now.shards--;
    now.bytes += (uint32_t)replies.len;
    return radon_bucket_put(bucket, replies_key(it.shard), replies) == RADON_OK && put_progress(bucket, now) == RADON_OK;
}

bool group_finish(token it, radon_error error, radon_bytes body) {
    kv_answer answer;
    radon_bucket bucket;
    if (it.flags & AGAIN || error != RADON_OK || !kv_parse(body, &answer) || !is_whole(it, &answer)) return false;
    if (it.kind == ROUND_DIRECT) return !(it.flags & MORE) && reply_to_chunk(unwrap(answer.value));
    if (radon_state_open(radon_text("connection"), &bucket) != RADON_OK) return false;
    bool finished = finish_part(bucket, it, answer.value);
    radon_bucket_drop(bucket);
    return finished;
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
    progress now;
    if (it.kind == ROUND_DIRECT) {
        radon_buffer_add(&self->out.bytes, unwrap(radon_concat(replies, KV_NOTHING)));
        return;
    }
    get_progress(self->bucket, &now);
    if (now.bytes + replies.len > settings_get()->replies) return connection_check(self, RADON_EXHAUSTED);
    now.bytes += (uint32_t)replies.len;
    connection_check(self, radon_bucket_get(self->bucket, replies_key(it.shard), &before));
    if (before.some) replies = radon_concat(before.value, replies);
    connection_check(self, radon_bucket_put(self->bucket, replies_key(it.shard), replies));
    connection_check(self, put_progress(self->bucket, now));
}

/* All replies of a part are here. */
static void part_is_done(connection *self, token it) {
    if (it.flags & AGAIN) connection_check(self, radon_bucket_delete(self->bucket, session_number_key('q', it.shard)));
    if (it.kind == ROUND_GROUP) {
        progress now;
        get_progress(self->bucket, &now);
        self->waiting = now.shards > 1 && !self->closing;
        if (self->closing) return;
        if (self->waiting) {
            now.shards--;
            connection_check(self, put_progress(self->bucket, now));
            return;
        }
        connection_check(self, assemble(self->bucket, it.shard, KV_NOTHING, &self->out.bytes));
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

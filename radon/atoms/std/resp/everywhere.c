/* everywhere.c - commands about all shards: each is asked, and the replies are put together. */
#include "features.h"

/* SCAN goes from shard to shard; its cursor is that of the shard times the number of shards, plus the shard. Where it
 * comes to a shard those behind it are asked too, because together they may have less than it wants. */
static verdict scan_begin(connection *self) {
    uint64_t cursor, shards = settings_get()->shards;
    replies to = connection_replies(self);
    if (!radon_parse_u64(self->call.argv[1], &cursor)) {
        reply_error(&to, "ERR invalid cursor");
        connection_emit(self, radon_buffer_bytes(&to.bytes));
        return DONE;
    }
    radon_bytes given = self->call.argv[1];
    self->call.argv[1] = radon_format_u64(cursor / shards);
    uint64_t shard = cursor % shards, behind = cursor < shards ? shards : shard + 1;
    for (; shard < behind; shard++) ask(self, (uint32_t)shard, command_of(self, 0, 0));
    self->call.argv[1] = given;
    gather(self, ROUND_EVERYWHERE, KV_NOTHING);
    return BEGUN;
}

verdict everywhere_ask(connection *self) {
    for (uint32_t shard = 0; shard < settings_get()->shards; shard++) ask(self, shard, command_of(self, 0, 0));
    gather(self, ROUND_EVERYWHERE, KV_NOTHING);
    return BEGUN;
}

verdict everywhere_begin(connection *self, int number) {
    return number == command_number_scan ? scan_begin(self) : everywhere_ask(self);
}

/* The only reply in an answer; no bytes: there is none. */
static radon_bytes reply_in(kv_answer answer) {
    radon_bytes reply, rest = answer.value;
    return answer.status == KV_OK && kv_take_key(&rest, &reply) ? reply : KV_NOTHING;
}

/* How many SCAN wants: COUNT, or 10. The shards have looked at its options. */
static uint64_t scan_count(const arguments *call) {
    uint64_t count = 10;
    for (size_t at = 2; at + 1 < call->argc; at += 2)
        if (is_word(call->argv[at], "count")) radon_parse_u64(call->argv[at + 1], &count);
    return count;
}

static radon_bytes scan_reply(connection *self) {
    uint64_t cursor = 0, next, shards = settings_get()->shards, most = scan_count(&self->call);
    replies to = connection_replies(self);
    radon_buffer keys = {0};
    int64_t total = 0, number;
    radon_parse_u64(self->call.argv[1], &cursor);
    bool one = cursor >= shards;
    for (uint64_t shard = cursor % shards;;) {
        kv_answer answer = gathered(self, (uint32_t)shard);
        radon_bytes reply = reply_in(answer), rest = reply, text, resume;
        uint8_t type;
        if (reply.len == 0) return refusal(self, answer);
        if (!read_line(&rest, &type, &text) || type != '*' || !read_bulk(&rest, &resume)) return reply; /* an error */
        if (!radon_parse_u64(resume, &next) || !read_line(&rest, &type, &text)) return reply;
        if (radon_parse_s64(text, &number)) total += number;
        radon_buffer_add(&keys, rest);
        next = next > 0 ? next * shards + shard : ++shard < shards ? shard : 0;
        if (one || next >= shards || next == 0 || (uint64_t)total >= most) break;
    }
    reply_array(&to, 2);
    reply_bulk(&to, radon_format_u64(next));
    reply_array(&to, (uint64_t)total);
    reply_bytes(&to, radon_buffer_bytes(&keys));
    return radon_buffer_bytes(&to.bytes);
}

/* What the replies of all shards are together: numbers their sum, arrays one array, else the first. */
static radon_bytes sum(connection *self) {
    replies to = connection_replies(self);
    radon_buffer elements = {0};
    int64_t total = 0, number;
    uint8_t type = 0;
    for (uint32_t shard = 0; shard < settings_get()->shards; shard++) {
        kv_answer answer = gathered(self, shard);
        radon_bytes reply = reply_in(answer), rest = reply, text;
        if (reply.len == 0) return refusal(self, answer);
        if (!read_line(&rest, &type, &text) || type == '-' || type == '+') {
            if (type == '-' || shard + 1 == settings_get()->shards) return reply;
            continue;
        }
        if (radon_parse_s64(text, &number)) total += number;
        radon_buffer_add(&elements, rest);
    }
    reply_head(&to, type, total);
    reply_bytes(&to, radon_buffer_bytes(&elements));
    return radon_buffer_bytes(&to.bytes);
}

/* One of the replies that are no null. */
static radon_bytes any(connection *self) {
    uint32_t shards = settings_get()->shards, first = (uint32_t)(radon_random_next() % shards);
    radon_bytes reply = {0};
    for (uint32_t step = 0; step < shards; step++) {
        kv_answer answer = gathered(self, (first + step) % shards);
        reply = reply_in(answer);
        if (reply.len == 0) return refusal(self, answer);
        if (reply.data[0] == '$' && reply.data[1] != '-') return reply;
    }
    return reply;
}

/* PUBSUB NUMSUB: each shard tells of all channels, of those of others 0. */
static radon_bytes numbers(connection *self) {
    const uint32_t shards = settings_get()->shards;
    replies to = connection_replies(self);
    radon_bytes *rest = radon_alloc(shards * sizeof *rest), text, name = {0};
    uint8_t type;
    for (uint32_t shard = 0; shard < shards; shard++) {
        rest[shard] = reply_in(gathered(self, shard));
        if (!read_line(&rest[shard], &type, &text)) return refusal(self, gathered(self, shard));
    }
    reply_array(&to, 2 * (self->call.argc - 2));
    for (size_t index = 2; index < self->call.argc; index++) {
        int64_t total = 0, number = 0;
        for (uint32_t shard = 0; shard < shards; shard++)
            if (read_bulk(&rest[shard], &name) && read_line(&rest[shard], &type, &text) && radon_parse_s64(text, &number))
                total += number;
        reply_bulk(&to, self->call.argv[index]);
        reply_integer(&to, total);
    }
    return radon_buffer_bytes(&to.bytes);
}

/* CLIENT UNBLOCK: who waits in several shards waits once. */
static radon_bytes whether(connection *self) {
    radon_bytes reply = sum(self);
    return reply.data[0] == ':' && reply.data[1] != '0' ? radon_text(":1\r\n") : reply;
}

void everywhere_finish(connection *self) {
    int number = command_find(self->call.argv[0]);
    if (gathered_worst(self).status == KV_LOCKED && try_again(self)) return;
    radon_bytes reply = number == command_number_scan        ? scan_reply(self)
                        : number == command_number_randomkey ? any(self)
                        : number == command_number_info      ? info_reply(self)
                        : number == command_number_client    ? whether(self)
                        : number == command_number_pubsub && is_word(self->call.argv[1], "numsub") ? numbers(self)
                                                             : sum(self);
    connection_done(self, reply);
}

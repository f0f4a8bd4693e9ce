/* connection.c - input that comes in pieces, output that leaves in one. */
#include "features.h"

#define BEHIND (1 << 20) /* bytes behind a command that waits, beyond which no more is taken in */

static const char exhausted[] = "ERR out of memory: this connection has used up its limits.state, or what replies may have";

/* ---- input ---- */

/* Is the command at the front longer than all that is here? Then `body` is put with the other pieces, unseen. */
static bool set_aside(connection *self, radon_bytes body) {
    session *it = &self->session;
    if (it->pieces == 0 || it->have - it->begin + body.len >= it->need) return false;
    connection_check(self, radon_bucket_put(self->bucket, session_number_key('i', it->pieces), body));
    it->pieces++;
    it->have += (uint32_t)body.len;
    return self->aside = self->changed = true;
}

radon_error connection_begin(connection *self, radon_message chunk) {
    *self = (connection){.chunk = chunk};
    radon_error error = radon_state_open(radon_text("connection"), &self->bucket);
    if (error == RADON_OK) error = session_load(self->bucket, &self->session);
    self->out.resp = self->session.protocol;
    return error;
}

void connection_take(connection *self, radon_bytes body) {
    const session *it = &self->session;
    radon_bytes stored = {0};
    if (it->pieces > 0 && body.len > 0 && set_aside(self, body)) return;
    if (it->pieces > 0) connection_check(self, session_join(self->bucket, 'i', it->pieces, &stored));
    stored = radon_slice(stored, it->begin, stored.len);
    self->body = body;
    self->input = stored.len == 0 ? body : body.len == 0 ? stored : radon_concat(stored, body);
    self->length = self->input.len;
}

void connection_defer(connection *self, radon_bytes body) {
    session *it = &self->session;
    self->waiting = self->aside = self->changed = true;
    connection_check(self, radon_bucket_put(self->bucket, session_number_key('i', it->pieces++), body));
    it->have += (uint32_t)body.len;
    self->lets_go = it->have <= BEHIND;
}

/* What is not handled lasts. */
static void put_input(connection *self) {
    session *it = &self->session;
    size_t handled = self->length - self->input.len;
    if (self->input.len == 0) {
        if (it->pieces == 0) return;
        connection_check(self, session_forget(self->bucket, 'i'));
        it->pieces = it->have = it->begin = it->need = 0;
    } else if (self->body.len == 0) {
        it->begin += (uint32_t)handled;
    } else if (handled == 0 && it->pieces > 0) {
        connection_check(self, radon_bucket_put(self->bucket, session_number_key('i', it->pieces), self->body));
        it->pieces++;
        it->have += (uint32_t)self->body.len;
    } else {
        if (it->pieces > 1) connection_check(self, session_forget(self->bucket, 'i'));
        connection_check(self, radon_bucket_put(self->bucket, session_number_key('i', 0), self->input));
        it->pieces = 1;
        it->begin = 0;
        it->have = (uint32_t)self->input.len;
    }
    self->changed = true;
}

static wire_limits limits_of(const connection *self) {
    wire_limits limits = settings_get()->limits;
    limits.stranger = settings_get()->password.len > 0 && !(self->session.flags & AUTHENTICATED);
    return limits;
}

static void refuse_input(connection *self, radon_bytes fault) {
    replies out = connection_replies(self);
    reply_error_about(&out, "ERR Protocol error: ", fault, "");
    connection_emit(self, radon_buffer_bytes(&out.bytes));
    self->closing = true;
}

/* It is counted, and REPLY SKIP is of one command. */
static void after_command(connection *self) {
    uint16_t flags = self->session.flags;
    statistics_answered(self->number);
    if (!(flags & (REPLY_SKIP | SKIP_NEXT))) return;
    flags &= (uint16_t)~REPLY_SKIP;
    if (flags & SKIP_NEXT) flags = (uint16_t)((flags | REPLY_SKIP) & ~SKIP_NEXT);
    self->session.flags = flags;
    self->changed = true;
}

void connection_advance(connection *self) {
    bool more = false;
    while (!self->waiting && !self->closing && !more) {
        radon_bytes rest = self->input;
        wire_state state = wire_next(&rest, limits_of(self), &self->call);
        if (state.result == PARTIAL) {
            self->session.need = (uint32_t)state.need;
            break;
        }
        if (state.result == BROKEN && self->parts == NULL) refuse_input(self, state.fault);
        if (state.result == BROKEN) {
            more = true;
            break;
        }
        verdict became = self->call.argc == 0 ? DONE : run_command(self);
        more = became == LATER;
        if (became != DONE) continue;
        if (self->call.argc > 0) after_command(self);
        self->input = rest;
    }
    if (self->parts != NULL) group_send(self, more || self->session.flags & LET_GO);
    if (self->closing) self->input.len = 0;
}

void connection_reread(connection *self) {
    radon_bytes rest = self->input;
    if (wire_next(&rest, limits_of(self), &self->call).result != WHOLE || self->call.argc == 0) __builtin_trap();
}

void connection_done(connection *self, radon_bytes reply) {
    wire_next(&self->input, limits_of(self), &self->call);
    int number = self->number = command_find(self->call.argv[0]);
    if (number == command_number_exec && self->session.flags & IN_MULTI) multi_reset(self);
    if (number >= 0 && commands[number].flags & BLOCKING)
        connection_check(self, radon_bucket_delete(self->bucket, radon_text("b")));
    connection_emit(self, reply);
    after_command(self);
    if (self->session.line != 0) line_leave(self);
    if (self->session.attempts > 0 || self->session.since > 0) self->changed = true;
    self->session.attempts = 0;
    self->session.since = 0;
}

/* ---- output ---- */

void connection_push(connection *self, radon_bytes bytes) {
    if (bytes.len == 0) return;
    if (self->parts != NULL)
        group_add_reply(self, bytes);
    else
        radon_buffer_add(&self->out.bytes, bytes);
}

void connection_emit(connection *self, radon_bytes reply) {
    if (!(self->session.flags & (REPLY_OFF | REPLY_SKIP))) connection_push(self, reply);
}

/* What is longer than a message may be leaves in several. */
void connection_write(radon_address peer, radon_bytes bytes) {
    while (bytes.len > 0) {
        size_t length = bytes.len;
        while (radon_address_send(peer, radon_slice(bytes, 0, length)) == RADON_TOO_LARGE && length > 1) length /= 2;
        bytes = radon_slice(bytes, length, bytes.len);
    }
}

void connection_check(connection *self, radon_error error) {
    if (error == RADON_OK || self->closing) return;
    reply_error(&self->out, exhausted);
    self->closing = true;
    self->waiting = false;
}

#define PEER radon_text("d")

bool connection_peer(const connection *self, radon_address *out) {
    radon_option sealed = {0};
    if (self->chunk.handle != 0) return radon_message_sender(self->chunk, out);
    if (radon_bucket_get(self->bucket, PEER, &sealed) != RADON_OK || !sealed.some) return false;
    return radon_messaging_unseal(sealed.value, out) == RADON_OK;
}

void connection_know_peer(connection *self) {
    radon_address peer;
    if (self->session.flags & PEER_KNOWN || !connection_peer(self, &peer)) return;
    connection_check(self, radon_bucket_put(self->bucket, PEER, radon_address_seal(peer)));
    radon_address_drop(peer);
    self->session.flags |= PEER_KNOWN;
    self->changed = true;
}

/* Is the chunk that is being handled let go of, at the end of this turn? */
static void let_go(connection *self) {
    uint16_t before = self->session.flags;
    self->lets_go &= self->waiting && !self->closing;
    if (self->lets_go) connection_know_peer(self);
    if (self->lets_go) self->session.flags |= LET_GO;
    if (!self->waiting) self->session.flags &= (uint16_t)~LET_GO;
    self->changed |= self->session.flags != before;
}

/* What was queued in this turn. */
static void put_queue(connection *self) {
    session *it = &self->session;
    if (self->queue.len == 0) return;
    radon_bytes piece = radon_buffer_bytes(&self->queue);
    connection_check(self, radon_bucket_put(self->bucket, session_number_key('m', it->queue++), piece));
    self->changed = true;
}

static void write_out(connection *self) {
    radon_bytes bytes = radon_buffer_bytes(&self->out.bytes);
    radon_address peer;
    if (bytes.len == 0) return;
    bool answers = self->chunk.handle != 0 && (!self->waiting || self->lets_go);
    if (answers && radon_message_reply(self->chunk, bytes) == RADON_OK) return;
    if (!connection_peer(self, &peer)) return;
    connection_write(peer, bytes);
    radon_address_drop(peer);
}

radon_error connection_end(connection *self) {
    if (!self->closing && !self->aside) put_input(self);
    if (!self->closing) put_queue(self);
    let_go(self);
    if (self->changed && !self->closing) connection_check(self, session_store(self->bucket, &self->session));
    write_out(self);
    if (self->closing) {
        statistics_left(self);
        radon_lifecycle_exit(0);
    } else if (self->waiting && !self->lets_go && self->chunk.handle != 0) {
        radon_message_keep(self->chunk, CHUNK_TOKEN);
    }
    radon_bucket_drop(self->bucket);
    return RADON_OK;
}

/* resp.c - the Redis protocol, one atom for each connection: what it hears. docs/redis.md has what clients see.
 *
 * Nothing here fails a turn, but for a host that does not give what it must: whatever is wrong with what comes in is
 * answered as Redis answers it.
 */
#include "features.h"

RADON_START(args) {
    radon_bucket bucket;
    RADON_TRY(radon_state_open(radon_text("connection"), &bucket));
    uint8_t since[8];
    radon_store_u64(since, radon_clock_now());
    statistics_connected(radon_clock_now());
    RADON_TRY(radon_bucket_put(bucket, radon_text("@"), radon_concat((radon_bytes){since, 8}, args)));
    radon_bucket_drop(bucket);
    return RADON_DONE;
}

RADON_RECEIVE(message, body) {
    connection self;
    RADON_TRY(connection_begin(&self, message));
    if (self.session.flags & PEER_KNOWN && publication_heard(&self, message, body)) return RADON_DONE;
    if (self.session.flags & LET_GO) {
        connection_defer(&self, body);
    } else {
        connection_take(&self, body);
        connection_advance(&self);
    }
    RADON_TRY(connection_end(&self));
    return RADON_DONE;
}

/* A turn that goes on with the chunk of an earlier one, or with what was in it. False: there is none. */
static bool resume(connection *self, radon_error *error) {
    radon_message chunk = {0};
    bool kept = radon_messaging_kept(CHUNK_TOKEN, &chunk);
    *error = connection_begin(self, chunk);
    if (*error != RADON_OK) return false;
    bool let_go = self->session.flags & LET_GO;
    if (!kept && !let_go) {
        radon_bucket_drop(self->bucket);
        return false;
    }
    if (kept && let_go) { /* it came later, and is being handled from now on */
        self->session.flags &= (uint16_t)~LET_GO;
        self->changed = true;
    }
    connection_take(self, KV_NOTHING);
    return true;
}

static radon_error go_on(connection *self) {
    if (!self->waiting && !self->closing) connection_advance(self);
    radon_error error = connection_end(self);
    if (self->chunk.handle != 0) radon_message_drop(self->chunk);
    return error;
}

static void answered(connection *self, token it, radon_error error, radon_bytes body) {
    if (it.kind == ROUND_DIRECT || it.kind == ROUND_GROUP) return group_answered(self, it, error, body);
    if (it.kind == ROUND_WAIT) return block_waited(self, it, error, body);
    if (it.count > 0) settings_set_shards(it.count);
    self->waiting = !gather_take(self, it, error, body);
    if (self->waiting) return;
    connection_reread(self);
    round_finish(self, it.kind);
}

RADON_REPLIED(number, error, body) {
    connection self;
    token it = token_unpack(number);
    radon_error failed = RADON_OK;
    if (it.kind <= ROUND_GROUP && group_finish(it, error, body)) return RADON_DONE;
    if (!resume(&self, &failed)) return failed == RADON_OK ? RADON_DONE : radon_fail(radon_error_name(failed));
    answered(&self, it, error, body);
    RADON_TRY(go_on(&self));
    return RADON_DONE;
}

RADON_FIRED(number) {
    connection self;
    radon_error error = RADON_OK;
    if (!resume(&self, &error)) return error == RADON_OK ? RADON_DONE : radon_fail(radon_error_name(error));
    if (number >> 32 == TIMER_GROUP) group_again(&self, (uint32_t)number);
    if (number >> 32 == TIMER_BLOCK) block_timed_out(&self);
    RADON_TRY(go_on(&self));
    return RADON_DONE;
}

/* Token 0 is the peer; the atom ends with this turn. */
RADON_DOWN(token, status) {
    connection self;
    RADON_TRY(connection_begin(&self, (radon_message){0}));
    block_abandon(&self);
    statistics_left(&self);
    radon_bucket_drop(self.bucket);
    return RADON_DONE;
}

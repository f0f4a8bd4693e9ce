/* multi.c - MULTI, EXEC, WATCH: commands that are queued, and the versions of keys that they depend on. */
#include "plan.h"

/* ---- the queue ---- */

static bool runs_at_once(int number) {
    return number == command_number_exec || number == command_number_discard || number == command_number_multi ||
           number == command_number_watch || number == command_number_quit || number == command_number_reset;
}

/* Those that ask shards themselves. */
static bool cannot_be_queued(int number) {
    return number == command_number_subscribe || number == command_number_unsubscribe ||
           number == command_number_psubscribe || number == command_number_punsubscribe ||
           number == command_number_pubsub;
}

verdict multi_queue(connection *self, int number) {
    replies to = connection_replies(self);
    if (runs_at_once(number)) return run_local(self, number);
    self->changed = true;
    radon_buffer packed = {0};
    wire_pack(&packed, &self->call);
    if (self->session.size + packed.len > settings_get()->limits.total) {
        self->session.flags |= MULTI_BROKEN;
        reply_error(&to, "ERR the transaction is longer than proto-max-bulk-len");
    } else if (cannot_be_queued(number)) {
        self->session.flags |= MULTI_BROKEN;
        reply_error_about(&to, "ERR '", radon_text(commands[number].name), "' cannot be part of a transaction");
    } else {
        radon_buffer_add(&self->queue, radon_buffer_bytes(&packed));
        self->session.size += (uint32_t)packed.len;
        self->session.queued++;
        reply_status(&to, "QUEUED");
    }
    connection_emit(self, radon_buffer_bytes(&to.bytes));
    return DONE;
}

static void forget_watched(connection *self) {
    if (self->session.watched > 0) connection_check(self, session_forget(self->bucket, 'w'));
    self->session.watched = 0;
    self->changed = true;
}

void multi_reset(connection *self) {
    if (self->session.queue > 0) connection_check(self, session_forget(self->bucket, 'm'));
    self->session.queue = self->session.queued = self->session.size = 0;
    self->session.flags &= (uint16_t)~(IN_MULTI | MULTI_BROKEN);
    self->queue.len = 0;
    forget_watched(self);
}

verdict run_multi(connection *self, replies *to) {
    if (self->session.flags & IN_MULTI) {
        reply_error(to, "ERR MULTI calls can not be nested");
        return DONE;
    }
    self->session.flags |= IN_MULTI;
    self->changed = true;
    reply_status(to, "OK");
    return DONE;
}

verdict run_discard(connection *self, replies *to) {
    if (self->session.flags & IN_MULTI) {
        multi_reset(self);
        reply_status(to, "OK");
    } else {
        reply_error(to, "ERR DISCARD without MULTI");
    }
    return DONE;
}

/* ---- WATCH ---- */

verdict run_unwatch(connection *self, replies *to) {
    forget_watched(self);
    reply_status(to, "OK");
    return DONE;
}

verdict run_watch(connection *self, replies *to) {
    plan what;
    if (self->session.flags & IN_MULTI) {
        reply_error(to, "ERR WATCH inside MULTI is not allowed");
        return DONE;
    }
    if (settings_get()->shards == 0) return ask_for_shards(self);
    plan_make(self, &what);
    for (uint32_t shard = 0; shard < settings_get()->shards; shard++) {
        radon_buffer batch = {0};
        for (size_t index = 0; index < plan_keys(&what); index++) {
            const plan_key *it = plan_key_at(&what, index);
            if (it->shard == shard) kv_add_to(&batch, kv_exists(it->key));
        }
        if (batch.len > 0) ask(self, shard, kv_batch(batch));
    }
    gather(self, ROUND_WATCH, KV_NOTHING);
    return BEGUN;
}

/* A key that is watched already keeps the version that it had then. */
static void watch(connection *self, radon_bytes key, uint64_t version) {
    radon_option before = {0};
    uint8_t bytes[8];
    radon_bytes at = session_key('w', key);
    if (self->session.watched > 0) connection_check(self, radon_bucket_get(self->bucket, at, &before));
    if (before.some) return;
    radon_store_u64(bytes, version);
    connection_check(self, radon_bucket_put(self->bucket, at, (radon_bytes){bytes, 8}));
    self->session.watched++;
    self->changed = true;
}

void watch_finish(connection *self) {
    plan what;
    uint32_t shards = settings_get()->shards;
    radon_bytes *rest = radon_alloc(shards * sizeof *rest);
    plan_make(self, &what);
    for (size_t index = 0; index < plan_keys(&what); index++) {
        uint32_t shard = plan_key_at(&what, index)->shard;
        kv_answer answer = gathered(self, shard);
        if (answer.status == KV_LOCKED && try_again(self)) return;
        if (answer.status != KV_OK) return connection_done(self, refusal(self, answer));
        rest[shard] = answer.value;
    }
    for (size_t index = 0; index < plan_keys(&what); index++) {
        const plan_key *it = plan_key_at(&what, index);
        kv_answer found;
        if (kv_next(&rest[it->shard], &found)) watch(self, it->key, found.version);
    }
    connection_done(self, radon_text("+OK\r\n"));
}

/* ---- EXEC ---- */

static radon_bytes exec_message(connection *self, const plan *what) {
    radon_buffer batch = {0}, message = {0};
    uint8_t db = self->session.db;
    self->session.db = what->db;
    command_begin(self, &message, 0, 0);
    self->session.db = db;
    radon_buffer_add(&message, radon_buffer_bytes(&what->commands));
    if (self->session.watched == 0) return command_finish(&message);
    for (size_t index = 0; index < plan_keys(what); index++) {
        const plan_key *it = plan_key_at(what, index);
        if (it->watched) kv_add_to(&batch, version_check(it->key, it->version));
    }
    kv_add_to(&batch, command_finish(&message));
    return kv_batch(batch);
}

verdict run_exec(connection *self, replies *to) {
    plan what;
    if (!(self->session.flags & IN_MULTI)) {
        reply_error(to, "ERR EXEC without MULTI");
        return DONE;
    }
    if (self->session.flags & MULTI_BROKEN) {
        multi_reset(self);
        reply_error(to, "EXECABORT Transaction discarded because of previous errors.");
        return DONE;
    }
    if (settings_get()->shards == 0) return ask_for_shards(self);
    plan_make(self, &what);
    if (what.fault.len > 0) {
        multi_reset(self);
        reply_bytes(to, what.fault);
        return DONE;
    }
    if (what.count == 0 && self->session.watched == 0) {
        plan_finish(self, &what, KV_NOTHING);
        return BEGUN;
    }
    if (!what.one) return across_begin(self);
    ask(self, what.home, exec_message(self, &what));
    gather(self, ROUND_EXEC, KV_NOTHING);
    return BEGUN;
}

void exec_finish(connection *self) {
    plan what;
    plan_make(self, &what);
    kv_answer answer = gathered(self, what.home), last = answer;
    replies none = connection_replies(self);
    if (answer.status == KV_LOCKED && try_again(self)) return;
    if (answer.status == KV_CONFLICT && self->session.watched > 0) {
        reply_null_array(&none);
        return connection_done(self, radon_buffer_bytes(&none.bytes));
    }
    if (answer.status != KV_OK) return connection_done(self, refusal(self, answer));
    radon_bytes rest = answer.value;
    while (self->session.watched > 0 && kv_next(&rest, &last)) continue; /* the checks, then the commands' */
    plan_finish(self, &what, last.value);
}

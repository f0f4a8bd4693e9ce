/* plan.c - which commands of a transaction go to shards, and which keys they name. */
#include "plan.h"

static radon_bytes key_of(uint8_t db, radon_bytes name) {
    uint8_t *key = radon_alloc(1 + name.len);
    key[0] = db;
    memcpy(key + 1, name.data, name.len);
    return (radon_bytes){key, 1 + name.len};
}

static void add_key(plan *to, plan_key it) {
    size_t before = plan_keys(to);
    if (before == 0) to->home = it.shard;
    if (it.shard != to->home) to->one = false;
    radon_buffer_add(&to->keys, (radon_bytes){(const uint8_t *)&it, sizeof it});
}

static void add_named(plan *to, radon_bytes name) {
    add_key(to, (plan_key){.key = key_of(to->db, name), .shard = shard_of(name)});
}

static radon_bytes fault(const char *before, const char *name, const char *after) {
    replies out = {0};
    reply_error_about(&out, before, radon_text(name), after);
    return radon_buffer_bytes(&out.bytes);
}

static void add_command(plan *to, int number, const arguments *call) {
    const command *it = &commands[number];
    key_places at;
    uint32_t ignored;
    if (it->place == ALL && settings_get()->shards > 1)
        to->fault = fault("ERR '", it->name, "' is about all shards and cannot be part of a transaction");
    wire_pack(&to->commands, call);
    to->count++;
    to->writes |= (it->flags & WRITE) != 0;
    if (!find_keys(it, call->argv, call->argc, &at)) return;
    if (at.other > 0 && it->keys == STORED_NUMBERED) add_named(to, call->argv[at.other]);
    for (size_t index = at.first; index <= at.last; index += at.step) add_named(to, call->argv[index]);
    if (at.other > 0 && it->keys == SORTED) add_named(to, call->argv[at.other]);
    if (to->one && spread_of(it, call, &ignored) == MANY_SHARDS) to->one = false; /* keys that it does not name */
}

/* All commands of a transaction are in one database, the one that is selected before the first of them. */
static void add_queued(connection *self, plan *to, radon_bytes queue) {
    arguments call = {0};
    uint8_t db = to->db;
    while (wire_unpack(&queue, &call)) {
        int number = command_find(call.argv[0]);
        int64_t selected;
        if (number == command_number_select && read_integer(call.argv[1], &selected) && selected >= 0 && selected < DATABASES)
            db = (uint8_t)selected;
        if (number == command_number_publish) to->publishes = true;
        if (commands[number].place == RESP) continue;
        if (to->count == 0) to->db = db;
        if (db != to->db) to->fault = fault("ERR ", "SELECT", " between the commands of a transaction is not supported");
        add_command(to, number, &call);
    }
    (void)self;
}

static void add_watched(connection *self, plan *to) {
    radon_bytes start = radon_text("w"), end = radon_text("x");
    for (;;) {
        radon_entry_list page;
        connection_check(self, radon_bucket_scan(self->bucket, radon_some(start), radon_some(end), 256, false, &page));
        if (page.len == 0) return;
        for (size_t index = 0; index < page.len; index++) {
            radon_bytes key = radon_slice(page.data[index].key, 1, page.data[index].key.len);
            uint64_t version = radon_load_u64(page.data[index].value.data);
            add_key(to, (plan_key){key, shard_of(radon_slice(key, 1, key.len)), true, version});
        }
        start = radon_concat(page.data[page.len - 1].key, (radon_bytes){(const uint8_t *)"", 1});
    }
}

static radon_bytes queue_of(connection *self) {
    radon_bytes stored;
    connection_check(self, session_join(self->bucket, 'm', self->session.queue, &stored));
    return self->queue.len == 0 ? stored : radon_concat(stored, radon_buffer_bytes(&self->queue));
}

void plan_make(connection *self, plan *out) {
    int number = command_find(self->call.argv[0]);
    *out = (plan){.one = true, .exec = number == command_number_exec, .db = self->session.db};
    if (!out->exec) return add_command(out, number, &self->call);
    add_queued(self, out, queue_of(self));
    if (self->session.watched > 0) add_watched(self, out);
}

/* ---- the replies ---- */

/* Those of an EXEC: of shards, of this connection, and of what was published, all in the order of the commands. */
static radon_bytes exec_reply(connection *self, radon_bytes answers, radon_bytes *published) {
    replies out = connection_replies(self);
    radon_bytes reply, queue = queue_of(self);
    arguments call = self->call;
    reply_array(&out, self->session.queued);
    self->call = (arguments){0};
    while (wire_unpack(&queue, &self->call)) {
        int number = command_find(self->call.argv[0]);
        bool publishes = number == command_number_publish;
        radon_bytes *from = publishes ? &published[shard_of(self->call.argv[1])] : &answers;
        if (commands[number].place == RESP && !publishes)
            local_run(self, number, &out);
        else if (kv_take_key(from, &reply))
            radon_buffer_add(&out.bytes, reply);
    }
    self->call = call;
    return radon_buffer_bytes(&out.bytes);
}

static void publish(connection *self, radon_bytes answers) {
    arguments call = {0};
    for (uint32_t shard = 0; shard < settings_get()->shards; shard++) {
        radon_buffer message = {0};
        radon_bytes queue = queue_of(self);
        command_begin(self, &message, 0, 0);
        size_t empty = message.len;
        while (wire_unpack(&queue, &call))
            if (command_find(call.argv[0]) == command_number_publish && shard_of(call.argv[1]) == shard)
                publish_pack(&message, &call);
        if (message.len > empty) ask(self, shard, command_finish(&message));
    }
    gather(self, ROUND_PUBLISH, answers);
}

void plan_finish(connection *self, const plan *it, radon_bytes answers) {
    radon_bytes reply = {0};
    if (it->publishes) return publish(self, answers);
    if (it->exec)
        reply = exec_reply(self, answers, NULL);
    else
        kv_take_key(&answers, &reply);
    bool blocks = commands[command_find(self->call.argv[0])].flags & BLOCKING;
    blocks ? block_moved(self, reply) : connection_done(self, reply);
}

void plan_published(connection *self) {
    uint32_t shards = settings_get()->shards;
    radon_bytes *published = radon_alloc(shards * sizeof *published);
    kv_answer worst = gathered_worst(self);
    for (uint32_t shard = 0; shard < shards; shard++) published[shard] = gathered(self, shard).value;
    if (worst.status != KV_OK) return connection_done(self, refusal(self, worst));
    connection_done(self, exec_reply(self, self->record, published));
}

radon_bytes version_check(radon_bytes key, uint64_t version) {
    return kv_request(KV_GET, (kv_options){.flags = KV_IF_VERSION | KV_NO_VALUE, .version = version}, KV_NOTHING, key);
}

/* info.c - INFO: a section each, some of what this connection knows, some of what shards tell. */
#include "features.h"

/* What only the shards know. */
typedef struct {
    uint64_t blocked; /* clients that wait */
    uint64_t entries[DATABASES], expiring[DATABASES];
} state_of_shards;

static void add_line(radon_buffer *to, const char *name, radon_bytes value) {
    radon_buffer_add_text(to, name);
    radon_buffer_add_byte(to, ':');
    radon_buffer_add(to, value);
    radon_buffer_add_text(to, "\r\n");
}

static void add_server(radon_buffer *to, const state_of_shards *known) {
    (void)known;
    add_line(to, "redis_version", radon_text(REDIS_VERSION));
    add_line(to, "redis_mode", radon_text("standalone"));
    add_line(to, "server_name", radon_text("radon"));
    add_line(to, "arch_bits", radon_text("64"));
    add_line(to, "server_time_usec", radon_format_u64(radon_clock_now() / 1000));
}

static void add_clients(radon_buffer *to, const state_of_shards *known) {
    add_line(to, "cluster_connections", radon_text("0"));
    if (known != NULL) add_line(to, "blocked_clients", radon_format_u64(known->blocked));
}

static void add_memory(radon_buffer *to, const state_of_shards *known) {
    (void)known;
    add_line(to, "maxmemory", radon_text("0"));
    add_line(to, "maxmemory_policy", radon_text("noeviction"));
}

static void add_persistence(radon_buffer *to, const state_of_shards *known) {
    (void)known;
    add_line(to, "loading", radon_text("0"));
    add_line(to, "rdb_bgsave_in_progress", radon_text("0"));
    add_line(to, "aof_enabled", radon_text("0"));
}

static void add_replication(radon_buffer *to, const state_of_shards *known) {
    (void)known;
    add_line(to, "role", radon_text("master"));
    add_line(to, "connected_slaves", radon_text("0"));
}

static void add_cluster(radon_buffer *to, const state_of_shards *known) {
    (void)known;
    add_line(to, "cluster_enabled", radon_text("0"));
    if (settings_get()->shards > 0) add_line(to, "radon_shards", radon_format_u64(settings_get()->shards));
}

static void add_keyspace(radon_buffer *to, const state_of_shards *known) {
    for (int db = 0; known != NULL && db < DATABASES; db++) {
        if (known->entries[db] == 0) continue;
        radon_buffer_add_text(to, "db");
        radon_buffer_add_s64(to, db);
        radon_buffer_add_text(to, ":keys=");
        radon_buffer_add_u64(to, known->entries[db]);
        radon_buffer_add_text(to, ",expires=");
        radon_buffer_add_u64(to, known->expiring[db]);
        radon_buffer_add_text(to, ",avg_ttl=0\r\n");
    }
}

static const struct {
    const char *name, *title;
    void (*add)(radon_buffer *to, const state_of_shards *known);
} sections[] = {
    {"server", "Server", add_server},
    {"clients", "Clients", add_clients},
    {"memory", "Memory", add_memory},
    {"persistence", "Persistence", add_persistence},
    {"replication", "Replication", add_replication},
    {"cluster", "Cluster", add_cluster},
    {"keyspace", "Keyspace", add_keyspace},
};

#define SECTIONS (sizeof sections / sizeof *sections)

static bool is_wanted(const arguments *call, size_t section) {
    bool wanted = call->argc == 1;
    for (size_t at = 1; at < call->argc; at++) {
        radon_bytes word = call->argv[at];
        wanted |= is_word(word, sections[section].name) || is_word(word, "all") || is_word(word, "default") ||
                  is_word(word, "everything");
    }
    return wanted;
}

/* Whether there is something in it that they know. */
static bool asks_shards(const arguments *call) {
    bool asks = false;
    for (size_t index = 0; index < SECTIONS; index++)
        if (sections[index].add == add_clients || sections[index].add == add_keyspace) asks |= is_wanted(call, index);
    return asks;
}

static void tell(const arguments *call, const state_of_shards *known, replies *to) {
    radon_buffer text = {0};
    for (size_t index = 0; index < SECTIONS; index++) {
        if (!is_wanted(call, index)) continue;
        if (text.len > 0) radon_buffer_add_text(&text, "\r\n");
        radon_buffer_add_text(&text, "# ");
        radon_buffer_add_text(&text, sections[index].title);
        radon_buffer_add_text(&text, "\r\n");
        sections[index].add(&text, known);
    }
    reply_verbatim(to, radon_buffer_bytes(&text));
}

/* In a transaction no shard is asked. */
verdict run_info(connection *self, replies *to) {
    arguments given = self->call;
    if (self->session.flags & IN_MULTI || !asks_shards(&given)) {
        tell(&given, NULL, to);
        return DONE;
    }
    if (settings_get()->shards == 0) return ask_for_shards(self);
    radon_bytes question = radon_text(".info");
    self->call = (arguments){.argv = &question, .argc = 1};
    verdict became = everywhere_ask(self);
    self->call = given;
    return became;
}

/* Each place once: who waits in several shards has the same in all. */
static uint64_t count_apart(radon_bytes places) {
    size_t room = places.len / 4 + 1;
    uint64_t *slots = radon_alloc(room * sizeof *slots), count = 0; /* 0: free */
    memset(slots, 0, room * sizeof *slots);
    for (size_t at = 0; at + 8 <= places.len; at += 8) {
        uint64_t place = radon_load_u64(places.data + at);
        size_t slot = kv_hash(radon_slice(places, at, at + 8)) % room;
        while (slots[slot] != 0 && slots[slot] != place) slot = (slot + 1) % room;
        count += slots[slot] == 0;
        slots[slot] = place;
    }
    return count;
}

radon_bytes info_reply(connection *self) {
    state_of_shards known = {0};
    replies to = connection_replies(self);
    radon_buffer all = {0};
    for (uint32_t shard = 0; shard < settings_get()->shards; shard++) {
        kv_answer answer = gathered(self, shard);
        radon_bytes rest = answer.value, text, places, counts;
        uint8_t type;
        bool whole = answer.status == KV_OK && kv_take_key(&rest, &text) && read_line(&text, &type, &places) &&
                     read_bulk(&text, &places) && read_bulk(&text, &counts) && counts.len == 16 * DATABASES;
        if (!whole) return refusal(self, answer);
        radon_buffer_add(&all, places);
        for (size_t db = 0; db < DATABASES; db++) {
            known.entries[db] += radon_load_u64(counts.data + 16 * db);
            known.expiring[db] += radon_load_u64(counts.data + 16 * db + 8);
        }
    }
    known.blocked = count_apart(radon_buffer_bytes(&all));
    tell(&self->call, &known, &to);
    return radon_buffer_bytes(&to.bytes);
}

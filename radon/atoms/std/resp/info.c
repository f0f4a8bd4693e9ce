/* info.c - INFO: a section each, some of what this connection knows, some of what shards tell. */
#include "features.h"

#include "../redis/statistics.h"

#define SECOND UINT64_C(1000000000) /* ns */
#define DAY 86400                   /* s */
#define PAGE 65536                  /* bytes of a page of linear memory */

/* What only the shards know. */
typedef struct {
    uint64_t blocked; /* clients that wait */
    uint64_t entries[DATABASES], expiring[DATABASES];
    statistics told; /* memory, hits, misses and what has expired of all, the others of the first */
} state_of_shards;

static void add_line(radon_buffer *to, const char *name, radon_bytes value) {
    radon_buffer_add_text(to, name);
    radon_buffer_add_byte(to, ':');
    radon_buffer_add(to, value);
    radon_buffer_add_text(to, "\r\n");
}

static void add_number(radon_buffer *to, const char *name, uint64_t number) {
    add_line(to, name, radon_format_u64(number));
}

static void add_server(radon_buffer *to, const state_of_shards *known) {
    add_line(to, "redis_version", radon_text(REDIS_VERSION));
    add_line(to, "redis_mode", radon_text("standalone"));
    add_line(to, "server_name", radon_text("radon"));
    add_line(to, "arch_bits", radon_text("64"));
    add_number(to, "server_time_usec", radon_clock_now() / 1000);
    if (known == NULL) return;
    uint64_t uptime = (radon_clock_now() - known->told.since) / SECOND;
    add_number(to, "uptime_in_seconds", uptime);
    add_number(to, "uptime_in_days", uptime / DAY);
}

static void add_clients(radon_buffer *to, const state_of_shards *known) {
    add_number(to, "connected_clients", statistics_clients());
    add_line(to, "cluster_connections", radon_text("0"));
    if (known != NULL) add_number(to, "blocked_clients", known->blocked);
}

/* As Redis writes bytes for people: 1.50M. */
static radon_bytes human(uint64_t bytes) {
    static const char letters[] = "BKMGT";
    size_t power = 0;
    radon_buffer text = {0};
    while (power + 2 < sizeof letters && bytes >> (10 * (power + 1)) > 0) power++;
    uint64_t unit = UINT64_C(1) << (10 * power), hundredths = (bytes % unit * 100 + unit / 2) / unit;
    radon_buffer_add_u64(&text, bytes / unit + hundredths / 100);
    if (power > 0) {
        radon_buffer_add_byte(&text, '.');
        radon_buffer_add_byte(&text, (uint8_t)('0' + hundredths % 100 / 10));
        radon_buffer_add_byte(&text, (uint8_t)('0' + hundredths % 10));
    }
    radon_buffer_add_byte(&text, (uint8_t)letters[power]);
    return radon_buffer_bytes(&text);
}

/* Linear memory does not shrink, so it is at its peak. */
static void add_memory(radon_buffer *to, const state_of_shards *known) {
    if (known != NULL) {
        uint64_t used = known->told.memory + (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
        add_number(to, "used_memory", used);
        add_line(to, "used_memory_human", human(used));
        add_number(to, "used_memory_peak", used);
        add_line(to, "used_memory_peak_human", human(used));
    }
    add_line(to, "maxmemory", radon_text("0"));
    add_line(to, "maxmemory_policy", radon_text("noeviction"));
}

/* There are no snapshots, so none is due or late: what lasts is up to the store of the deployment. */
static void add_persistence(radon_buffer *to, const state_of_shards *known) {
    add_line(to, "loading", radon_text("0"));
    add_line(to, "rdb_changes_since_last_save", radon_text("0"));
    add_line(to, "rdb_bgsave_in_progress", radon_text("0"));
    if (known != NULL) add_number(to, "rdb_last_save_time", known->told.since / SECOND);
    add_line(to, "aof_enabled", radon_text("0"));
}

static void add_stats(radon_buffer *to, const state_of_shards *known) {
    if (known == NULL) return;
    add_number(to, "total_connections_received", known->told.connections);
    add_number(to, "total_commands_processed", known->told.commands);
    add_number(to, "instantaneous_ops_per_sec", known->told.per_second);
    add_number(to, "expired_keys", known->told.expired);
    add_line(to, "evicted_keys", radon_text("0"));
    add_number(to, "keyspace_hits", known->told.hits);
    add_number(to, "keyspace_misses", known->told.misses);
}

static void add_replication(radon_buffer *to, const state_of_shards *known) {
    (void)known;
    add_line(to, "role", radon_text("master"));
    add_line(to, "connected_slaves", radon_text("0"));
}

static void add_commandstats(radon_buffer *to, const state_of_shards *known) {
    for (size_t index = 0; known != NULL && index < COMMANDS; index++) {
        if (known->told.calls[index] == 0) continue;
        radon_buffer_add_text(to, "cmdstat_");
        radon_buffer_add_text(to, commands[index].name);
        radon_buffer_add_text(to, ":calls=");
        radon_buffer_add_u64(to, known->told.calls[index]);
        radon_buffer_add_text(to, "\r\n");
    }
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
    bool asks;  /* there is something in it that only shards know */
    bool extra; /* it is not there unless it is asked for */
} sections[] = {
    {"server", "Server", add_server, true, false},
    {"clients", "Clients", add_clients, true, false},
    {"memory", "Memory", add_memory, true, false},
    {"persistence", "Persistence", add_persistence, true, false},
    {"stats", "Stats", add_stats, true, false},
    {"replication", "Replication", add_replication, false, false},
    {"commandstats", "Commandstats", add_commandstats, true, true},
    {"cluster", "Cluster", add_cluster, false, false},
    {"keyspace", "Keyspace", add_keyspace, true, false},
};

#define SECTIONS (sizeof sections / sizeof *sections)

static bool is_wanted(const arguments *call, size_t section) {
    const bool usual = !sections[section].extra;
    bool wanted = call->argc == 1 && usual;
    for (size_t at = 1; at < call->argc; at++) {
        radon_bytes word = call->argv[at];
        wanted |= is_word(word, sections[section].name) || is_word(word, "all") || is_word(word, "everything") ||
                  (is_word(word, "default") && usual);
    }
    return wanted;
}

static bool asks_shards(const arguments *call) {
    bool asks = false;
    for (size_t index = 0; index < SECTIONS; index++) asks |= sections[index].asks && is_wanted(call, index);
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
    self->call = statistics_question();
    for (uint32_t shard = 0; shard < settings_get()->shards; shard++) {
        if (shard > 0) self->call.argc = 1;
        ask(self, shard, command_of(self, 0, 0));
    }
    self->call = given;
    gather(self, ROUND_EVERYWHERE, KV_NOTHING);
    return BEGUN;
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

/* Of the next shard; the first one's stand. */
static void add_told(statistics *to, radon_bytes bytes, bool first) {
    statistics it;
    memcpy(&it, bytes.data, sizeof it);
    if (first) {
        *to = it;
        return;
    }
    to->hits += it.hits;
    to->misses += it.misses;
    to->expired += it.expired;
    to->memory += it.memory;
}

radon_bytes info_reply(connection *self) {
    state_of_shards known = {0};
    replies to = connection_replies(self);
    radon_buffer all = {0};
    for (uint32_t shard = 0; shard < settings_get()->shards; shard++) {
        kv_answer answer = gathered(self, shard);
        radon_bytes rest = answer.value, text, places, counts, told;
        uint8_t type;
        bool whole = answer.status == KV_OK && kv_take_key(&rest, &text) && read_line(&text, &type, &places) &&
                     read_bulk(&text, &places) && read_bulk(&text, &counts) && counts.len == 16 * DATABASES &&
                     read_bulk(&text, &told) && told.len == sizeof(statistics);
        if (!whole) return refusal(self, answer);
        radon_buffer_add(&all, places);
        add_told(&known.told, told, shard == 0);
        for (size_t db = 0; db < DATABASES; db++) {
            known.entries[db] += radon_load_u64(counts.data + 16 * db);
            known.expiring[db] += radon_load_u64(counts.data + 16 * db + 8);
        }
    }
    known.blocked = count_apart(radon_buffer_bytes(&all));
    tell(&self->call, &known, &to);
    return radon_buffer_bytes(&to.bytes);
}

/* config.c - CONFIG: parameters that Redis has. Some are what the server is, and only a deployment changes them; others
 * can be set, of which the encodings that OBJECT tells of are all that anything here goes by. What was set is kept by
 * the shards (keyspace/parameters.c), and read from the first of them. */
#include "features.h"

#include "../redis/glob.h"

typedef enum { FIXED, NUMBER, BYTES, SWITCH, WORD } sort;

typedef struct {
    const char *name, *value;
    sort sort;
    const char *as;           /* what it was called before; NULL: it has one name */
    radon_bytes (*get)(void); /* where it is not always the same */
} parameter;

static radon_bytes bulk_length(void) { return radon_format_u64(settings_get()->limits.most); }

static radon_bytes password(void) { return settings_get()->password; }

static const parameter parameters[] = {
    {"active-expire-effort", "1", NUMBER, NULL, NULL},
    {"activerehashing", "yes", SWITCH, NULL, NULL},
    {"appendonly", "no", FIXED, NULL, NULL},
    {"busy-reply-threshold", "5000", NUMBER, NULL, NULL},
    {"client-query-buffer-limit", "1073741824", BYTES, NULL, NULL},
    {"databases", "16", FIXED, NULL, NULL},
    {"dynamic-hz", "yes", SWITCH, NULL, NULL},
    {"hash-max-listpack-entries", "512", NUMBER, NULL, NULL},
    {"hash-max-listpack-value", "64", BYTES, NULL, NULL},
    {"hash-max-ziplist-entries", "512", NUMBER, "hash-max-listpack-entries", NULL},
    {"hash-max-ziplist-value", "64", BYTES, "hash-max-listpack-value", NULL},
    {"hll-sparse-max-bytes", "3000", BYTES, NULL, NULL},
    {"hz", "10", NUMBER, NULL, NULL},
    {"latency-monitor-threshold", "0", NUMBER, NULL, NULL},
    {"latency-tracking", "yes", SWITCH, NULL, NULL},
    {"lazyfree-lazy-eviction", "no", SWITCH, NULL, NULL},
    {"lazyfree-lazy-expire", "no", SWITCH, NULL, NULL},
    {"lazyfree-lazy-server-del", "no", SWITCH, NULL, NULL},
    {"lazyfree-lazy-user-del", "no", SWITCH, NULL, NULL},
    {"lazyfree-lazy-user-flush", "no", SWITCH, NULL, NULL},
    {"lfu-decay-time", "1", NUMBER, NULL, NULL},
    {"lfu-log-factor", "10", NUMBER, NULL, NULL},
    {"list-compress-depth", "0", NUMBER, NULL, NULL},
    {"list-max-listpack-size", "-2", NUMBER, NULL, NULL},
    {"list-max-ziplist-size", "-2", NUMBER, "list-max-listpack-size", NULL},
    {"loglevel", "notice", WORD, NULL, NULL},
    {"lua-time-limit", "5000", NUMBER, "busy-reply-threshold", NULL},
    {"maxclients", "10000", FIXED, NULL, NULL},
    {"maxmemory", "0", FIXED, NULL, NULL},
    {"maxmemory-policy", "noeviction", FIXED, NULL, NULL},
    {"maxmemory-samples", "5", NUMBER, NULL, NULL},
    {"notify-keyspace-events", "", FIXED, NULL, NULL},
    {"proto-max-bulk-len", NULL, FIXED, NULL, bulk_length},
    {"rdb-key-save-delay", "0", NUMBER, NULL, NULL},
    {"rdbchecksum", "yes", FIXED, NULL, NULL},
    {"rdbcompression", "yes", SWITCH, NULL, NULL},
    {"requirepass", NULL, FIXED, NULL, password},
    {"sanitize-dump-payload", "no", WORD, NULL, NULL},
    {"save", "", FIXED, NULL, NULL},
    {"set-max-intset-entries", "512", NUMBER, NULL, NULL},
    {"set-max-listpack-entries", "128", NUMBER, NULL, NULL}, /* of Redis 7.2, and with no effect, as its next one */
    {"set-max-listpack-value", "64", BYTES, NULL, NULL},
    {"slowlog-log-slower-than", "10000", NUMBER, NULL, NULL},
    {"slowlog-max-len", "128", NUMBER, NULL, NULL},
    {"stop-writes-on-bgsave-error", "yes", SWITCH, NULL, NULL},
    {"stream-node-max-bytes", "4096", BYTES, NULL, NULL},
    {"stream-node-max-entries", "100", NUMBER, NULL, NULL},
    {"tcp-keepalive", "300", NUMBER, NULL, NULL},
    {"timeout", "0", FIXED, NULL, NULL},
    {"tracking-table-max-keys", "1000000", NUMBER, NULL, NULL},
    {"zset-max-listpack-entries", "128", NUMBER, NULL, NULL},
    {"zset-max-listpack-value", "64", BYTES, NULL, NULL},
    {"zset-max-ziplist-entries", "128", NUMBER, "zset-max-listpack-entries", NULL},
    {"zset-max-ziplist-value", "64", BYTES, "zset-max-listpack-value", NULL},
};

#define PARAMETERS (sizeof parameters / sizeof *parameters)

/* What it is, unless it was set. */
static radon_bytes value_of(const parameter *it) { return it->get != NULL ? it->get() : radon_text(it->value); }

/* What shards know it by. */
static radon_bytes kept_as(const parameter *it) { return radon_text(it->as != NULL ? it->as : it->name); }

/* The one of this name, or NULL. */
static const parameter *find(radon_bytes name) {
    for (size_t index = 0; index < PARAMETERS; index++)
        if (is_word(name, parameters[index].name)) return &parameters[index];
    return NULL;
}

static void add(arguments *to, radon_bytes word) { to->argv[to->argc++] = word; }

/* A question to shards with this name, and room for so many words. */
static arguments question(const char *name, size_t words) {
    arguments it = {.argv = radon_alloc((words + 1) * sizeof *it.argv)};
    add(&it, radon_text(name));
    return it;
}

/* ---- GET ---- */

static radon_bytes in_lower_case(radon_bytes word) {
    uint8_t *to = radon_alloc(word.len);
    for (size_t index = 0; index < word.len; index++) to[index] = lower(word.data[index]);
    return (radon_bytes){to, word.len};
}

static void find_wanted(const arguments *call, bool wanted[PARAMETERS]) {
    for (size_t at = 2; at < call->argc; at++) {
        radon_bytes pattern = in_lower_case(call->argv[at]);
        for (size_t index = 0; index < PARAMETERS; index++)
            wanted[index] |= glob_matches(pattern, radon_text(parameters[index].name));
    }
}

static verdict get_config(connection *self, replies *to) {
    const arguments given = self->call;
    arguments asked = question(".parameters", 3 * PARAMETERS);
    bool wanted[PARAMETERS] = {0};
    find_wanted(&given, wanted);
    for (size_t index = 0; index < PARAMETERS; index++) {
        const parameter *it = &parameters[index];
        if (!wanted[index]) continue;
        add(&asked, radon_text(it->name));
        add(&asked, kept_as(it));
        add(&asked, value_of(it));
    }
    if (asked.argc > 1 && !(self->session.flags & IN_MULTI)) {
        if (settings_get()->shards == 0) return ask_for_shards(self);
        self->call = asked;
        group_add(self, 0);
        self->call = given;
        return DONE;
    }
    reply_map(to, asked.argc / 3);
    for (size_t index = 1; index < asked.argc; index += 3) {
        reply_bulk(to, asked.argv[index]);
        reply_bulk(to, asked.argv[index + 2]);
    }
    return DONE;
}

/* ---- SET ---- */

/* Bytes, as "100", "64kb" or "1g". */
static bool read_bytes(radon_bytes text, uint64_t *out) {
    static const struct {
        const char *unit;
        uint64_t bytes;
    } units[] = {{"kb", 1 << 10}, {"mb", 1 << 20}, {"gb", 1 << 30}, {"k", 1000}, {"m", 1000000}, {"g", 1000000000}, {"b", 1}};
    uint64_t times = 1;
    size_t digits = 0;
    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9') digits++;
    radon_bytes unit = radon_slice(text, digits, text.len);
    bool known = unit.len == 0;
    for (size_t index = 0; index < sizeof units / sizeof *units; index++) {
        if (!is_word(unit, units[index].unit)) continue;
        known = true;
        times = units[index].bytes;
    }
    bool whole = known && radon_parse_u64(radon_slice(text, 0, digits), out) && *out <= UINT64_MAX / times;
    if (whole) *out *= times;
    return whole;
}

/* What is wrong with the value, or NULL; else it is as it is to be kept. */
static const char *refuse(const parameter *it, radon_bytes *value) {
    int64_t number;
    uint64_t bytes;
    switch (it->sort) {
    case FIXED: return radon_equal(*value, value_of(it)) ? NULL : "can't set immutable config";
    case NUMBER: return read_integer(*value, &number) ? NULL : "argument couldn't be parsed into an integer";
    case BYTES:
        if (!read_bytes(*value, &bytes)) return "argument must be a memory value";
        *value = radon_format_u64(bytes);
        return NULL;
    case SWITCH:
        *value = in_lower_case(*value);
        return radon_is(*value, "yes") || radon_is(*value, "no") ? NULL : "argument must be 'yes' or 'no'";
    default: return NULL;
    }
}

static verdict fail_to_set(replies *to, radon_bytes name, const char *why) {
    radon_buffer after = {0};
    radon_buffer_add_text(&after, "') - ");
    radon_buffer_add_text(&after, why);
    radon_buffer_add_byte(&after, 0);
    reply_error_about(to, "ERR CONFIG SET failed (possibly related to argument '", name, (const char *)after.data);
    return DONE;
}

static verdict set_config(connection *self, replies *to) {
    const arguments given = self->call;
    arguments asked = question(".set-parameters", given.argc);
    if (given.argc % 2 != 0) {
        reply_error(to, "ERR syntax error");
        return DONE;
    }
    for (size_t at = 2; at < given.argc; at += 2) {
        if (find(given.argv[at]) == NULL) {
            reply_error_about(to, "ERR Unknown option or number of arguments for CONFIG SET - '", given.argv[at], "'");
            return DONE;
        }
        for (size_t before = 2; before < at; before += 2)
            if (find(given.argv[before]) == find(given.argv[at]))
                return fail_to_set(to, given.argv[at], "duplicate parameter");
    }
    for (size_t at = 2; at < given.argc; at += 2) {
        const parameter *it = find(given.argv[at]);
        radon_bytes value = given.argv[at + 1];
        const char *why = refuse(it, &value);
        if (why != NULL) return fail_to_set(to, given.argv[at], why);
        if (it->sort == FIXED) continue;
        add(&asked, kept_as(it));
        add(&asked, value);
    }
    if (asked.argc == 1) {
        reply_status(to, "OK");
        return DONE;
    }
    if (self->session.flags & IN_MULTI) {
        reply_error(to, "ERR CONFIG SET cannot be part of a transaction");
        return DONE;
    }
    if (settings_get()->shards == 0) return ask_for_shards(self);
    self->call = asked;
    verdict became = everywhere_ask(self);
    self->call = given;
    return became;
}

static verdict reset_statistics(connection *self, replies *to) {
    const arguments given = self->call;
    if (self->session.flags & IN_MULTI) {
        reply_error(to, "ERR CONFIG RESETSTAT cannot be part of a transaction");
        return DONE;
    }
    if (settings_get()->shards == 0) return ask_for_shards(self);
    statistics_reset();
    self->call = question(".reset-statistics", 0);
    verdict became = everywhere_ask(self);
    self->call = given;
    return became;
}

verdict run_config(connection *self, replies *to) {
    radon_bytes word = self->call.argv[1];
    if (is_word(word, "get")) return get_config(self, to);
    if (is_word(word, "set")) return set_config(self, to);
    if (is_word(word, "resetstat")) return reset_statistics(self, to);
    if (is_word(word, "rewrite")) {
        reply_error(to, "ERR The server is running without a config file");
    } else {
        reply_help(to, &commands[command_number_config]);
    }
    return DONE;
}

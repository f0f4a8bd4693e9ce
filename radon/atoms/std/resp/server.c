/* server.c - CONFIG and TIME: what there is to say of the server as a whole; for INFO see info.c. */
#include "features.h"

#include "../redis/glob.h"

/* ---- CONFIG: what there is to know, and can only be changed by a deployment ---- */

static radon_bytes bulk_length(void) { return radon_format_u64(settings_get()->limits.most); }

static radon_bytes password(void) { return settings_get()->password; }

static const struct {
    const char *name, *value;
    radon_bytes (*get)(void); /* where it is not always the same */
} parameters[] = {
    {"appendonly", "no", NULL},
    {"databases", "16", NULL},
    {"hash-max-listpack-entries", "512", NULL}, /* so and below, what OBJECT ENCODING goes by */
    {"hash-max-listpack-value", "64", NULL},
    {"list-max-listpack-size", "-2", NULL},
    {"maxclients", "10000", NULL},
    {"maxmemory", "0", NULL},
    {"maxmemory-policy", "noeviction", NULL},
    {"notify-keyspace-events", "", NULL},
    {"proto-max-bulk-len", NULL, bulk_length},
    {"requirepass", NULL, password},
    {"save", "", NULL},
    {"set-max-intset-entries", "512", NULL},
    {"timeout", "0", NULL},
    {"zset-max-listpack-entries", "128", NULL},
    {"zset-max-listpack-value", "64", NULL},
};

#define PARAMETERS (sizeof parameters / sizeof *parameters)

static radon_bytes value_of(size_t parameter) {
    return parameters[parameter].get != NULL ? parameters[parameter].get() : radon_text(parameters[parameter].value);
}

/* The parameter of this name; PARAMETERS: there is none. */
static size_t find_parameter(radon_bytes name) {
    size_t index = 0;
    while (index < PARAMETERS && !is_word(name, parameters[index].name)) index++;
    return index;
}

static radon_bytes in_lower_case(radon_bytes word) {
    uint8_t *to = radon_alloc(word.len);
    for (size_t index = 0; index < word.len; index++) to[index] = lower(word.data[index]);
    return (radon_bytes){to, word.len};
}

static void get_config(const arguments *call, replies *to) {
    bool wanted[PARAMETERS] = {0};
    size_t count = 0;
    for (size_t at = 2; at < call->argc; at++) {
        radon_bytes pattern = in_lower_case(call->argv[at]);
        for (size_t index = 0; index < PARAMETERS; index++) {
            if (wanted[index] || !glob_matches(pattern, radon_text(parameters[index].name))) continue;
            wanted[index] = true;
            count++;
        }
    }
    reply_map(to, count);
    for (size_t index = 0; index < PARAMETERS; index++) {
        if (!wanted[index]) continue;
        reply_bulk_text(to, parameters[index].name);
        reply_bulk(to, value_of(index));
    }
}

/* Who wants what is so already gets it. */
static void set_config(const arguments *call, replies *to) {
    if (call->argc % 2 != 0) return reply_error(to, "ERR syntax error");
    for (size_t at = 2; at < call->argc; at += 2)
        if (find_parameter(call->argv[at]) == PARAMETERS)
            return reply_error_about(to, "ERR Unknown option or number of arguments for CONFIG SET - '", call->argv[at], "'");
    for (size_t at = 2; at < call->argc; at += 2)
        if (!radon_equal(call->argv[at + 1], value_of(find_parameter(call->argv[at]))))
            return reply_error_about(to, "ERR CONFIG SET failed (possibly related to argument '", call->argv[at],
                "') - can't set immutable config");
    reply_status(to, "OK");
}

verdict run_config(connection *self, replies *to) {
    radon_bytes word = self->call.argv[1];
    if (is_word(word, "get")) {
        get_config(&self->call, to);
    } else if (is_word(word, "set")) {
        set_config(&self->call, to);
    } else if (is_word(word, "resetstat")) {
        reply_status(to, "OK");
    } else if (is_word(word, "rewrite")) {
        reply_error(to, "ERR The server is running without a config file");
    } else {
        reply_help(to, &commands[command_number_config]);
    }
    return DONE;
}

/* ---- TIME ---- */

verdict run_time(connection *self, replies *to) {
    uint64_t us = radon_clock_now() / 1000;
    (void)self;
    reply_array(to, 2);
    reply_bulk(to, radon_format_u64(us / 1000000));
    reply_bulk(to, radon_format_u64(us % 1000000));
    return DONE;
}

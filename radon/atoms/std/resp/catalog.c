/* catalog.c - COMMAND: what the table of commands has. */
#include "features.h"

#include "../redis/glob.h"

/* ---- names ---- */

static void add_name(radon_buffer *to, const char *name, char instead) {
    for (; *name != 0; name++) radon_buffer_add_byte(to, *name == '_' ? (uint8_t)instead : (uint8_t)*name);
}

/* The name of a command, or of a part of one. */
static radon_bytes name_of(const char *parent, const char *name) {
    radon_buffer full = {0};
    if (parent != NULL) {
        radon_buffer_add_text(&full, parent);
        radon_buffer_add_byte(&full, '|');
    }
    add_name(&full, name, parent != NULL ? '-' : '_');
    return radon_buffer_bytes(&full);
}

static void reply_name(replies *to, const char *parent, const char *name) { reply_bulk(to, name_of(parent, name)); }

void reply_help(replies *to, const command *it) {
    radon_buffer line = {0};
    size_t count = 1;
    for (size_t index = 0; index < subcommand_count; index++)
        count += is_part_of(&subcommands[index], it);
    reply_array(to, count);
    for (const char *at = it->name; *at != 0; at++) radon_buffer_add_byte(&line, (uint8_t)(*at - 32));
    radon_buffer_add_text(&line, " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    reply_bulk(to, radon_buffer_bytes(&line));
    for (size_t index = 0; index < subcommand_count; index++) {
        if (!is_part_of(&subcommands[index], it)) continue;
        line.len = 0;
        for (const char *at = subcommands[index].name; *at != 0; at++)
            radon_buffer_add_byte(&line, *at == '_' ? '-' : (uint8_t)(*at - 32));
        reply_bulk(to, radon_buffer_bytes(&line));
    }
}

/* ---- flags and categories, by bit ---- */

static const char *const flag_names[] = {"write", "readonly", "denyoom", "admin", "pubsub", "noscript", "blocking",
    "loading", "stale", "skip_slowlog", "fast", "no_auth", "movablekeys", "allow_busy"};
static const char *const category_names[] = {"keyspace", "string", "bitmap", "hash", "list", "set", "sortedset",
    "connection", "transaction", "dangerous", "geo", "hyperloglog", "scripting"};

enum { OF_FLAGS = 6 };

/* Categories that follow from flags. */
static const struct {
    const char *name;
    uint16_t with;
} implied[OF_FLAGS] = {{"write", WRITE}, {"read", READONLY}, {"admin", ADMIN}, {"pubsub", PUBSUB},
    {"blocking", BLOCKING}, {"fast", FAST}};

static void reply_statuses(replies *to, radon_buffer *names, size_t count) {
    reply_set(to, count);
    reply_bytes(to, radon_buffer_bytes(names));
}

static void add_status(replies *names, const char *before, const char *name) {
    radon_buffer_add_byte(&names->bytes, '+');
    reply_text(names, before);
    reply_text(names, name);
    reply_text(names, "\r\n");
}

static void reply_flags(replies *to, uint16_t flags) {
    replies names = {0};
    size_t count = 0;
    for (size_t bit = 0; bit < sizeof flag_names / sizeof *flag_names; bit++)
        if (flags >> bit & 1 && ++count) add_status(&names, "", flag_names[bit]);
    reply_statuses(to, &names.bytes, count);
}

static void reply_categories(replies *to, uint16_t flags, uint16_t categories) {
    replies names = {0};
    size_t count = 0;
    for (size_t index = 0; index < OF_FLAGS; index++)
        if (flags & implied[index].with && ++count) add_status(&names, "@", implied[index].name);
    if (!(flags & FAST) && ++count) add_status(&names, "@", "slow");
    if (flags & ADMIN && !(categories & DANGEROUS) && ++count) add_status(&names, "@", "dangerous");
    for (size_t bit = 0; bit < sizeof category_names / sizeof *category_names; bit++)
        if (categories >> bit & 1 && ++count) add_status(&names, "@", category_names[bit]);
    reply_statuses(to, &names.bytes, count);
}

static bool has_category(uint16_t flags, uint16_t categories, radon_bytes name) {
    for (size_t index = 0; index < OF_FLAGS; index++)
        if (flags & implied[index].with && is_word(name, implied[index].name)) return true;
    if (!(flags & FAST) && is_word(name, "slow")) return true;
    if (flags & ADMIN && is_word(name, "dangerous")) return true;
    for (size_t bit = 0; bit < sizeof category_names / sizeof *category_names; bit++)
        if (categories >> bit & 1 && is_word(name, category_names[bit])) return true;
    return false;
}

/* ---- COMMAND INFO ---- */

static void reply_places(replies *to, int first, int last, int step) {
    reply_integer(to, first);
    reply_integer(to, last);
    reply_integer(to, step);
}

static void reply_subcommand(replies *to, const subcommand *it) {
    reply_array(to, 10);
    reply_name(to, it->parent, it->name);
    reply_integer(to, it->arity);
    reply_flags(to, it->flags);
    reply_places(to, it->first, it->last, it->step);
    reply_categories(to, it->flags, it->categories);
    reply_array(to, 0);
    reply_array(to, 0);
    reply_array(to, 0);
}

static void reply_command(replies *to, const command *it) {
    replies inner = {.resp = to->resp};
    size_t count = 0;
    for (size_t index = 0; index < subcommand_count; index++)
        if (is_part_of(&subcommands[index], it) && ++count)
            reply_subcommand(&inner, &subcommands[index]);
    reply_array(to, 10);
    reply_name(to, NULL, it->name);
    reply_integer(to, it->arity);
    reply_flags(to, it->flags);
    count > 0 && it->flags == 0 ? reply_places(to, 0, 0, 0) : reply_places(to, it->first, it->last, it->step);
    reply_categories(to, it->flags, it->categories);
    reply_array(to, 0); /* hints */
    reply_array(to, 0); /* where keys are, in other words */
    reply_array(to, count);
    reply_bytes(to, radon_buffer_bytes(&inner.bytes));
}

static void reply_info(replies *to, radon_bytes name) {
    size_t bar = radon_find(name, '|');
    int number = command_find(radon_slice(name, 0, bar));
    const subcommand *sub = NULL;
    if (number >= 0 && bar < name.len) sub = subcommand_find(&commands[number], radon_slice(name, bar + 1, name.len));
    if (number < 0 || (bar < name.len && sub == NULL)) return reply_null_array(to);
    sub != NULL ? reply_subcommand(to, sub) : reply_command(to, &commands[number]);
}

/* ---- COMMAND DOCS, GETKEYS, LIST ---- */

static const char *group_of(const command *it) {
    static const char *const groups[] = {"generic", "string", "bitmap", "hash", "list", "set", "sorted-set",
        "connection", "transactions", NULL, "geo", "hyperloglog", "scripting"};
    for (size_t bit = 0; bit < sizeof groups / sizeof *groups; bit++)
        if (it->categories >> bit & 1 && groups[bit] != NULL) return groups[bit];
    return it->flags & PUBSUB ? "pubsub" : "server";
}

static void reply_docs(replies *to, const command *it) {
    reply_name(to, NULL, it->name);
    reply_map(to, 3);
    reply_bulk_text(to, "summary");
    reply_bulk_text(to, "See https://redis.io/commands");
    reply_bulk_text(to, "since");
    reply_bulk_text(to, "1.0.0");
    reply_bulk_text(to, "group");
    reply_bulk_text(to, group_of(it));
}

static void docs(const arguments *call, replies *to) {
    replies inner = {.resp = to->resp};
    size_t count = 0;
    for (size_t number = 0; call->argc == 2 && number < COMMANDS; number++, count++) reply_docs(&inner, &commands[number]);
    for (size_t at = 2; at < call->argc; at++) {
        int number = command_find(call->argv[at]);
        if (number < 0) continue;
        reply_docs(&inner, &commands[number]);
        count++;
    }
    reply_map(to, count);
    reply_bytes(to, radon_buffer_bytes(&inner.bytes));
}

static void get_keys(const arguments *call, replies *to) {
    const radon_bytes *argv = call->argv + 2;
    size_t argc = call->argc - 2, count = 0;
    replies inner = {.resp = to->resp};
    key_places at;
    int number = command_find(argv[0]);
    if (number < 0) return reply_error(to, "ERR Invalid command specified");
    const command *it = &commands[number];
    if (it->keys == NONE) return reply_error(to, "ERR The command has no key arguments");
    if (!arity_fits(it->arity, argc)) return reply_error(to, "ERR Invalid number of arguments specified for command");
    if (!find_keys(it, argv, argc, &at)) return reply_error(to, "ERR Invalid arguments specified for command");
    if (at.other > 0 && it->keys == STORED_NUMBERED && ++count) reply_bulk(&inner, argv[at.other]);
    for (size_t index = at.first; index <= at.last; index += at.step, count++) reply_bulk(&inner, argv[index]);
    if (at.other > 0 && it->keys == SORTED && ++count) reply_bulk(&inner, argv[at.other]);
    reply_array(to, count);
    reply_bytes(to, radon_buffer_bytes(&inner.bytes));
}

typedef enum { ALL_NAMES, OF_MODULE, OF_CATEGORY, LIKE_PATTERN } filter;

static bool passes(filter filter, radon_bytes wanted, radon_bytes name, uint16_t flags, uint16_t categories) {
    if (filter == OF_CATEGORY) return has_category(flags, categories, wanted);
    if (filter == LIKE_PATTERN) return glob_matches(wanted, name);
    return filter == ALL_NAMES;
}

static bool read_filter(const arguments *call, filter *out) {
    static const char *const names[] = {[OF_MODULE] = "module", [OF_CATEGORY] = "aclcat", [LIKE_PATTERN] = "pattern"};
    *out = ALL_NAMES;
    if (call->argc == 2) return true;
    if (call->argc != 5 || !is_word(call->argv[2], "filterby")) return false;
    for (filter it = OF_MODULE; it <= LIKE_PATTERN; it++)
        if (is_word(call->argv[3], names[it])) *out = it;
    return *out != ALL_NAMES;
}

static void list(const arguments *call, replies *to) {
    replies inner = {.resp = to->resp};
    size_t count = 0;
    filter filter;
    if (!read_filter(call, &filter)) return reply_error(to, "ERR syntax error");
    radon_bytes wanted = filter == ALL_NAMES ? KV_NOTHING : call->argv[4];
    for (size_t number = 0; number < COMMANDS; number++) {
        const command *it = &commands[number];
        radon_bytes name = name_of(NULL, it->name);
        if (passes(filter, wanted, name, it->flags, it->categories) && ++count) reply_bulk(&inner, name);
    }
    for (size_t index = 0; index < subcommand_count; index++) {
        const subcommand *it = &subcommands[index];
        radon_bytes name = name_of(it->parent, it->name);
        if (passes(filter, wanted, name, it->flags, it->categories) && ++count) reply_bulk(&inner, name);
    }
    reply_array(to, count);
    reply_bytes(to, radon_buffer_bytes(&inner.bytes));
}

verdict run_command_command(connection *self, replies *to) {
    const arguments *call = &self->call;
    bool all = call->argc == 1 || (call->argc == 2 && is_word(call->argv[1], "info"));
    if (all) {
        reply_array(to, COMMANDS);
        for (size_t number = 0; number < COMMANDS; number++) reply_command(to, &commands[number]);
    } else if (is_word(call->argv[1], "info")) {
        reply_array(to, call->argc - 2);
        for (size_t at = 2; at < call->argc; at++) reply_info(to, call->argv[at]);
    } else if (is_word(call->argv[1], "count")) {
        reply_integer(to, COMMANDS);
    } else if (is_word(call->argv[1], "docs")) {
        docs(call, to);
    } else if (is_word(call->argv[1], "getkeys")) {
        get_keys(call, to);
    } else if (is_word(call->argv[1], "list")) {
        list(call, to);
    } else {
        reply_help(to, &commands[command_number_command]);
    }
    return DONE;
}

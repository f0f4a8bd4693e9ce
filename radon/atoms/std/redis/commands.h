/* commands.h - the table of commands.def: finding a command, its arity, its keys. Shared by those who run commands. */
#ifndef REDIS_COMMANDS_H
#define REDIS_COMMANDS_H

#include "radon.h"

/* In the order in which COMMAND INFO gives them. */
enum {
    WRITE = 1 << 0,
    READONLY = 1 << 1,
    DENYOOM = 1 << 2,
    ADMIN = 1 << 3,
    PUBSUB = 1 << 4,
    NOSCRIPT = 1 << 5,
    BLOCKING = 1 << 6,
    LOADING = 1 << 7,
    STALE = 1 << 8,
    SKIP_SLOWLOG = 1 << 9,
    FAST = 1 << 10,
    NO_AUTH = 1 << 11,
    MOVABLEKEYS = 1 << 12,
    ALLOW_BUSY = 1 << 13,
};

enum {
    KEYSPACE = 1 << 0,
    STRING = 1 << 1,
    BITMAP = 1 << 2,
    HASH = 1 << 3,
    LIST = 1 << 4,
    SET = 1 << 5,
    SORTEDSET = 1 << 6,
    CONNECTION = 1 << 7,
    TRANSACTION = 1 << 8,
    DANGEROUS = 1 << 9,
    GEO = 1 << 10,
    HYPERLOGLOG = 1 << 11,
    SCRIPTING = 1 << 12,
};

typedef enum { RESP, SHARD, ALL } command_place;

typedef enum { NONE, RANGE, NUMBERED_1, NUMBERED_2, STORED_NUMBERED, SORTED, RADIUS } key_finder;

typedef struct {
    const char *name; /* in lower case */
    int8_t arity;
    int8_t first, last, step;
    uint8_t place, keys;
    uint16_t flags, categories;
} command;

/* Also the number of a command: command_number_get is the index of `get` in `commands`. */
enum {
#define COMMAND(name, ...) command_number_##name,
#define SUBCOMMAND(...)
#include "commands.def"
#undef COMMAND
#undef SUBCOMMAND
    COMMANDS
};

static const command commands[COMMANDS] = {
#define COMMAND(name, arity, flags, categories, first, last, step, place, keys) \
    {#name, arity, first, last, step, place, keys, flags, categories},
#define SUBCOMMAND(...)
#include "commands.def"
#undef COMMAND
#undef SUBCOMMAND
};

static inline uint8_t lower(uint8_t letter) {
    return letter >= 'A' && letter <= 'Z' ? (uint8_t)(letter + 'a' - 'A') : letter;
}

/* Is it `name`, which is in lower case, in letters of any case? */
static inline bool is_word(radon_bytes word, const char *name) {
    size_t index = 0;
    while (index < word.len && name[index] != 0 && lower(word.data[index]) == (uint8_t)name[index]) index++;
    return index == word.len && name[index] == 0;
}

#define COMMAND_SLOTS 512 /* a power of 2, twice as many as there are commands */
_Static_assert(COMMANDS * 2 <= COMMAND_SLOTS, "more slots are needed");

static inline uint32_t command_hash(radon_bytes word) {
    uint32_t hash = 2166136261;
    for (size_t index = 0; index < word.len; index++) hash = (hash ^ lower(word.data[index])) * 16777619;
    return (hash ^ hash >> 16) % COMMAND_SLOTS;
}

/* Its number, or -1. The table of hashes is made when it is first needed. */
static inline int command_find(radon_bytes name) {
    static uint16_t slots[COMMAND_SLOTS]; /* number + 1; 0: free */
    static bool made;
    for (size_t number = 0; !made && number < COMMANDS; number++) {
        uint32_t slot = command_hash(radon_text(commands[number].name));
        while (slots[slot] != 0) slot = (slot + 1) % COMMAND_SLOTS;
        slots[slot] = (uint16_t)(number + 1);
    }
    made = true;
    if (name.len > 32) return -1;
    uint32_t slot = command_hash(name);
    while (slots[slot] != 0 && !is_word(name, commands[slots[slot] - 1].name)) slot = (slot + 1) % COMMAND_SLOTS;
    return slots[slot] - 1;
}

static inline bool arity_fits(int arity, size_t argc) {
    return arity < 0 ? argc >= (size_t)-arity : argc == (size_t)arity;
}

/* Every decimal digit and nothing else, as Redis reads integers: no sign but '-', no zeros before. */
static inline bool read_integer(radon_bytes text, int64_t *out) {
    size_t negative = text.len > 0 && text.data[0] == '-';
    bool zeros = text.len > negative && text.data[negative] == '0' && text.len > 1;
    return !zeros && radon_parse_s64(text, out);
}

/* ---- keys ---- */

/* Where the keys of a command are: at first, first + step, ... last; and one more at `other`, which may be 0: none. */
typedef struct {
    size_t first, last, step, other;
} key_places;

static inline bool numbered(const radon_bytes *argv, size_t argc, size_t at, key_places *out) {
    int64_t count;
    if (at >= argc || !read_integer(argv[at], &count) || count < 1 || (uint64_t)count > argc - at - 1) return false;
    out->first = at + 1;
    out->last = at + (size_t)count;
    out->step = 1;
    return true;
}

/* False: the arguments name no keys, which is an error where the command takes some. `argc` fits the arity. */
static inline bool find_keys(const command *it, const radon_bytes *argv, size_t argc, key_places *out) {
    *out = (key_places){0};
    switch ((key_finder)it->keys) {
    case NONE: return false;
    case NUMBERED_1: return numbered(argv, argc, 1, out);
    case NUMBERED_2: return numbered(argv, argc, 2, out);
    case STORED_NUMBERED: out->other = 1; return numbered(argv, argc, 2, out);
    case SORTED:
        for (size_t index = 2; index + 1 < argc; index++)
            if (is_word(argv[index], "store")) out->other = index + 1;
        break;
    case RADIUS:
        for (size_t index = 5; index + 1 < argc; index++)
            if (is_word(argv[index], "store") || is_word(argv[index], "storedist")) out->other = index + 1;
        break;
    case RANGE: break;
    }
    out->first = (size_t)it->first;
    out->last = it->last < 0 ? argc - (size_t)-it->last : (size_t)it->last;
    out->step = (size_t)it->step;
    return out->first < argc && out->last < argc && out->first <= out->last;
}

#endif

/* commands.c - what becomes of a command: refused, queued, answered here, or brought to the shards of its keys. */
#include "plan.h"

const subcommand subcommands[] = {
#define COMMAND(...)
#define SUBCOMMAND(parent, name, arity, flags, categories, first, last, step) \
    {#parent, #name, arity, first, last, step, flags, categories},
#include "../redis/commands.def"
#undef COMMAND
#undef SUBCOMMAND
};

const size_t subcommand_count = sizeof subcommands / sizeof *subcommands;

bool is_subcommand(radon_bytes word, const subcommand *it) {
    size_t index = 0;
    for (; index < word.len && it->name[index] != 0; index++) {
        uint8_t letter = it->name[index] == '_' ? '-' : (uint8_t)it->name[index];
        if (lower(word.data[index]) != letter) return false;
    }
    return index == word.len && it->name[index] == 0;
}

const subcommand *subcommand_find(const command *parent, radon_bytes name) {
    for (size_t index = 0; index < subcommand_count; index++) {
        const subcommand *it = &subcommands[index];
        if (is_part_of(it, parent) && is_subcommand(name, it)) return it;
    }
    return NULL;
}

/* A container does nothing itself: what it can, its subcommands can. But COMMAND, which is both. */
static bool is_container(const command *it) {
    for (size_t index = 0; index < subcommand_count; index++)
        if (is_part_of(&subcommands[index], it)) return true;
    return false;
}

/* ---- what is wrong with a command ---- */

static void add_cut(radon_buffer *to, radon_bytes word, size_t length) {
    for (size_t index = 0; index < word.len && index < length && word.data[index] != 0; index++)
        radon_buffer_add_byte(to, word.data[index]);
}

static radon_bytes unknown(const arguments *call) {
    replies out = {0};
    radon_buffer about = {0}, words = {0};
    add_cut(&about, call->argv[0], 128);
    for (size_t index = 1; index < call->argc && words.len < 128; index++) {
        radon_buffer_add_byte(&words, '\'');
        add_cut(&words, call->argv[index], 129 - words.len);
        radon_buffer_add_text(&words, "' ");
    }
    radon_buffer_add_text(&about, "', with args beginning with: ");
    radon_buffer_add(&about, radon_buffer_bytes(&words));
    reply_error_about(&out, "ERR unknown command '", radon_buffer_bytes(&about), "");
    return radon_buffer_bytes(&out.bytes);
}

static radon_bytes unknown_subcommand(const command *it, radon_bytes name) {
    replies out = {0};
    radon_buffer about = {0};
    add_cut(&about, name, 128);
    radon_buffer_add_text(&about, "'. Try ");
    for (const char *letter = it->name; *letter != 0; letter++) radon_buffer_add_byte(&about, (uint8_t)(*letter - 32));
    reply_error_about(&out, "ERR unknown subcommand '", radon_buffer_bytes(&about), " HELP.");
    return radon_buffer_bytes(&out.bytes);
}

static radon_bytes full_name(const command *it, const subcommand *sub) {
    radon_buffer name = {0};
    radon_buffer_add_text(&name, it->name);
    if (sub == NULL) return radon_buffer_bytes(&name);
    radon_buffer_add_byte(&name, '|');
    for (const char *at = sub->name; *at != 0; at++) radon_buffer_add_byte(&name, *at == '_' ? '-' : (uint8_t)*at);
    return radon_buffer_bytes(&name);
}

static radon_bytes error_about(const char *before, radon_bytes what, const char *after) {
    replies out = {0};
    reply_error_about(&out, before, what, after);
    return radon_buffer_bytes(&out.bytes);
}

#define SUBSCRIBED_TO " (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"

static bool may_while_subscribed(int number) {
    return number == command_number_subscribe || number == command_number_unsubscribe ||
           number == command_number_psubscribe || number == command_number_punsubscribe ||
           number == command_number_ping || number == command_number_quit || number == command_number_reset;
}

static bool is_stranger(const connection *self) {
    return settings_get()->password.len > 0 && !(self->session.flags & AUTHENTICATED);
}

radon_bytes complaint(const connection *self, int number) {
    const arguments *call = &self->call;
    if (number < 0) return unknown(call);
    const command *it = &commands[number];
    const subcommand *sub = NULL;
    if (call->argc > 1 && !(it->flags & ~(LOADING | STALE)) && is_container(it)) {
        sub = subcommand_find(it, call->argv[1]);
        if (sub == NULL) return unknown_subcommand(it, call->argv[1]);
    }
    if (!arity_fits(sub != NULL ? sub->arity : it->arity, call->argc) || call->argc > UINT16_MAX)
        return error_about("ERR wrong number of arguments for '", full_name(it, sub), "' command");
    if (is_stranger(self) && !(it->flags & NO_AUTH)) return radon_text("-NOAUTH Authentication required.\r\n");
    if (subscribed(&self->session) && self->session.protocol == 2 && !may_while_subscribed(number))
        return error_about("ERR Can't execute '", full_name(it, sub), "': only" SUBSCRIBED_TO);
    return (radon_bytes){0};
}

/* Shards know of no HELP. */
static bool asks_for_help(const command *it, const arguments *call) {
    return it->flags == 0 && it->place == SHARD && call->argc == 2 && is_word(call->argv[1], "help");
}

/* ---- where its keys are ---- */

uint32_t shard_of(radon_bytes key) {
    uint32_t shards = settings_get()->shards;
    return shards == 1 ? 0 : (uint32_t)(kv_hash(key) % shards);
}

/* SORT reads keys that only its elements name, unless it has neither BY nor GET with a `*`. */
static bool reads_unnamed(const command *it, const arguments *call) {
    if (it != &commands[command_number_sort] && it != &commands[command_number_sort_ro]) return false;
    for (size_t index = 2; index + 1 < call->argc; index++) {
        bool names = is_word(call->argv[index], "by") || is_word(call->argv[index], "get");
        if (names && radon_find(call->argv[index + 1], '*') < call->argv[index + 1].len) return true;
    }
    return false;
}

spread spread_of(const command *it, const arguments *call, uint32_t *home) {
    key_places at;
    *home = 0;
    if (settings_get()->shards == 1 || !find_keys(it, call->argv, call->argc, &at)) return ONE_SHARD;
    *home = shard_of(call->argv[at.other > 0 && it->keys == STORED_NUMBERED ? at.other : at.first]);
    if (at.other > 0 && shard_of(call->argv[at.other]) != *home) return MANY_SHARDS;
    size_t second = at.other > 0 && it->keys == STORED_NUMBERED ? at.first : at.first + at.step;
    for (size_t index = second; index <= at.last; index += at.step)
        if (shard_of(call->argv[index]) != *home) return MANY_SHARDS;
    return reads_unnamed(it, call) ? MANY_SHARDS : ONE_SHARD;
}

/* ---- running it ---- */

verdict ask_for_shards(connection *self) {
    ask(self, 0, kv_info());
    gather(self, ROUND_SHARDS, KV_NOTHING);
    return BEGUN;
}

static void shards_finish(connection *self) {
    kv_answer answer = gathered(self, 0);
    uint32_t shards = answer.status == KV_OK && answer.value.len >= 4 ? radon_load_u32(answer.value.data) : 0;
    if (shards == 0 || shards > SHARDS_MAX)
        connection_done(self, refusal(self, answer));
    else
        settings_set_shards(shards);
}

verdict run_command(connection *self) {
    int number = command_find(self->call.argv[0]);
    radon_bytes wrong = complaint(self, number);
    uint32_t home;
    self->number = wrong.len > 0 ? -1 : number;
    if (wrong.len > 0) {
        if (self->session.flags & IN_MULTI) {
            self->session.flags |= MULTI_BROKEN;
            self->changed = true;
        }
        connection_emit(self, wrong);
        return DONE;
    }
    if (self->session.flags & IN_MULTI) return multi_queue(self, number);
    const command *it = &commands[number];
    if (it->place == RESP) return run_local(self, number);
    if (asks_for_help(it, &self->call)) {
        replies help = connection_replies(self);
        reply_help(&help, it);
        connection_emit(self, radon_buffer_bytes(&help.bytes));
        return DONE;
    }
    if (settings_get()->shards == 0) return ask_for_shards(self);
    bool everywhere = it->place == ALL && settings_get()->shards > 1;
    spread where = spread_of(it, &self->call, &home);
    if (!everywhere && where == ONE_SHARD && !(it->flags & BLOCKING)) return group_add(self, home) ? DONE : LATER;
    if (self->parts != NULL) return LATER;
    if (everywhere) return everywhere_begin(self, number);
    if (it->flags & BLOCKING) return where == ONE_SHARD ? block_begin(self, number, home) : block_across(self, number);
    return across_begin(self);
}

void round_finish(connection *self, round_kind kind) {
    switch (kind) {
    case ROUND_SHARDS: return shards_finish(self);
    case ROUND_EVERYWHERE: return everywhere_finish(self);
    case ROUND_WATCH: return watch_finish(self);
    case ROUND_EXEC: return exec_finish(self);
    case ROUND_PUBLISH: return plan_published(self);
    case ROUND_FETCH: return across_fetched(self);
    case ROUND_PEEK: return across_peeked(self);
    case ROUND_CHECK: return across_checked(self);
    case ROUND_COMMIT: return across_committed(self);
    case ROUND_BLOCK: return block_finish(self);
    case ROUND_TRY: return block_tried(self);
    case ROUND_SUBSCRIBE: return subscribe_finish(self);
    case ROUND_LINE: return line_finish(self);
    default: return;
    }
}

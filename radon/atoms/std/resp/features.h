/* features.h - what a connection can do, file by file. */
#ifndef FEATURES_H
#define FEATURES_H

#include "rounds.h"

/* ---- commands.c ---- */

/* Where the keys of the command in `call` lie. */
typedef enum { ONE_SHARD, MANY_SHARDS } spread;
spread spread_of(const command *it, const arguments *call, uint32_t *home);

uint32_t shard_of(radon_bytes key);

/* Asks how many shards there are, for a command that cannot do without. */
verdict ask_for_shards(connection *self);

/* What is wrong with the command in `call` as such; no bytes: nothing. */
radon_bytes complaint(const connection *self, int number);

/* The subcommand of a container that its argument names, or NULL. */
typedef struct {
    const char *parent, *name; /* in lower case, '_' for '-' */
    int8_t arity, first, last, step;
    uint16_t flags, categories;
} subcommand;

extern const subcommand subcommands[];
extern const size_t subcommand_count;

static inline bool is_part_of(const subcommand *it, const command *parent) {
    return is_word(radon_text(it->parent), parent->name);
}

const subcommand *subcommand_find(const command *parent, radon_bytes name);
bool is_subcommand(radon_bytes word, const subcommand *it);

/* ---- local.c, server.c, config.c, info.c, catalog.c: what is no command of shards ---- */

typedef verdict local_command(connection *self, replies *to);

local_command run_client, run_info, run_config, run_command_command, run_time, run_function, run_script, run_wait,
    run_slowlog, run_latency;

#define REDIS_VERSION "7.0.15" /* whose words these are */

/* Runs one that needs nothing but the connection, as run_local does, and leaves its reply there. */
verdict local_run(connection *self, int number, replies *to);

/* The peer's address as text, and since when it is connected: ns since 1970. */
radon_bytes peer_of(const connection *self, uint64_t *since);

/* The number of this connection, by which CLIENT ID names it. */
int64_t client_id(void);

#define BAD_NAME "ERR Client names cannot contain spaces, newlines or special characters."

/* What names may be like; and sets one (session.h). */
bool is_name(radon_bytes name);
void set_name(connection *self, size_t which, radon_bytes name);

/* Answers the HELP of a container. */
void reply_help(replies *to, const command *it);

/* ---- statistics.c ---- */

void statistics_connected(uint64_t now);

/* A command has its reply. `number`: that of the command, or -1 where it was refused. */
void statistics_answered(int number);

/* How many connections there are, as far as is known. */
uint64_t statistics_clients(void);

/* What asks the first shard for its own statistics, and tells it of ours. */
arguments statistics_question(void);

/* The peer is gone, or sent away. */
void statistics_left(connection *self);

void statistics_reset(void);

/* ---- everywhere.c: what concerns all shards ---- */

verdict everywhere_begin(connection *self, int number);
void everywhere_finish(connection *self);
radon_bytes info_reply(connection *self);

/* Asks all shards what is in `call`. */
verdict everywhere_ask(connection *self);

/* ---- multi.c: transactions of the connection ---- */

local_command run_multi, run_exec, run_discard, run_watch, run_unwatch;

/* Instead of being run the command in `call` is queued. */
verdict multi_queue(connection *self, int number);
void multi_reset(connection *self);
void watch_finish(connection *self);
void exec_finish(connection *self);

/* ---- across.c: commands whose keys lie in several shards ---- */

verdict across_begin(connection *self);
void across_fetched(connection *self);
void across_peeked(connection *self);
void across_checked(connection *self);
void across_committed(connection *self);

/* ---- line.c: waiting in line where many want the same ---- */

/* If others were met of late at keys of the command in `call` it gets in line before it begins. False: it need not. */
bool line_begin(connection *self);

/* It has met others, and gets in line, or in another one. False: it is where it should be, and tries again. */
bool line_meet(connection *self);

void line_finish(connection *self);

/* It is done, or gone: the next may go. */
void line_leave(connection *self);

/* ---- blocking.c ---- */

/* A place in queues of shards: in the order of time. */
uint64_t new_place(void);

verdict block_begin(connection *self, int number, uint32_t home);
verdict block_across(connection *self, int number);
void block_finish(connection *self);
void block_tried(connection *self);
void block_waited(connection *self, token question, radon_error error, radon_bytes body);

/* BLMOVE, whose keys lie in several shards, was tried; and waits until it may be again. */
void block_moved(connection *self, radon_bytes reply);
void block_wait(connection *self);

/* The time of a command that waits in one shard may be over. */
void block_timed_out(connection *self);

/* The peer is gone. */
void block_abandon(connection *self);

/* Why shards say that a connection waits no more, because another one has asked for it. */
#define UNBLOCKED "t"
#define UNBLOCKED_BY_ERROR "e"

/* ---- pubsub.c ---- */

local_command run_subscribe, run_unsubscribe, run_psubscribe, run_punsubscribe, run_publish, run_pubsub;

/* Takes what was published off the messages. False: it came from the peer. */
bool publication_heard(connection *self, radon_message message, radon_bytes body);
void subscribe_finish(connection *self);

/* As a shard takes it: PUBLISH CHANNEL MESSAGE. */
void publish_pack(radon_buffer *to, const arguments *call);

/* Leaves all channels and patterns; false: there were none. */
bool unsubscribe_all(connection *self);

/* ---- rounds ---- */

/* All answers of a round are here, and its command is in `call`. */
void round_finish(connection *self, round_kind kind);

#endif

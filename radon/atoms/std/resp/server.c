/* server.c - what there is to say of the server as a whole: TIME, and of what it has none: scripts, functions, replicas,
 * slow commands, spikes of latency. For INFO see info.c, for CONFIG config.c. */
#include "features.h"

verdict run_time(connection *self, replies *to) {
    uint64_t us = radon_clock_now() / 1000;
    (void)self;
    reply_array(to, 2);
    reply_bulk(to, radon_format_u64(us / 1000000));
    reply_bulk(to, radon_format_u64(us % 1000000));
    return DONE;
}

/* ---- scripts and functions ---- */

/* To remove them all, in one of two ways. */
static void flush(const arguments *call, replies *to, const char *otherwise) {
    bool known = call->argc == 2 ||
                 (call->argc == 3 && (is_word(call->argv[2], "sync") || is_word(call->argv[2], "async")));
    known ? reply_status(to, "OK") : reply_error(to, otherwise);
}

verdict run_function(connection *self, replies *to) {
    const arguments *call = &self->call;
    if (is_word(call->argv[1], "flush"))
        flush(call, to, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    else if (is_word(call->argv[1], "list"))
        reply_array(to, 0);
    else
        reply_help(to, &commands[command_number_function]);
    return DONE;
}

verdict run_script(connection *self, replies *to) {
    const arguments *call = &self->call;
    if (is_word(call->argv[1], "flush")) {
        flush(call, to, "ERR SCRIPT FLUSH only support SYNC|ASYNC option");
    } else if (is_word(call->argv[1], "exists")) {
        reply_array(to, call->argc - 2);
        for (size_t index = 2; index < call->argc; index++) reply_integer(to, 0);
    } else {
        reply_help(to, &commands[command_number_script]);
    }
    return DONE;
}

/* ---- others ---- */

/* How many have heard of what was written: there is nobody to wait for. */
verdict run_wait(connection *self, replies *to) {
    int64_t replicas, timeout;
    if (!read_integer(self->call.argv[1], &replicas))
        reply_error(to, "ERR value is not an integer or out of range");
    else if (!read_integer(self->call.argv[2], &timeout))
        reply_error(to, "ERR timeout is not an integer or out of range");
    else
        timeout < 0 ? reply_error(to, "ERR timeout is negative") : reply_integer(to, 0);
    return DONE;
}

verdict run_slowlog(connection *self, replies *to) {
    radon_bytes word = self->call.argv[1];
    if (is_word(word, "get"))
        reply_array(to, 0);
    else if (is_word(word, "len"))
        reply_integer(to, 0);
    else if (is_word(word, "reset"))
        reply_status(to, "OK");
    else
        reply_help(to, &commands[command_number_slowlog]);
    return DONE;
}

verdict run_latency(connection *self, replies *to) {
    radon_bytes word = self->call.argv[1];
    if (is_word(word, "latest") || is_word(word, "history"))
        reply_array(to, 0);
    else if (is_word(word, "reset"))
        reply_integer(to, 0);
    else
        reply_help(to, &commands[command_number_latency]);
    return DONE;
}

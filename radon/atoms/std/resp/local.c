/* local.c - what a connection answers itself about itself: HELLO, AUTH, PING, SELECT, QUIT, RESET and so on. */
#include "features.h"

static const char wrong_password[] = "WRONGPASS invalid username-password pair or user is disabled.";

/* ---- who is it? ---- */

/* There is one user, `default`; without a password everything is right. */
static bool authenticate(connection *self, radon_bytes user, radon_bytes password) {
    radon_bytes right = settings_get()->password;
    if (!radon_is(user, "default") || (right.len > 0 && !radon_equal(password, right))) return false;
    self->session.flags |= AUTHENTICATED;
    return self->changed = true;
}

static verdict run_auth(connection *self, replies *to) {
    const arguments *call = &self->call;
    if (call->argc > 3) {
        reply_error(to, "ERR syntax error");
    } else if (call->argc == 2 && settings_get()->password.len == 0) {
        reply_error(to, "ERR AUTH <password> called without any password configured for the default user. Are you sure "
                        "your configuration is correct?");
    } else if (authenticate(self, call->argc == 3 ? call->argv[1] : radon_text("default"), call->argv[call->argc - 1])) {
        reply_status(to, "OK");
    } else {
        reply_error(to, wrong_password);
    }
    return DONE;
}

static void greet(const connection *self, replies *to) {
    reply_map(to, 7);
    reply_bulk_text(to, "server");
    reply_bulk_text(to, "redis");
    reply_bulk_text(to, "version");
    reply_bulk_text(to, REDIS_VERSION);
    reply_bulk_text(to, "proto");
    reply_integer(to, self->session.protocol);
    reply_bulk_text(to, "id");
    reply_integer(to, client_id());
    reply_bulk_text(to, "mode");
    reply_bulk_text(to, "standalone");
    reply_bulk_text(to, "role");
    reply_bulk_text(to, "master");
    reply_bulk_text(to, "modules");
    reply_array(to, 0);
}

static verdict run_hello(connection *self, replies *to) {
    const arguments *call = &self->call;
    int64_t version = 0;
    size_t at = 2, auth = 0;
    radon_option name = RADON_NONE;
    if (call->argc > 1 && !read_integer(call->argv[1], &version)) {
        reply_error(to, "ERR Protocol version is not an integer or out of range");
        return DONE;
    }
    if (call->argc > 1 && (version < 2 || version > 3)) {
        reply_error(to, "NOPROTO unsupported protocol version");
        return DONE;
    }
    for (; at < call->argc; at++) {
        size_t more = call->argc - at - 1;
        if (is_word(call->argv[at], "auth") && more >= 2) {
            auth = at + 1;
            at += 2;
        } else if (is_word(call->argv[at], "setname") && more >= 1) {
            name = radon_some(call->argv[++at]);
            if (is_name(name.value)) continue;
            reply_error(to, BAD_NAME);
            return DONE;
        } else {
            reply_error_about(to, "ERR Syntax error in HELLO option '", call->argv[at], "'");
            return DONE;
        }
    }
    if (auth > 0 && !authenticate(self, call->argv[auth], call->argv[auth + 1])) {
        reply_error(to, wrong_password);
        return DONE;
    }
    if (settings_get()->password.len > 0 && !(self->session.flags & AUTHENTICATED)) {
        reply_error(to, "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> "
                        "AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol "
                        "version at the same time");
        return DONE;
    }
    if (name.some) set_name(self, 0, name.value);
    if (version > 0) self->session.protocol = (uint8_t)version;
    to->resp = self->out.resp = self->session.protocol;
    self->changed = true;
    greet(self, to);
    return DONE;
}

/* ---- the small ones ---- */

static verdict run_ping(connection *self, replies *to) {
    const arguments *call = &self->call;
    radon_bytes word = call->argc == 2 ? call->argv[1] : KV_NOTHING;
    if (call->argc > 2) {
        reply_error(to, "ERR wrong number of arguments for 'ping' command");
    } else if (subscribed(&self->session) && to->resp == 2) {
        reply_array(to, 2);
        reply_bulk_text(to, "pong");
        reply_bulk(to, word);
    } else if (call->argc == 1) {
        reply_status(to, "PONG");
    } else {
        reply_bulk(to, word);
    }
    return DONE;
}

static verdict run_echo(connection *self, replies *to) {
    reply_bulk(to, self->call.argv[1]);
    return DONE;
}

static verdict run_select(connection *self, replies *to) {
    int64_t number;
    if (!read_integer(self->call.argv[1], &number)) {
        reply_error(to, "ERR value is not an integer or out of range");
    } else if (number < 0 || number >= DATABASES) {
        reply_error(to, "ERR DB index is out of range");
    } else {
        self->session.db = (uint8_t)number;
        self->changed = true;
        reply_status(to, "OK");
    }
    return DONE;
}

static verdict run_quit(connection *self, replies *to) {
    reply_status(to, "OK");
    self->closing = true;
    return DONE;
}

static verdict run_reset(connection *self, replies *to) {
    session *it = &self->session;
    if (unsubscribe_all(self)) return BEGUN;
    multi_reset(self);
    *it = (session){.protocol = 2, .flags = it->flags & (PEER_KNOWN | LET_GO), .pieces = it->pieces, .have = it->have,
        .begin = it->begin, .need = it->need};
    to->resp = self->out.resp = 2;
    self->changed = true;
    reply_status(to, "RESET");
    return DONE;
}

/* ---- all of them ---- */

static const struct {
    local_command *run;
    bool alone; /* with what it changes those before it have to be done */
} locals[COMMANDS] = {
    [command_number_auth] = {run_auth, true},
    [command_number_client] = {run_client, true},
    [command_number_command] = {run_command_command, false},
    [command_number_config] = {run_config, true},
    [command_number_discard] = {run_discard, false},
    [command_number_echo] = {run_echo, false},
    [command_number_exec] = {run_exec, true},
    [command_number_function] = {run_function, false},
    [command_number_hello] = {run_hello, true},
    [command_number_info] = {run_info, true},
    [command_number_latency] = {run_latency, false},
    [command_number_multi] = {run_multi, false},
    [command_number_ping] = {run_ping, false},
    [command_number_psubscribe] = {run_psubscribe, true},
    [command_number_publish] = {run_publish, false},
    [command_number_pubsub] = {run_pubsub, true},
    [command_number_punsubscribe] = {run_punsubscribe, true},
    [command_number_quit] = {run_quit, true},
    [command_number_reset] = {run_reset, true},
    [command_number_script] = {run_script, false},
    [command_number_select] = {run_select, true},
    [command_number_slowlog] = {run_slowlog, false},
    [command_number_subscribe] = {run_subscribe, true},
    [command_number_time] = {run_time, false},
    [command_number_unsubscribe] = {run_unsubscribe, true},
    [command_number_wait] = {run_wait, false},
    [command_number_unwatch] = {run_unwatch, true},
    [command_number_watch] = {run_watch, true},
};

verdict local_run(connection *self, int number, replies *to) { return locals[number].run(self, to); }

verdict run_local(connection *self, int number) {
    replies to = connection_replies(self);
    if (locals[number].alone && self->parts != NULL) return LATER;
    verdict became = local_run(self, number, &to);
    if (became == DONE) connection_emit(self, radon_buffer_bytes(&to.bytes));
    return became;
}

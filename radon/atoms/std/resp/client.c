/* client.c - CLIENT: what a connection tells and sets of itself. It knows of no other one, but that shards know who waits. */
#include "features.h"

bool is_name(radon_bytes name) {
    for (size_t index = 0; index < name.len; index++)
        if (name.data[index] < '!' || name.data[index] > '~') return false;
    return true;
}

void set_name(connection *self, size_t which, radon_bytes name) {
    self->session.names[which] = name;
    self->changed = true;
}

/* The address of this connection as text, which ends with its number; and where that begins. */
static radon_bytes own_address(size_t *number) {
    radon_address self = radon_messaging_self();
    radon_bytes text = radon_address_text(self);
    radon_address_drop(self);
    for (*number = text.len; *number > 0 && text.data[*number - 1] != '-';) --*number;
    return text;
}

int64_t client_id(void) {
    size_t begin;
    uint64_t number = 0;
    radon_bytes text = own_address(&begin);
    radon_parse_u64(radon_slice(text, begin, text.len), &number);
    return (int64_t)number;
}

static radon_bytes address_of(int64_t id) {
    size_t begin;
    radon_bytes text = own_address(&begin);
    return radon_concat(radon_slice(text, 0, begin), radon_format_s64(id));
}

radon_bytes peer_of(const connection *self, uint64_t *since) {
    radon_option peer = {0};
    *since = radon_clock_now();
    if (radon_bucket_get(self->bucket, radon_text("@"), &peer) != RADON_OK || !peer.some) return KV_NOTHING;
    *since = radon_load_u64(peer.value.data);
    return radon_slice(peer.value, 8, peer.value.len);
}

#define NO_ADDRESS radon_text("0.0.0.0:0") /* which of the server's the peer has connected to is not told */

static radon_bytes description(const connection *self) {
    const session *it = &self->session;
    radon_buffer line = {0};
    uint64_t since;
    radon_bytes peer = peer_of(self, &since);
    const struct {
        const char *name;
        radon_bytes text;
        int64_t number;
    } fields[] = {
        {"id=", KV_NOTHING, client_id()}, {" addr=", peer, -1}, {" laddr=", NO_ADDRESS, -1}, {" fd=", KV_NOTHING, 0},
        {" name=", it->names[0], -1},
        {" age=", KV_NOTHING, (int64_t)((radon_clock_now() - since) / 1000000000)}, {" idle=", KV_NOTHING, 0},
        {" flags=", radon_text(subscribed(it) ? "P" : it->flags & IN_MULTI ? "x" : "N"), -1},
        {" db=", KV_NOTHING, it->db}, {" sub=", KV_NOTHING, it->channels}, {" psub=", KV_NOTHING, it->patterns},
        {" ssub=", KV_NOTHING, 0}, {" multi=", radon_format_s64(it->flags & IN_MULTI ? (int64_t)it->queued : -1), -1},
        {" qbuf=", KV_NOTHING, (int64_t)self->input.len}, {" qbuf-free=", KV_NOTHING, 0}, {" argv-mem=", KV_NOTHING, 0},
        {" multi-mem=", KV_NOTHING, 0}, {" rbs=", KV_NOTHING, 0}, {" rbp=", KV_NOTHING, 0}, {" obl=", KV_NOTHING, 0},
        {" oll=", KV_NOTHING, 0}, {" omem=", KV_NOTHING, 0}, {" tot-mem=", KV_NOTHING, 0}, {" events=", radon_text("r"), -1},
        {" cmd=client|", radon_text(is_word(self->call.argv[1], "list") ? "list" : "info"), -1},
        {" user=", radon_text("default"), -1}, {" redir=", radon_text("-1"), -1}, {" resp=", KV_NOTHING, it->protocol},
        {" lib-name=", it->names[1], -1}, {" lib-ver=", it->names[2], -1},
    };
    for (size_t index = 0; index < sizeof fields / sizeof *fields; index++) {
        radon_buffer_add_text(&line, fields[index].name);
        radon_buffer_add(&line, fields[index].text);
        if (fields[index].number >= 0) radon_buffer_add_s64(&line, fields[index].number);
    }
    radon_buffer_add_byte(&line, '\n');
    return radon_buffer_bytes(&line);
}

static bool is_client_type(radon_bytes word) {
    return is_word(word, "normal") || is_word(word, "pubsub") || is_word(word, "master") || is_word(word, "replica") ||
           is_word(word, "slave");
}

/* Each connection knows of itself alone. */
static void list_clients(connection *self, replies *to) {
    const arguments *call = &self->call;
    bool shown = call->argc == 2;
    if (call->argc == 4 && is_word(call->argv[2], "type")) {
        bool normal = is_word(call->argv[3], "normal"), pubsub = is_word(call->argv[3], "pubsub");
        if (!is_client_type(call->argv[3])) return reply_error_about(to, "ERR Unknown client type '", call->argv[3], "'");
        shown = subscribed(&self->session) ? pubsub : normal;
    } else if (call->argc > 3 && is_word(call->argv[2], "id")) {
        for (size_t index = 3; index < call->argc; index++) {
            int64_t id;
            if (!read_integer(call->argv[index], &id)) return reply_error(to, "ERR Invalid client ID");
            shown |= id == client_id();
        }
    } else if (call->argc != 2) {
        return reply_error(to, "ERR syntax error");
    }
    reply_verbatim(to, shown ? description(self) : KV_NOTHING);
}

static void kill_client(connection *self, replies *to) {
    const arguments *call = &self->call;
    bool skip_me = true, me = true;
    uint64_t since;
    if (call->argc == 3) {
        if (!radon_equal(call->argv[2], peer_of(self, &since))) return reply_error(to, "ERR No such client");
        self->closing = true;
        return reply_status(to, "OK");
    }
    if (call->argc % 2 != 0) return reply_error(to, "ERR syntax error");
    for (size_t index = 2; index < call->argc; index += 2) {
        radon_bytes word = call->argv[index], value = call->argv[index + 1];
        int64_t id = 0;
        if (is_word(word, "id")) {
            if (!read_integer(value, &id) || id < 1) return reply_error(to, "ERR client-id should be greater than 0");
            me &= id == client_id();
        } else if (is_word(word, "addr")) {
            me &= radon_equal(value, peer_of(self, &since));
        } else if (is_word(word, "user")) {
            if (!radon_is(value, "default")) return reply_error_about(to, "ERR No such user '", value, "'");
        } else if (is_word(word, "type")) {
            if (!is_client_type(value)) return reply_error_about(to, "ERR Unknown client type '", value, "'");
            me &= is_word(value, subscribed(&self->session) ? "pubsub" : "normal");
        } else if (is_word(word, "laddr")) {
            me = false;
        } else if (is_word(word, "skipme") && (is_word(value, "yes") || is_word(value, "no"))) {
            skip_me = is_word(value, "yes");
        } else {
            return reply_error(to, "ERR syntax error");
        }
    }
    self->closing = me && !skip_me;
    reply_integer(to, self->closing);
}

static void set_reply(connection *self, replies *to) {
    radon_bytes how = self->call.argv[2];
    uint16_t *flags = &self->session.flags;
    if (is_word(how, "on")) {
        *flags &= (uint16_t)~(REPLY_OFF | REPLY_SKIP | SKIP_NEXT);
        reply_status(to, "OK");
    } else if (is_word(how, "off")) {
        *flags |= REPLY_OFF;
    } else if (is_word(how, "skip")) {
        if (!(*flags & REPLY_OFF)) *flags |= SKIP_NEXT;
    } else {
        return reply_error(to, "ERR syntax error");
    }
    self->changed = true;
}

static void set_info(connection *self, replies *to) {
    const arguments *call = &self->call;
    bool name = is_word(call->argv[2], "lib-name");
    if (!name && !is_word(call->argv[2], "lib-ver"))
        return reply_error_about(to, "ERR Unrecognized option '", call->argv[2], "'");
    if (!is_name(call->argv[3]))
        return reply_error_about(to, "ERR ", call->argv[2], " cannot contain spaces, newlines or special characters.");
    set_name(self, name ? 1 : 2, call->argv[3]);
    reply_status(to, "OK");
}

static void pause_clients(connection *self, replies *to) {
    const arguments *call = &self->call;
    int64_t ms;
    bool mode = call->argc == 3 || (call->argc == 4 && (is_word(call->argv[3], "write") || is_word(call->argv[3], "all")));
    if (!mode) return reply_error(to, "ERR syntax error");
    if (!read_integer(call->argv[2], &ms)) return reply_error(to, "ERR timeout is not an integer or out of range");
    if (ms < 0) return reply_error(to, "ERR timeout is negative");
    reply_error(to, "ERR CLIENT PAUSE is not possible: a connection has no power over others");
}

/* The shards know who waits, and under which address. */
static verdict unblock(connection *self, replies *to) {
    const arguments given = self->call;
    int64_t id;
    bool fails = given.argc == 4 && is_word(given.argv[3], "error");
    if (given.argc > 4) {
        reply_error_about(to, "ERR unknown subcommand or wrong number of arguments for '", given.argv[1],
            "'. Try CLIENT HELP.");
        return DONE;
    }
    if (given.argc == 4 && !fails && !is_word(given.argv[3], "timeout")) {
        reply_error(to, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        return DONE;
    }
    if (!read_integer(given.argv[2], &id)) {
        reply_error(to, "ERR value is not an integer or out of range");
        return DONE;
    }
    if (self->session.flags & IN_MULTI) {
        reply_integer(to, 0);
        return DONE;
    }
    if (settings_get()->shards == 0) return ask_for_shards(self);
    radon_bytes asked[] = {radon_text(".unblock"), address_of(id), radon_text(fails ? UNBLOCKED_BY_ERROR : UNBLOCKED)};
    self->call = (arguments){.argv = asked, .argc = 3};
    verdict became = everywhere_ask(self);
    self->call = given;
    return became;
}

static void tell_tracking(replies *to) {
    reply_map(to, 3);
    reply_bulk_text(to, "flags");
    reply_set(to, 1);
    reply_bulk_text(to, "off");
    reply_bulk_text(to, "redirect");
    reply_integer(to, -1);
    reply_bulk_text(to, "prefixes");
    reply_array(to, 0);
}

verdict run_client(connection *self, replies *to) {
    const arguments *call = &self->call;
    radon_bytes word = call->argv[1];
    if (is_word(word, "id")) {
        reply_integer(to, client_id());
    } else if (is_word(word, "getname")) {
        radon_bytes name = self->session.names[0];
        name.len > 0 ? reply_bulk(to, name) : reply_null(to);
    } else if (is_word(word, "setname")) {
        if (is_name(call->argv[2])) set_name(self, 0, call->argv[2]);
        is_name(call->argv[2]) ? reply_status(to, "OK") : reply_error(to, BAD_NAME);
    } else if (is_word(word, "setinfo")) {
        set_info(self, to);
    } else if (is_word(word, "info")) {
        reply_verbatim(to, description(self));
    } else if (is_word(word, "list")) {
        list_clients(self, to);
    } else if (is_word(word, "kill")) {
        kill_client(self, to);
    } else if (is_word(word, "reply")) {
        set_reply(self, to);
    } else if (is_word(word, "no-evict")) {
        bool known = is_word(call->argv[2], "on") || is_word(call->argv[2], "off");
        known ? reply_status(to, "OK") : reply_error(to, "ERR syntax error");
    } else if (is_word(word, "pause")) {
        pause_clients(self, to);
    } else if (is_word(word, "unpause")) {
        reply_status(to, "OK");
    } else if (is_word(word, "unblock")) {
        return unblock(self, to);
    } else if (is_word(word, "getredir")) {
        reply_integer(to, -1);
    } else if (is_word(word, "trackinginfo")) {
        tell_tracking(to);
    } else {
        reply_help(to, &commands[command_number_client]);
    }
    return DONE;
}

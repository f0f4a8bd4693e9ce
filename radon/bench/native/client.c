/* client.c - the client over TCP: one thread, one epoll, many connections; when to send, and what has come.
 *
 * In a closed loop each connection has `window` operations under way. In an open loop the next one due goes to the next
 * connection with room; if none has any it waits, and its time counts all the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

enum { CHUNK = 64 << 10, EVENTS = 64, TIMER = UINT32_MAX };

static uint64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bool watch(load_client *client, int op, int socket, uint32_t events, uint32_t number) {
    struct epoll_event event = {.events = events, .data.u32 = number};
    return epoll_ctl(client->events, op, socket, &event) == 0;
}

load_client *load_client_new(const load_mix *mix, const int *sockets, uint32_t count) {
    load_client *client = calloc(1, sizeof *client);
    if (client == NULL) return NULL;
    client->events = epoll_create1(EPOLL_CLOEXEC);
    client->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    client->connections = calloc(count, sizeof *client->connections);
    if (client->events < 0 || client->timer < 0 || client->connections == NULL) goto err;
    if (!watch(client, EPOLL_CTL_ADD, client->timer, EPOLLIN, TIMER)) goto err;
    for (client->count = 0; client->count < count; client->count++) {
        connection *at = &client->connections[client->count];
        at->socket = sockets[client->count];
        at->room = 2 * mix->window;
        at->ring = calloc(at->room, sizeof *at->ring);
        if (at->ring == NULL || !watch(client, EPOLL_CTL_ADD, at->socket, EPOLLIN, client->count)) {
            free(at->ring);
            goto err;
        }
    }
    client->tally.begun = client->tally.ended = clock_ns();
    source_begin(&client->source, mix, client->tally.begun);
    return client;
err:
    load_client_free(client);
    return NULL;
}

void load_client_free(load_client *client) {
    if (client == NULL) return;
    for (uint32_t n = 0; n < client->count; n++) {
        connection *at = &client->connections[n];
        for (; at->count > 0; at->count--, at->head = (at->head + 1) % at->room) free(at->ring[at->head].ids);
        free(at->ring);
        free(at->in.data);
        free(at->out.data);
    }
    free(client->connections);
    if (client->events >= 0) close(client->events);
    if (client->timer >= 0) close(client->timer);
    free(client);
}

/* Every operation on it is an error. */
static void broke(load_client *client, connection *at, const char *why) {
    if (at->broken) return;
    at->broken = true;
    client->broken++;
    client_complain(client, why, NULL, 0);
    client->tally.errors += at->busy;
    uint64_t now = clock_ns();
    for (; at->count > 0; at->count--, at->head = (at->head + 1) % at->room) {
        pending *of = &at->ring[at->head];
        free(of->ids);
        if (of->step == STEP_INDEX) continue;
        client->tally.done[of->operation.kind]++;
        histogram_add(client->counts[of->operation.kind], now > of->operation.start ? now - of->operation.start : 0);
    }
    client->under_way -= at->busy;
    at->busy = 0;
    at->out.begin = at->out.end = 0;
    epoll_ctl(client->events, EPOLL_CTL_DEL, at->socket, NULL);
}

static void flush(load_client *client, connection *at) {
    while (!at->broken && !at->blocked && at->out.begin < at->out.end) {
        ssize_t sent = send(at->socket, at->out.data + at->out.begin, at->out.end - at->out.begin, MSG_NOSIGNAL);
        if (sent >= 0) {
            at->out.begin += (size_t)sent;
        } else if (errno == EAGAIN) {
            at->blocked = true;
            watch(client, EPOLL_CTL_MOD, at->socket, EPOLLIN | EPOLLOUT, (uint32_t)(at - client->connections));
        } else if (errno != EINTR) {
            broke(client, at, strerror(errno));
        }
    }
}

static void begin(load_client *client, connection *at, const load_operation *operation) {
    if (!client_request(client, at, operation)) broke(client, at, "no memory for requests");
}

/* A closed loop: as many as fit. */
static void fill(load_client *client, connection *at, uint64_t now) {
    load_operation operation;
    while (!at->broken && at->busy < client->source.mix.window && source_next(&client->source, now, &operation))
        begin(client, at, &operation);
}

/* An open loop: all that are due, as far as there is room. */
static void start_due(load_client *client, uint64_t now) {
    uint32_t full = 0;
    load_operation operation;
    while (full < client->count && client->source.due <= now) {
        connection *at = &client->connections[client->next];
        if (at->broken || at->busy >= client->source.mix.window) {
            full++;
        } else {
            full = 0;
            if (!source_next(&client->source, now, &operation)) return;
            begin(client, at, &operation);
            if (at->blocked || at->out.end - at->out.begin > CHUNK) flush(client, at);
        }
        client->next = (client->next + 1) % client->count;
    }
}

/* All that has come on a connection. */
static void receive(load_client *client, connection *at) {
    while (!at->broken) {
        if (!resp_reserve(&at->in, CHUNK)) {
            broke(client, at, "no memory for replies");
            return;
        }
        size_t room = at->in.capacity - at->in.end;
        ssize_t got = recv(at->socket, at->in.data + at->in.end, room, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            broke(client, at, got < 0 ? strerror(errno) : "the server closed a connection");
            return;
        }
        at->in.end += (size_t)got;
        uint64_t now = clock_ns();
        while (at->in.begin < at->in.end) {
            const uint8_t *reply = at->in.data + at->in.begin;
            int64_t size = resp_size(reply, at->in.end - at->in.begin);
            if (size == 0) break;
            if (size < 0 || at->count == 0) {
                broke(client, at, size < 0 ? "a reply is no RESP" : "a reply that nothing was asked for");
                return;
            }
            client_reply(client, at, reply, (size_t)size, now);
            at->in.begin += (size_t)size;
        }
        if ((size_t)got < room) return; /* spares the call that would say that there is no more */
    }
}

static void handle(load_client *client, const struct epoll_event *event) {
    uint64_t times;
    if (event->data.u32 == TIMER) {
        if (read(client->timer, &times, sizeof times) < 0) return; /* it was set again meanwhile */
        return;
    }
    connection *at = &client->connections[event->data.u32];
    if (event->events & EPOLLOUT) {
        at->blocked = false;
        watch(client, EPOLL_CTL_MOD, at->socket, EPOLLIN, event->data.u32);
    }
    receive(client, at);
    if (client->source.mix.rate == 0) fill(client, at, clock_ns());
    flush(client, at);
}

static void set_timer(load_client *client, uint64_t at) {
    if (client->armed == at) return;
    client->armed = at;
    struct itimerspec when = {.it_value = {(time_t)(at / 1000000000), (long)(at % 1000000000)}};
    timerfd_settime(client->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Has it ended? */
static bool is_over(const load_client *client, uint64_t now) {
    const load_source *source = &client->source;
    if (client->broken == client->count) return true;
    if (now >= source->until && now - source->until > source->mix.patience) return true;
    if (client->under_way > 0) return false;
    if (source->mix.rate > 0) return source->due == SOURCE_NEVER;
    return now >= source->until || (source->mix.operations != 0 && source->drawn >= source->mix.operations);
}

int load_client_step(load_client *client, uint64_t ns) {
    struct epoll_event events[EVENTS];
    uint64_t now = clock_ns(), stop = now + ns;
    bool open = client->source.mix.rate > 0;
    for (uint32_t n = 0; !open && n < client->count; n++) { /* at the beginning; later they are full */
        fill(client, &client->connections[n], now);
        flush(client, &client->connections[n]);
    }
    while (!client->over) {
        if (open) {
            start_due(client, now);
            for (uint32_t n = 0; n < client->count; n++) flush(client, &client->connections[n]);
        }
        if (is_over(client, now)) {
            load_client_end(client);
            break;
        }
        if (now >= stop) return 0;
        uint64_t wake = open && client->source.due > now && client->source.due < stop ? client->source.due : stop;
        set_timer(client, wake);
        int found = epoll_wait(client->events, events, EVENTS, -1);
        for (int n = 0; n < found; n++) handle(client, &events[n]);
        now = clock_ns();
    }
    return 1;
}

void load_client_end(load_client *client) {
    load_operation operation;
    if (client->over) return;
    client->over = true;
    uint64_t now = client->tally.ended = clock_ns();
    client->tally.inserted = client->source.inserted;
    for (uint32_t n = 0; n < client->count; n++) {
        connection *at = &client->connections[n];
        for (uint32_t each = 0; each < at->count; each++) {
            const pending *of = &at->ring[(at->head + each) % at->room];
            if (of->step != STEP_INDEX) client_give_up(client, &of->operation, now);
        }
    }
    if (client->source.mix.rate > 0) /* what was due and found no room */
        while (source_next(&client->source, now, &operation)) client_give_up(client, &operation, now);
}

const load_tally *load_client_tally(const load_client *client) { return &client->tally; }

const uint64_t *load_client_counts(const load_client *client, uint32_t kind) {
    return client->counts[kind < LOAD_KINDS ? kind : 0];
}

const char *load_client_why(const load_client *client) { return client->why; }

/* connection.c - one connection, between its socket and its atom: see connections.h */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "connections.h"
#include "hash.h"

static const Slice nothing;

uint64_t monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void list_push(List *list, Connection *c) {
    c->next = NULL;
    if (list->first) list->last->next = c;
    else list->first = c;
    list->last = c;
}

Connection *list_pop(List *list) {
    Connection *c = list->first;
    if (c) list->first = c->next;
    return c;
}

static int of_number(const void *item, const void *key) {
    return ((const Connection *)item)->number == *(const uint64_t *)key;
}

Connection *connection_of(const RadonTcp *t, uint64_t number) {
    return table_find(&t->open, hash_u64(number), of_number, &number);
}

static void set_time(RadonTcp *t, Connection *c, uint64_t by) {
    t->timed = t->timed - (c->by != 0) + (by != 0);
    c->by = by;
}

/* ---- to the atom ---- */

static Buffer *inputs_of(RadonTcp *t, const Connection *c) { return &t->inputs[c->domain]; }
static Address atom_of(const Connection *c) { return (Address){c->served->kind, c->key, 0}; }

void connection_tell(RadonTcp *t, Connection *c) {
    Address atom = atom_of(c);
    if (c->told) return;
    c->told = true;
    put_record(inputs_of(t, c), R_DISCONNECT, &atom);
}

static void post(RadonTcp *t, Connection *c, size_t size) {
    Address atom = atom_of(c), peer = {t->peer, c->key, 0};
    c->busy = true;
    c->chunk = (uint32_t)size;
    t->unhandled += size;
    put_record(
        inputs_of(t, c), R_POST, t->tokens + c->number, (uint64_t)0, 1, &atom, &peer, nothing, nothing, nothing,
        slice(t->heard, size));
}

void connection_handled(RadonTcp *t, Connection *c) {
    if (!c->busy) return;
    c->busy = false;
    t->unhandled -= c->chunk;
    connection_touch(t, c);
}

/* ---- it comes and goes ---- */

void connection_begin(RadonTcp *t, const Served *served, int socket, Slice peer) {
    Connection *c = xcalloc(1, sizeof *c);
    char key[64];
    int on = 1, size;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    Address atom;
    c->number = ++t->begun;
    c->served = served;
    c->socket = socket;
    size = snprintf(key, sizeof key, "%s%llu", (const char *)t->prefix->data, (unsigned long long)c->number);
    c->key = str_new(key, (size_t)size);
    c->domain = domain_of(served->kind->data, served->kind->size, key, (size_t)size, t->domains);
    table_insert(&t->open, hash_u64(c->number), c);
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    atom = atom_of(c);
    put_record(inputs_of(t, c), R_CONNECT, &atom, peer);
    event.data.u64 = c->number;
    if (epoll_ctl(t->set, EPOLL_CTL_ADD, socket, &event)) connection_cut(t, c);
}

/* It is freed when nothing of this call can meet it any more. */
void connection_lost(RadonTcp *t, Connection *c) {
    connection_tell(t, c);
    set_time(t, c, 0);
    table_remove(&t->open, hash_u64(c->number), of_number, &c->number);
    close(c->socket);
    c->socket = -1;
    connection_handled(t, c);
    if (!c->touched) list_push(&t->dead, c); /* else whoever takes it out of that list does it */
}

void connection_cut(RadonTcp *t, Connection *c) {
    struct linger none = {.l_onoff = 1};
    setsockopt(c->socket, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    connection_lost(t, c);
}

void connection_hang_up(RadonTcp *t, Connection *c) {
    c->told = c->over = true;
    if (!c->ending) {
        c->ending = true;
        set_time(t, c, monotonic() + t->flush);
    }
    connection_touch(t, c);
}

/* What nobody will read is taken off the socket: else closing it would be a reset, which may overtake the last words. */
static void close_in_order(RadonTcp *t, Connection *c) {
    for (int times = 0; times < 16 && recv(c->socket, t->heard, sizeof t->heard, 0) > 0; times++) continue;
    connection_lost(t, c);
}

/* ---- writing ---- */

void connection_touch(RadonTcp *t, Connection *c) {
    if (c->touched || c->socket < 0) return;
    c->touched = true;
    list_push(&t->touched, c);
}

void connection_write(RadonTcp *t, Connection *c, Slice body) {
    buffer_put(&c->unsent, body.data, body.size);
    connection_touch(t, c);
}

/* Else a peer that reads all the time, and is never done, would keep all that it ever got. */
static void forget_sent(Connection *c) {
    size_t left = c->unsent.size - c->sent;
    if (c->sent < left) return;
    memcpy(c->unsent.data, c->unsent.data + c->sent, left);
    c->unsent.size = left;
    c->sent = 0;
}

/* False: there is no connection any more. */
static bool flush(RadonTcp *t, Connection *c) {
    size_t before = c->sent;
    while (c->sent < c->unsent.size) {
        ssize_t went = send(c->socket, c->unsent.data + c->sent, c->unsent.size - c->sent, MSG_NOSIGNAL);
        if (went >= 0) {
            c->sent += (size_t)went;
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            connection_lost(t, c);
            return false;
        }
    }
    if (c->sent == c->unsent.size) {
        buffer_free(&c->unsent);
        c->sent = 0;
        if (!c->ending) set_time(t, c, 0);
    } else if (c->unsent.size - c->sent > c->served->unread) {
        connection_cut(t, c);
        return false;
    } else {
        if (!c->ending && (c->by == 0 || c->sent > before)) set_time(t, c, monotonic() + t->stalled);
        forget_sent(c);
    }
    return true;
}

/* ---- reading ---- */

/* The next chunk, if there is one. False: there is no connection any more. */
static bool hear(RadonTcp *t, Connection *c) {
    ssize_t got;
    if (t->unhandled >= t->room) {
        t->starved = true;
        return true;
    }
    do got = recv(c->socket, t->heard, c->served->chunk, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno != EAGAIN) {
        connection_lost(t, c);
        return false;
    }
    if (got > 0) post(t, c, (size_t)got);
    c->over = got == 0 || c->last;
    c->readable = !c->over && (c->half || (size_t)got == c->served->chunk);
    return true;
}

void connection_go_on(RadonTcp *t, Connection *c) {
    if (c->unsent.size && !flush(t, c)) return;
    if (c->ending) {
        if (c->unsent.size == 0) close_in_order(t, c);
        return;
    }
    if (c->busy || c->unsent.size - c->sent > KEEPS_UP) return;
    if ((c->readable || c->last) && !c->over && !hear(t, c)) return;
    if (c->over && !c->busy) connection_tell(t, c);
}

void connection_free(Connection *c) {
    str_unref(c->key);
    buffer_free(&c->unsent);
    free(c);
}

/* tcp.c - all connections of a TCP gateway: who comes, which socket is ready, what left the domains. See tcp_api.h */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connections.h"

enum { READY = 1024, ACCEPTED = 256 }; /* events, and new connections of one socket, of one call */

/* What an event is of: a connection, by its number, or one of these; no number is so large. */
#define BELL UINT64_MAX
#define LISTENER (UINT64_MAX / 2) /* + which */
#define NUMBERS ((uint64_t)1 << 48)

RadonTcp *radon_tcp_new(const char *prefix, uint64_t tokens, uint32_t domains) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = BELL};
    int set = epoll_create1(EPOLL_CLOEXEC), bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    RadonTcp *t;
    if (set < 0 || bell < 0 || epoll_ctl(set, EPOLL_CTL_ADD, bell, &event)) {
        int why = errno;
        if (set >= 0) close(set);
        if (bell >= 0) close(bell);
        errno = why;
        return NULL;
    }
    t = xcalloc(1, sizeof *t);
    t->set = set, t->bell = bell;
    t->domains = domains, t->tokens = tokens;
    t->prefix = str_new(prefix, strlen(prefix));
    t->peer = str_new("@tcp", 4);
    t->inputs = xcalloc(domains, sizeof *t->inputs);
    pthread_mutex_init(&t->sifting, NULL);
    return t;
}

/* Those that are open now, for whoever ends some of them; to be freed. Their number was `t->open.count`. */
static Connection **everyone(const RadonTcp *t) {
    Connection **all = xmalloc(t->open.count * sizeof *all), *c;
    size_t at = 0, count = 0;
    while ((c = table_next(&t->open, &at)) != NULL) all[count++] = c;
    return all;
}

/* Whoever was touched goes on, and whoever has gone is freed: the end of each call. What is to be looked at then. */
static int go_on(RadonTcp *t) {
    Connection *c;
    int found = t->crowded ? RADON_TCP_CROWDED : 0;
    while ((c = list_pop(&t->touched)) != NULL) {
        c->touched = false;
        if (c->socket >= 0) connection_go_on(t, c);
        else list_push(&t->dead, c);
    }
    while ((c = list_pop(&t->dead)) != NULL) connection_free(c);
    for (size_t i = 0; i < t->domains; i++) {
        if (t->inputs[i].size) found |= RADON_TCP_INPUTS;
    }
    return t->open.count ? found : found | RADON_TCP_EMPTY;
}

static int cut(RadonTcp *t, uint32_t domain, bool every) {
    size_t count = t->open.count;
    Connection **all = everyone(t);
    for (size_t i = 0; i < count; i++) {
        if (every || all[i]->domain == domain) connection_cut(t, all[i]);
    }
    free(all);
    return go_on(t);
}

int radon_tcp_cut(RadonTcp *t, uint32_t domain) { return cut(t, domain, false); }

void radon_tcp_free(RadonTcp *t) {
    cut(t, 0, true);
    close(t->set), close(t->bell);
    for (size_t i = 0; i < t->domains; i++) buffer_free(&t->inputs[i]);
    for (size_t i = 0; i < t->listening; i++) str_unref(t->served[i]->kind), free(t->served[i]);
    table_clear(&t->open);
    str_unref(t->prefix), str_unref(t->peer);
    buffer_free(&t->settling), buffer_free(&t->sifted);
    pthread_mutex_destroy(&t->sifting);
    free(t->inputs), free(t->served), free(t->listeners);
    free(t);
}

void radon_tcp_limits(RadonTcp *t, const char *kind, size_t chunk, size_t unread) {
    for (size_t i = 0; i < t->listening; i++) {
        if (!slice_equal(slice_of(t->served[i]->kind), slice_text(kind))) continue;
        t->served[i]->chunk = chunk < CHUNK ? chunk : CHUNK;
        t->served[i]->unread = unread;
    }
}

void radon_tcp_patience(RadonTcp *t, uint64_t flush, uint64_t stalled) { t->flush = flush, t->stalled = stalled; }
void radon_tcp_room(RadonTcp *t, size_t unhandled) { t->room = unhandled; }
int radon_tcp_file(RadonTcp *t) { return t->set; }
size_t radon_tcp_open(RadonTcp *t) { return t->open.count; }

void radon_tcp_numbers(RadonTcp *t, uint64_t *numbers) {
    Connection *c;
    size_t at = 0;
    while ((c = table_next(&t->open, &at)) != NULL) *numbers++ = c->number;
}


RadonBytes radon_tcp_inputs(RadonTcp *t, uint32_t domain) {
    return (RadonBytes){t->inputs[domain].data, t->inputs[domain].size};
}

void radon_tcp_taken(RadonTcp *t, uint32_t domain) { buffer_clear(&t->inputs[domain]); }

/* ---- who comes ---- */

static int watch(RadonTcp *t, size_t which) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = LISTENER + which};
    return epoll_ctl(t->set, EPOLL_CTL_ADD, t->listeners[which], &event) ? errno : 0;
}

static void watch_none(RadonTcp *t) {
    for (size_t i = 0; i < t->listening; i++) epoll_ctl(t->set, EPOLL_CTL_DEL, t->listeners[i], NULL);
}

int radon_tcp_listen(RadonTcp *t, int listener, const char *kind) {
    size_t which = t->listening++;
    t->served = xrealloc(t->served, t->listening * sizeof *t->served);
    t->listeners = xrealloc(t->listeners, t->listening * sizeof *t->listeners);
    t->served[which] = xcalloc(1, sizeof **t->served);
    t->served[which]->kind = str_new(kind, strlen(kind));
    t->served[which]->chunk = CHUNK;
    t->listeners[which] = listener;
    return watch(t, which);
}

/* As text: "127.0.0.1:40312", "[::1]:40312"; empty if it is none of these. */
static int text_of(const struct sockaddr_storage *peer, socklen_t size, char text[NI_MAXHOST + NI_MAXSERV]) {
    char host[NI_MAXHOST], port[NI_MAXSERV];
    const struct sockaddr *address = (const struct sockaddr *)peer;
    int flags = NI_NUMERICHOST | NI_NUMERICSERV;
    if (getnameinfo(address, size, host, sizeof host, port, sizeof port, flags)) return 0;
    return sprintf(text, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static void accept_from(RadonTcp *t, size_t which) {
    for (int times = 0; times < ACCEPTED; times++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        char text[NI_MAXHOST + NI_MAXSERV];
        int socket = accept4(t->listeners[which], (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket >= 0) {
            int length = text_of(&peer, size, text);
            connection_begin(t, t->served[which], socket, slice(text, (size_t)length));
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            watch_none(t); /* it would be ready again and again; a sweep comes back to it */
            t->crowded = true;
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else this one has gone before it was accepted */
    }
}

int radon_tcp_sweep(RadonTcp *t) {
    uint64_t now = monotonic();
    if (t->crowded && !t->draining) {
        t->crowded = false;
        for (size_t i = 0; i < t->listening; i++) watch(t, i);
    }
    if (t->timed) {
        size_t count = t->open.count;
        Connection **all = everyone(t);
        for (size_t i = 0; i < count; i++) {
            if (all[i]->by && all[i]->by <= now) connection_cut(t, all[i]);
        }
        free(all);
    }
    return go_on(t);
}

int radon_tcp_drain(RadonTcp *t) {
    Connection *c;
    size_t at = 0;
    watch_none(t);
    t->draining = true;
    while ((c = table_next(&t->open, &at)) != NULL) {
        c->last = true;
        connection_touch(t, c);
    }
    return go_on(t);
}

/* ---- what sockets are ready for ---- */

static void ready(RadonTcp *t, Connection *c, uint32_t events) {
    if (events & (EPOLLERR | EPOLLHUP)) {
        connection_lost(t, c);
        return;
    }
    if (events & EPOLLRDHUP) c->half = true;
    if (events & (EPOLLIN | EPOLLRDHUP)) c->readable = true;
    connection_go_on(t, c);
}

int radon_tcp_serve(RadonTcp *t) {
    struct epoll_event events[READY];
    int count = epoll_wait(t->set, events, READY, 0);
    for (int i = 0; i < count; i++) {
        uint64_t of = events[i].data.u64, rung;
        Connection *c;
        if (of == BELL) {
            if (read(t->bell, &rung, sizeof rung) < 0) continue;
        } else if (of >= LISTENER) {
            accept_from(t, (size_t)(of - LISTENER));
        } else if ((c = connection_of(t, of)) != NULL) {
            ready(t, c, events[i].events);
        }
    }
    return radon_tcp_settle(t);
}

/* ---- what left the domains ---- */

static Slice kind_of(Slice address) {
    uint32_t size;
    memcpy(&size, address.data + 8, 4);
    return slice(address.data + 12, size);
}

static Slice key_of(Slice address) {
    size_t from = 12 + kind_of(address).size;
    return slice(address.data + from, address.size - from);
}

static bool is_served(const RadonTcp *t, Slice kind) {
    if (kind.size == 0) return true; /* nowhere: all connections are lost */
    for (size_t i = 0; i < t->listening; i++) {
        if (slice_equal(kind, slice_of(t->served[i]->kind))) return true;
    }
    return false;
}

static bool is_ours(const RadonTcp *t, const Record *r) {
    switch (r->tag) {
    case R_REPLY: return r->n[0] - t->tokens < NUMBERS;
    case R_SENT: return slice_equal(kind_of(r->v[0]), slice_of(t->peer));
    case R_HANGUP: return is_served(t, kind_of(r->v[0]));
    default: return false;
    }
}

RadonBytes radon_tcp_sift(RadonTcp *t, const uint8_t *records, size_t size, int ring) {
    Buffer rest = {0};
    Reader reader = reader_of(slice(records, size));
    Record r;
    size_t before;
    bool any;
    pthread_mutex_lock(&t->sifting);
    before = t->sifted.size;
    while (next_record(&reader, &r)) {
        if (is_ours(t, &r)) {
            if (t->sifted.size == before) buffer_put(&rest, records, (size_t)(r.data - records));
            buffer_put(&t->sifted, r.data, r.size);
        } else if (t->sifted.size > before) {
            buffer_put(&rest, r.data, r.size);
        }
    }
    any = t->sifted.size > before;
    pthread_mutex_unlock(&t->sifting);
    if (any && before == 0 && ring) {
        uint64_t one = 1;
        if (write(t->bell, &one, sizeof one) < 0) (void)0; /* it rings already */
    }
    return any ? (RadonBytes){rest.data, rest.size} : (RadonBytes){NULL, size};
}

void radon_tcp_sifted(RadonBytes rest) { free((void *)rest.data); }

/* The connection whose atom or other end has this key. */
static Connection *keyed(const RadonTcp *t, Slice key) {
    uint64_t number = 0;
    size_t at = t->prefix->size;
    if (key.size <= at || key.size > at + 20 || memcmp(key.data, t->prefix->data, at)) return NULL;
    for (; at < key.size; at++) {
        if (key.data[at] < '0' || key.data[at] > '9') return NULL;
        number = 10 * number + (uint64_t)(key.data[at] - '0');
    }
    return connection_of(t, number);
}

/* Answered, or not; with a cause it failed, and then the stream has a hole. */
static bool handled(const Record *reply) {
    enum { CLOSED_ERROR = 6 }; /* error-code + 1 */
    Slice cause;
    if (reply->n[1] == 0) return true;
    return reply->n[1] == CLOSED_ERROR && !metadata_find(reply->v[0], SLICE("radon.cause"), &cause);
}

static void answered(RadonTcp *t, const Record *reply) {
    Connection *c = connection_of(t, reply->n[0] - t->tokens);
    if (c == NULL || !c->busy) return;
    connection_handled(t, c);
    if (handled(reply)) connection_write(t, c, reply->v[1]);
    else connection_cut(t, c);
}

static void hung_up(RadonTcp *t, Slice atom) {
    Connection *c;
    size_t at = 0;
    if (kind_of(atom).size) {
        if ((c = keyed(t, key_of(atom))) != NULL) connection_hang_up(t, c);
        return;
    }
    while ((c = table_next(&t->open, &at)) != NULL) {
        connection_tell(t, c); /* one domain is lost, and there may be others */
        connection_hang_up(t, c);
    }
}

static void settle(RadonTcp *t, const Record *r) {
    Connection *c;
    switch (r->tag) {
    case R_REPLY: answered(t, r); break;
    case R_HANGUP: hung_up(t, r->v[0]); break;
    default:
        if ((c = keyed(t, key_of(r->v[0]))) != NULL) connection_write(t, c, delivery_body(r->v[1]));
    }
}

int radon_tcp_settle(RadonTcp *t) {
    Reader reader;
    Record r;
    Buffer sifted;
    pthread_mutex_lock(&t->sifting);
    sifted = t->sifted, t->sifted = t->settling;
    pthread_mutex_unlock(&t->sifting);
    reader = reader_of(slice(sifted.data, sifted.size));
    while (next_record(&reader, &r)) settle(t, &r);
    buffer_clear(&sifted);
    t->settling = sifted;
    if (t->starved && t->unhandled <= t->room / 2) {
        Connection *c;
        size_t at = 0;
        t->starved = false;
        while ((c = table_next(&t->open, &at)) != NULL) connection_touch(t, c);
    }
    return go_on(t);
}

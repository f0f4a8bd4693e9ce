/* connections.h - the sockets of the TCP gateway and what each is about. Inner to tcp.c and connection.c.
 *
 * Sockets are watched by edges: one that can be read is not heard from again until it is read to its end, so it is
 * noted, and read when its atom has room for a chunk. What comes meanwhile waits in the kernel, and so does the peer.
 */
#ifndef RADON_CONNECTIONS_H
#define RADON_CONNECTIONS_H

#include <pthread.h>

#include "codec.h"
#include "table.h"
#include "tcp_api.h"

#define CHUNK (64 * 1024)    /* the most of one read, whatever a kind takes */
#define KEEPS_UP (64 * 1024) /* a peer with no more than this unsent is read from */

/* A kind of atoms that connections are, and who listens for them. */
typedef struct Served {
    Str *kind;
    size_t chunk, unread;
} Served;

typedef struct Connection {
    struct Connection *next; /* in the list that it is in: touched or dead */
    uint64_t number;
    uint64_t by;             /* it is cut then, by the monotonic clock; 0: never */
    const Served *served;
    Str *key;
    Buffer unsent;
    size_t sent;             /* of it, already */
    uint32_t chunk;          /* bytes of the chunk under way */
    uint32_t domain;
    int socket;              /* -1: closed; freed at the end of the call */
    bool busy;               /* a chunk is under way, whose turn has not ended */
    bool readable;           /* there may be something to read */
    bool half;               /* the peer has ended its side: what is there is to be read to the end */
    bool last;               /* what is there now is the last to be heard */
    bool over;               /* nothing more will be heard */
    bool told;               /* the atom knows that, or has ended */
    bool ending;             /* to be closed when all is written */
    bool touched;            /* is in that list */
} Connection;

typedef struct List {
    Connection *first, *last;
} List;

struct RadonTcp {
    int set, bell;           /* epoll, and what wakes it from other threads */
    uint32_t domains;
    Str *prefix, *peer;      /* "PREFIX-", and the kind of the other ends */
    uint64_t tokens, begun;
    uint64_t flush, stalled;
    Table open;              /* connections by number */
    size_t timed;            /* of them: with a `by` */
    Served **served;         /* one for each socket that listens */
    int *listeners;
    size_t listening;
    bool crowded, draining;
    Buffer *inputs;          /* for each domain */
    size_t unhandled, room;  /* bytes of chunks under way, and how many there may be */
    bool starved;            /* somebody was not read from because these were too many */
    List touched;            /* something was written to them, or their chunk was handled */
    List dead;
    Buffer settling;
    pthread_mutex_t sifting; /* guards the following */
    Buffer sifted;           /* records for connections */
    uint8_t heard[CHUNK];
};

/* ---- connection.c: one of them ---- */

void connection_begin(RadonTcp *t, const Served *served, int socket, Slice peer);
void connection_go_on(RadonTcp *t, Connection *c);  /* whatever can be done now: writing, the next chunk, the end */
void connection_touch(RadonTcp *t, Connection *c);  /* let it go on when all that has left is here */
void connection_handled(RadonTcp *t, Connection *c);
void connection_write(RadonTcp *t, Connection *c, Slice body);
void connection_hang_up(RadonTcp *t, Connection *c); /* its atom has ended */
void connection_tell(RadonTcp *t, Connection *c);    /* the atom, that there is no more */
void connection_cut(RadonTcp *t, Connection *c);     /* with a reset */
void connection_lost(RadonTcp *t, Connection *c);    /* it is closed, and its atom told */
void connection_free(Connection *c);
Connection *connection_of(const RadonTcp *t, uint64_t number);

void list_push(List *list, Connection *c);
Connection *list_pop(List *list);
uint64_t monotonic(void); /* ns */

#endif

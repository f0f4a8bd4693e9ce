/* client.h - what the parts of the client over TCP share: connections and what is under way on them. */
#pragma once

#include "api.h"
#include "histogram.h"
#include "records.h"
#include "resp.h"
#include "source.h"

typedef enum {
    STEP_READ,    /* GET: a value */
    STEP_WRITE,   /* SET: OK */
    STEP_INDEX,   /* ZADD, sent before the SET of an insert: a number */
    STEP_FIRST,   /* GET, after which the SET of a modify is sent: a value */
    STEP_FIND,    /* ZRANGEBYLEX, after which the MGET of a scan is sent: keys */
    STEP_COLLECT, /* MGET: values */
} pending_step;

/* A reply to come. */
typedef struct {
    load_operation operation;
    pending_step step;
    uint64_t *ids; /* of a STEP_COLLECT: the `found` records whose values were asked for; freed with this */
    uint32_t found;
} pending;

typedef struct {
    int socket;
    bool broken;
    bool blocked;     /* the socket takes no more at present */
    uint32_t busy;    /* operations under way */
    uint32_t head, count, room; /* the ring of replies to come */
    pending *ring;
    resp_buffer in, out;
} connection;

struct load_client {
    load_source source;
    load_tally tally;
    connection *connections;
    uint32_t count, next; /* `next`: whose turn it is in an open loop */
    uint32_t under_way, broken;
    int events, timer;
    uint64_t armed; /* when the timer fires */
    bool over;
    char why[160];
    uint64_t counts[LOAD_KINDS][LOAD_BUCKETS];
};

/* requests.c: sends an operation; false where there is no memory. */
bool client_request(load_client *client, connection *at, const load_operation *operation);

/* requests.c: the first reply of `at`, which lies whole at `reply`. */
void client_reply(load_client *client, connection *at, const uint8_t *reply, size_t size, uint64_t now);

/* requests.c: an operation that will not be answered. */
void client_give_up(load_client *client, const load_operation *operation, uint64_t now);

/* requests.c: note the first of what is wrong. */
void client_complain(load_client *client, const char *what, const uint8_t *text, size_t size);

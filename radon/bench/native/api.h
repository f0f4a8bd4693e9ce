/* api.h - all that Python may call, and what a load and its outcome consist of.
 *
 * Two clients generate load: client.c over TCP, and ../guest/client.c from inside of a domain. They share this, draw.h,
 * records.h, source.h and histogram.h, so that both ask the same of every store. Nothing here needs a libc.
 *
 * cffi reads this file too, so it holds declarations and plain numbers only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LOAD_KINDS 5
#define LOAD_READ 0
#define LOAD_UPDATE 1
#define LOAD_INSERT 2
#define LOAD_SCAN 3
#define LOAD_MODIFY 4 /* a read, and an update of what was read */

#define LOAD_UNIFORM 0
#define LOAD_ZIPF 1
#define LOAD_LATEST 2

#define LOAD_POISSON 0
#define LOAD_FIXED 1

#define LOAD_BUCKETS 33792 /* of a histogram */
#define LOAD_KEY 20        /* bytes of a key */
#define LOAD_WINDOW 65536  /* operations that may be under way at once */

/* What to do. radon/bench/load.py packs it, and its bytes are also the message that a guest begins with. */
typedef struct load_mix {
    uint64_t seed;
    uint64_t records;            /* that were loaded: ids from 0; below 2^31 */
    uint64_t fresh, stripe, stride; /* the nth insert is of id fresh + stripe + n * stride; fresh is records at least */
    uint64_t operations;         /* begin no more than these; 0: no bound */
    uint64_t duration;           /* ns; begin none after this; 0: no bound */
    uint64_t patience;           /* ns to wait behind that for what is under way or overdue */
    double rate;                 /* arrivals a second; 0: closed loop */
    double theta;                /* of Zipf's law */
    uint32_t below[LOAD_KINDS];  /* drawn is the first whose number 31 random bits are below; the last where none is */
    uint32_t distribution;
    uint32_t arrivals;
    uint32_t value_size;
    uint32_t longest_scan;
    uint32_t indexed;            /* inserts go into the index that scans over RESP need */
    uint32_t window;             /* operations under way: of a connection, or of the guest */
    uint32_t shards;             /* of the store that a guest asks */
} load_mix;

/* What came of it. */
typedef struct load_tally {
    uint64_t done[LOAD_KINDS]; /* answered; wrongly and with errors too */
    uint64_t errors;           /* answers that were errors, and operations on connections that broke */
    uint64_t wrong;            /* answers that were not what must be there */
    uint64_t unfinished;       /* begun, or due, and not answered in time; the histogram has how long they had waited */
    uint64_t inserted;         /* inserts that are done, as are all before them */
    uint64_t begun, ended;     /* ns by the client's clock: its first and last moment */
} load_tally;

/* ---- the client over TCP; one thread ---- */

typedef struct load_client load_client;

/* `sockets` are connected, do not block, and stay the caller's. NULL where there is no memory, or no more descriptors. */
load_client *load_client_new(const load_mix *mix, const int *sockets, uint32_t count);

/* Goes on for so many ns. 0: there is more to do. */
int load_client_step(load_client *client, uint64_t ns);

/* What has no answer yet gets none. */
void load_client_end(load_client *client);

const load_tally *load_client_tally(const load_client *client);
const uint64_t *load_client_counts(const load_client *client, uint32_t kind);

/* What the first error or wrong answer was; empty if there was none. */
const char *load_client_why(const load_client *client);

void load_client_free(load_client *client);

/* ---- what the clients share, for tests ---- */

/* So many draws of an id, as a client of this mix would make them. */
void load_draw_ids(const load_mix *mix, uint64_t *ids, size_t count);

/* So many operations: kinds and intended starts of a client that begins at 0. How many there are. */
size_t load_draw_operations(const load_mix *mix, uint32_t *kinds, uint64_t *starts, size_t count);

void load_record_key(uint64_t id, uint8_t *key);
uint64_t load_record_id(const uint8_t *key); /* of 20 bytes; UINT64_MAX where it is no such key */
void load_record_value(uint64_t id, uint32_t salt, uint8_t *value, uint32_t size);
int load_record_is(uint64_t id, const uint8_t *value, uint32_t size);
void load_histogram_add(uint64_t *counts, uint64_t value);

/* The bytes of the first RESP reply in `data`; 0: it is not whole, -1: it is none. */
int64_t load_resp_size(const uint8_t *data, size_t size);

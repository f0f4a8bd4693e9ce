/* delivery.h - what travels between atoms: addresses and deliveries, as abi/delivery.py has them.
 *
 * Strings that may be empty are NULL when they are: body, topic, pair, metadata. Names of addresses are never NULL,
 * except in no address at all (`nowhere`). Metadata stay in the bytes that frames have for them.
 */
#ifndef RADON_DELIVERY_H
#define RADON_DELIVERY_H

#include <stdbool.h>

#include "bytes.h"

/* Bytes of somebody else's. */
typedef struct Slice {
    const uint8_t *data;
    size_t size;
} Slice;

static inline Slice slice(const void *data, size_t size) { return (Slice){data, size}; }
static inline Slice slice_text(const char *text) { return slice(text, strlen(text)); }
static inline Slice slice_of(const Str *s) { return s == NULL ? (Slice){NULL, 0} : (Slice){s->data, s->size}; }
#define SLICE(text) ((Slice){(const uint8_t *)(text), sizeof(text) - 1})

static inline bool slice_equal(Slice a, Slice b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}
static inline int slice_compare(Slice a, Slice b) { return bytes_compare(a.data, a.size, b.data, b.size); }
static inline bool slice_begins(Slice s, const char *text) {
    size_t size = strlen(text);
    return s.size >= size && memcmp(s.data, text, size) == 0;
}

/* A counted copy; NULL of nothing. */
static inline Str *slice_str(Slice s) { return s.size == 0 ? NULL : str_new(s.data, s.size); }

#define ID_SIZE 16
extern const uint8_t no_id[ID_SIZE];

/* ---- addresses ---- */

/* Holds one reference to each of its strings. `life` 0: whichever lives when the message arrives. */
typedef struct Address {
    Str *kind, *key;
    uint64_t life;
} Address;

static inline bool is_nowhere(const Address *a) { return a->kind == NULL; }
static inline Address address_ref(const Address *a) {
    return (Address){str_ref(a->kind), str_ref(a->key), a->life};
}
static inline void address_unref(Address *a) {
    str_unref(a->kind);
    str_unref(a->key);
    *a = (Address){NULL, NULL, 0};
}

/* Copies the two parts. */
Address address_new(Slice kind, Slice key, uint64_t life);

/* "kind/key": the first slash divides. */
Address address_parse(Slice text);

/* "kind/key", or "kind" for the empty key; a new string. */
Str *address_text(const Address *a);

/* All three parts. */
bool address_equal(const Address *a, const Address *b);

static inline bool kind_begins(const Address *a, const char *text) { return slice_begins(slice_of(a->kind), text); }
static inline bool kind_is(const Address *a, const char *text) {
    return slice_equal(slice_of(a->kind), slice(text, strlen(text)));
}

/* ---- deliveries ---- */

/* Memory of deliveries that are gone, for those to come; a domain's, like all of its deliveries that have it. */
typedef struct Spares {
    struct Delivery *first;
    size_t count;
} Spares;

typedef enum Form { MESSAGE, START, REPLIED, FIRED, DOWN } Form;

struct Pair;

/* One entry of a mailbox. Counted. Once the ledger has it nothing above the line changes: a commit may still show it. */
typedef struct Delivery {
    uint32_t refs;
    uint8_t form;
    bool cast; /* at most once: never recorded */
    uint8_t id[ID_SIZE], request[ID_SIZE];
    uint32_t attempt; /* attempts before this one */
    uint32_t code;    /* REPLIED: 0, or an error-code + 1; DOWN: the status */
    Address sender;   /* nowhere: from outside */
    Address reply;    /* who waits for an answer; nowhere: nobody */
    Str *body, *topic, *pair, *metadata;
    uint64_t deadline, token, life;
    /* ---- where it is: the mailbox's (mailbox.h) and the ledger's ---- */
    struct Delivery *next, *prev;
    struct Pair *held; /* the pair that it waits with; NULL: it is ready */
    uint64_t due;      /* when its retry is due, if it `waits` */
    bool waits;
    uint32_t place;    /* 1 + the item of the commit under way that delivers it, while it may be left out; else 0 */
    Spares *spares;    /* to which its memory goes; NULL: back to malloc */
} Delivery;

Delivery *delivery_new(const uint8_t id[ID_SIZE], Form form, Spares *spares); /* NULL: there are none */
void spares_free(Spares *spares);
Delivery *delivery_copy(const Delivery *d); /* where it is excepted */
static inline Delivery *delivery_ref(Delivery *d) {
    d->refs++;
    return d;
}
void delivery_unref(Delivery *d); /* NULL is fine */

typedef struct MetadataPair {
    Slice name, value;
} MetadataPair;

/* The pair at `*at`, 0 at the beginning, which moves behind it. False: there is none. */
bool metadata_next(Slice metadata, size_t *at, MetadataPair *pair);

/* The first value of a name in metadata. False: there is none. */
bool metadata_find(Slice metadata, Slice name, Slice *value);

/* Appends one pair to what will be metadata. */
void metadata_add(Buffer *metadata, Slice name, Slice value);

#endif

/* guest.h - one instance of a module in a store of its own: enter it, be called by it, read and write its memory; and
 * the handles of the atoms that it serves.
 *
 * With linking.c the only files that touch wasmtime on the path of a turn. Every pointer and length of a guest is checked
 * here, at the one place that touches its memory. What a syscall means is not known here.
 */
#ifndef RADON_GUEST_H
#define RADON_GUEST_H

#include "turn.h"

/* ---- handles: small numbers for the resources that a guest holds, in one table for all types ---- */

typedef enum Resource {
    NO_RESOURCE, AN_ADDRESS, A_MESSAGE, A_BUCKET, AN_OBJECT,
    AN_INPUT, AN_OUTPUT, A_POLLABLE, /* of WASI */
    RESOURCES
} Resource;

typedef struct Handle {
    Resource type; /* NO_RESOURCE: free */
    union {
        Address address;
        Message *message;
        Str *name; /* of a bucket or object */
        uint64_t number; /* of WASI: which output; when the pollable is ready, ns since 1970 */
    };
} Handle;

typedef struct Handles {
    Handle *slots;   /* slot n - 1 is handle n */
    uint32_t count; /* live */
    uint32_t top;   /* slots that were ever used */
    uint32_t room;
    uint32_t *free; /* those of them that are free, as a heap: room for all slots */
} Handles;

/* ---- instances ---- */

/* An atom's place in an instance: what it holds there. An instance is of one atom, or of many of a shared kind, and lives as
 * long as one of them has a seat. */
typedef struct Seat {
    Instance *instance;
    Atom *atom; /* it has no reference: the seat goes with the atom */
    Handles handles;
    Search ahead; /* for its next turn: ahead.h */
    struct Seat *next, *prev; /* of the instance */
} Seat;

/* Entries: the handler of form f at f, its post at DOWN + 1 + f. Components have more than one realloc. */
enum { INITIALIZE = 2 * (DOWN + 1), REALLOC, ENTRIES = REALLOC + MAX_REALLOCS };

/* The constant that a core module may export: the address of two words, where the free part of its memory begins and
 * where it ends. The host takes whole units from its beginning. */
#define ARENA "radon_arena"
enum { ARENA_SIZE = 8, ARENA_UNIT = 16 };

/* Why a turn failed: a stable cause that may be recorded, and words for people. */
typedef struct Failure {
    char cause[64]; /* "err", "trap: CODE"; empty: it did not fail */
    Buffer text;
    bool framed; /* the text has the names of the functions that it came from */
} Failure;

typedef struct Binding Binding;

struct Instance {
    Domain *d;
    Kind *kind;
    Seat *seats; /* of the atoms that it serves */
    Seat *seat;  /* of the one that it is in a turn of */
    Instance *older, *newer; /* of those awake, or waiting */
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    wasmtime_func_t entries[ENTRIES];
    uint32_t has; /* bit n: entry n is there */
    bool found;   /* exports were looked up */
    bool has_memory;
    wasmtime_memory_t memory;
    uint8_t *base;
    size_t length; /* what the memory has had at least: it never shrinks */
    bool has_arena;
    uint32_t arena;
    uint64_t size;  /* bytes of memory, when it was last weighed */
    Handles common; /* of a shared one: what is no atom's, see handles.c */
    Handles spare;  /* an empty table, for whoever is the next to hold something */
    uint64_t held;  /* handles of all seats, as of each one's last turn */
    Turn *turn;    /* that it is in, or was in last: only meaningful while `inside` */
    uint32_t body, body_size; /* where the delivery's body was put */
    Search last;   /* that the turn did of an entry: ahead.h */
    bool inside;   /* a turn is under way in it */
    const Binding *called; /* the host function that it is in; NULL: in none */
    bool leaving;  /* inside cabi_realloc or cabi_post, where no syscall is allowed (rule 11) ... */
    bool may_drop; /* ... but for drops of handles inside cabi_post */
    bool begun;    /* _initialize was called */
    wasmtime_instance_t instance; /* unless it is a component */
    bool leaks;    /* handles: it is to be dropped after this turn */
    Failure failure;
    /* of kinds that suspend: */
    bool in_fiber;  /* else it may not suspend */
    bool starting;  /* the fiber is that of the start function */
    bool ready;     /* the fiber may go on */
    bool abandoned; /* it is being unwound */
    wasmtime_func_t park, trampoline;
    wasmtime_call_future_t *future;
    wasm_trap_t *trap; /* what the future ended with */
    wasmtime_error_t *error;
};

Instance *instance_new(Domain *d, Kind *kind); /* its store only */
void instance_free(Instance *i);

/* Instantiates and runs the start function. False: it failed. A kind that suspends does the same in a fiber, unless it is
 * a component. */
bool instance_start(Instance *i);
bool instance_fits(Instance *i);     /* has the kind room for the memory that it begins with? */
void instance_started(Instance *i);  /* it is there: look its exports up */
void instance_has_memory(Instance *i, const wasmtime_memory_t *memory);

/* The start function is running: find by its caller what is found by the instance later. */
void instance_adopt(Instance *i, wasmtime_caller_t *caller);

static inline bool has_entry(const Instance *i, int entry) { return i->has >> entry & 1; }

/* Enters an export; `values` are its arguments, and then its result. False: it failed. */
bool instance_call(Instance *i, int entry, wasmtime_val_raw_t *values, size_t count);
bool instance_call_closed(Instance *i, int entry, wasmtime_val_raw_t *values, size_t count); /* no syscall is allowed */
bool instance_has(Instance *i, int entry); /* false: it failed */

/* The turn fails, unless it has failed already. Always false. `code` becomes the cause "trap: code". */
bool fail(Instance *i, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool instance_ended(Instance *i, wasmtime_error_t *error, wasm_trap_t *trap); /* with what the engine says; takes it over */
#define violation(i, ...) fail(i, "abi", __VA_ARGS__)

/* Bytes of its memory now. */
size_t instance_memory(Instance *i);

/* Whether all bytes are in the memory. No bytes may lie at its very end. */
bool guest_check_again(Instance *i, uint64_t pointer, uint64_t length); /* it may have grown */
static inline bool guest_check(Instance *i, uint64_t pointer, uint64_t length) {
    return (pointer <= i->length && length <= i->length - pointer) || guest_check_again(i, pointer, length);
}

/* As `guest_check`, and the turn is charged for the bytes, which are borrowed: a call of the guest may change them. */
static inline bool guest_read(Instance *i, uint64_t pointer, uint64_t length, Slice *bytes) {
    if (!guest_check(i, pointer, length) || !turn_spend(i->turn, length)) return false;
    *bytes = slice(i->base + pointer, length);
    return true;
}
static inline bool guest_write(Instance *i, uint64_t pointer, const void *data, size_t size) {
    if (!guest_check(i, pointer, size) || !turn_spend(i->turn, size)) return false;
    if (size) memcpy(i->base + pointer, data, size);
    return true;
}

/* Room in its memory, aligned and in bounds: from its arena, if it shows one with so much left, else by
 * `cabi_realloc(0, 0, align, size)`. Never for size 0, but of a component. */
bool guest_allocate(Instance *i, uint32_t align, uint64_t size, uint32_t *pointer);

/* ---- its handles ---- */

Seat *seat_new(Instance *i, Atom *a);
void seat_free(Seat *s);
void seat_take(Instance *i, Seat *s);  /* a turn of its atom begins ... */
bool seat_leave(Instance *i);          /* ... and has ended well. False: too many handles are held */

Handles *handles_of(Instance *i, Resource type); /* the table for those of this type */
bool handles_room(Instance *i, Resource type, uint64_t count);
uint32_t handle_insert(Instance *i, Handle h); /* takes over its reference; whoever calls has looked for room */
Handle *handle_get(Instance *i, uint32_t handle, Resource type); /* NULL: a violation */
bool handle_drop(Instance *i, uint32_t handle, Resource type);
void handle_release(Instance *i, uint32_t handle, const Message *m); /* what the host lent is taken back */
void handle_forget(Handle h); /* gives its reference back */
bool resource_named(Slice name, Resource *resource); /* of WASI */
void handles_clear(Handles *handles);

/* ---- the gate: gate.c ---- */

uint64_t gate_weigh(Instance *i); /* how much memory it has by now, in bytes */
void gate_drive(Instance *i);     /* runs its fiber until the turn has ended or waits */
void gate_park(Instance *i);      /* its turn waits: it cannot make room for others */
void gate_unpark(Instance *i);

/* ---- linking: linking.c ---- */

struct Linked {
    Linked *next;
    const wasmtime_module_t *module;
    wasmtime_instance_pre_t *pre;
};

/* ---- components: assembly.c ---- */

bool assembly_add(Domain *d, Kind *kind, const Record *row); /* false: it is no row of a component */
void assembly_free(Assembly *a);
size_t assembly_parts(const Assembly *a);
bool assembly_make(Instance *i); /* all of its parts, in order. False: it failed */

/* What a syscall does: reads its arguments from `v`, leaves its result there or where it points. False: the turn failed. */
typedef bool (*Syscall)(Instance *i, Turn *t, wasmtime_val_raw_t *v);

/* One host function, as the engine hands it back to us in each call. */
struct Binding {
    Domain *d;
    Syscall call;
    bool drops;        /* it is the drop of a handle */
    int realloc;       /* the entry that makes room for its result */
    Resource resource; /* that it drops, if it is of WASI */
    Str *words;        /* why it fails the turn, or the name of the resource */
};

wasm_trap_t *host_enter(void *binding, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count);
bool is_drop(Slice field); /* "[resource-drop]NAME" */
Syscall host_function(Slice interface, Slice field); /* also of WASI 0.2; NULL: there is none */

bool host_prepare(Instance *i); /* of a kind that suspends: park and trampoline. False: it failed */
bool gate_body(Instance *i);    /* what is done inside of the guest for its turn; also called in the fiber */

#endif

/* calls_lifecycle.c - `lifecycle`: other atoms' beginnings and ends, and this one's. See host/syscalls/lifecycle.py */
#include "lowering.h"

/* ---- spawning ---- */

static Error check_spawn(Instance *i, Turn *t, Slice name, uint64_t count, Slice args) {
    const Kind *target = kind_named(t->d, name);
    if (target == NULL) return NOT_FOUND;
    if (!kind_allows(t->kind, SPAWN, name, SLICE(""))) return DENIED;
    if (target->spread != KEYED && target->spread != STATELESS) return INVALID;
    if (args.size > t->kind->message) return TOO_LARGE;
    if (t->spawned + count > t->kind->spawned) return EXHAUSTED;
    if (!handles_room(i, AN_ADDRESS, count)) return EXHAUSTED; /* before: one whose address nobody got would live for ever */
    return OK;
}

/* The key is a hash of the parent, its turn and the ordinal (rule 16), under the application's secret. */
static Address spawn_one(Turn *t, Slice kind, Str *args) {
    Address self = atom_address(t->atom), child;
    Str *parent = address_text(&self);
    uint8_t id[ID_SIZE], digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    Hmac hmac;
    Intent *x;
    turn_new_id(t, id);
    hmac_begin(&hmac, t->d->image.secret, sizeof t->d->image.secret);
    hmac_add(&hmac, parent->data, parent->size);
    hmac_add(&hmac, "", 1);
    hmac_add(&hmac, id, ID_SIZE);
    hmac_end(&hmac, digest);
    hex_of(hex, digest, SHA256_SIZE);
    str_unref(parent);
    child = address_new(kind, slice(hex, 20), t->step);
    x = turn_intend(t, SPAWN_IT);
    x->to = address_ref(&child);
    memcpy(x->id, id, ID_SIZE);
    x->body = str_ref(args);
    return child;
}

/* The children; NULL: refused, with *error, or the turn failed. */
static Address *spawn(Instance *i, Turn *t, Str *kind, uint32_t count, Str *args, Error *error) {
    Address *children;
    *error = check_spawn(i, t, slice_of(kind), count, slice_of(args));
    if (*error) return NULL;
    if (!turn_spend(t, count * (uint64_t)SYSCALL_FUEL) || !turn_keep(t, count * (uint64_t)args->size)) return NULL;
    t->spawned += count;
    children = xmalloc((count ? count : 1) * sizeof *children);
    for (uint32_t n = 0; n < count; n++) children[n] = spawn_one(t, slice_of(kind), args);
    return children;
}

static void free_children(Address *children, uint32_t count) {
    for (uint32_t n = 0; children && n < count; n++) address_unref(&children[n]);
    free(children);
}

bool lifecycle_spawn(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Str *kind = NULL, *args = NULL;
    Address *children = NULL;
    Error error = OK;
    bool done = lift_text(i, U32(0), U32(1), &kind) && lift_bytes(i, U32(2), U32(3), &args);
    if (done) children = spawn(i, t, kind, 1, args, &error);
    if (children) done = lower_ok_handle(i, U32(4), address_handle(children));
    else done = done && error && lower_failed(i, U32(4), error, OK_HANDLE, 4);
    free_children(children, 1);
    str_unref(kind), str_unref(args);
    return done;
}

static bool lower_children(Instance *i, Address *children, uint32_t count, uint32_t at) {
    uint32_t pointer;
    if (!aligned(i, at, 4) || !lower_list(i, count, 4, &pointer)) return false;
    for (uint32_t n = 0; n < count; n++) {
        wasmtime_val_raw_t v;
        if (!give_handle(i, &v, address_handle(&children[n]))) return false;
        if (!guest_write(i, pointer + 4 * n, &v.i32, 4)) return false;
    }
    return lower_ok_list(i, at, pointer, count);
}

bool lifecycle_spawn_many(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Str *kind = NULL, *args = NULL;
    Address *children = NULL;
    Error error = OK;
    bool done = lift_text(i, U32(0), U32(1), &kind) && lift_bytes(i, U32(3), U32(4), &args);
    if (done) children = spawn(i, t, kind, U32(2), args, &error);
    if (children) done = lower_children(i, children, U32(2), U32(5));
    else done = done && error && lower_failed(i, U32(5), error, OK_LIST, 4);
    free_children(children, U32(2));
    str_unref(kind), str_unref(args);
    return done;
}

/* ---- ending ---- */

bool lifecycle_exit(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)i;
    t->exits = true;
    t->exit_status = U32(0);
    return true;
}

bool lifecycle_stop(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Handle *h = handle_get(i, U32(0), AN_ADDRESS);
    const Address *target;
    Error error;
    if (h == NULL) return false;
    target = &h->address;
    if (!turn_spend(t, NAME_FUEL * utf8_length(slice_of(target->key)))) return false;
    if (!kind_allows(t->kind, STOP, slice_of(target->kind), slice_of(target->key))) error = DENIED;
    else error = turn_count_sent(t);
    if (!error) turn_intend(t, STOP_IT)->to = address_ref(target);
    return lower_error(i, U32(1), error);
}

/* ---- watching ---- */

bool lifecycle_monitor(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Handle *h = handle_get(i, U32(0), AN_ADDRESS);
    const Atom *watched;
    Error error = OK;
    if (h == NULL) return false;
    if (!kind_named(t->d, slice_of(h->address.kind))) error = INVALID;
    watched = error ? NULL : routes_living(t->d, &h->address);
    if (watched && watched->more && watched->more->watchers.table.count >= t->d->settings.watchers) error = EXHAUSTED;
    if (!error) error = turn_count_sent(t);
    if (!error) {
        Intent *x = turn_intend(t, WATCH_IT);
        x->to = address_ref(&h->address);
        x->number = U64(1);
    }
    return lower_error(i, U32(2), error);
}

typedef struct Watch {
    const Address *target;
    const uint8_t *request;
} Watch;

static void watch_for_wait(Turn *t, void *with) {
    const Watch *w = with;
    Address self = atom_address(t->atom);
    routes_watch(t->d, w->target, &self, 0, w->request);
}

static void digest_of(const Address *target, uint8_t digest[SHA256_SIZE]) {
    Str *text = address_text(target);
    Sha256 sha;
    sha256_begin(&sha);
    sha256_add(&sha, "wait", 5);
    sha256_add(&sha, text->data, text->size);
    sha256_end(&sha, digest);
    str_unref(text);
}

/* What the turn does at its commit, now that it has the answer. */
static void settle(Turn *t, const Call *call, const Address *target, const uint8_t *request) {
    Intent *x;
    if (call->code != OK && call->code != TIMEOUT) return;
    x = turn_intend(t, call->code ? UNWATCH_IT : REAP_IT);
    x->to = address_ref(target);
    memcpy(x->id, request, ID_SIZE);
}

bool lifecycle_wait(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Handle *h = handle_get(i, U32(0), AN_ADDRESS);
    uint64_t deadline = turn_deadline_of(t, U64(1));
    uint32_t at = U32(2);
    uint8_t request[ID_SIZE], digest[SHA256_SIZE];
    Address target;
    const Call *call;
    Error error = OK;
    Watch watch;
    if (h == NULL) return false;
    if (deadline <= t->now) error = TIMEOUT;
    else if (!turn_is_recorded(t) && (!kind_named(t->d, slice_of(h->address.kind)) || !turn_born(t, &h->address))) error = INVALID;
    if (error) return lower_failed(i, at, error, OK_U32, 4);
    target = address_ref(&h->address);
    turn_new_id(t, request);
    digest_of(&target, digest);
    watch = (Watch){&target, request};
    call = suspend(t, WAIT, request, deadline, slice(digest, 16), watch_for_wait, &watch, &error);
    if (call) settle(t, call, &target, request);
    address_unref(&target);
    if (call == NULL) return error ? lower_failed(i, at, error, OK_U32, 4) : false;
    return call->code ? lower_failed(i, at, call->code, OK_U32, 4) : lower_ok_u32(i, at, (uint32_t)call->value);
}

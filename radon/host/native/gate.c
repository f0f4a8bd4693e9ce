/* gate.c - the live instances of a domain, and how a guest is entered for a turn: see domain.h and host/gate.py */
#include "ahead.h"

/* ---- instances, least recently entered first ---- */

static void leave(Instances *list, Instance *i) {
    if (i->older) i->older->newer = i->newer;
    else list->oldest = i->newer;
    if (i->newer) i->newer->older = i->older;
    else list->newest = i->older;
    i->older = i->newer = NULL;
}

static void join(Instances *list, Instance *i) {
    i->older = list->newest;
    if (list->newest) list->newest->newer = i;
    else list->oldest = i;
    list->newest = i;
}

void gate_park(Instance *i) {
    ahead_forget(i);
    leave(&i->d->awake, i);
    join(&i->d->waiting, i);
}

void gate_unpark(Instance *i) {
    leave(&i->d->waiting, i);
    join(&i->d->awake, i);
}

static void drop(Domain *d, Instance *i) {
    leave(&d->awake, i);
    d->instance_count--;
    d->instance_memory -= i->size;
    i->kind->instances--;
    if (i->kind->shared) i->kind->common = NULL;
    instance_free(i);
}

void gate_drop(Domain *d, Atom *a) {
    Instance *i;
    if (a->seat == NULL) return;
    i = a->seat->instance;
    seat_free(a->seat);
    if (i->seats == NULL) drop(d, i);
}

void gate_discard(Domain *d, Atom *a) {
    if (a->seat) drop(d, a->seat->instance);
}

void gate_drop_all(Domain *d) {
    while (d->awake.oldest) drop(d, d->awake.oldest);
}

static size_t awake(const Domain *d) { return d->instance_count - d->suspended; }

/* How many may be awake: what the settings say, or the slots that suspended turns leave. */
static size_t most_awake(const Domain *d) {
    size_t left = d->settings.slots > d->suspended ? d->settings.slots - d->suspended : 0;
    return d->settings.instances < left ? d->settings.instances : left;
}

/* Drops those that were entered longest ago and are in no turn, until `most` are left and memory is. */
static void make_room(Domain *d, size_t most) {
    for (Instance *i = d->awake.oldest, *next; i; i = next) {
        next = i->newer;
        if (awake(d) <= most && d->instance_memory <= d->settings.memory) return;
        if (!i->inside) drop(d, i);
    }
}

uint64_t gate_weigh(Instance *i) {
    uint64_t size = instance_memory(i);
    i->d->instance_memory += size - i->size;
    i->size = size;
    return size;
}

static void adopt(Instance *i, Turn *t) {
    seat_take(i, t->atom->seat ? t->atom->seat : seat_new(i, t->atom));
    i->turn = t;
    i->inside = true;
    t->instance = i;
    if (i->failure.text.size) buffer_clear(&i->failure.text);
    i->failure.cause[0] = '\0';
    i->failure.framed = false;
    wasm.context_set_fuel(i->context, t->kind->fuel);
    i->d->running = i;
}

static Instance *living(const Turn *t) {
    if (t->kind->shared) return t->kind->common;
    return t->atom->seat ? t->atom->seat->instance : NULL;
}

/* The atom's instance, made if need be. False: it has to be started yet. */
static bool instance_for(Turn *t) {
    Domain *d = t->d;
    Instance *i = living(t);
    size_t most;
    if (i) {
        if (i != d->awake.newest) {
            leave(&d->awake, i);
            join(&d->awake, i);
        }
        adopt(i, t);
        if (d->instance_memory > d->settings.memory) make_room(d, awake(d));
        return true;
    }
    most = most_awake(d);
    if (awake(d) >= most || d->instance_memory > d->settings.memory) make_room(d, most ? most - 1 : 0);
    i = instance_new(d, t->kind);
    if (t->kind->shared) t->kind->common = i;
    join(&d->awake, i);
    d->instance_count++;
    t->kind->instances++;
    adopt(i, t);
    return false;
}

/* ---- into the guest ---- */

/* The core arguments of the handler that takes this delivery; their number, or 0: it failed. */
static size_t arguments(Instance *i, const Delivery *delivery, uint32_t lent, wasmtime_val_raw_t *v) {
    Slice body = slice_of(delivery->body);
    uint32_t pointer = 1; /* of an empty list */
    size_t n = 0;
    i->body_size = 0;
    if (delivery->form == FIRED || delivery->form == DOWN || delivery->form == REPLIED) v[n++].i64 = (int64_t)delivery->token;
    if (delivery->form == FIRED) return n;
    if (delivery->form == DOWN) {
        v[n++].i32 = (int32_t)delivery->code;
        return n;
    }
    if (delivery->form == REPLIED && delivery->code) {
        v[n++].i32 = 1, v[n++].i32 = (int32_t)delivery->code - 1, v[n++].i32 = 0;
        return n;
    }
    if (body.size || i->kind->assembly) { /* a component may free what it is given */
        if (!guest_allocate(i, 1, body.size, &pointer)) return 0;
        if (!guest_write(i, pointer, body.data, body.size)) return 0;
        i->body = pointer, i->body_size = (uint32_t)body.size;
    }
    if (delivery->form == MESSAGE) v[n++].i32 = (int32_t)lent;
    if (delivery->form == REPLIED) v[n++].i32 = 0;
    v[n++].i32 = (int32_t)pointer;
    v[n++].i32 = (int32_t)body.size;
    return n;
}

/* What the handler answered, a `result<_, string>` at this place. */
static bool outcome(Instance *i, uint32_t result, int post) {
    Slice area, text = {0};
    uint32_t at[3];
    wasmtime_val_raw_t v;
    if (result % 4) return violation(i, "the handler's result at %u is not aligned to 4", result);
    if (!guest_read(i, result, 12, &area)) return false;
    memcpy(at, area.data, 12);
    at[0] &= 0xff;
    if (at[0] > 1) return violation(i, "%u is no case of the handler's result", at[0]);
    if (at[0]) {
        uint32_t shown = at[2] < ERR_BYTES ? at[2] : ERR_BYTES;
        if (!guest_check(i, at[1], at[2]) || !guest_read(i, at[1], shown, &text)) return false;
        buffer_put(&i->failure.text, text.data, text.size); /* before the guest may change it */
    }
    v.i32 = (int32_t)result;
    if (has_entry(i, post) && !instance_call_closed(i, post, &v, 1)) return false;
    if (at[0]) memcpy(i->failure.cause, "err", 4);
    return !at[0];
}

bool gate_body(Instance *i) {
    Turn *t = i->turn;
    int form = t->delivery->form;
    uint32_t lent = 0;
    wasmtime_val_raw_t v[4];
    size_t count;
    if (!i->begun && has_entry(i, INITIALIZE) && !instance_call(i, INITIALIZE, v, 0)) return false;
    i->begun = true;
    if (!instance_has(i, form)) return false;
    if (form == MESSAGE) {
        t->message->refs++;
        lent = handle_insert(i, (Handle){.type = A_MESSAGE, .message = t->message}); /* beyond the limit, if need be */
    }
    if ((count = arguments(i, t->delivery, lent, v)) == 0) return false;
    if (!instance_call(i, form, v, count) || !outcome(i, (uint32_t)v[0].i32, DOWN + 1 + form)) return false;
    if (lent) handle_release(i, lent, t->message);
    return true;
}

/* The guest has left for good: what of it may matter to the domain. */
static void left(Instance *i) {
    Turn *t = i->turn;
    i->inside = false;
    i->d->running = NULL;
    ahead_forget(i);
    if (i->failure.cause[0] == '\0') {
        gate_weigh(i);
        i->leaks = !seat_leave(i);
    }
    turn_returned(t);
}

/* The turn goes on, or begins, in the fiber. */
static void in_handler(Instance *i) {
    i->starting = false;
    i->future = wasm.func_call_async(i->context, &i->trampoline, NULL, 0, NULL, 0, &i->trap, &i->error);
}

/* The fiber has come to its end. False: it failed. */
static bool came_to_end(Instance *i) {
    wasm_trap_t *trap = i->trap;
    wasmtime_error_t *error = i->error;
    wasm.call_future_delete(i->future);
    i->future = NULL, i->trap = NULL, i->error = NULL;
    return !(error || trap) || instance_ended(i, error, trap);
}

void gate_drive(Instance *i) {
    while (wasm.call_future_poll(i->future)) {
        bool ended_well = came_to_end(i), starting = i->starting;
        if (ended_well && starting) {
            instance_started(i);
            in_handler(i);
            continue;
        }
        i->in_fiber = i->starting = false;
        left(i);
        return;
    }
    i->d->running = NULL;
}

static void enter_in_fiber(Instance *i, bool started) {
    bool joined = i->kind->assembly != NULL; /* the engine joins parts outside of fibers only, and before there is a park */
    if (!started && !((joined ? instance_start(i) : instance_fits(i)) && host_prepare(i))) {
        left(i);
        return;
    }
    i->in_fiber = true;
    if (started || joined) {
        in_handler(i);
    } else {
        i->starting = true;
        i->future = wasm.instance_pre_instantiate_async(
            i->kind->linked->pre, i->context, &i->instance, &i->trap, &i->error);
    }
    gate_drive(i);
}

void gate_enter(Turn *t) {
    bool started = instance_for(t);
    Instance *i = t->instance;
    if (t->kind->suspends) {
        enter_in_fiber(i, started);
    } else {
        if (started || instance_start(i)) gate_body(i);
        left(i);
    }
}

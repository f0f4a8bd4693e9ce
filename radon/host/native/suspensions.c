/* suspensions.c - turns that wait for an answer in the middle, and what their journals record (rule 8)
 *
 * A guest that may suspend runs in a fiber of the engine's. Its suspending syscall writes down what it asks, and calls
 * `park`, the private async function, which leaves the fiber; the domain goes on with other atoms. When the answer is in
 * the journal, the fiber is entered again and the syscall takes it. `park` may be called only inside of a fiber: anywhere
 * else the engine would end the process.
 */
#include "guest.h"

static void put_waiting(Turn *t) {
    Domain *d = t->d;
    t->atom->suspended = true;
    gate_park(t->instance);
    d->suspended++;
    d->suspended_memory += gate_weigh(t->instance);
}

static Turn *take_waiting(Domain *d, Atom *a) {
    Turn *t;
    if (!a->suspended) return NULL;
    t = a->seat->instance->turn;
    a->suspended = false;
    gate_unpark(t->instance);
    d->suspended--;
    d->suspended_memory -= t->instance->size;
    return t;
}

bool suspension_resume(Domain *d, Atom *a) {
    Turn *t = take_waiting(d, a);
    if (t == NULL) return false;
    d->running = t->instance;
    t->instance->ready = true;
    gate_drive(t->instance);
    return true;
}

void suspension_abandon(Domain *d, Atom *a) {
    Turn *t = take_waiting(d, a);
    Instance *i;
    if (t == NULL) return;
    i = t->instance;
    i->abandoned = true;
    i->in_fiber = false; /* unwinding, the guest may not be entered nor suspend again */
    wasm.call_future_delete(i->future);
    i->future = NULL;
    i->inside = false;
    turn_abandon(t);
}

void suspension_abandon_all(Domain *d) {
    while (d->waiting.oldest) suspension_abandon(d, d->waiting.oldest->seat->atom);
}

/* Leaves the fiber until there is an answer. False: there will be none, the turn is abandoned. */
static bool wait_here(Turn *t) {
    Instance *i = t->instance;
    wasmtime_val_raw_t none;
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error;
    put_waiting(t);
    error = wasm.func_call_unchecked(i->context, &i->park, &none, 0, &trap);
    if (error) wasm.error_delete(error);
    if (trap) wasm.trap_delete(trap);
    return !error && !trap && !i->abandoned;
}

/* The turn asks: it joins the journal, which the first question begins. */
static void note(Turn *t, const uint8_t *request, uint64_t deadline, int what, Slice digest) {
    Domain *d = t->d;
    Atom *a = t->atom;
    Delivery *delivery = t->delivery;
    ledger_step(d, t->step, (uint32_t)t->calls);
    if (atom_journal(a) == NULL) {
        ledger_touch(d, delivery);
        if (!delivery->cast) ledger_note(d, a, R_SUSPENDED, delivery->id, delivery->attempt, t->step, t->now);
        image_suspended(&d->image, a, delivery->id, delivery->attempt, t->step, t->now);
    }
    if (!delivery->cast) ledger_note(d, a, R_CALLED, request, deadline, what, digest);
    image_called(&d->image, a, request, deadline, what, digest);
}

const Call *suspend(
    Turn *t, int what, const uint8_t request[ID_SIZE], uint64_t deadline, Slice digest, Leave leave, void *with,
    Error *error) {
    Domain *d = t->d;
    Instance *i = t->instance;
    uint64_t ordinal = t->calls;
    Journal *j = atom_journal(t->atom);
    const Call *call;
    *error = OK;
    if (!i->in_fiber) {
        violation(i, "a turn cannot wait here"); /* no guest comes here: its kind would not be one that suspends */
        return NULL;
    }
    if (ordinal >= t->kind->outbox) {
        *error = EXHAUSTED;
        return NULL;
    }
    t->calls++;
    if (j && ordinal < j->count) {
        call = &j->calls[ordinal];
        if (call->what != what || !slice_equal(slice_of(call->digest), digest)) {
            violation(i, "the turn ran again and asked for something else than before");
            return NULL;
        }
    } else {
        if (d->suspended >= d->settings.suspended || d->suspended_memory > d->settings.memory) {
            *error = EXHAUSTED;
            return NULL;
        }
        note(t, request, deadline, what, digest);
        if (leave) leave(t, with);
        routes_unready(d, t->atom); /* an answer that came at once woke the running atom */
    }
    if (!atom_journal(t->atom)->calls[ordinal].answered && !wait_here(t)) return NULL;
    call = &atom_journal(t->atom)->calls[ordinal];
    if (!turn_keep(t, slice_of(call->body).size)) return NULL;
    if (call->time > t->now) t->now = call->time;
    str_unref(t->answer_metadata);
    t->answer_metadata = str_ref(call->metadata);
    return call;
}

/* handles.c - the handle table of one atom in its instance: see guest.h and host/handles.py
 *
 * Lowest free number first (rule 2). A number that is not live, or is of another type, is a violation of the ABI; it can
 * never reach another atom's resources, because each atom has its own table.
 */
#include "guest.h"

static const char *const names[RESOURCES] = {
    "", "address", "message", "bucket", "object", "input-stream", "output-stream", "pollable",
};

bool resource_named(Slice name, Resource *resource) {
    for (*resource = AN_INPUT; *resource < RESOURCES; ++*resource) {
        if (slice_equal(name, slice_text(names[*resource]))) return true;
    }
    return false;
}

/* Those of WASI give no power over any atom, and runtimes of languages keep them as long as their memory. */
Handles *handles_of(Instance *i, Resource type) {
    return type >= AN_INPUT && i->kind->shared ? &i->common : &i->seat->handles;
}

bool handles_room(Instance *i, Resource type, uint64_t count) { return handles_of(i, type)->count + count <= i->kind->handles; }

/* The lowest free slot, out of the heap, which is not empty. */
static uint32_t pop_free(Handles *t) {
    uint32_t count = t->top - t->count, *heap = t->free, lowest = heap[0], last = heap[--count], at = 0;
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= last) break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return lowest;
}

/* Puts a slot into the heap; it is still counted as live. */
static void push_free(Handles *t, uint32_t slot) {
    uint32_t at = t->top - t->count, *heap = t->free;
    for (; at > 0 && heap[(at - 1) / 2] > slot; at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = slot;
}

static uint32_t new_slot(Handles *t) {
    if (t->top == t->room) {
        t->room = t->room ? 2 * t->room : 8;
        t->slots = xrealloc(t->slots, t->room * sizeof *t->slots);
        t->free = xrealloc(t->free, t->room * sizeof *t->free);
    }
    return t->top++;
}

uint32_t handle_insert(Instance *i, Handle h) {
    Handles *t = handles_of(i, h.type);
    uint32_t at = t->count < t->top ? pop_free(t) : new_slot(t);
    t->count++;
    t->slots[at] = h;
    return at + 1;
}

void handle_forget(Handle h) {
    if (h.type == AN_ADDRESS) address_unref(&h.address);
    else if (h.type == A_MESSAGE) message_unref(h.message);
    else if (h.type == A_BUCKET || h.type == AN_OBJECT) str_unref(h.name);
}

static void release_slot(Handles *t, uint32_t at) {
    handle_forget(t->slots[at]);
    t->slots[at].type = NO_RESOURCE;
    push_free(t, at);
    t->count--;
}

Handle *handle_get(Instance *i, uint32_t handle, Resource type) {
    Handles *t = handles_of(i, type);
    if (handle == 0 || handle > t->top || t->slots[handle - 1].type != type) {
        violation(i, "%u is no handle of a live %s", handle, names[type]);
        return NULL;
    }
    return &t->slots[handle - 1];
}

bool handle_drop(Instance *i, uint32_t handle, Resource type) {
    if (handle_get(i, handle, type) == NULL) return false;
    release_slot(handles_of(i, type), handle - 1);
    return true;
}

void handle_release(Instance *i, uint32_t handle, const Message *m) {
    Handles *t = &i->seat->handles;
    Handle *h = &t->slots[handle - 1];
    if (h->type == A_MESSAGE && h->message == m) release_slot(t, handle - 1);
}

void handles_clear(Handles *t) {
    for (uint32_t at = 0; at < t->top; at++) {
        handle_forget(t->slots[at]);
    }
    free(t->slots), free(t->free);
    *t = (Handles){0};
}

/* ---- whose they are ---- */

Seat *seat_new(Instance *i, Atom *a) {
    Seat *s = xcalloc(1, sizeof *s);
    s->instance = i, s->atom = a;
    s->next = i->seats;
    if (s->next) s->next->prev = s;
    return a->seat = i->seats = s;
}

void seat_free(Seat *s) {
    Instance *i = s->instance;
    if (s->prev) s->prev->next = s->next;
    else i->seats = s->next;
    if (s->next) s->next->prev = s->prev;
    i->held -= s->handles.count;
    s->atom->seat = NULL;
    handles_clear(&s->handles);
    free(s);
}

void seat_take(Instance *i, Seat *s) {
    i->seat = s;
    i->held -= s->handles.count;
    if (s->handles.room == 0) {
        s->handles = i->spare;
        i->spare = (Handles){0};
    }
}

bool seat_leave(Instance *i) {
    Handles *own = &i->seat->handles;
    uint64_t most = own->count > i->common.count ? own->count : i->common.count;
    i->held += own->count;
    if (own->count == 0) { /* there may be many seats: few hold something between turns */
        handles_clear(&i->spare);
        own->top = 0;
        i->spare = *own;
        *own = (Handles){0};
    }
    return 2 * most <= i->kind->handles && (!i->kind->shared || i->held <= SHARED_HANDLES);
}

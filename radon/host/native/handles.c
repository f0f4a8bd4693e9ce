/* handles.c - the handle table of one instance: see guest.h
 *
 * Lowest free number first (rule 2). A number that is not live, or is of another type, is a violation of the ABI; it can
 * never reach another atom's resources, because each instance has its own table.
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

bool handles_room(const Instance *i, uint64_t count) { return i->handles.count + count <= i->kind->handles; }

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

uint32_t handle_new(Instance *i) {
    Handles *t = &i->handles;
    uint32_t at = t->count < t->top ? pop_free(t) : new_slot(t);
    t->count++;
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
    Handles *t = &i->handles;
    if (handle == 0 || handle > t->top || t->slots[handle - 1].type != type) {
        violation(i, "%u is no handle of a live %s", handle, names[type]);
        return NULL;
    }
    return &t->slots[handle - 1];
}

bool handle_drop(Instance *i, uint32_t handle, Resource type) {
    if (handle_get(i, handle, type) == NULL) return false;
    release_slot(&i->handles, handle - 1);
    return true;
}

void handle_release(Instance *i, uint32_t handle, const Message *m) {
    Handle *h = &i->handles.slots[handle - 1];
    if (h->type == A_MESSAGE && h->message == m) release_slot(&i->handles, handle - 1);
}

void handles_clear(Handles *t) {
    for (uint32_t at = 0; at < t->top; at++) {
        handle_forget(t->slots[at]);
    }
    free(t->slots), free(t->free);
    *t = (Handles){0};
}

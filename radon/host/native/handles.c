/* handles.c - the handle table of one instance: see guest.h
 *
 * Lowest free number first (rule 2). A number that is not live, or is of another type, is a violation of the ABI; it can
 * never reach another atom's resources, because each instance has its own table.
 */
#include "guest.h"

static const char *const names[] = {"", "address", "message", "bucket", "object"};

bool handles_room(const Instance *i, uint64_t count) { return i->handles.count + count <= i->kind->handles; }

uint32_t handle_new(Instance *i) {
    Handles *t = &i->handles;
    uint32_t at = t->lowest;
    while (at < t->top && t->slots[at].type != NO_RESOURCE) at++;
    if (at == t->room) {
        t->room = t->room ? 2 * t->room : 8;
        t->slots = xrealloc(t->slots, t->room * sizeof *t->slots);
    }
    if (at == t->top) t->top++;
    t->count++;
    t->lowest = at + 1;
    return at + 1;
}

static void release_slot(Handles *t, uint32_t at) {
    Handle *h = &t->slots[at];
    if (h->type == AN_ADDRESS) address_unref(&h->address);
    else if (h->type == A_MESSAGE) message_unref(h->message);
    else str_unref(h->name);
    h->type = NO_RESOURCE;
    t->count--;
    if (at < t->lowest) t->lowest = at;
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
        if (t->slots[at].type != NO_RESOURCE) release_slot(t, at);
    }
    free(t->slots);
    *t = (Handles){0};
}

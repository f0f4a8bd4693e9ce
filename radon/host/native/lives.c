/* lives.c - how lives begin and end: see domain.h, and host/routes.py */
#include "domain.h"

static const Address nowhere;

/* A new life; `start` comes first if the kind exports it. It is named by the address (one that is spawned, whose key is
 * fresh) or by a step number that nothing else has: an atom may begin, end and begin again within one step. */
Atom *routes_begin(Domain *d, const Address *address, const Address *parent, const uint8_t *id, Slice args, bool volatile_) {
    const Kind *kind = kind_named(d, slice_of(address->kind));
    Atom *a = image_atom(&d->image, kind->name, address->key);
    uint64_t life = address->life ? address->life : ledger_next_step(d);
    a->volatile_ = volatile_ || kind->spread == EVERY_HOST;
    ledger_note(d, a, R_BORN, life, parent);
    image_born(&d->image, a, life, parent);
    if (kind_handles(kind, START)) {
        uint8_t fresh[ID_SIZE];
        Delivery *start;
        if (memcmp(id, no_id, ID_SIZE) == 0) {
            ledger_new_id(d, fresh);
            id = fresh;
        }
        start = delivery_new(id, START);
        start->body = slice_str(args);
        ledger_deliver(d, a, start);
        routes_wake(d, a);
        delivery_unref(start);
    }
    return a;
}

static int by_token(const void *a, const void *b) {
    uint64_t one = (*(Kept *const *)a)->token, two = (*(Kept *const *)b)->token;
    return one < two ? -1 : one > two;
}

/* The messages that the atom kept, by token: references, in an array that ends with NULL. */
static Delivery **kept_by(const Atom *a) {
    size_t count = a->more ? a->more->kept.count : 0, at = 0, n = 0;
    Kept **kept = xmalloc((count + 1) * sizeof *kept), *k;
    Delivery **messages = xmalloc((count + 1) * sizeof *messages);
    while (count && (k = table_next(&a->more->kept, &at)) != NULL) kept[n++] = k;
    qsort(kept, n, sizeof *kept, by_token);
    for (size_t i = 0; i < n; i++) messages[i] = delivery_ref(kept[i]->message);
    messages[n] = NULL;
    free(kept);
    return messages;
}

static void tell_parent(Domain *d, Atom *parent, uint32_t status, const Address *child) {
    const Peers *children = parent->more ? &parent->more->children : NULL;
    if (children && children->table.count >= CHILDREN) {
        Address oldest = address_ref(&children->first->address);
        ledger_note(d, parent, R_CHILD_GONE, &oldest);
        image_child_gone(&d->image, parent, &oldest);
        address_unref(&oldest);
    }
    ledger_note(d, parent, R_CHILD_ENDED, status, child);
    image_child_ended(&d->image, parent, status, child);
}

static void tell_watchers(Domain *d, const Peers *watchers, uint32_t status, const Address *address) {
    for (const Peer *w = watchers->first; w; w = w->next) {
        Atom *watcher = routes_living(d, &w->address);
        if (watcher == NULL) continue;
        if (memcmp(w->request, no_id, ID_SIZE) != 0) {
            routes_answered(d, watcher, w->request, 0, status, slice(NULL, 0), slice(NULL, 0));
        } else {
            routes_down(d, watcher, w->token, status, address);
        }
    }
}

/* The message whose turn was `suspended` has failed once more: else an atom that has itself stopped while it waits would
 * begin for ever. */
static void pass_on(Domain *d, const Atom *a, const Address *address, Delivery *delivery, bool suspended, bool reborn) {
    Address bound = {address->kind, address->key, delivery->life};
    const Kind *kind = kind_named(d, slice_of(address->kind));
    if (delivery->form != MESSAGE) return;
    if (a->volatile_) {
        routes_answer(d, delivery, CLOSED, slice(NULL, 0), slice(NULL, 0), &nowhere);
    } else if (delivery->life || !reborn) {
        routes_refuse(d, &bound, delivery, SLICE("closed"));
    } else if (!suspended) {
        routes_post(d, &bound, delivery); /* the first message of a next life */
    } else if (delivery->attempt + 1 < (kind ? kind->attempts : 0)) {
        Delivery *again = delivery_copy(delivery);
        again->attempt++;
        routes_post(d, &bound, again);
        delivery_unref(again);
    } else {
        routes_refuse(d, &bound, delivery, SLICE("stopped"));
    }
}

/* The atom and all that is its own are gone; everyone who should know is told (rule 16). Mail that is meant for any life
 * of it begins the next one, unless `reborn` is false. */
void routes_end(Domain *d, Atom *a, uint32_t status, bool reborn) {
    Address address;
    Atom *parent;
    Delivery **questions, **mail, *suspended;
    a->refs++;
    domain_drop_instance(d, a);
    address = atom_address(a);
    parent = a->more ? routes_living(d, &a->more->parent) : NULL;
    questions = kept_by(a);
    mail = mailbox_list(&a->mailbox, true);
    for (Delivery **at = mail; *at; at++) delivery_ref(*at);
    suspended = atom_journal(a) ? mailbox_find(&a->mailbox, atom_journal(a)->id) : NULL;
    ledger_note(d, a, R_ENDED);
    routes_unready(d, a);
    image_ended(&d->image, a);
    if (a->volatile_) ledger_leave(d, R_HANGUP, &address);
    for (Delivery **at = questions; *at; at++) {
        routes_answer(d, *at, CLOSED, slice(NULL, 0), slice(NULL, 0), &nowhere);
        delivery_unref(*at);
    }
    if (parent && parent != a) tell_parent(d, parent, status, &address);
    if (a->more) tell_watchers(d, &a->more->watchers, status, &address);
    for (Delivery **at = mail; *at; at++) {
        pass_on(d, a, &address, *at, *at == suspended, reborn);
        delivery_unref(*at);
    }
    free(questions);
    free(mail);
    atom_unref(a);
}

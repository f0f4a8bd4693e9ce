/* lives.c - how lives begin and end, and who hears of it: see domain.h, and host/routes.py */
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
        start = delivery_new(id, START, &d->spares);
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

/* The message whose turn was `suspended` has failed once more: else an atom that has itself stopped while it waits would
 * begin for ever. */
static void pass_on(Domain *d, const Atom *a, const Address *address, Delivery *delivery, bool suspended, bool reborn) {
    Address bound = {address->kind, address->key, delivery->life};
    const Kind *kind = kind_named(d, slice_of(address->kind));
    if (delivery->form != MESSAGE) return;
    if (a->volatile_) {
        routes_answer(d, delivery, (Answer){.code = CLOSED}, &nowhere);
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
    Delivery **questions, **mail, *suspended;
    a->refs++;
    domain_drop_instance(d, a);
    fetches_forget(d, a);
    address = atom_address(a);
    questions = kept_by(a);
    mail = mailbox_list(&a->mailbox, true);
    for (Delivery **at = mail; *at; at++) delivery_ref(*at);
    suspended = atom_journal(a) ? mailbox_find(&a->mailbox, atom_journal(a)->id) : NULL;
    ledger_note(d, a, R_ENDED);
    routes_unready(d, a);
    image_ended(&d->image, a);
    if (a->volatile_) ledger_leave(d, R_HANGUP, &address);
    for (Delivery **at = questions; *at; at++) {
        routes_answer(d, *at, (Answer){.code = CLOSED}, &nowhere);
        delivery_unref(*at);
    }
    if (a->more) routes_exited(d, &a->more->parent, &address, status);
    for (const Peer *w = a->more ? a->more->watchers.first : NULL; w; w = w->next) {
        routes_ended(d, &w->address, &address, w->token, w->request, 0, status);
    }
    for (Delivery **at = mail; *at; at++) {
        pass_on(d, a, &address, *at, *at == suspended, reborn);
        delivery_unref(*at);
    }
    free(questions);
    free(mail);
    atom_unref(a);
}

/* ---- wherever they live ---- */

/* A life with a name that nobody had. */
void routes_spawn(Domain *d, const Address *child, const Address *parent, const uint8_t *id, Slice args) {
    uint32_t far;
    if (routes_elsewhere(d, child, &far)) ledger_cross(d, far, false, R_BEGIN, id, child, parent, args);
    else if (kind_named(d, slice_of(child->kind))) routes_begin(d, child, parent, id, args, false);
    else routes_exited(d, parent, child, FAILED); /* removed by a deployment while the news was under way */
}

/* The child's status is kept for its parent, if that lives. */
void routes_exited(Domain *d, const Address *parent, const Address *child, uint32_t status) {
    uint32_t far;
    Atom *living;
    if (routes_elsewhere(d, parent, &far)) {
        ledger_cross(d, far, false, R_EXITED, status, child, parent);
    } else if ((living = routes_living(d, parent)) != NULL) {
        const Peers *children = living->more ? &living->more->children : NULL;
        if (children && children->table.count >= CHILDREN) {
            Address oldest = address_ref(&children->first->address);
            ledger_note(d, living, R_CHILD_GONE, &oldest);
            image_child_gone(&d->image, living, &oldest);
            address_unref(&oldest);
        }
        ledger_note(d, living, R_CHILD_ENDED, status, child);
        image_child_ended(&d->image, living, status, child);
    }
}

void routes_stop(Domain *d, const Address *target) {
    uint32_t far;
    Atom *living;
    if (routes_elsewhere(d, target, &far)) ledger_cross(d, far, false, R_STOP, target);
    else if ((living = routes_living(d, target)) != NULL) routes_end(d, living, STOPPED, true);
}

/* ---- watching ---- */

/* The watcher hears of the target's end: at once if it does not live, or has as many watchers as it may. */
void routes_watch(Domain *d, const Address *target, const Address *watcher, uint64_t token, const uint8_t *request) {
    uint32_t far, unused;
    Atom *living;
    if (routes_elsewhere(d, target, &far)) {
        ledger_cross(d, far, false, R_WATCH, token, request, target, watcher);
        return;
    }
    living = routes_living(d, target);
    if (living && routes_elsewhere(d, watcher, &unused)) { /* of one that is here, the syscall has counted */
        size_t watchers = living->more ? living->more->watchers.table.count : 0;
        if (watchers >= d->settings.watchers) living = NULL;
    }
    if (living) {
        ledger_note(d, living, R_WATCHED, token, request, watcher);
        image_watched(&d->image, living, token, request, watcher);
    } else {
        routes_ended(d, watcher, target, token, request, target->life ? CLOSED : NOT_FOUND, UNKNOWN);
    }
}

/* The wait was given up: nobody is to be told of the target's end. */
void routes_unwatch(Domain *d, const Address *target, const Address *watcher, const uint8_t *request) {
    uint32_t far;
    Atom *living;
    if (routes_elsewhere(d, target, &far)) {
        ledger_cross(d, far, false, R_UNWATCH, request, target, watcher);
    } else if ((living = routes_living(d, target)) != NULL) {
        ledger_note(d, living, R_WATCHED_GONE, (uint64_t)0, request, watcher);
        image_watched_gone(&d->image, living, 0, request, watcher);
    }
}

/* Tells a watcher that the target ended, or (`code`) that it does not live. A child that does not live has ended: its
 * parent, and nobody else, has the status. */
void routes_ended(
    Domain *d, const Address *watcher, const Address *target, uint64_t token, const uint8_t *request, uint32_t code,
    uint32_t status) {
    const Peer *child;
    uint32_t far;
    Atom *living;
    if (routes_elsewhere(d, watcher, &far)) {
        ledger_cross(d, far, false, R_TOLD, token, request, code, status, target, watcher);
        return;
    }
    living = routes_living(d, watcher);
    if (living == NULL) return;
    child = code && living->more ? peers_find(&living->more->children, 0, no_id, target) : NULL;
    if (child) code = OK, status = child->status;
    if (memcmp(request, no_id, ID_SIZE) == 0) routes_down(d, living, token, status, target);
    else routes_answered(d, living, request, (Answer){.code = code}, code ? 0 : status);
}

/* turns.c - how turns begin and end: at the commit everything happens in one step, or nothing does
 *
 * See domain.h; host/python_domain.py and host/intents.py. Nothing that is carried out here can fail: what can be refused
 * was refused when the guest asked, and what changed meanwhile is answered with a message, as it would be from afar.
 */
#include <stdio.h>

#include "guest.h"

static const Address nowhere;

/* ---- intents ---- */

/* The child's status was waited for. */
static void reap(Turn *t, const Intent *x) {
    if (t->atom->more == NULL || !peers_find(&t->atom->more->children, 0, no_id, &x->to)) return;
    ledger_note(t->d, t->atom, R_CHILD_GONE, &x->to);
    image_child_gone(&t->d->image, t->atom, &x->to);
}

static void stop(Turn *t, const Intent *x) {
    if (routes_living(t->d, &x->to) == t->atom) t->exits = true, t->exit_status = STOPPED;
    else routes_stop(t->d, &x->to);
}

static uint64_t retained(const Domain *d) { return d->image.time + d->settings.retention; }

static void pin(Domain *d, uint64_t expires, uint32_t pins, Slice name) {
    ledger_note(d, NULL, R_PINNED, expires, pins, name);
    image_pinned(&d->image, expires, pins, name);
}

static void store(Domain *d, uint64_t expires, uint32_t pins, Slice name, Slice body) {
    ledger_note(d, NULL, R_STORED, expires, pins, name, body);
    image_stored(&d->image, expires, pins, name, body);
}

/* Put again, an object lives on for the retention time from now. */
static void store_object(Turn *t, const Intent *x) {
    const Object *known = image_object(&t->d->image, slice_of(x->metadata));
    uint64_t expires = retained(t->d);
    if (known == NULL) store(t->d, expires, 0, slice_of(x->metadata), slice_of(x->body));
    else if (known->expires < expires) pin(t->d, expires, known->pins, slice_of(x->metadata));
}

/* All that the turn pinned and unpinned of an object; the last unpin starts the retention time. */
static void pin_object(Turn *t, const Intent *x) {
    const ObjectNow *o = turn_object(t, slice_of(x->metadata));
    const Object *known = image_object(&t->d->image, slice_of(x->metadata));
    if (known) {
        int64_t pins = (int64_t)known->pins + o->pins;
        pin(t->d, pins == 0 ? retained(t->d) : known->expires, pins < 0 ? 0 : (uint32_t)pins, slice_of(x->metadata));
    } else if (o->pins > 0) {
        store(t->d, retained(t->d), (uint32_t)o->pins, slice_of(x->metadata), slice_of(o->body));
    }
}

static void carry_out(Turn *t, const Intent *x) {
    Domain *d = t->d;
    Address self = atom_address(t->atom);
    switch (x->act) {
    case SEND_IT: routes_post(d, &x->to, x->message); break;
    case POSTPONE_IT:
        ledger_note(d, NULL, R_POSTPONED, x->number, &x->to, x->message);
        image_postponed(&d->image, x->number, &x->to, x->message);
        break;
    case ASK_IT: {
        uint64_t deadline = x->message->deadline ? x->message->deadline : NEVER;
        ledger_ask(d, t->atom, x->message, x->number, deadline, &x->to);
        routes_post(d, &x->to, x->message);
        break;
    }
    case REPLY_IT: routes_answer(d, x->message, (Answer){OK, x->metadata, x->body}, &self); break;
    case SPAWN_IT: routes_spawn(d, &x->to, &self, x->id, slice_of(x->body)); break;
    case STOP_IT: stop(t, x); break;
    case WATCH_IT: routes_watch(d, &x->to, &self, x->number, no_id); break;
    case UNWATCH_IT: routes_unwatch(d, &x->to, &self, x->id); break;
    case REAP_IT: reap(t, x); break;
    case STORE_IT: store_object(t, x); break;
    case PIN_IT: pin_object(t, x); break;
    }
}

/* ---- beginning ---- */

/* A `down` of a child that its parent never asked to hear of, say: done as soon as it is begun. */
static bool has_no_handler(const Turn *t) { return t->delivery->form == DOWN && !kind_handles(t->kind, DOWN); }

static void turn_finish(Turn *t);

static void begin(Domain *d, Atom *a, Kind *kind) {
    const Journal *j = atom_journal(a);
    Turn *t;
    Str *fate;
    if (j) t = turn_new(d, a, kind, mailbox_find(&a->mailbox, j->id), j->step, j->time);
    else t = turn_new(d, a, kind, mailbox_next(&a->mailbox), ledger_next_step(d), d->image.time);
    t->kept_bytes = fetches_bytes_for(d, a);
    t->spent = KEPT_FUEL * t->kept_bytes;
    kind->tally->turns++;
    fate = fate_of(d, t->step);
    if (fate) {
        Str *cause = say(2, SLICE("aborted: "), slice_of(fate));
        Str *text = say(2, SLICE("the machine ended the turn: "), slice_of(fate));
        turn_undo(t, slice_of(cause), slice_of(text));
        str_unref(fate), str_unref(cause), str_unref(text);
    } else if (has_no_handler(t)) {
        turn_finish(t);
    } else {
        gate_enter(t);
    }
}

void domain_take_turn(Domain *d, Atom *a) {
    Kind *kind;
    Delivery *next;
    if (kind_is(&(Address){a->kind, a->key, 0}, "@topic")) {
        d->work += topic_turn(d, a);
    } else if (suspension_resume(d, a)) {
        return;
    } else if ((kind = kind_named(d, slice_of(a->kind))) != NULL) {
        begin(d, a, kind);
    } else if ((next = mailbox_next(&a->mailbox)) != NULL) { /* its kind was removed by a deployment */
        ledger_step(d, ledger_next_step(d), 0);
        domain_bury(d, a, next, SLICE("not-found"));
    }
}

/* ---- ending well ---- */

static int by_order(const void *a, const void *b) {
    uint64_t one = (*(TimerNow *const *)a)->order, two = (*(TimerNow *const *)b)->order;
    return one < two ? -1 : one > two;
}

static int by_token(const void *a, const void *b) {
    uint64_t one = (*(Delivery *const *)a)->token, two = (*(Delivery *const *)b)->token;
    return one < two ? -1 : one > two;
}

/* Those that fell due and wait in the mailbox, by token; their number. References: one that is taken back is searched
 * past by those after it. */
static size_t fired(const Atom *a, Delivery ***list) {
    size_t count = 0;
    *list = mailbox_list(&a->mailbox, true);
    for (Delivery **at = *list; *at; at++) {
        if ((*at)->form == FIRED) (*list)[count++] = delivery_ref(*at);
    }
    qsort(*list, count, sizeof **list, by_token);
    return count;
}

static void take_back(Turn *t, uint64_t token, Delivery **list, size_t count) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (list[middle]->token < token) low = middle + 1;
        else high = middle;
    }
    for (; low < count && list[low]->token == token; low++) ledger_consume(t->d, t->atom, list[low]);
}

/* Set, move or cancel, in the order of the last call for each token. */
static void set_timers(Turn *t) {
    TimerNow **timers, *timer;
    Delivery **waiting;
    size_t count = 0, due;
    if (t->timers.count == 0) return;
    timers = xmalloc(t->timers.count * sizeof *timers);
    for (size_t at = 0; (timer = table_next(&t->timers, &at)) != NULL;) timers[count++] = timer;
    qsort(timers, count, sizeof *timers, by_order);
    due = fired(t->atom, &waiting);
    for (size_t i = 0; i < count; i++) {
        timer = timers[i];
        take_back(t, timer->token, waiting, due);
        if (timer->set) {
            ledger_note(t->d, t->atom, R_TIMER_SET, timer->token, timer->due);
            image_timer_set(&t->d->image, t->atom, timer->token, timer->due);
        } else if (atom_timer(t->atom, timer->token)) {
            ledger_note(t->d, t->atom, R_TIMER_GONE, timer->token);
            image_timer_gone(&t->d->image, t->atom, timer->token);
        }
    }
    for (size_t i = 0; i < due; i++) delivery_unref(waiting[i]);
    free(waiting);
    free(timers);
}

static void note_writes(Turn *t) {
    Atom *a = t->atom;
    State *s = a->state;
    for (size_t i = 0; s && t->d->ledger.records && i < s->undos; i++) {
        const Undo *u = &s->undo[i];
        const Str *new = u->new;
        if (new && (u->old == NULL || !str_equal(new, u->old))) {
            ledger_note(t->d, a, R_PUT, slice_of(u->bucket), slice_of(u->key), slice_of(new));
        } else if (new == NULL && u->old) {
            ledger_note(t->d, a, R_DELETE, slice_of(u->bucket), slice_of(u->key));
        }
    }
    atom_forget_undo(a);
}

static void keep_messages(Turn *t) {
    for (size_t i = 0; i < t->kept_count; i++) {
        const KeptNow *k = &t->kept[i];
        if (atom_kept(t->atom, k->token)) {
            ledger_note(t->d, t->atom, R_KEPT_GONE, k->token);
            image_kept_gone(&t->d->image, t->atom, k->token);
        }
        if (k->message) {
            ledger_note(t->d, t->atom, R_KEPT, k->token, k->message->delivery);
            image_kept(&t->d->image, t->atom, k->token, k->message->delivery);
        }
    }
}

bool says_disconnected(const Atom *a, const Delivery *delivery) {
    return a->volatile_ && delivery->form == DOWN && is_nowhere(&delivery->sender);
}

/* The guest said ok: everything that the turn did happens now, in one step. */
static void turn_finish(Turn *t) {
    Domain *d = t->d;
    Atom *a = t->atom;
    t->open = false;
    d->work += t->spent;
    fetches_forget(d, a);
    ledger_step(d, t->step, 0);
    ledger_consume(d, a, t->delivery);
    note_writes(t);
    set_timers(t);
    keep_messages(t);
    for (size_t i = 0; i < t->intent_count; i++) carry_out(t, &t->intents[i]);
    for (size_t i = 0; i < t->held_count; i++) {
        Message *m = t->held[i];
        if (!m->open) continue;
        m->open = false; /* the guest may keep the handle */
        routes_answer(d, m->delivery, (Answer){.code = CLOSED}, &nowhere);
    }
    if (t->exits) {
        routes_end(d, a, t->exit_status, true);
    } else if (says_disconnected(a, t->delivery)) {
        routes_end(d, a, 0, true);
    } else {
        routes_wake(d, a);
        if (d->settings.forgetful) gate_discard(d, a);
    }
    turn_free(t);
}

/* ---- ending badly ---- */

/* `time` and `backoff` doubled so often, or never. */
static uint64_t later(uint64_t time, uint64_t backoff, uint32_t doubled) {
    if (backoff == 0) return time;
    if (doubled > 63 || backoff > NEVER >> doubled) return NEVER;
    return backoff << doubled > NEVER - time ? NEVER : time + (backoff << doubled);
}

/* The turn failed: nothing of it happened. It is tried again, or its delivery is a dead letter (rule 6). */
void turn_undo(Turn *t, Slice cause, Slice text) {
    Domain *d = t->d;
    Atom *a = t->atom;
    Delivery *delivery = t->delivery;
    uint32_t attempt = delivery->attempt + 1;
    Buffer line = {0};
    char tried[64];
    t->open = false;
    d->work += t->spent;
    atom_roll_back(a);
    buffer_put(&line, text.data, text.size);
    snprintf(tried, sizeof tried, " (attempt %u of %u)", attempt, t->kind->attempts);
    buffer_put(&line, tried, strlen(tried));
    gate_discard(d, a);
    fetches_forget(d, a);
    t->kind->tally->failed++;
    domain_log(t, 3, slice(line.data, line.size));
    buffer_free(&line);
    ledger_step(d, t->step, 0);
    if (attempt < t->kind->attempts) {
        uint64_t due = later(d->image.time, t->kind->backoff, attempt - 1);
        ledger_touch(d, delivery);
        if (!delivery->cast) ledger_note(d, a, R_ATTEMPTED, delivery->id, attempt, due);
        image_attempted(&d->image, a, delivery, attempt, due);
        routes_wake(d, a);
    } else {
        domain_bury(d, a, delivery, cause);
    }
    turn_free(t);
}

/* The turn wants an object that may be in another domain. When that has answered it begins anew, as if nothing had been:
 * it is no attempt. */
static void begin_again(Turn *t) {
    t->open = false;
    t->d->work += t->spent;
    atom_roll_back(t->atom);
    gate_discard(t->d, t->atom);
    fetches_want(t);
    turn_free(t);
}

/* The delivery failed for good; a `start` that did ends the atom. */
void domain_bury(Domain *d, Atom *a, Delivery *delivery, Slice cause) {
    Address address = atom_address(a);
    delivery_ref(delivery);
    if (!delivery->cast && !a->volatile_) routes_bury(d, &address, delivery, cause); /* of neither is anything kept */
    ledger_consume(d, a, delivery);
    routes_answer_failed(d, delivery, cause);
    if (delivery->form == START) routes_end(d, a, FAILED, false); /* a next life would fail as this one did */
    else if (says_disconnected(a, delivery)) routes_end(d, a, 0, true);
    else routes_wake(d, a);
    delivery_unref(delivery);
}

void turn_returned(Turn *t) {
    Instance *i = t->instance;
    Buffer line = {0};
    char cause[sizeof i->failure.cause];
    bool err;
    turn_flush(t);
    if (t->missing) {
        begin_again(t);
        return;
    }
    if (i->failure.cause[0] == '\0') {
        if (i->leaks) gate_discard(t->d, t->atom); /* begin anew before a turn has too few (rule 4: it is a cache) */
        turn_finish(t);
        return;
    }
    memcpy(cause, i->failure.cause, sizeof cause);
    err = strcmp(cause, "err") == 0;
    buffer_put(&line, err ? "err: " : "trap: ", err ? 5 : 6);
    put_text(&line, slice(i->failure.text.data, i->failure.text.size));
    turn_undo(t, slice(cause, strlen(cause)), slice(line.data, line.size));
    buffer_free(&line);
}

void turn_abandon(Turn *t) {
    turn_flush(t);
    atom_roll_back(t->atom);
    t->open = false;
    turn_free(t);
}

/* ---- instances ---- */

void domain_drop_instance(Domain *d, Atom *a) {
    suspension_abandon(d, a);
    gate_drop(d, a);
}

void domain_drop_instances(Domain *d) {
    suspension_abandon_all(d);
    fetches_forget_all(d);
    gate_drop_all(d);
}

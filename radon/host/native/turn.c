/* turn.c - see turn.h */
#include "turn.h"

#include "guest.h"

enum { ERROR_LEVEL = 3, WARN_LEVEL = 2 };

static void message_begin(Message *m, Delivery *delivery) {
    *m = (Message){1, delivery_ref(delivery), !is_nowhere(&delivery->reply), false};
}

Message *message_new(Delivery *delivery) {
    Message *m = xmalloc(sizeof *m);
    message_begin(m, delivery);
    return m;
}

void message_unref(Message *m) {
    if (m == NULL || --m->refs != 0) return;
    delivery_unref(m->delivery);
    free(m);
}

/* ---- life ---- */

Turn *turn_new(Domain *d, Atom *a, Kind *kind, Delivery *delivery, uint64_t step, uint64_t time) {
    Turn *t = d->spare_turn;
    if (t) d->spare_turn = NULL;
    else t = xcalloc(1, sizeof *t);
    t->d = d, t->kind = kind, t->step = step, t->now = time, t->deadline = delivery->deadline;
    t->atom = a, a->refs++;
    t->delivery = delivery_ref(delivery);
    t->answer_metadata = delivery->form == REPLIED ? str_ref(delivery->metadata) : NULL;
    if (t->message == NULL) t->message = xmalloc(sizeof *t->message);
    message_begin(t->message, delivery);
    turn_hold(t, t->message);
    t->open = true;
    return t;
}

static void clear_objects(Turn *t) {
    ObjectNow *o;
    for (size_t at = 0; (o = table_next(&t->objects, &at)) != NULL; free(o)) str_unref(o->name), str_unref(o->body);
    table_clear(&t->objects);
}

void turn_forget(Turn *t) {
    free(t->intents), free(t->held), free(t->kept), free(t->message);
    free(t);
}

void turn_free(Turn *t) {
    Domain *d = t->d;
    void *timer;
    for (size_t i = 0; i < t->intent_count; i++) {
        Intent *intent = &t->intents[i];
        address_unref(&intent->to);
        delivery_unref(intent->message);
        str_unref(intent->body), str_unref(intent->metadata);
    }
    for (size_t i = 0; i < t->held_count; i++) message_unref(t->held[i]);
    for (size_t i = 0; i < t->kept_count; i++) message_unref(t->kept[i].message);
    for (size_t at = 0; (timer = table_next(&t->timers, &at)) != NULL;) free(timer);
    table_clear(&t->timers), table_clear(&t->kept_by);
    clear_objects(t);
    if (t->message->refs == 1) {
        delivery_unref(t->message->delivery);
    } else { /* the guest has it yet */
        message_unref(t->message);
        t->message = NULL;
    }
    delivery_unref(t->delivery);
    str_unref(t->answer_metadata), str_unref(t->inherited), str_unref(t->missing);
    buffer_free(&t->output[0]), buffer_free(&t->output[1]);
    atom_unref(t->atom);
    if (d->spare_turn || t->intent_room > 1024 || t->held_room > 1024 || t->kept_room > 1024) {
        turn_forget(t);
        return;
    }
    /* The next one need not grow the lists again. One by one: the compiler's loop of zeros takes 25 ns. */
    t->intent_count = t->held_count = t->kept_count = t->kept_messages = 0;
    t->instance = NULL, t->inherited = t->missing = NULL, t->inherits = t->exits = false;
    t->timer_calls = t->object_bytes = t->sent = t->asked = t->spawned = t->calls = 0;
    t->spent = t->kept_bytes = t->random_left = t->blocks = 0;
    t->more_timers = 0, t->exit_status = t->lines = t->samples = t->ordinal = 0;
    d->spare_turn = t;
}

/* ---- names, random numbers ---- */

void turn_new_id(Turn *t, uint8_t id[ID_SIZE]) { put_id(id, t->d->image.domain, t->step, ++t->ordinal); }

uint64_t turn_draw_cost(const Turn *t, size_t length) {
    return length > t->random_left ? SYSCALL_FUEL * ((length - t->random_left + 31) / 32) : 0;
}

void turn_draw(Turn *t, uint8_t *into, size_t length) {
    while (length) {
        size_t some;
        if (t->random_left == 0) {
            uint8_t block[48];
            t->d->ledger.numbered = true;
            memcpy(block, t->d->image.seed, 32);
            memcpy(block + 32, &t->step, 8);
            memcpy(block + 40, &t->blocks, 8);
            sha256(block, sizeof block, t->random);
            t->blocks++;
            t->random_left = SHA256_SIZE;
        }
        some = length < t->random_left ? length : t->random_left;
        memcpy(into, t->random + SHA256_SIZE - t->random_left, some);
        into += some, length -= some, t->random_left -= some;
    }
}

/* ---- the overlay ---- */

Intent *turn_intend(Turn *t, Act act) {
    if (t->intent_count == t->intent_room) {
        t->intent_room = t->intent_room ? 2 * t->intent_room : 8;
        t->intents = xrealloc(t->intents, t->intent_room * sizeof *t->intents);
    }
    t->intents[t->intent_count] = (Intent){.act = act};
    return &t->intents[t->intent_count++];
}

void turn_hold(Turn *t, Message *m) {
    if (m->held) return;
    m->held = true;
    if (t->held_count == t->held_room) {
        t->held_room = t->held_room ? 2 * t->held_room : 4;
        t->held = xrealloc(t->held, t->held_room * sizeof *t->held);
    }
    m->refs++;
    t->held[t->held_count++] = m;
}

/* ---- what it costs ---- */

bool turn_is_spent(Turn *t) {
    return fail(t->instance, "out-of-fuel", "the turn's syscalls used up limits.turn");
}

bool turn_keep(Turn *t, uint64_t size) {
    t->kept_bytes += size;
    if (t->kept_bytes > TURN_BYTES) {
        return fail(t->instance, "out-of-fuel", "the turn leaves more than %llu bytes behind", (unsigned long long)TURN_BYTES);
    }
    return turn_spend(t, KEPT_FUEL * size);
}

/* ---- logs ---- */

void domain_log(Turn *t, int level, Slice text) {
    Address address = atom_address(t->atom);
    ledger_leave_at_once(t->d, R_LOGGED, t->step, t->now, t->delivery->attempt, level, &address, text);
}

void turn_log(Turn *t, int level, Slice text) {
    t->lines++;
    if (t->lines < LOG_LINES) {
        domain_log(t, level, slice(text.data, utf8_prefix(text, LOG_CHARACTERS)));
    } else if (t->lines == LOG_LINES) {
        domain_log(t, WARN_LEVEL, SLICE("further log lines of this turn are dropped"));
    }
}

/* ---- checks that several syscalls share ---- */

bool turn_has_ended(Turn *t, const Address *address) {
    uint32_t far;
    if (!address->life || address->life == t->step || !kind_named(t->d, slice_of(address->kind))) return false;
    return routes_living(t->d, address) == NULL && !routes_elsewhere(t->d, address, &far);
}

Error turn_count_sent(Turn *t) {
    if (t->sent >= t->kind->outbox || t->d->image.mail_bytes > t->d->settings.mail) return EXHAUSTED;
    t->sent++;
    return OK;
}

bool turn_is_recorded(const Turn *t) {
    const Journal *j = atom_journal(t->atom);
    return j && t->calls < j->count;
}

bool turn_born(Turn *t, const Address *address) {
    return address->life != t->step || routes_living(t->d, address) != NULL;
}

uint64_t turn_deadline_of(const Turn *t, uint64_t timeout) {
    uint64_t own = timeout > NEVER - t->now ? NEVER : t->now + timeout;
    return t->deadline && t->deadline < own ? t->deadline : own;
}

/* Made once: a message may bring a hundred thousand pairs, and its turn send ten thousand messages. */
Str *turn_metadata(Turn *t) {
    Buffer traces = {0};
    MetadataPair pair;
    if (t->inherits) return str_ref(t->inherited);
    for (size_t at = 0; metadata_next(slice_of(t->delivery->metadata), &at, &pair);) {
        if (!slice_equal(pair.name, SLICE("traceparent")) || pair.value.size > NAME_BYTES) continue;
        metadata_add(&traces, pair.name, pair.value);
    }
    t->inherits = true;
    t->inherited = slice_str(slice(traces.data, traces.size));
    buffer_free(&traces);
    return str_ref(t->inherited);
}

Delivery *turn_outgoing(Turn *t, Slice body) {
    uint8_t id[ID_SIZE];
    Address sender = atom_address(t->atom);
    Delivery *delivery;
    if (!turn_keep(t, body.size)) return NULL;
    turn_new_id(t, id);
    delivery = delivery_new(id, MESSAGE, &t->d->spares);
    delivery->body = slice_str(body);
    delivery->sender = address_ref(&sender);
    delivery->metadata = turn_metadata(t);
    delivery->deadline = t->deadline;
    return delivery;
}

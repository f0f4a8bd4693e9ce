/* inputs.c - what each input does when a domain takes it in, at the start of a run: see host/inputs.py
 *
 * Each is a step of its own. Bad ones from outside are answered: an unknown kind, a body over the limit.
 */
#include "domain.h"
#include "sha256.h"

static const Address nowhere;
static const Slice nothing;

/* ---- time ---- */

static void ring(Domain *d, const Alarm *alarm) {
    Address name = {alarm->kind, alarm->key, 0};
    Atom *a = alarm->kind ? image_find(&d->image, name.kind, name.key) : NULL;
    Delivery *delivery;
    const Journal *j;
    Postponed *p;
    Asked *asked;
    bool sleeps;
    switch (alarm->cause) {
    case TIMER: routes_fire(d, a, alarm->token); break;
    case POSTPONED:
        p = image_postponed_by(&d->image, alarm->id);
        delivery = delivery_ref(p->delivery);
        name = address_ref(&p->to);
        ledger_note(d, NULL, R_POSTPONED_GONE, alarm->id);
        image_postponed_gone(&d->image, alarm->id);
        routes_post(d, &name, delivery);
        address_unref(&name);
        delivery_unref(delivery);
        break;
    case RETRY:
        delivery = mailbox_waiting(&a->mailbox, alarm->id);
        ledger_touch(d, delivery);
        if (!delivery->cast) ledger_note(d, a, R_RETRIED, alarm->id);
        image_retried(&d->image, a, delivery);
        routes_wake(d, a);
        break;
    case ASKED:
        asked = ledger_answered(d, a, alarm->id);
        name = address_ref(&asked->target);
        routes_replied(d, asked, (Answer){.code = TIMEOUT}, &name);
        address_unref(&name);
        break;
    case CALLED:
        j = atom_journal(a);
        sleeps = j->calls[j->count - 1].what == SLEEP;
        routes_answered(d, a, alarm->id, (Answer){.code = sleeps ? OK : TIMEOUT}, 0);
        break;
    case SEEN:
        ledger_note(d, NULL, R_SEEN_GONE, slice_of(alarm->name));
        image_seen_gone(&d->image, slice_of(alarm->name));
        break;
    case OBJECT:
        ledger_note(d, NULL, R_COLLECTED, slice_of(alarm->name));
        image_collected(&d->image, slice_of(alarm->name));
        break;
    }
}

/* Everything that fell due rings in one step, in the order of the alarms; all that ring are awaited. */
static void now(Domain *d, const Record *r) {
    Image *image = &d->image;
    Alarm alarm;
    bool begun = false;
    if (r->n[0] > image->time) image->time = r->n[0];
    while (image_ring(image, &alarm)) {
        if (!begun) ledger_step(d, ledger_next_step(d), 0);
        begun = true;
        ring(d, &alarm);
        alarm_free(&alarm);
    }
}

/* ---- messages from outside ---- */

static void refuse(Domain *d, uint64_t token, Error code, Str *why) {
    Buffer metadata = {0};
    metadata_add(&metadata, SLICE("radon.error"), slice_of(why));
    ledger_leave(d, R_REPLY, token, (uint32_t)code, slice(metadata.data, metadata.size), nothing);
    buffer_free(&metadata);
    str_unref(why);
}

static Str *too_large(Slice body, Slice to, const Kind *kind) {
    char size[24], limit[24];
    return say(
        5, decimal(size, body.size), SLICE(" bytes for "), to, SLICE("; limits.message is "), decimal(limit, kind->message));
}

/* OK, or why the message is turned away at the door. `to` is resolved. */
static Error check_post(Domain *d, const Record *r, Address *to, const Address *sender, Str **why) {
    Str *text;
    const Kind *kind;
    Error error = kind_is(to, "@topic") ? OK : routes_resolve(d, to, why);
    if (error) return error;
    kind = kind_named(d, slice_of(to->kind));
    text = address_text(to);
    if (kind && r->v[5].size > kind->message) {
        *why = too_large(r->v[5], slice_of(text), kind);
        error = TOO_LARGE;
    } else if (kind_begins(sender, "@") && str_equal(sender->key, to->key) && !routes_living(d, to)) {
        *why = say(2, slice_of(text), SLICE(" has ended with its connection")); /* it begins no other life */
        error = CLOSED;
    } else if (d->image.mail_bytes > d->settings.mail) {
        *why = say(1, SLICE("too much is under way in this domain"));
        error = EXHAUSTED;
    }
    str_unref(text);
    return error;
}

/* A client tries again: it gets the first one's answer, now or when there is one. */
static void seen_before(Domain *d, const Record *r, const Once *once) {
    if (!r->n[2]) {
        ledger_leave(d, R_ACCEPTED, r->n[0]);
    } else if (once->settled) {
        ledger_leave(d, R_REPLY, r->n[0], once->code, slice_of(once->metadata), slice_of(once->body));
    } else {
        routes_await(d, slice_of(once->key), r->n[0]);
    }
}

static void post(Domain *d, const Record *r) {
    Slice once = r->v[3];
    const Once *seen = once.size ? image_once(&d->image, once) : NULL;
    Address to, sender;
    Delivery *delivery;
    uint8_t id[ID_SIZE];
    char room[24];
    Str *why = NULL;
    Error error;
    if (seen) {
        seen_before(d, r, seen);
        return;
    }
    to = decode_address(r->v[0]), sender = decode_address(r->v[1]);
    if (is_nowhere(&to)) to = address_new(nothing, nothing, 0);
    error = check_post(d, r, &to, &sender, &why);
    if (error) {
        refuse(d, r->n[0], error, why);
        goto end;
    }
    ledger_step(d, ledger_next_step(d), 0);
    if (once.size) {
        uint64_t expires = d->image.time + d->settings.idempotency;
        ledger_note(d, NULL, R_SEEN, expires, once);
        image_seen(&d->image, expires, once);
    }
    delivery = delivery_new(no_id, MESSAGE, &d->spares);
    if (!r->n[2]) {
        ledger_leave(d, R_ACCEPTED, r->n[0]);
    } else if (once.size) {
        delivery->reply = address_new(SLICE("@once"), once, d->image.domain);
        routes_await(d, once, r->n[0]);
    } else {
        delivery->reply = address_new(SLICE("@client"), decimal(room, r->n[0]), 0);
    }
    ledger_new_id(d, id);
    memcpy(delivery->id, id, ID_SIZE);
    if (slice_of(sender.kind).size) delivery->sender = address_ref(&sender);
    delivery->deadline = r->n[1];
    delivery->pair = slice_str(r->v[2]);
    delivery->metadata = slice_str(r->v[4]);
    delivery->body = slice_str(r->v[5]);
    routes_post(d, &to, delivery);
    delivery_unref(delivery);
end:
    address_unref(&to);
    address_unref(&sender);
}

static void spawn(Domain *d, const Record *r) {
    static const char *const spreads[] = {"keyed", "sharded", "stateless", "every-host"};
    const Kind *kind = kind_named(d, r->v[0]);
    uint8_t id[ID_SIZE], named[8 + ID_SIZE] = "outside", digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    Address child;
    Str *text;
    if (kind == NULL) {
        refuse(d, r->n[0], NOT_FOUND, say(3, SLICE("no kind '"), r->v[0], SLICE("'")));
        return;
    }
    if (kind->spread != KEYED && kind->spread != STATELESS) {
        Slice spread = slice(spreads[kind->spread], strlen(spreads[kind->spread]));
        refuse(
            d, r->n[0], INVALID, say(5, SLICE("'"), r->v[0], SLICE("' is "), spread, SLICE(": address its atoms")));
        return;
    }
    if (r->v[1].size > kind->message) {
        refuse(d, r->n[0], TOO_LARGE, too_large(r->v[1], slice_of(kind->name), kind));
        return;
    }
    ledger_step(d, ledger_next_step(d), 0);
    ledger_new_id(d, id);
    memcpy(named + 8, id, ID_SIZE);
    hmac_sha256(d->image.secret, 32, named, sizeof named, digest);
    hex_of(hex, digest, SHA256_SIZE);
    child = address_new(r->v[0], slice(hex, 20), 0);
    routes_spawn(d, &child, &nowhere, id, r->v[1]);
    text = address_text(&child);
    ledger_leave(d, R_REPLY, r->n[0], (uint32_t)0, nothing, slice_of(text));
    str_unref(text);
    address_unref(&child);
}

/* An endpoint answered: the request leaves its queue, and whoever asked is told. A second answer is ignored. */
static void outcome(Domain *d, const Record *r) {
    Address endpoint = decode_address(r->v[0]);
    Str *empty = str_new(NULL, 0);
    Atom *queue = image_find(&d->image, endpoint.kind, empty);
    Delivery *question = queue ? mailbox_find(&queue->mailbox, r->id) : NULL;
    Answer answer;
    str_unref(empty);
    if (question) {
        delivery_ref(question);
        ledger_step(d, ledger_next_step(d), 0);
        ledger_consume(d, queue, question);
        answer = answer_of((uint32_t)r->n[1], r->v[1], r->v[2]);
        routes_answer(d, question, answer, &endpoint);
        answer_unref(&answer);
        delivery_unref(question);
    }
    address_unref(&endpoint);
}

/* A message goes to whichever life it was meant for; a `start` begins a new one, if none has begun since. One for a kind
 * or an endpoint that is gone stays where it is, until that comes back. */
static void revive(Domain *d, const Record *r) {
    const Str *letter = map_get(&d->image.dead, r->id, ID_SIZE);
    Reader reader;
    Record died;
    Delivery *delivery;
    Address to;
    bool again = r->n[1];
    if (letter == NULL) return;
    reader = reader_of(slice_of(letter));
    next_record(&reader, &died);
    to = decode_address(died.v[1]);
    if (again && !kind_named(d, slice_of(to.kind)) && !is_endpoint(d, to.kind) && !kind_is(&to, "@topic")) {
        address_unref(&to);
        return;
    }
    delivery = decode_delivery(died.v[2]);
    ledger_step(d, ledger_next_step(d), 0);
    ledger_note(d, NULL, R_DIED_GONE, r->id);
    image_died_gone(&d->image, r->id);
    to.life = delivery->life;
    delivery->attempt = 0;
    address_unref(&delivery->reply); /* whoever asked has heard closed */
    if (again && delivery->form != START) {
        routes_post(d, &to, delivery);
    } else if (again && kind_named(d, slice_of(to.kind)) && routes_living(d, &to) == NULL) {
        routes_begin(d, &to, &nowhere, delivery->id, slice_of(delivery->body), false);
    }
    delivery_unref(delivery);
    address_unref(&to);
}

/* ---- connections and listeners ---- */

/* Hung up at once where there is no such kind, or an atom of that name lives: its state is not a connection's. */
static void connect(Domain *d, const Record *r) {
    Address asked = decode_address(r->v[0]), address = {asked.kind, asked.key, 0};
    if (is_nowhere(&asked) || !kind_named(d, slice_of(address.kind)) || routes_living(d, &address)) {
        ledger_leave(d, R_HANGUP, &asked);
    } else {
        ledger_step(d, ledger_next_step(d), 0);
        routes_begin(d, &address, &nowhere, no_id, r->v[1], true);
    }
    address_unref(&asked);
}

/* A kind without `down` cannot be told, so it ends at once. */
static void disconnect(Domain *d, const Record *r) {
    Address address = decode_address(r->v[0]);
    Atom *a = image_find(&d->image, address.kind, address.key);
    if (a && a->volatile_) {
        const Kind *kind = kind_named(d, slice_of(a->kind));
        ledger_step(d, ledger_next_step(d), 0);
        if (kind && kind_handles(kind, DOWN)) routes_down(d, a, 0, 0, &nowhere);
        else routes_end(d, a, 0, true);
    }
    address_unref(&address);
}

static void listen(Domain *d, const Record *r, bool begins) {
    char room[24];
    Address topic = address_new(SLICE("@topic"), r->v[0], 0);
    Address listener = address_new(SLICE("@listener"), decimal(room, r->n[0]), 0);
    Atom *a;
    if (begins) {
        image_subscribed(&d->image, image_atom(&d->image, topic.kind, topic.key), &listener);
    } else if ((a = image_find(&d->image, topic.kind, topic.key)) != NULL) {
        ledger_step(d, ledger_next_step(d), 0);
        image_unsubscribed(&d->image, a, &listener);
        topic_forget(d, a);
    }
    address_unref(&topic);
    address_unref(&listener);
}

/* ---- instances and fates ---- */

static void passivate(Domain *d, const Record *r) {
    Address address = decode_address(r->v[0]);
    Atom *a = image_find(&d->image, address.kind, address.key);
    if (a) domain_drop_instance(d, a);
    address_unref(&address);
}

static int of_step(const void *item, const void *key) { return ((const Fate *)item)->step == *(const uint64_t *)key; }

static void fate(Domain *d, const Record *r) {
    Fate *f = table_find(&d->fates, hash_u64(r->n[0]), of_step, &r->n[0]);
    if (f == NULL) {
        f = xcalloc(1, sizeof *f);
        f->step = r->n[0];
        table_insert(&d->fates, hash_u64(f->step), f);
    }
    str_unref(f->cause);
    f->cause = str_new(r->v[0].data, r->v[0].size);
}

Str *fate_of(Domain *d, uint64_t step) {
    Fate *f = d->fates.count ? table_remove(&d->fates, hash_u64(step), of_step, &step) : NULL;
    Str *cause = f ? f->cause : NULL;
    free(f);
    return cause;
}

void take_in(Domain *d, const Record *r) {
    switch (r->tag) {
    case R_NOW: now(d, r); break;
    case R_POST: post(d, r); break;
    case R_SPAWN: spawn(d, r); break;
    case R_OUTCOME: outcome(d, r); break;
    case R_CONNECT: connect(d, r); break;
    case R_DISCONNECT: disconnect(d, r); break;
    case R_LISTEN: listen(d, r, true); break;
    case R_UNLISTEN: listen(d, r, false); break;
    case R_PASSIVATE: passivate(d, r); break;
    case R_BARRIER: domain_drop_instances(d); break;
    case R_REVIVE: revive(d, r); break;
    case R_FATE: fate(d, r); break;
    case R_CROSSED: crossings_arrived(d, r); break;
    case R_ACKNOWLEDGED: crossings_acknowledged(d, r); break;
    case R_RESEND: ledger_cross_again(d, (uint32_t)r->n[0]), fetches_ask_again(d); break;
    default: break;
    }
}

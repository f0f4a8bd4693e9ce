/* crossings.c - what comes from other domains, and what it does here (rule 12): see domain.h, and host/crossings.py
 *
 * Between two domains everything comes in order: what has come is counted, so that nothing is taken twice, however often
 * and in whatever pieces it is sent again.
 */
#include <stdio.h>

#include "domain.h"

bool crossings_fit(Slice crossings, char error[120]) {
    Reader reader = reader_of(crossings);
    Record crossing;
    while (next_record(&reader, &crossing)) {
        if (crossing.tag >= R_MAIL && crossing.tag <= R_FETCHED) continue;
        snprintf(error, 120, "a record of tag %d is no crossing", crossing.tag);
        return false;
    }
    memcpy(error, reader.error, sizeof reader.error);
    return error[0] == '\0';
}

/* ---- what each crossing does ---- */

/* A cast leaves before its turn is durable, so that its id may be given again, to something that does not get lost. */
static void mail(Domain *d, const Address *to, Delivery *delivery) {
    if (delivery->cast) ledger_new_id(d, delivery->id);
    routes_post(d, to, delivery);
}

/* One who has ended is no subscriber any more. */
static void handed(Domain *d, const Address *to, Delivery *delivery) {
    if (routes_living(d, to)) {
        routes_post(d, to, delivery);
    } else {
        Address topic = address_new(SLICE("@topic"), slice_of(delivery->topic), 0);
        uint8_t id[ID_SIZE];
        Delivery *gone;
        ledger_new_id(d, id);
        gone = delivery_new(id, MESSAGE, &d->spares);
        gone->token = UNSUBSCRIBED;
        gone->sender = address_ref(to);
        routes_post(d, &topic, gone);
        delivery_unref(gone);
        address_unref(&topic);
    }
}

static void with_delivery(Domain *d, const Record *r, void (*handle)(Domain *, const Address *, Delivery *)) {
    Address to = decode_address(r->v[0]);
    Delivery *delivery = decode_delivery(r->v[1]);
    handle(d, &to, delivery);
    delivery_unref(delivery);
    address_unref(&to);
}

static void take(Domain *d, const Record *r) {
    Address a, b = {0};
    Answer answer;
    if (r->tag == R_MAIL || r->tag == R_HANDED) {
        with_delivery(d, r, r->tag == R_MAIL ? mail : handed);
        return;
    }
    if (r->tag == R_FETCH || r->tag == R_FETCHED) {
        (r->tag == R_FETCH ? fetches_serve : fetches_came)(d, r);
        return;
    }
    a = decode_address(r->v[0]);
    if (r->tag == R_ANSWER) b = decode_address(r->v[3]);
    else if (r->tag != R_STOP) b = decode_address(r->v[1]);
    switch (r->tag) {
    case R_ANSWER:
        answer = answer_of((uint32_t)r->n[1], r->v[1], r->v[2]);
        routes_tell(d, &a, r->id, answer, &b);
        answer_unref(&answer);
        break;
    case R_BEGIN: routes_spawn(d, &a, &b, r->id, r->v[2]); break;
    case R_STOP: routes_stop(d, &a); break;
    case R_WATCH: routes_watch(d, &a, &b, r->n[0], r->id); break;
    case R_UNWATCH: routes_unwatch(d, &a, &b, r->id); break;
    case R_TOLD: routes_ended(d, &b, &a, r->n[0], r->id, (uint32_t)r->n[2], (uint32_t)r->n[3]); break;
    case R_EXITED: routes_exited(d, &b, &a, (uint32_t)r->n[0]); break;
    default: break;
    }
    address_unref(&a);
    address_unref(&b);
}

/* ---- inputs ---- */

/* What is new is taken. The other domain hears how far this one has come, also when nothing was: it may not know. */
void crossings_arrived(Domain *d, const Record *r) {
    uint32_t domain = (uint32_t)r->n[0];
    uint64_t first = r->n[1], heard, old;
    const Neighbour *n = image_neighbour(&d->image, domain);
    Reader reader = reader_of(r->v[0]);
    Record crossing;
    bool begun = false;
    heard = n ? n->heard : 0;
    if (first && first - 1 > heard) return; /* something before it is missing, and comes again with this */
    old = first ? heard - (first - 1) : 0;
    while (next_record(&reader, &crossing)) {
        if (old) {
            old--;
            continue;
        }
        if (!begun && (first || crossing.tag < R_FETCH)) { /* fetches change nothing that is durable */
            begun = true;
            ledger_step(d, ledger_next_step(d), 0);
        }
        take(d, &crossing);
        heard++;
    }
    if (first == 0) return;
    if (begun) {
        ledger_note(d, NULL, R_ARRIVED, domain, heard);
        image_arrived(&d->image, domain, heard);
    }
    ledger_leave(d, R_HEARD, domain, heard);
}

/* What was acknowledged before may be once more. */
void crossings_acknowledged(Domain *d, const Record *r) {
    uint32_t domain = (uint32_t)r->n[0];
    const Neighbour *n = image_neighbour(&d->image, domain);
    if (n == NULL || r->n[1] <= n->gone || r->n[1] > last_left(n)) return;
    ledger_step(d, ledger_next_step(d), 0);
    ledger_note(d, NULL, R_LEFT_GONE, domain, r->n[1]);
    image_left_gone(&d->image, domain, r->n[1]);
}

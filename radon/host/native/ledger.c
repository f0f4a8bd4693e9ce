/* ledger.c - what happens in a domain, written down as it happens: see domain.h
 *
 * A message that is delivered and consumed within one commit leaves no trace in it, nor does a question that is answered:
 * between durable points nobody could have seen it. So both stand in the commit as items of their own, which what
 * ends them takes out again.
 * Volatile atoms and casts change the image and are never recorded.
 */
#include <stdarg.h>

#include "domain.h"

enum { END = 1u << 31, SUSPENSION = (1u << 31) + (1u << 30) }; /* ordinals; the turns' own are below */

static Item *new_item(Ledger *l, Atom *a) {
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 64;
        l->items = xrealloc(l->items, l->room * sizeof *l->items);
    }
    if (a) a->refs++;
    l->items[l->count] = (Item){.atom = a, .end = l->durable.size};
    return &l->items[l->count++];
}

/* The one to which a record of the atom belongs. */
static Item *item_of(Ledger *l, Atom *a) {
    Item *last = l->count ? &l->items[l->count - 1] : NULL;
    bool fits = last && last->atom == a && !last->delivery && !last->asked && last->end == l->durable.size;
    return fits ? last : new_item(l, a);
}

void ledger_note(Domain *d, Atom *a, int tag, ...) {
    Ledger *l = &d->ledger;
    Item *last;
    va_list fields;
    if (!l->records || (a && a->volatile_)) return;
    last = item_of(l, a);
    va_start(fields, tag);
    put_record_v(&l->durable, tag, fields);
    va_end(fields);
    last->end = l->durable.size;
}

void ledger_leave(Domain *d, int tag, ...) {
    va_list fields;
    va_start(fields, tag);
    put_record_v(&d->ledger.outgoing, tag, fields);
    va_end(fields);
}

void ledger_leave_at_once(Domain *d, int tag, ...) {
    va_list fields;
    va_start(fields, tag);
    put_record_v(&d->ledger.at_once, tag, fields);
    va_end(fields);
}

static Leaving *leaving_for(Ledger *l, uint32_t domain) {
    size_t at = 0;
    while (at < l->leaving_count && l->leaving[at].domain < domain) at++;
    if (at < l->leaving_count && l->leaving[at].domain == domain) return &l->leaving[at];
    l->leaving = xrealloc(l->leaving, (l->leaving_count + 1) * sizeof *l->leaving);
    memmove(&l->leaving[at + 1], &l->leaving[at], (l->leaving_count++ - at) * sizeof *l->leaving);
    l->leaving[at] = (Leaving){.domain = domain};
    return &l->leaving[at];
}

void ledger_cross(Domain *d, uint32_t domain, bool cast, int tag, ...) {
    Leaving *to = leaving_for(&d->ledger, domain);
    Buffer *bodies = cast ? &to->casts : &to->crossings;
    size_t from = bodies->size;
    Slice crossing;
    va_list fields;
    va_start(fields, tag);
    put_record_v(bodies, tag, fields);
    va_end(fields);
    if (cast) return;
    to->count++;
    crossing = slice(bodies->data + from, bodies->size - from);
    ledger_note(d, NULL, R_LEFT, domain, last_left(image_neighbour(&d->image, domain)) + 1, crossing);
    image_left(&d->image, domain, crossing);
}

void ledger_cross_again(Domain *d, uint32_t domain) {
    const Neighbour *n = image_neighbour(&d->image, domain);
    Leaving *to;
    if (n == NULL || n->count == 0) return;
    to = leaving_for(&d->ledger, domain);
    buffer_clear(&to->crossings);
    for (size_t i = 0; i < n->count; i++) {
        const Str *crossing = n->outbox[n->from + i];
        buffer_put(&to->crossings, crossing->data, crossing->size);
    }
    to->count = n->count;
}

static void put_leaving(Domain *d) {
    for (size_t i = 0; i < d->ledger.leaving_count; i++) {
        Leaving *to = &d->ledger.leaving[i];
        Slice crossings = slice(to->crossings.data, to->crossings.size), casts = slice(to->casts.data, to->casts.size);
        uint64_t first = last_left(image_neighbour(&d->image, to->domain)) + 1 - to->count;
        if (crossings.size) ledger_leave(d, R_CROSSING, to->domain, first, crossings);
        if (casts.size) ledger_leave_at_once(d, R_CROSSING, to->domain, (uint64_t)0, casts);
        buffer_clear(&to->crossings), buffer_clear(&to->casts);
        to->count = 0;
    }
}

void ledger_deliver(Domain *d, Atom *a, Delivery *delivery) {
    Ledger *l = &d->ledger;
    if (l->records && !delivery->cast && !a->volatile_) {
        Item *item = new_item(l, a);
        item->delivery = delivery_ref(delivery);
        delivery->place = l->elide ? (uint32_t)l->count : 0;
    }
    image_delivered(&d->image, a, delivery);
}

void ledger_consume(Domain *d, Atom *a, Delivery *delivery) {
    Ledger *l = &d->ledger;
    if (delivery->place) {
        Item *item = &l->items[delivery->place - 1];
        delivery->place = 0;
        delivery_unref(item->delivery); /* the mailbox has another reference */
        item->delivery = NULL;
    } else if (!delivery->cast) {
        ledger_note(d, a, R_CONSUMED, delivery->id);
    }
    image_consumed(&d->image, a, delivery);
}

void ledger_ask(Domain *d, Atom *a, const Delivery *question, uint64_t token, uint64_t deadline, const Address *target) {
    Ledger *l = &d->ledger;
    Asked *asked = image_asked(&d->image, a, question->id, token, deadline, target);
    if (!l->records || a->volatile_) return;
    if (!l->elide) {
        ledger_note(d, a, R_ASKED, question->id, token, deadline, target);
        return;
    }
    new_item(l, a)->asked = asked;
    asked->place = (uint32_t)l->count;
}

Asked *ledger_answered(Domain *d, Atom *a, const uint8_t *request) {
    Asked *asked = image_asked_taken(&d->image, a, request);
    if (asked == NULL) return NULL;
    if (asked->place) d->ledger.items[asked->place - 1].asked = NULL;
    else ledger_note(d, a, R_ASKED_GONE, request);
    return asked;
}

void ledger_touch(Domain *d, Delivery *delivery) {
    (void)d;
    delivery->place = 0;
}

void ledger_step(Domain *d, uint64_t number, uint32_t suspension) {
    Ledger *l = &d->ledger;
    if (l->records) {
        Item *last = item_of(l, NULL);
        size_t before = l->durable.size;
        put_step(&l->durable, number, d->image.time);
        last->end = l->durable.size;
        l->steps += l->durable.size - before;
    }
    image_step(&d->image, number, d->image.time);
    l->step = number;
    l->ordinal = suspension ? SUSPENSION + suspension : END;
}

/* No other domain gives it out: it leaves the remainder of this one's number. */
uint64_t ledger_next_step(Domain *d) {
    Image *image = &d->image;
    uint64_t all = image->domains;
    if (all == 1) return ++image->step;
    return image->step += all - (image->step % all + all - image->domain % all) % all;
}

void put_id(uint8_t id[ID_SIZE], uint32_t domain, uint64_t step, uint32_t ordinal) {
    uint32_t a = __builtin_bswap32(domain), c = __builtin_bswap32(ordinal);
    uint64_t b = __builtin_bswap64(step);
    memcpy(id, &a, 4), memcpy(id + 4, &b, 8), memcpy(id + 12, &c, 4); /* big-endian: in the order of steps */
}

void ledger_new_id(Domain *d, uint8_t id[ID_SIZE]) {
    put_id(id, d->image.domain, d->ledger.step, ++d->ledger.ordinal);
}

/* Says of which atom the following is, if that was not said last. */
static const Atom *about(Buffer *taken, const Atom *a, const Atom *at) {
    if (a == NULL || a == at) return at;
    put_record(taken, R_AT, slice_of(a->kind), slice_of(a->key));
    return a;
}

void ledger_take(Domain *d) {
    Ledger *l = &d->ledger;
    const Atom *at = NULL;
    size_t from = 0;
    buffer_clear(&l->taken);
    for (size_t i = 0; i < l->count; i++) {
        Item *item = &l->items[i];
        if (item->delivery) {
            at = about(&l->taken, item->atom, at);
            put_record(&l->taken, R_DELIVERED, item->delivery);
            item->delivery->place = 0;
            delivery_unref(item->delivery);
        } else if (item->asked) {
            at = about(&l->taken, item->atom, at);
            put_asked(&l->taken, item->asked);
            item->asked->place = 0;
        } else if (item->end > from) {
            at = about(&l->taken, item->atom, at);
            buffer_put(&l->taken, l->durable.data + from, item->end - from);
        }
        from = item->end;
        atom_unref(item->atom);
    }
    if (l->elide && !l->numbered && l->taken.size == l->steps) buffer_clear(&l->taken); /* nothing has changed */
    l->numbered = false;
    l->steps = 0;
    l->count = 0;
    if (l->room > 65536) {
        free(l->items);
        l->items = NULL;
        l->room = 0;
    }
    buffer_clear(&l->durable);
    put_leaving(d);
}

void ledger_taken(Domain *d) {
    buffer_clear(&d->ledger.outgoing);
    buffer_clear(&d->ledger.at_once);
}

void ledger_free(Domain *d) {
    ledger_take(d);
    buffer_free(&d->ledger.durable), buffer_free(&d->ledger.taken);
    for (size_t i = 0; i < d->ledger.leaving_count; i++) {
        buffer_free(&d->ledger.leaving[i].crossings), buffer_free(&d->ledger.leaving[i].casts);
    }
    buffer_free(&d->ledger.outgoing), buffer_free(&d->ledger.at_once);
    free(d->ledger.leaving);
    free(d->ledger.items);
}

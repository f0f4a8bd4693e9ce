/* routes.c - where messages and answers go: see domain.h, and host/routes.py
 *
 * All of it happens inside a step of the domain, so identities and lives take the number of that step.
 */
#include <stdarg.h>
#include <stdio.h>

#include "domain.h"
#include "hash.h"

static const Address nowhere;

/* ---- words ---- */

Str *say(size_t count, ...) {
    Buffer text = {0};
    Str *said;
    va_list parts;
    va_start(parts, count);
    while (count--) {
        Slice part = va_arg(parts, Slice);
        buffer_put(&text, part.data, part.size);
    }
    va_end(parts);
    said = str_new(text.data, text.size);
    buffer_free(&text);
    return said;
}

Slice decimal(char room[24], uint64_t number) {
    size_t at = 24;
    do room[--at] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    return slice(room + at, 24 - at);
}

void hex_of(char *text, const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

/* ---- kinds ---- */

Kind *kind_named(const Domain *d, Slice name) {
    for (size_t i = 0; i < d->kind_count; i++) { /* by pointer first: addresses that `open` made share the string */
        if (d->kinds[i].name->data == name.data && !d->kinds[i].gone) return &d->kinds[i];
    }
    for (size_t i = 0; i < d->kind_count; i++) {
        if (slice_equal(slice_of(d->kinds[i].name), name) && !d->kinds[i].gone) return &d->kinds[i];
    }
    return NULL;
}

static Kind *kind_of(const Domain *d, const Address *a) { return a->kind ? kind_named(d, slice_of(a->kind)) : NULL; }

bool is_endpoint(const Domain *d, const Str *name) {
    for (size_t i = 0; i < d->endpoint_count; i++) {
        if (name && str_equal(d->endpoints[i], name)) return true;
    }
    return false;
}

/* Whether all of `text` fits: `*` is any run of characters, `?` is one, all else is itself. Takes at most their product
 * of steps: when a later part does not fit, only the last `*` is tried longer. */
static bool matches(Slice glob, Slice text) {
    size_t here = 0, there = 0, star = SIZE_MAX, at = 0;
    while (there < text.size) {
        if (here < glob.size && glob.data[here] == '*') {
            star = here++;
            at = there;
        } else if (here < glob.size && glob.data[here] == '?') {
            here++, there++;
            while (there < text.size && (text.data[there] & 0xc0) == 0x80) there++;
        } else if (here < glob.size && glob.data[here] == text.data[there]) {
            here++, there++;
        } else if (star != SIZE_MAX) {
            here = star + 1;
            for (at++; at < text.size && (text.data[at] & 0xc0) == 0x80; at++) {}
            there = at;
        } else {
            return false;
        }
    }
    while (here < glob.size && glob.data[here] == '*') here++;
    return here == glob.size;
}

bool kind_allows(const Kind *kind, Right right, Slice name, Slice text) {
    for (size_t i = 0; i < kind->grant_count; i++) {
        const Grant *g = &kind->grants[i];
        if (g->right == right && slice_equal(slice_of(g->name), name) && matches(slice_of(g->glob), text)) return true;
    }
    return false;
}

const Pairing *pairing_named(const Pairing *pairings, size_t count, Slice name) {
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(slice_of(pairings[i].name), name)) return &pairings[i];
    }
    return NULL;
}

/* ---- addresses ---- */

static int by_text(const void *a, const void *b) { return slice_compare(slice_of(*(Str **)a), slice_of(*(Str **)b)); }

static Str *no_such_kind(const Domain *d, const Str *kind) {
    Str **known = xmalloc((d->kind_count + d->endpoint_count + 1) * sizeof *known), *said;
    size_t count = 0;
    Buffer list = {0};
    for (size_t i = 0; i < d->kind_count; i++) {
        if (!d->kinds[i].gone) known[count++] = d->kinds[i].name;
    }
    for (size_t i = 0; i < d->endpoint_count; i++) known[count++] = d->endpoints[i];
    qsort(known, count, sizeof *known, by_text);
    for (size_t i = 0; i < count; i++) {
        if (i) buffer_put(&list, ", ", 2);
        buffer_put(&list, known[i]->data, known[i]->size);
    }
    said = say(4, SLICE("no kind '"), slice_of(kind), SLICE("'; this application has: "), slice(list.data, list.size));
    buffer_free(&list);
    free(known);
    return said;
}

static void set_key(Address *a, Str *key) {
    str_unref(a->key);
    a->key = key;
}

/* The key becomes the name of the shard, if it is not that already. */
static void name_shard(Address *a, uint32_t shard) {
    char room[24];
    Slice number = decimal(room, shard), key = slice_of(a->key);
    if (key.size == 0 || key.data[0] != '#' || !slice_equal(slice(key.data + 1, key.size - 1), number))
        set_key(a, say(2, SLICE("#"), number));
}

Error routes_resolve(Domain *d, Address *a, Str **why) {
    const Kind *kind = kind_of(d, a);
    char room[24];
    if (kind == NULL) {
        if (is_endpoint(d, a->kind) && a->key->size == 0) return OK;
        if (why) *why = no_such_kind(d, a->kind);
        return NOT_FOUND;
    }
    if (a->key->size > KEY_BYTES) {
        if (why) *why = say(3, SLICE("a key of more than "), decimal(room, KEY_BYTES), SLICE(" bytes"));
        return TOO_LARGE;
    }
    if (kind->spread == SHARDED) {
        Slice key = slice_of(a->key);
        if (!names_replica(key.data, key.size, kind->shards, kind->replicas))
            name_shard(a, shard_of(key.data, key.size, kind->shards));
    } else if (kind->spread == EVERY_HOST) {
        if (!slice_equal(slice_of(a->key), SLICE("@here")) && !str_equal(a->key, d->settings.host)) {
            Slice name = slice_of(kind->name);
            if (why) {
                *why = say(
                    7, SLICE("no host '"), slice_of(a->key), SLICE("' for '"), name, SLICE("'; the near one is '"),
                    name, SLICE("/@here'"));
            }
            return NOT_FOUND;
        }
        set_key(a, str_ref(d->settings.host));
    }
    return OK;
}

bool routes_home(const Domain *d, const Address *a, uint32_t *far) {
    const Image *image = &d->image;
    Slice kind = slice_of(a->kind), key = slice_of(a->key);
    uint64_t home;
    if (kind_is(a, "@once")) home = a->life;
    else if (kind_of(d, a) || kind_is(a, "@topic")) home = domain_of(kind.data, kind.size, key.data, key.size, image->domains);
    else return false;
    *far = (uint32_t)home;
    return home != image->domain && home < image->domains;
}

Atom *routes_living(Domain *d, const Address *address) {
    Atom *a = image_find(&d->image, address->kind, address->key);
    return a && a->life && (address->life == 0 || address->life == a->life) ? a : NULL;
}

/* ---- the ready queue ---- */

void routes_wake(Domain *d, Atom *a) {
    const Journal *j = atom_journal(a);
    if (a->ready || a->fetching || (j ? journal_awaited(j) != NULL : mailbox_next(&a->mailbox) == NULL)) return;
    a->ready = true;
    a->next = NULL;
    a->prev = d->ready_last;
    if (d->ready_last) d->ready_last->next = a;
    else d->ready = a;
    d->ready_last = a;
}

void routes_unready(Domain *d, Atom *a) {
    if (!a->ready) return;
    a->ready = false;
    if (a->prev) a->prev->next = a->next;
    else d->ready = a->next;
    if (a->next) a->next->prev = a->prev;
    else d->ready_last = a->prev;
    a->next = a->prev = NULL;
}

Atom *routes_take_ready(Domain *d) {
    Atom *a = d->ready;
    if (a) routes_unready(d, a);
    return a;
}

/* ---- messages ---- */

static void leave_for(Domain *d, const Address *to, Delivery *delivery, int wants) {
    (delivery->cast ? ledger_leave_at_once : ledger_leave)(d, R_SENT, wants, to, delivery);
}

void routes_post(Domain *d, const Address *to, Delivery *delivery) {
    Atom *a;
    uint32_t far;
    delivery->life = to->life;
    if (routes_elsewhere(d, to, &far)) {
        ledger_cross(d, far, delivery->cast, R_MAIL, to, delivery);
    } else if (kind_of(d, to)) {
        a = routes_living(d, to);
        if (a == NULL && to->life) {
            routes_refuse(d, to, delivery, SLICE("closed"));
            return;
        }
        if (a == NULL) a = routes_begin(d, to, &nowhere, no_id, slice(NULL, 0), false);
        ledger_deliver(d, a, delivery);
        routes_wake(d, a);
    } else if (kind_is(to, "@topic")) {
        a = image_atom(&d->image, to->kind, to->key);
        ledger_deliver(d, a, delivery);
        routes_wake(d, a);
    } else if (is_endpoint(d, to->kind)) {
        if (!delivery->cast) {
            Str *empty = str_new(NULL, 0);
            ledger_deliver(d, image_atom(&d->image, to->kind, empty), delivery);
            str_unref(empty);
        }
        leave_for(d, to, delivery, !delivery->cast);
    } else if (kind_begins(to, "@")) {
        leave_for(d, to, delivery, 0);
    } else {
        routes_refuse(d, to, delivery, SLICE("not-found"));
    }
}

/* Nobody will ever handle it: whoever waits hears closed, else it is a dead letter. */
void routes_refuse(Domain *d, const Address *to, Delivery *delivery, Slice cause) {
    if (!is_nowhere(&delivery->reply)) routes_answer(d, delivery, (Answer){.code = CLOSED}, &nowhere);
    else if (delivery->form == MESSAGE && !delivery->cast) routes_bury(d, to, delivery, cause);
}

/* Keeps it as a dead letter; the oldest make room, which a metric tells. */
void routes_bury(Domain *d, const Address *to, Delivery *delivery, Slice cause) {
    Buffer letter = {0};
    put_record(&letter, R_DIED, d->image.time, cause, to, delivery);
    ledger_note(d, NULL, R_DIED, d->image.time, cause, to, delivery);
    image_died(&d->image, delivery->id, slice(letter.data, letter.size));
    buffer_free(&letter);
    while (d->image.dead_bytes > d->settings.dead) {
        Cursor at;
        Record died;
        Reader reader;
        Address lost;
        uint8_t id[ID_SIZE];
        map_first(&d->image.dead, &at);
        memcpy(id, cursor_key(&at)->data, ID_SIZE);
        reader = reader_of(slice_of(cursor_value(&at)));
        next_record(&reader, &died);
        lost = decode_address(died.v[1]);
        ledger_note(d, NULL, R_DIED_GONE, id);
        ledger_leave_at_once(d, R_COUNTED, (uint64_t)1, slice_of(lost.kind), SLICE("radon.dead_letters_dropped"));
        image_died_gone(&d->image, id);
        address_unref(&lost);
    }
}

/* ---- answers ---- */

static uint64_t number_in(const Str *text) {
    uint64_t number = 0;
    for (size_t i = 0; i < text->size; i++) number = 10 * number + (uint64_t)(text->data[i] - '0');
    return number;
}

static int awaits_key(const void *item, const void *key) {
    return slice_equal(slice_of(((const Awaiting *)item)->key), *(const Slice *)key);
}

void routes_await(Domain *d, Slice key, uint64_t token) {
    uint64_t hash = bytes_hash(key.data, key.size);
    Awaiting *w = table_find(&d->awaiting, hash, awaits_key, &key);
    if (w == NULL) {
        w = xcalloc(1, sizeof *w);
        w->key = str_new(key.data, key.size);
        table_insert(&d->awaiting, hash, w);
    }
    if (w->count == w->room) {
        w->room = w->room ? 2 * w->room : 1;
        w->tokens = xrealloc(w->tokens, w->room * sizeof *w->tokens);
    }
    w->tokens[w->count++] = token;
}

static void answer_all(Domain *d, Slice key, Answer answer) {
    Slice metadata = slice_of(answer.metadata), body = slice_of(answer.body);
    Awaiting *w = table_remove(&d->awaiting, bytes_hash(key.data, key.size), awaits_key, &key);
    if (image_once(&d->image, key)) {
        ledger_note(d, NULL, R_SETTLED, answer.code, key, metadata, body);
        image_settled(&d->image, answer.code, key, metadata, body);
    }
    if (w == NULL) return;
    for (size_t i = 0; i < w->count; i++) ledger_leave(d, R_REPLY, w->tokens[i], answer.code, metadata, body);
    str_unref(w->key);
    free(w->tokens);
    free(w);
}

void routes_answer(Domain *d, const Delivery *question, Answer answer, const Address *answerer) {
    if (!is_nowhere(&question->reply)) routes_tell(d, &question->reply, question->request, answer, answerer);
}

void routes_tell(Domain *d, const Address *to, const uint8_t *request, Answer answer, const Address *answerer) {
    Slice metadata = slice_of(answer.metadata), body = slice_of(answer.body);
    uint32_t far;
    Atom *a;
    Asked *asked;
    if (kind_is(to, "@client")) {
        ledger_leave(d, R_REPLY, number_in(to->key), answer.code, metadata, body);
    } else if (routes_elsewhere(d, to, &far)) {
        ledger_cross(d, far, false, R_ANSWER, request, answer.code, to, metadata, body, answerer);
    } else if (kind_is(to, "@once")) {
        answer_all(d, slice_of(to->key), answer);
    } else if ((a = routes_living(d, to)) != NULL) {
        if ((asked = ledger_answered(d, a, request)) != NULL) routes_replied(d, asked, answer, answerer);
        else routes_answered(d, a, request, answer, 0);
    }
}

/* Its turn failed for good. Who is outside is told the cause; how an atom fails is no other atom's matter. */
void routes_answer_failed(Domain *d, const Delivery *question, Slice cause) {
    Buffer metadata = {0};
    bool outside = kind_is(&question->reply, "@client") || kind_is(&question->reply, "@once");
    Answer answer;
    if (outside) metadata_add(&metadata, SLICE("radon.cause"), cause);
    answer = answer_of(CLOSED, slice(metadata.data, metadata.size), slice(NULL, 0));
    routes_answer(d, question, answer, &nowhere);
    answer_unref(&answer);
    buffer_free(&metadata);
}

/* A delivery of the domain's own making. */
static void tell(Domain *d, Atom *a, Form form, uint64_t token, Answer what, const Address *sender) {
    uint8_t id[ID_SIZE];
    Delivery *delivery;
    ledger_new_id(d, id);
    delivery = delivery_new(id, form, &d->spares);
    delivery->token = token, delivery->code = what.code, delivery->life = a->life;
    delivery->body = str_ref(what.body), delivery->metadata = str_ref(what.metadata);
    delivery->sender = address_ref(sender);
    ledger_deliver(d, a, delivery);
    routes_wake(d, a);
    delivery_unref(delivery);
}

void routes_replied(Domain *d, Asked *asked, Answer answer, const Address *answerer) {
    tell(d, asked->atom, REPLIED, asked->token, answer, answerer);
    image_asked_free(&d->image, asked);
}

void routes_answered(Domain *d, Atom *a, const uint8_t *request, Answer answer, uint64_t value) {
    Journal *j = atom_journal(a);
    const Call *awaited = j ? journal_awaited(j) : NULL;
    uint64_t time = d->image.time;
    if (awaited == NULL || memcmp(awaited->request, request, ID_SIZE) != 0) return;
    if (!mailbox_find(&a->mailbox, j->id)->cast) {
        ledger_note(d, a, R_ANSWERED, request, time, answer.code, value, slice_of(answer.metadata), slice_of(answer.body));
    }
    image_answered(&d->image, a, request, time, answer.code, value, slice_of(answer.metadata), slice_of(answer.body));
    routes_wake(d, a);
}

void routes_fire(Domain *d, Atom *a, uint64_t token) {
    ledger_note(d, a, R_TIMER_GONE, token);
    image_timer_gone(&d->image, a, token);
    tell(d, a, FIRED, token, (Answer){0}, &nowhere);
}

void routes_down(Domain *d, Atom *a, uint64_t token, uint32_t status, const Address *sender) {
    tell(d, a, DOWN, token, (Answer){.code = status}, sender);
}

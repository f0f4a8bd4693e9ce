/* calls_messaging.c - `messaging`: names and what is sent to them. See host/syscalls/messaging.py
 *
 * Everything but `cast` leaves with the commit. Messages that were received are calls_message.c's.
 */
#include "lowering.h"

enum { SAME_DOMAIN, SAME_PROCESS, SAME_HOST, REMOTE };

/* ---- opening ---- */

bool messaging_self(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Address self = atom_address(t->atom);
    return give_handle(i, v, address_handle(&self));
}

/* A link, or "kind/key" under a grant; an atom may always open its own kind. False: the turn failed. */
static bool open(Turn *t, Slice name, Address *opened, Error *error) {
    Domain *d = t->d;
    const Pairing *link = pairing_named(t->kind->links, t->kind->link_count, name);
    Address asked;
    *error = OK;
    *opened = (Address){0};
    if (link) {
        *opened = address_parse(slice_of(link->value));
        *error = routes_resolve(d, opened, NULL);
        return true;
    }
    if (name.size == 0) *error = INVALID;
    else if (name.size > KEY_BYTES + NAME_BYTES) *error = TOO_LARGE;
    if (*error) return true;
    if (!turn_spend(t, NAME_FUEL * utf8_length(name))) return false;
    if (slice_begins(name, "http:")) {
        if (!kind_allows(t->kind, HTTP, slice(name.data + 5, name.size - 5), SLICE(""))) {
            *error = DENIED;
            return true;
        }
        *opened = address_new(name, SLICE(""), 0);
        *error = routes_resolve(d, opened, NULL);
        return true;
    }
    asked = address_parse(name);
    *opened = address_ref(&asked);
    *error = routes_resolve(d, opened, NULL);
    if (!*error && !str_equal(opened->kind, t->kind->name) && !kind_allows(t->kind, OPEN, slice_of(asked.kind), slice_of(asked.key))) {
        *error = DENIED;
    }
    address_unref(&asked);
    return true;
}

bool messaging_open(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Slice name;
    Address opened;
    Error error;
    bool done;
    if (!read_text(i, U32(0), U32(1), &name)) return false;
    done = open(t, name, &opened, &error);
    if (done && !error) {
        const Kind *kind = kind_named(t->d, slice_of(opened.kind));
        if (kind) { /* they share the name of the kind: found by its pointer from then on */
            str_unref(opened.kind);
            opened.kind = str_ref(kind->name);
        }
        done = lower_ok_handle(i, U32(2), address_handle(&opened));
    } else if (done) {
        done = lower_failed(i, U32(2), error, OK_HANDLE, 4);
    }
    address_unref(&opened);
    return done;
}

/* ---- sealing: the address, then 16 bytes of HMAC-SHA-256 under the application's secret ---- */

enum { SEAL = 16, LONGEST = 8 + NAME_BYTES + 1 + KEY_BYTES + SEAL };

static void sign(const Domain *d, const uint8_t *plain, size_t size, uint8_t digest[SHA256_SIZE]) {
    hmac_sha256(d->image.secret, sizeof d->image.secret, plain, size, digest);
}

static bool same_seal(const uint8_t *a, const uint8_t *b) { /* in the same time, however many bytes are right */
    uint8_t other = 0;
    for (int n = 0; n < SEAL; n++) other |= a[n] ^ b[n];
    return other == 0;
}

bool messaging_address_seal(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Handle *h = handle_get(i, U32(0), AN_ADDRESS);
    Buffer sealed = {0};
    uint8_t digest[SHA256_SIZE];
    Str *text;
    bool done;
    if (h == NULL) return false;
    text = address_text(&h->address);
    buffer_u64(&sealed, h->address.life);
    buffer_put(&sealed, text->data, text->size);
    str_unref(text);
    sign(t->d, sealed.data, sealed.size, digest);
    buffer_put(&sealed, digest, SEAL);
    done = lower_string(i, U32(1), slice(sealed.data, sealed.size));
    buffer_free(&sealed);
    return done;
}

bool messaging_unseal(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Str *sealed;
    uint8_t digest[SHA256_SIZE];
    Address a;
    bool done = false;
    if (!lift_bytes(i, U32(0), U32(1), &sealed)) return false;
    if (sealed->size <= LONGEST && sealed->size >= 8 + SEAL) {
        size_t plain = sealed->size - SEAL;
        sign(t->d, sealed->data, plain, digest);
        if (same_seal(digest, sealed->data + plain)) {
            a = address_parse(slice(sealed->data + 8, plain - 8));
            memcpy(&a.life, sealed->data, 8);
            done = lower_ok_handle(i, U32(2), address_handle(&a));
            address_unref(&a);
            str_unref(sealed);
            return done;
        }
    }
    str_unref(sealed);
    return lower_failed(i, U32(2), INVALID, OK_HANDLE, 4);
}

/* ---- addresses ---- */

bool messaging_address_drop(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return handle_drop(i, U32(0), AN_ADDRESS);
}

bool messaging_address_text(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Handle *h = handle_get(i, U32(0), AN_ADDRESS);
    Str *text;
    bool done;
    (void)t;
    if (h == NULL) return false;
    text = address_text(&h->address);
    done = lower_string(i, U32(1), slice_of(text));
    str_unref(text);
    return done;
}

bool messaging_address_distance(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Handle *h = handle_get(i, U32(0), AN_ADDRESS);
    uint32_t domain;
    bool far;
    if (h == NULL) return false;
    far = kind_begins(&h->address, "@") || routes_elsewhere(t->d, &h->address, &domain);
    v[0].i32 = kind_begins(&h->address, "http:") ? REMOTE : far ? SAME_PROCESS : SAME_DOMAIN;
    return true;
}

/* The address and the body that all ways of sending begin with; the body is borrowed, and good until the guest goes on. */
static const Address *receiver(Instance *i, const wasmtime_val_raw_t *v, Slice *body) {
    const Handle *h = handle_get(i, U32(0), AN_ADDRESS);
    return h && guest_read(i, U32(1), U32(2), body) ? &h->address : NULL;
}

static Error check(Turn *t, const Address *to, Slice body) {
    if (body.size > t->kind->message) return TOO_LARGE;
    if (turn_has_ended(t, to)) return CLOSED;
    return turn_count_sent(t);
}

/* The message joins the intents. False: the turn leaves too much behind. */
static bool intend(Turn *t, Act act, const Address *to, Delivery *message, uint64_t number) {
    Intent *x;
    if (message == NULL) return false;
    x = turn_intend(t, act);
    x->to = address_ref(to);
    x->message = message;
    x->number = number;
    return true;
}

bool messaging_address_send(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Slice body;
    const Address *to = receiver(i, v, &body);
    Error error = to ? check(t, to, body) : OK;
    if (to == NULL || (!error && !intend(t, SEND_IT, to, turn_outgoing(t, body), 0))) return false;
    return lower_error(i, U32(3), error);
}

bool messaging_address_cast(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Slice body;
    const Address *to = receiver(i, v, &body);
    Error error = to ? check(t, to, body) : OK;
    Delivery *message;
    if (to == NULL) return false;
    if (error) return lower_error(i, U32(3), error);
    message = turn_outgoing(t, body);
    if (message) message->cast = true;
    return intend(t, SEND_IT, to, message, 0) && lower_error(i, U32(3), OK);
}

bool messaging_address_send_later(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Slice body;
    const Address *to = receiver(i, v, &body);
    Error error = to ? check(t, to, body) : OK;
    uint64_t delay = U64(3), due = delay > NEVER - t->now ? NEVER : t->now + delay;
    Delivery *message;
    if (to == NULL) return false;
    if (error) return lower_error(i, U32(4), error);
    message = turn_outgoing(t, body);
    if (message) message->life = to->life;
    return intend(t, POSTPONE_IT, to, message, due) && lower_error(i, U32(4), OK);
}

/* What a question has beside other messages. NULL stays NULL. */
static Delivery *question(Turn *t, Delivery *message, uint64_t deadline) {
    Address self = atom_address(t->atom);
    if (message == NULL) return NULL;
    message->deadline = deadline;
    message->reply = address_ref(&self);
    memcpy(message->request, message->id, ID_SIZE);
    return message;
}

bool messaging_address_request(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Slice body;
    const Address *to = receiver(i, v, &body);
    uint64_t deadline = turn_deadline_of(t, U64(3));
    size_t asked = t->atom->more ? t->atom->more->asked.count : 0;
    Error error;
    if (to == NULL) return false;
    if (deadline <= t->now) error = TIMEOUT;
    else if (asked + t->asked >= t->kind->outbox) error = EXHAUSTED;
    else error = check(t, to, body);
    if (error) return lower_error(i, U32(5), error);
    t->asked++;
    return intend(t, ASK_IT, to, question(t, turn_outgoing(t, body), deadline), U64(4)) && lower_error(i, U32(5), OK);
}

/* ---- calling ---- */

typedef struct Question {
    const Address *to;
    Delivery *message;
} Question;

static void leave(Turn *t, void *with) {
    Question *q = with;
    routes_post(t->d, q->to, q->message);
}

static void digest_of(const Address *to, Slice body, uint8_t digest[SHA256_SIZE]) {
    Str *text = address_text(to);
    Sha256 sha;
    sha256_begin(&sha);
    sha256_add(&sha, "call", 5);
    sha256_add(&sha, text->data, text->size);
    sha256_add(&sha, "", 1);
    sha256_add(&sha, body.data, body.size);
    sha256_end(&sha, digest);
    str_unref(text);
}

bool messaging_address_call(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Slice body;
    const Address *to = receiver(i, v, &body);
    uint64_t deadline = turn_deadline_of(t, U64(3));
    uint32_t at = U32(4);
    uint8_t digest[SHA256_SIZE];
    Error error = OK;
    Address kept;
    Question q;
    const Call *call;
    if (to == NULL) return false;
    if (deadline <= t->now) error = TIMEOUT;
    else if (turn_is_recorded(t)) error = turn_count_sent(t); /* what has become of the other side does not matter */
    else error = turn_born(t, to) ? check(t, to, body) : INVALID;
    if (error) return lower_failed(i, at, error, OK_BYTES, 4);
    digest_of(to, body, digest);
    kept = address_ref(to);
    q = (Question){&kept, question(t, turn_outgoing(t, body), deadline)};
    call = q.message ? suspend(t, CALL, q.message->id, deadline, slice(digest, 16), leave, &q, &error) : NULL;
    delivery_unref(q.message);
    address_unref(&kept);
    if (call == NULL) return error ? lower_failed(i, at, error, OK_BYTES, 4) : false;
    return call->code ? lower_failed(i, at, call->code, OK_BYTES, 4) : lower_ok_bytes(i, at, slice_of(call->body));
}

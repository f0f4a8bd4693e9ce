/* fetches.c - objects that other domains hold: a turn that wants one is abandoned, and begins again when it is here
 *
 * See domain.h and host/fetches.py. Nothing here is durable, nor are questions and answers: what is lost is asked for
 * again, because its delivery is still in the mailbox.
 */
#include "guest.h"

/* Of an object, or the news that there is none. */
typedef struct Copy {
    Str *name;
    Buffer body;   /* what has come of it */
    bool begun;    /* the first piece has */
    uint64_t size; /* of the whole */
    Error refused;
} Copy;

/* A delivery that wanted objects of other domains: it is to have them until it is done with. */
typedef struct Fetching {
    Atom *atom;   /* it has no reference, since it goes before the atom */
    Table copies; /* by name */
    uint64_t bytes; /* of these, with OBJECT_OVERHEAD for each */
    Copy *asked;  /* the one that it waits for, or NULL */
    uint8_t request[ID_SIZE];
    uint32_t first; /* the domain that is asked for it */
} Fetching;

static int is_of(const void *item, const void *key) { return ((const Fetching *)item)->atom == key; }
static int has_request(const void *item, const void *key) {
    return memcmp(((const Fetching *)item)->request, key, ID_SIZE) == 0;
}
static int has_name(const void *item, const void *key) {
    return slice_equal(slice_of(((const Copy *)item)->name), *(const Slice *)key);
}

static uint64_t hash_of(const Atom *a) { return hash_u64((uint64_t)(uintptr_t)a); }

static Fetching *fetching_of(const Domain *d, const Atom *a) {
    return d->fetching.count ? table_find(&d->fetching, hash_of(a), is_of, a) : NULL;
}

static bool has_room(const Domain *d, uint64_t size) {
    uint64_t used = d->image.object_bytes + d->copied;
    return used <= d->settings.objects && size <= d->settings.objects - used;
}

static bool is_name(Slice name) {
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    }
    return name.size == 2 * SHA256_SIZE;
}

Error fetches_find(Turn *t, Slice name, Slice *body) {
    Domain *d = t->d;
    const Fetching *f = fetching_of(d, t->atom);
    const Copy *copy = f ? table_find(&f->copies, bytes_hash(name.data, name.size), has_name, &name) : NULL;
    if (copy) {
        *body = slice(copy->body.data, copy->body.size);
        return copy->refused;
    }
    if (d->image.domains == 1 || !is_name(name)) return NOT_FOUND;
    if ((f ? f->copies.count : 0) >= t->kind->outbox || d->requested.count >= FETCHES || !has_room(d, 0)) {
        return EXHAUSTED;
    }
    t->missing = str_new(name.data, name.size);
    fail(t->instance, "missing", "it wants an object of another domain"); /* turn_returned sees to it */
    return OK;
}

/* Its turn, when it begins again, pays for that first. */
uint64_t fetches_bytes_for(const Domain *d, const Atom *a) {
    const Fetching *f = fetching_of(d, a);
    return f ? f->bytes : 0;
}

static void count(Domain *d, Fetching *f, uint64_t more) {
    f->bytes += more;
    d->copied += more;
}

/* ---- asking ---- */

/* `crossing`, which is freed here, leaves when this commit is durable, unnumbered and kept by nobody. */
static void tell(Domain *d, uint32_t domain, Buffer *crossing) {
    ledger_leave(d, R_CROSSING, domain, (uint64_t)0, slice(crossing->data, crossing->size));
    buffer_free(crossing);
}

/* Not before the name of the request is durable: it is given once. */
static void send_question(Domain *d, const Fetching *f) {
    Buffer fetch = {0};
    put_record(&fetch, R_FETCH, f->request, f->first, (uint64_t)f->asked->body.size, slice_of(f->asked->name));
    tell(d, f->first, &fetch);
}

static void ask(Domain *d, Fetching *f, Copy *copy, uint32_t domain) {
    f->atom->fetching = true;
    f->asked = copy;
    f->first = domain;
    table_insert(&d->requested, bytes_hash(f->request, ID_SIZE), f);
    send_question(d, f);
}

static int by_request(const void *a, const void *b) {
    return memcmp((*(Fetching *const *)a)->request, (*(Fetching *const *)b)->request, ID_SIZE);
}

/* A question or its answer may be lost; two answers are as good as one. */
void fetches_ask_again(Domain *d) {
    Fetching **asking = xmalloc((d->requested.count + 1) * sizeof *asking), *f;
    size_t count = 0;
    for (size_t at = 0; (f = table_next(&d->requested, &at)) != NULL;) asking[count++] = f;
    qsort(asking, count, sizeof *asking, by_request);
    for (size_t i = 0; i < count; i++) send_question(d, asking[i]);
    free(asking);
}

/* Whoever sent the message that the turn handles is asked first, and may well have it. */
void fetches_want(Turn *t) {
    Domain *d = t->d;
    Fetching *f = fetching_of(d, t->atom);
    Copy *copy = xcalloc(1, sizeof *copy);
    uint32_t first;
    if (f == NULL) {
        f = xcalloc(1, sizeof *f);
        f->atom = t->atom;
        table_insert(&d->fetching, hash_of(t->atom), f);
    }
    copy->name = str_ref(t->missing);
    table_insert(&f->copies, bytes_hash(copy->name->data, copy->name->size), copy);
    count(d, f, OBJECT_OVERHEAD);
    ledger_step(d, ledger_next_step(d), 0);
    ledger_new_id(d, f->request);
    if (!routes_elsewhere(d, &t->delivery->sender, &first)) first = (d->image.domain + 1) % d->image.domains;
    ask(d, f, copy, first);
}

static void free_copy(Copy *copy) {
    buffer_free(&copy->body);
    str_unref(copy->name);
    free(copy);
}

/* Takes the piece. False: the rest is to be asked for. */
static bool take(Domain *d, Fetching *f, Copy *copy, uint64_t size, Slice piece) {
    if (!copy->begun && !has_room(d, size)) {
        copy->refused = EXHAUSTED;
        return true;
    }
    if (!copy->begun) {
        copy->begun = true;
        copy->size = size;
        count(d, f, size);
    }
    buffer_put(&copy->body, piece.data, piece.size);
    return piece.size == 0 || copy->body.size >= copy->size;
}

/* An answer. One to what is not asked, or not any more, is not heard. */
void fetches_came(Domain *d, const Record *r) {
    uint64_t hash = bytes_hash(r->id, ID_SIZE);
    Fetching *f = table_find(&d->requested, hash, has_request, r->id);
    Copy *copy;
    if (f == NULL || f->asked->body.size != r->n[3]) return;
    table_remove(&d->requested, hash, has_request, r->id);
    copy = f->asked;
    f->asked = NULL;
    if (r->n[1] && copy->begun) { /* it was collected meanwhile: somebody else may have it */
        Slice name = slice_of(copy->name);
        table_remove(&f->copies, bytes_hash(name.data, name.size), has_name, &name);
        count(d, f, -(copy->size + OBJECT_OVERHEAD));
        free_copy(copy);
    } else if (r->n[1]) {
        copy->refused = (Error)r->n[1];
    } else if (!take(d, f, copy, r->n[4], r->v[0])) {
        ask(d, f, copy, (uint32_t)r->n[2]);
        return;
    }
    f->atom->fetching = false;
    routes_wake(d, f->atom);
}

/* ---- forgetting ---- */

static void free_fetching(Domain *d, Fetching *f) {
    Copy *copy;
    for (size_t at = 0; (copy = table_next(&f->copies, &at)) != NULL;) free_copy(copy);
    d->copied -= f->bytes;
    table_clear(&f->copies);
    free(f);
}

/* Its delivery is done with, or its life is over. */
void fetches_forget(Domain *d, const Atom *a) {
    Fetching *f = d->fetching.count ? table_remove(&d->fetching, hash_of(a), is_of, a) : NULL;
    if (f == NULL) return;
    if (f->asked) table_remove(&d->requested, bytes_hash(f->request, ID_SIZE), has_request, f->request);
    free_fetching(d, f);
}

/* The id of the delivery that it handles. */
static const uint8_t *head_of(Atom *a) {
    const Journal *j = atom_journal(a);
    return j ? j->id : mailbox_next(&a->mailbox)->id;
}

static int by_head(const void *a, const void *b) {
    Atom *one = *(Atom *const *)a, *other = *(Atom *const *)b;
    int order = memcmp(head_of(one), head_of(other), ID_SIZE);
    if (order == 0) order = bytes_compare(one->kind->data, one->kind->size, other->kind->data, other->kind->size);
    return order ? order : bytes_compare(one->key->data, one->key->size, other->key->data, other->key->size);
}

/* Those that wait begin again, as after a restore. */
void fetches_forget_all(Domain *d) {
    Atom **waiting = xmalloc((d->fetching.count + 1) * sizeof *waiting);
    size_t count = 0;
    Fetching *f;
    for (size_t at = 0; (f = table_next(&d->fetching, &at)) != NULL;) {
        if (f->asked) waiting[count++] = f->atom;
        free_fetching(d, f);
    }
    table_clear(&d->fetching), table_clear(&d->requested);
    qsort(waiting, count, sizeof *waiting, by_head);
    for (size_t i = 0; i < count; i++) {
        waiting[i]->fetching = false;
        routes_wake(d, waiting[i]);
    }
    free(waiting);
}

/* ---- the other side ---- */

static uint32_t asker_of(const Record *fetch) {
    uint32_t domain;
    memcpy(&domain, fetch->id, 4);
    return __builtin_bswap32(domain);
}

/* The domain that is asked after this one, on the way round from the first. False: all others have been. */
static bool next_domain(const Image *image, uint32_t asker, uint64_t first, uint32_t *next) {
    uint32_t after = (image->domain + 1) % image->domains;
    if (after == asker) after = (after + 1) % image->domains;
    *next = after;
    return after != first && after != asker && after != image->domain && first != asker && first < image->domains;
}

static void answer(Domain *d, const Record *fetch, Error code, uint64_t size, Slice piece) {
    Buffer fetched = {0};
    put_record(&fetched, R_FETCHED, fetch->id, (uint32_t)code, d->image.domain, fetch->n[2], size, piece);
    tell(d, asker_of(fetch), &fetched);
}

static Slice part_of(Slice body, uint64_t offset) {
    uint64_t left = offset < body.size ? body.size - offset : 0;
    return left ? slice(body.data + offset, left < OBJECT_PIECE ? left : OBJECT_PIECE) : slice(NULL, 0);
}

/* Another domain wants an object: it gets a piece; or the question goes on to the next domain; or it ends here. */
void fetches_serve(Domain *d, const Record *r) {
    uint32_t asker = asker_of(r), next;
    uint64_t offset = r->n[2];
    const Object *o;
    if (asker >= d->image.domains || asker == d->image.domain) return;
    o = image_object(&d->image, r->v[0]);
    if (o == NULL && offset == 0 && next_domain(&d->image, asker, r->n[1], &next)) {
        ledger_cross(d, next, true, R_FETCH, r->id, (uint32_t)r->n[1], offset, r->v[0]);
    } else if (o == NULL) {
        answer(d, r, NOT_FOUND, 0, slice(NULL, 0));
    } else {
        answer(d, r, OK, slice_of(o->body).size, part_of(slice_of(o->body), offset));
    }
}

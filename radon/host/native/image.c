/* image.c - what each record does to a domain's durable state: see image.h */
#include "image.h"

#include "charges.h"

/* ---- finding ---- */

static uint64_t name_hash(const Str *kind, const Str *key) {
    return hash_u64(bytes_hash(kind->data, kind->size)) ^ bytes_hash(key->data, key->size);
}

static int is_atom(const void *item, const void *key) {
    const Atom *a = item;
    const Address *name = key;
    return str_equal(a->key, name->key) && str_equal(a->kind, name->kind);
}

/* Where an atom that was found lately may be found again: names that are equal may have several places. */
static Atom **found_at(Image *image, const Str *kind, const Str *key) {
    size_t last = key->size ? key->size - 1 : 0, before = last ? last - 1 : 0; /* shards differ in these: "#7", "#17" */
    size_t place = (uintptr_t)kind / 16 + key->data[last] + 16U * key->data[before];
    return &image->found[place % (sizeof image->found / sizeof *image->found)];
}

Atom *image_find(Image *image, const Str *kind, const Str *key) {
    Address name = {(Str *)kind, (Str *)key, 0};
    Atom **found, *a;
    if (kind == NULL) return NULL;
    found = found_at(image, kind, key);
    if (*found && is_atom(*found, &name)) return *found;
    a = table_find(&image->atoms, name_hash(kind, key), is_atom, &name);
    if (a) *found = a;
    return a;
}

Atom *image_atom(Image *image, Str *kind, Str *key) {
    Atom *a = image_find(image, kind, key);
    if (a) return a;
    a = xcalloc(1, sizeof *a);
    a->refs = 1;
    a->kind = str_ref(kind), a->key = str_ref(key);
    table_insert(&image->atoms, name_hash(kind, key), a);
    return a;
}

static int is_postponed(const void *item, const void *id) {
    return memcmp(((const Postponed *)item)->delivery->id, id, ID_SIZE) == 0;
}

static int has_name(const void *item, const void *key) {
    const Slice *name = key;
    return slice_equal(slice_of(*(Str *const *)item), *name);
}

_Static_assert(offsetof(Object, name) == 0 && offsetof(Once, key) == 0, "names are first");

Postponed *image_postponed_by(const Image *image, const uint8_t *id) {
    return table_find(&image->postponed, bytes_hash(id, ID_SIZE), is_postponed, id);
}

Object *image_object(const Image *image, Slice name) {
    return table_find(&image->objects, bytes_hash(name.data, name.size), has_name, &name);
}

Once *image_once(const Image *image, Slice key) {
    return table_find(&image->seen, bytes_hash(key.data, key.size), has_name, &key);
}

uint64_t weight(const Delivery *d) { return MAIL_OVERHEAD + (d->body ? d->body->size : 0); }

Call *journal_awaited(const Journal *j) {
    Call *last = j->count ? &j->calls[j->count - 1] : NULL;
    return last && !last->answered ? last : NULL;
}

bool image_awaits(void *of, const Alarm *alarm) {
    Image *image = of;
    const Atom *a;
    const Delivery *d;
    const Timer *timer;
    const Journal *journal;
    const Call *call;
    const Once *once;
    const Object *object;
    switch (alarm->cause) {
    case POSTPONED: return image_postponed_by(image, alarm->id) != NULL;
    case SEEN: return (once = image_once(image, slice_of(alarm->name))) != NULL && once->expires == alarm->due;
    case OBJECT:
        object = image_object(image, slice_of(alarm->name));
        return object && !object->pins && object->expires == alarm->due;
    default: break;
    }
    a = image_find(image, alarm->kind, alarm->key);
    if (a == NULL) return false;
    switch (alarm->cause) {
    case TIMER: return (timer = atom_timer(a, alarm->token)) != NULL && timer->due == alarm->due;
    case RETRY: return (d = mailbox_waiting(&a->mailbox, alarm->id)) != NULL && d->due == alarm->due;
    case ASKED: return atom_asked(a, alarm->id) != NULL;
    default:
        journal = atom_journal(a);
        call = journal ? journal_awaited(journal) : NULL;
        return call && memcmp(call->request, alarm->id, ID_SIZE) == 0;
    }
}

static void set_alarm(Image *image, uint64_t due, Cause cause, Str *kind, Str *key, const uint8_t *id, Str *name) {
    Alarm alarm = {.due = due, .cause = cause, .kind = kind, .key = key, .name = name};
    memcpy(alarm.id, id, ID_SIZE);
    alarms_set(&image->alarms, alarm, image_awaits, image);
}

/* ---- the domain ---- */

void image_step(Image *image, uint64_t number, uint64_t time) {
    if (number > image->step) image->step = number;
    if (time > image->time) image->time = time;
}

void image_setup(Image *image, uint32_t domain, uint32_t domains, const uint8_t *seed, const uint8_t *secret) {
    image->domain = domain, image->domains = domains;
    memcpy(image->seed, seed, 32);
    memcpy(image->secret, secret, 32);
}

void image_deployed(Image *image, Slice digest) {
    str_unref(image->digest);
    image->digest = slice_str(digest);
}

void image_postponed(Image *image, uint64_t due, const Address *to, Delivery *d) {
    Postponed *p = xmalloc(sizeof *p);
    *p = (Postponed){due, address_ref(to), delivery_ref(d)};
    table_insert(&image->postponed, bytes_hash(d->id, ID_SIZE), p);
    image->mail_bytes += weight(d);
    set_alarm(image, due, POSTPONED, to->kind, to->key, d->id, NULL);
}

static void free_postponed(Postponed *p) {
    address_unref(&p->to);
    delivery_unref(p->delivery);
    free(p);
}

void image_postponed_gone(Image *image, const uint8_t *id) {
    Postponed *p = table_remove(&image->postponed, bytes_hash(id, ID_SIZE), is_postponed, id);
    if (p == NULL) return;
    image->mail_bytes -= weight(p->delivery);
    free_postponed(p);
}

static void free_object(Object *o) {
    str_unref(o->name), str_unref(o->body);
    free(o);
}

void image_stored(Image *image, uint64_t expires, uint32_t pins, Slice name, Slice body) {
    Object *o = xmalloc(sizeof *o);
    *o = (Object){str_new(name.data, name.size), slice_str(body), expires, pins};
    table_insert(&image->objects, bytes_hash(name.data, name.size), o);
    image->object_bytes += body.size + OBJECT_OVERHEAD;
    set_alarm(image, expires, OBJECT, NULL, NULL, no_id, o->name);
}

void image_pinned(Image *image, uint64_t expires, uint32_t pins, Slice name) {
    Object *o = image_object(image, name);
    if (o == NULL) return;
    o->pins = pins;
    o->expires = expires;
    set_alarm(image, expires, OBJECT, NULL, NULL, no_id, o->name);
}

void image_collected(Image *image, Slice name) {
    Object *o = table_remove(&image->objects, bytes_hash(name.data, name.size), has_name, &name);
    if (o == NULL) return;
    image->object_bytes -= slice_of(o->body).size + OBJECT_OVERHEAD;
    free_object(o);
}

/* The room that the delivery of a Died record takes. */
static uint64_t dead_weight(const Str *record) {
    Reader reader = reader_of(slice_of(record));
    Record died;
    Delivery *d;
    uint64_t size;
    next_record(&reader, &died);
    d = decode_delivery(died.v[2]);
    size = weight(d);
    delivery_unref(d);
    return size;
}

void image_died(Image *image, const uint8_t *id, Slice record) {
    Str *key = str_new(id, ID_SIZE), *letter = str_new(record.data, record.size);
    Str *before = map_put(&image->dead, key, str_ref(letter));
    image->dead_bytes += dead_weight(letter);
    if (before) image->dead_bytes -= dead_weight(before);
    str_unref(before), str_unref(key), str_unref(letter);
}

void image_died_gone(Image *image, const uint8_t *id) {
    Str *letter = map_take(&image->dead, id, ID_SIZE);
    if (letter == NULL) return;
    image->dead_bytes -= dead_weight(letter);
    str_unref(letter);
}

static void free_once(Once *once) {
    str_unref(once->key), str_unref(once->metadata), str_unref(once->body);
    free(once);
}

void image_seen(Image *image, uint64_t expires, Slice key) {
    Once *once = xcalloc(1, sizeof *once);
    image_seen_gone(image, key);
    once->key = str_new(key.data, key.size);
    once->expires = expires;
    table_insert(&image->seen, bytes_hash(key.data, key.size), once);
    set_alarm(image, expires, SEEN, NULL, NULL, no_id, once->key);
}

void image_settled(Image *image, uint32_t code, Slice key, Slice metadata, Slice body) {
    Once *once = image_once(image, key);
    if (once == NULL) return;
    str_unref(once->metadata), str_unref(once->body);
    once->settled = true;
    once->code = code;
    once->metadata = slice_str(metadata), once->body = slice_str(body);
}

void image_seen_gone(Image *image, Slice key) {
    Once *once = table_remove(&image->seen, bytes_hash(key.data, key.size), has_name, &key);
    if (once) free_once(once);
}

/* ---- atoms ---- */

void image_born(Image *image, Atom *a, uint64_t life, const Address *parent) {
    a->life = life;
    if (a->more) address_unref(&a->more->parent);
    if (!is_nowhere(parent)) atom_more(a)->parent = address_ref(parent);
    if (life > image->step) image->step = life;
}

void image_ended(Image *image, Atom *a) {
    Address name = {a->kind, a->key, 0};
    for (Delivery *d = mailbox_each(&a->mailbox, NULL); d; d = mailbox_each(&a->mailbox, d)) {
        image->mail_bytes -= weight(d);
    }
    table_remove(&image->atoms, name_hash(a->kind, a->key), is_atom, &name);
    image_forget_questions(image, a);
    for (size_t i = 0; i < sizeof image->found / sizeof *image->found; i++) {
        if (image->found[i] == a) image->found[i] = NULL;
    }
    if (image->at == a) image->at = NULL;
    mailbox_clear(&a->mailbox); /* whoever holds the atom yet, for the commit under way, does not ask for its mail */
    atom_unref(a);
}

void image_delivered(Image *image, Atom *a, Delivery *d) {
    mailbox_append(&a->mailbox, delivery_ref(d));
    image->mail_bytes += weight(d);
}

void image_consumed(Image *image, Atom *a, Delivery *d) {
    Journal *j = atom_journal(a);
    image->mail_bytes -= weight(d);
    if (j && memcmp(j->id, d->id, ID_SIZE) == 0) atom_drop_journal(a);
    mailbox_consumed(&a->mailbox, d);
}

void image_attempted(Image *image, Atom *a, Delivery *d, uint32_t attempt, uint64_t due) {
    uint8_t id[ID_SIZE];
    memcpy(id, d->id, ID_SIZE);
    mailbox_attempted(&a->mailbox, d, attempt, due);
    atom_drop_journal(a);
    set_alarm(image, due, RETRY, a->kind, a->key, id, NULL);
}

void image_retried(Image *image, Atom *a, Delivery *d) {
    (void)image;
    mailbox_retried(&a->mailbox, d);
}

void image_suspended(Image *image, Atom *a, const uint8_t *id, uint32_t attempt, uint64_t step, uint64_t time) {
    Journal *j = xcalloc(1, sizeof *j);
    (void)image;
    memcpy(j->id, id, ID_SIZE);
    j->attempt = attempt, j->step = step, j->time = time;
    atom_drop_journal(a);
    atom_more(a)->journal = j;
}

void image_called(Image *image, Atom *a, const uint8_t *request, uint64_t deadline, int what, Slice digest) {
    Journal *j = atom_journal(a);
    Call *call;
    if (j == NULL) return;
    if (j->count == j->room) {
        j->room = j->room ? 2 * j->room : 2;
        j->calls = xrealloc(j->calls, j->room * sizeof *j->calls);
    }
    call = &j->calls[j->count++];
    *call = (Call){.deadline = deadline, .what = what, .digest = slice_str(digest)};
    memcpy(call->request, request, ID_SIZE);
    set_alarm(image, deadline, CALLED, a->kind, a->key, request, NULL);
}

void image_answered(
    Image *image, Atom *a, const uint8_t *request, uint64_t time, uint32_t code, uint64_t value, Slice metadata,
    Slice body) {
    Journal *j = atom_journal(a);
    (void)image;
    for (size_t i = j ? j->count : 0; i-- > 0;) {
        Call *call = &j->calls[i];
        if (memcmp(call->request, request, ID_SIZE) != 0) continue;
        call->answered = true;
        call->time = time, call->code = code, call->value = value;
        call->metadata = slice_str(metadata), call->body = slice_str(body);
        return;
    }
}

/* ---- the end ---- */

void image_clear(Image *image) {
    void *item;
    for (size_t at = 0; (item = table_next(&image->atoms, &at)) != NULL;) atom_unref(item);
    for (size_t at = 0; (item = table_next(&image->postponed, &at)) != NULL;) free_postponed(item);
    for (size_t at = 0; (item = table_next(&image->objects, &at)) != NULL;) free_object(item);
    for (size_t at = 0; (item = table_next(&image->seen, &at)) != NULL;) free_once(item);
    table_clear(&image->atoms), table_clear(&image->postponed), table_clear(&image->objects), table_clear(&image->seen);
    map_clear(&image->dead);
    alarms_clear(&image->alarms);
    image_clear_neighbours(image);
    image_clear_questions(image);
    str_unref(image->digest);
    *image = (Image){0};
}

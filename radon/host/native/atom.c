/* atom.c - one atom between turns, and the state writes of the turn that it is in: see image.h */
#include "image.h"
#include "charges.h"

enum { FEW_UNDOS = 8 };

More *atom_more(Atom *a) {
    if (a->more == NULL) a->more = xcalloc(1, sizeof *a->more);
    return a->more;
}

/* ---- peers ---- */

static uint64_t peer_hash(uint64_t token, const uint8_t *request, const Address *address) {
    uint64_t hash = hash_u64(token ^ hash_u64(address->life)) ^ bytes_hash(request, ID_SIZE);
    hash ^= bytes_hash(slice_of(address->kind).data, slice_of(address->kind).size);
    return hash_u64(hash) ^ bytes_hash(slice_of(address->key).data, slice_of(address->key).size);
}

static int same_peer(const void *item, const void *key) {
    const Peer *p = item, *q = key;
    return p->token == q->token && memcmp(p->request, q->request, ID_SIZE) == 0 &&
           address_equal(&p->address, &q->address);
}

static Peer peer_named(uint64_t token, const uint8_t *request, const Address *address) {
    Peer p = {.token = token, .address = *address};
    memcpy(p.request, request, ID_SIZE);
    return p;
}

Peer *peers_find(const Peers *peers, uint64_t token, const uint8_t *request, const Address *address) {
    Peer name = peer_named(token, request, address);
    return table_find(&peers->table, peer_hash(token, request, address), same_peer, &name);
}

/* The one that is there keeps its place. */
static Peer *peers_add(Peers *peers, uint64_t token, const uint8_t *request, const Address *address) {
    Peer *p = peers_find(peers, token, request, address);
    if (p) return p;
    p = xmalloc(sizeof *p);
    *p = peer_named(token, request, address);
    p->address = address_ref(address);
    p->prev = peers->last;
    if (peers->last) peers->last->next = p;
    else peers->first = p;
    peers->last = p;
    table_insert(&peers->table, peer_hash(token, request, address), p);
    return p;
}

static void peers_remove(Peers *peers, uint64_t token, const uint8_t *request, const Address *address) {
    Peer *p = peers_find(peers, token, request, address);
    if (p == NULL) return;
    table_remove(&peers->table, peer_hash(token, request, address), same_peer, p);
    if (p->prev) p->prev->next = p->next;
    else peers->first = p->next;
    if (p->next) p->next->prev = p->prev;
    else peers->last = p->prev;
    address_unref(&p->address);
    free(p);
}

static void peers_clear(Peers *peers) {
    for (Peer *p = peers->first, *next; p; p = next) {
        next = p->next;
        address_unref(&p->address);
        free(p);
    }
    table_clear(&peers->table);
    *peers = (Peers){0};
}

void image_watched(Image *image, Atom *a, uint64_t token, const uint8_t *request, const Address *watcher) {
    (void)image;
    peers_add(&atom_more(a)->watchers, token, request, watcher);
}

void image_watched_gone(Image *image, Atom *a, uint64_t token, const uint8_t *request, const Address *watcher) {
    (void)image;
    if (a->more) peers_remove(&a->more->watchers, token, request, watcher);
}

void image_child_ended(Image *image, Atom *a, uint32_t status, const Address *child) {
    (void)image;
    peers_add(&atom_more(a)->children, 0, no_id, child)->status = status;
}

void image_child_gone(Image *image, Atom *a, const Address *child) {
    (void)image;
    if (a->more) peers_remove(&a->more->children, 0, no_id, child);
}

void image_subscribed(Image *image, Atom *a, const Address *subscriber) {
    (void)image;
    peers_add(&atom_more(a)->subscribers, 0, no_id, subscriber);
}

void image_unsubscribed(Image *image, Atom *a, const Address *subscriber) {
    (void)image;
    if (a->more) peers_remove(&a->more->subscribers, 0, no_id, subscriber);
}

/* ---- state ---- */

/* Where the bucket of that name is, or would be. */
static size_t bucket_index(const State *s, const Str *name) {
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (slice_compare(slice_of(s->buckets[middle].name), slice_of(name)) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

Bucket *atom_bucket(const Atom *a, const Str *name) {
    State *s = a->state;
    size_t at;
    if (s == NULL) return NULL;
    if (s->last < s->count && str_equal(s->buckets[s->last].name, name)) return &s->buckets[s->last];
    at = bucket_index(s, name);
    if (at == s->count || !str_equal(s->buckets[at].name, name)) return NULL;
    s->last = (uint32_t)at;
    return &s->buckets[at];
}

Str **atom_find(const Atom *a, const Str *bucket, Slice key, Str **own) {
    const Bucket *b = atom_bucket(a, bucket);
    return b ? map_find(&b->entries, key.data, key.size, own) : NULL;
}

Str *atom_read(const Atom *a, const Str *bucket, Slice key) {
    Str **found = atom_find(a, bucket, key, NULL);
    return found ? *found : NULL;
}

static Bucket *make_bucket(State *s, Str *name) {
    size_t at = bucket_index(s, name);
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 1;
        s->buckets = xrealloc(s->buckets, s->room * sizeof *s->buckets);
    }
    memmove(s->buckets + at + 1, s->buckets + at, (s->count - at) * sizeof *s->buckets);
    s->buckets[at] = (Bucket){.name = str_ref(name)};
    s->count++;
    return &s->buckets[at];
}

static void drop_bucket(State *s, Bucket *b) {
    map_clear(&b->entries);
    str_unref(b->name);
    s->count--;
    memmove(b, b + 1, (size_t)(s->buckets + s->count - b) * sizeof *b);
}

Str *atom_write(Atom *a, Str *bucket, Str *key, Str *value) {
    Bucket *b = atom_bucket(a, bucket);
    Str *old;
    if (b == NULL) {
        if (value == NULL) return NULL;
        if (a->state == NULL) a->state = xcalloc(1, sizeof *a->state);
        b = make_bucket(a->state, bucket);
    }
    old = value ? map_put(&b->entries, key, str_ref(value)) : map_take(&b->entries, key->data, key->size);
    if (old) a->state->used -= (uint64_t)key->size + old->size + ENTRY_OVERHEAD;
    if (value) a->state->used += (uint64_t)key->size + value->size + ENTRY_OVERHEAD;
    else if (map_count(&b->entries) == 0) drop_bucket(a->state, b);
    return old;
}

Str *atom_exchange(Atom *a, Str **found, Str *value) {
    Str *old = *found;
    a->state->used += (uint64_t)value->size - old->size;
    *found = str_ref(value);
    return old;
}

typedef struct UndoKey {
    const State *state;
    const Str *bucket, *key;
} UndoKey;

static bool is_undo(const Undo *u, const Str *bucket, const Str *key) {
    return str_equal(u->key, key) && str_equal(u->bucket, bucket);
}

static int same_undo(const void *item, const void *key) {
    const UndoKey *k = key;
    return is_undo(&k->state->undo[(uintptr_t)item - 1], k->bucket, k->key);
}

static uint64_t undo_hash(const Str *bucket, const Str *key) {
    return hash_u64(bytes_hash(key->data, key->size)) ^ bytes_hash(bucket->data, bucket->size);
}

/* What the turn remembers of the key, or NULL: it has not written there. The table is brought up to date here: a turn
 * that writes each key once does without. */
static Undo *undo_of(State *s, const Str *bucket, const Str *key) {
    UndoKey name = {s, bucket, key};
    uintptr_t number;
    if (s->undos > FEW_UNDOS) {
        for (size_t i = s->written.count; i < s->undos; i++) {
            table_insert(&s->written, undo_hash(s->undo[i].bucket, s->undo[i].key), (void *)(uintptr_t)(i + 1));
        }
        number = (uintptr_t)table_find(&s->written, undo_hash(bucket, key), same_undo, &name);
        return number ? &s->undo[number - 1] : NULL;
    }
    for (size_t i = 0; i < s->undos; i++) {
        if (is_undo(&s->undo[i], bucket, key)) return &s->undo[i];
    }
    return NULL;
}

void atom_remember(Atom *a, Str *bucket, Str *key, Str *old, Str *new) {
    State *s = a->state;
    /* Of what the turn has written, its undo has a reference too. */
    Undo *before = old && old->refs == 1 ? NULL : undo_of(s, bucket, key);
    if (before) {
        str_unref(before->new);
        before->new = str_ref(new);
        return;
    }
    if (s->undos == s->undo_room) {
        s->undo_room = s->undo_room ? 2 * s->undo_room : 4;
        s->undo = xrealloc(s->undo, s->undo_room * sizeof *s->undo);
    }
    s->undo[s->undos++] = (Undo){str_ref(bucket), str_ref(key), str_ref(old), str_ref(new)};
}

void atom_forget_undo(Atom *a) {
    State *s = a->state;
    if (s == NULL) return;
    for (size_t i = 0; i < s->undos; i++) {
        str_unref(s->undo[i].bucket), str_unref(s->undo[i].key), str_unref(s->undo[i].old), str_unref(s->undo[i].new);
    }
    if (s->undo_room > 4 * FEW_UNDOS) {
        free(s->undo);
        s->undo = NULL;
        s->undo_room = 0;
    }
    s->undos = 0;
    table_clear(&s->written);
}

void atom_roll_back(Atom *a) {
    State *s = a->state;
    if (s == NULL) return;
    for (size_t i = 0; i < s->undos; i++) {
        str_unref(atom_write(a, s->undo[i].bucket, s->undo[i].key, s->undo[i].old));
    }
    atom_forget_undo(a);
}

/* ---- timers, kept messages ---- */

static int has_token(const void *item, const void *key) { return *(const uint64_t *)item == *(const uint64_t *)key; }

_Static_assert(offsetof(Timer, token) == 0 && offsetof(Kept, token) == 0, "keys are first");

Timer *atom_timer(const Atom *a, uint64_t token) {
    return a->more ? table_find(&a->more->timers, hash_u64(token), has_token, &token) : NULL;
}

Kept *atom_kept(const Atom *a, uint64_t token) {
    return a->more ? table_find(&a->more->kept, hash_u64(token), has_token, &token) : NULL;
}

void image_timer_set(Image *image, Atom *a, uint64_t token, uint64_t due) {
    Timer *t = atom_timer(a, token);
    if (t == NULL) {
        t = xmalloc(sizeof *t);
        t->token = token;
        table_insert(&atom_more(a)->timers, hash_u64(token), t);
    }
    t->due = due;
    alarms_set(
        &image->alarms, (Alarm){.due = due, .cause = TIMER, .kind = a->kind, .key = a->key, .token = token},
        image_awaits, image);
}

void image_timer_gone(Image *image, Atom *a, uint64_t token) {
    (void)image;
    if (a->more) free(table_remove(&a->more->timers, hash_u64(token), has_token, &token));
}

void image_kept(Image *image, Atom *a, uint64_t token, Delivery *message) {
    Kept *k = xmalloc(sizeof *k);
    image_kept_gone(image, a, token);
    *k = (Kept){token, delivery_ref(message)};
    table_insert(&atom_more(a)->kept, hash_u64(token), k);
}

void image_kept_gone(Image *image, Atom *a, uint64_t token) {
    Kept *k = a->more ? table_remove(&a->more->kept, hash_u64(token), has_token, &token) : NULL;
    (void)image;
    if (k == NULL) return;
    delivery_unref(k->message);
    free(k);
}

/* ---- the end ---- */

static void free_journal(Journal *j) {
    if (j == NULL) return;
    for (size_t i = 0; i < j->count; i++) {
        str_unref(j->calls[i].digest), str_unref(j->calls[i].metadata), str_unref(j->calls[i].body);
    }
    free(j->calls);
    free(j);
}

void atom_drop_journal(Atom *a) {
    if (a->more == NULL) return;
    free_journal(a->more->journal);
    a->more->journal = NULL;
}

static void free_more(Atom *a) {
    More *more = a->more;
    Kept *kept;
    Asked *asked;
    void *timer;
    if (more == NULL) return;
    address_unref(&more->parent);
    for (size_t at = 0; (timer = table_next(&more->timers, &at)) != NULL;) free(timer);
    for (size_t at = 0; (kept = table_next(&more->kept, &at)) != NULL; free(kept)) delivery_unref(kept->message);
    for (size_t at = 0; (asked = table_next(&more->asked, &at)) != NULL; free(asked)) address_unref(&asked->target);
    table_clear(&more->timers), table_clear(&more->kept), table_clear(&more->asked);
    peers_clear(&more->watchers), peers_clear(&more->children), peers_clear(&more->subscribers);
    free_journal(more->journal);
    free(more);
}

void atom_unref(Atom *a) {
    if (a == NULL || --a->refs != 0) return;
    mailbox_clear(&a->mailbox);
    if (a->state) {
        atom_forget_undo(a);
        while (a->state->count) drop_bucket(a->state, &a->state->buckets[a->state->count - 1]);
        free(a->state->buckets);
        free(a->state->undo);
        free(a->state);
    }
    free_more(a);
    str_unref(a->kind), str_unref(a->key);
    free(a);
}

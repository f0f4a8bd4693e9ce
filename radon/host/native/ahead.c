/* ahead.c - see ahead.h */
#include "ahead.h"

enum { FAR = 5 }; /* turns that pass while a search is under way: one for each of its parts */

void ahead_learn(Instance *i, const Bucket *bucket, uint32_t pointer, uint32_t length) {
    State *s = i->turn->atom->state;
    uint32_t size = i->body_size, at = pointer - i->body;
    if (map_count(&bucket->entries) < LARGE_MAP) return;
    s->large = (uint32_t)(bucket - s->buckets);
    if (length <= size && at <= size - length) i->kind->keys[size % KEYS_KNOWN] = (KeyPlace){size, at, length};
}

Str **ahead_find(Instance *i, const Bucket *bucket, Slice key, Str **own) {
    const Map *map = &bucket->entries;
    const Search *known[] = {&i->last, &i->seat->ahead};
    for (int n = 0; n < 2; n++) {
        Str **found = known[n]->map == map ? search_found(known[n], key.data, key.size, own) : NULL;
        if (found) return found;
    }
    return search_at_once(&i->last, map, key.data, key.size, own);
}

/* Does the next part of the search for the atom's next turn: in the large bucket that it had last. */
static void go_on(const Atom *a) {
    const State *s = a->state;
    const Delivery *delivery = a->mailbox.ready.first;
    const KeyPlace *place;
    if (s == NULL || s->large >= s->count || map_count(&s->buckets[s->large].entries) < LARGE_MAP) return;
    if (a->seat == NULL || a->suspended || delivery == NULL || delivery->body == NULL) return;
    place = &a->seat->instance->kind->keys[delivery->body->size % KEYS_KNOWN];
    if (place->size != delivery->body->size) return;
    search_on(&a->seat->ahead, &s->buckets[s->large].entries, delivery->body->data + place->at, place->length);
}

void ahead_go_on(const Atom *next) {
    for (int some = FAR; next && some > 0; next = next->next, some--) go_on(next);
}

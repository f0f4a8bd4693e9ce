/* collections.c - heads and elements.
 *
 *     elements   bucket: number (u64, big-endian) + name -> bytes
 *     freed      bucket: number -> nothing: elements of a collection that is no more, which turns of a timer remove
 */
#include "collections.h"

#define HEAD 24
#define PAGE 256              /* elements that a walk loads at once */
#define FREED_AT_ONCE 8192    /* elements that one turn frees: a small part of what its fuel is enough for */

enum { FREE_TIMER = EXPIRY_TIMER + 1 };

static radon_bucket elements, freed;

static radon_error open_buckets(void) {
    radon_entry_list any;
    TRY(radon_state_open(radon_text("freed"), &freed));
    TRY(radon_bucket_scan(freed, RADON_NONE, RADON_NONE, 1, false, &any));
    if (any.len > 0) TRY(radon_clock_set_timer(0, FREE_TIMER)); /* its turn may have failed for good */
    return radon_state_open(radon_text("elements"), &elements);
}

kv_status collections_begin(void) {
    if (elements.handle != 0) return KV_OK;
    return open_buckets() == RADON_OK ? KV_OK : KV_INVALID;
}

/* ---- heads ---- */

static void read_head(const entry *it, collection *out) {
    out->number = radon_load_u64(it->value.data);
    out->count = radon_load_u64(it->value.data + 8);
    out->extra = radon_load_u64(it->value.data + 16);
}

static kv_status write_head(const collection *it, uint64_t expiry, const entry *old) {
    uint8_t *head = (uint8_t *)radon_alloc(KV_HEAD + HEAD) + KV_HEAD;
    radon_store_u64(head, it->number);
    radon_store_u64(head + 8, it->count);
    radon_store_u64(head + 16, it->extra);
    return entry_store(it->key, head, HEAD, (uint8_t)it->type, expiry, old);
}

void collection_of(const entry *it, collection *out) {
    *out = (collection){.was = *it, .type = (type)it->tag};
    read_head(it, out);
}

kv_status collection_open(call *c, radon_bytes key, type type, collection *out) {
    *out = (collection){.key = key, .type = type};
    TRY(key_load_typed(c, key, type, &out->was));
    if (out->was.some) read_head(&out->was, out);
    return KV_OK;
}

kv_status collection_reply_count(call *c, type type) {
    collection it;
    TRY(collection_open(c, call_key(c, 1), type, &it));
    reply_integer(c->to, (int64_t)it.count);
    return KV_OK;
}

kv_status collection_new(call *c, radon_bytes key, type type, collection *out) {
    *out = (collection){.key = key, .type = type, .changed = true};
    TRY(key_load(c, key, &out->was));
    out->was.expiry = 0;
    return KV_OK;
}

kv_status collection_close(collection *it) {
    if (!it->changed) return KV_OK;
    if (it->count == 0) return entry_remove(it->key, &it->was);
    if (it->grew) key_is_ready(it->key);
    return write_head(it, it->was.expiry, &it->was);
}

kv_status collection_move(const entry *from, radon_bytes key, uint64_t expiry, const entry *old) {
    collection it = {.key = key, .type = (type)from->tag};
    read_head(from, &it);
    key_is_ready(key);
    return write_head(&it, expiry, old);
}

/* ---- elements ---- */

static radon_bytes element_key(uint64_t number, radon_bytes name) {
    uint8_t *bytes = radon_alloc(8 + name.len);
    radon_store_u64_key(bytes, number);
    memcpy(bytes + 8, name.data, name.len);
    return (radon_bytes){bytes, 8 + name.len};
}

kv_status element_get(const collection *it, radon_bytes name, radon_option *out) {
    *out = RADON_NONE;
    if (it->number == 0 || name.len > KV_KEY_MAX - 8) return KV_OK;
    return status_of(radon_bucket_get(elements, element_key(it->number, name), out));
}

kv_status element_put(collection *it, radon_bytes name, radon_bytes bytes, radon_option old) {
    if (name.len > KV_KEY_MAX - 8 || bytes.len > KV_VALUE_MAX) return KV_TOO_LARGE;
    if (it->number == 0) TRY(entries_number(&it->number));
    it->changed = true;
    if (!old.some) it->grew = true;
    return entries_write(elements, element_key(it->number, name), radon_some(bytes), old);
}

kv_status element_remove(collection *it, radon_bytes name, radon_option old) {
    it->changed = true;
    return entries_write(elements, element_key(it->number, name), RADON_NONE, old);
}

/* ---- freeing ---- */

/* An entry got a collection, or had it and has not any more. */
typedef struct {
    uint64_t number, count;
    bool got;
} step;

/* The collection whose head this is; number 0: it is none. */
static step step_of(radon_option stored, bool got) {
    step it = {.got = got};
    if (!stored.some || stored.value.data[1] == TYPE_STRING) return it;
    it.number = radon_load_u64(stored.value.data + KV_HEAD);
    it.count = radon_load_u64(stored.value.data + KV_HEAD + 8);
    return it;
}

static void free_all(uint64_t number) {
    radon_option from = radon_some(element_key(number, KV_NOTHING));
    radon_option to = radon_some(element_key(number + 1, KV_NOTHING));
    radon_bucket_delete_range(elements, from, to);
}

/* As many as this turn may, which `room` gets less by; the others later. Of what went there is room for the note. */
static void free_elements(const step *of, uint64_t *room) {
    bool later = of->count > *room && radon_bucket_put(freed, number_key(of->number), KV_NOTHING) == RADON_OK &&
                 radon_clock_set_timer(0, FREE_TIMER) == RADON_OK;
    if (later) return;
    free_all(of->number);
    *room -= of->count < *room ? of->count : *room;
}

/* Removes some of the elements of a collection, or the note of it when there are none. `most`: as many as one page has. */
static radon_error free_page(uint64_t number, bool *most) {
    radon_entry_list page;
    radon_bytes from = element_key(number, KV_NOTHING), to = element_key(number + 1, KV_NOTHING);
    TRY(radon_bucket_scan(elements, radon_some(from), radon_some(to), PAGE, false, &page));
    *most = page.len == 0 || page.len == PAGE;
    if (page.len == 0) return radon_bucket_delete(freed, number_key(number));
    return radon_bucket_delete_range(elements, radon_some(from), radon_some(key_after(page.data[page.len - 1].key)));
}

radon_error types_fired(uint64_t timer) {
    radon_entry_list next;
    bool most = true; /* else the elements may be large, and all that was read lies in memory */
    if (timer != FREE_TIMER) return RADON_OK;
    for (size_t pages = FREED_AT_ONCE / PAGE; pages > 0 && most; pages--) {
        TRY(radon_bucket_scan(freed, RADON_NONE, RADON_NONE, 1, false, &next));
        if (next.len == 0) return RADON_OK;
        TRY(free_page(radon_load_u64_key(next.data[0].key.data), &most));
    }
    return radon_clock_set_timer(0, FREE_TIMER);
}

kv_status collections_wipe(void) { return status_of(radon_bucket_delete_range(elements, RADON_NONE, RADON_NONE)); }

/* What happened to collections, in its order. */
static size_t find_steps(const change *changes, size_t count, step *steps) {
    size_t found = 0;
    for (size_t index = 0; index < count; index++) {
        const change *it = &changes[index];
        if (!is_of_entry(it)) continue;
        step old = step_of(it->old, false), new = step_of(it->new, true);
        if (old.number == new.number) continue;
        if (old.number != 0) steps[found++] = old;
        if (new.number != 0) steps[found++] = new;
    }
    return found;
}

/* By the number; of one number they stay in their order. `spare` has room for as many. */
static void sort(step *steps, step *spare, size_t count) {
    if (count < 2) return;
    size_t half = count / 2, left = 0, right = half;
    sort(steps, spare, half);
    sort(steps + half, spare, count - half);
    for (size_t index = 0; index < count; index++) {
        bool take_left = right == count || (left < half && steps[left].number <= steps[right].number);
        spare[index] = steps[take_left ? left++ : right++];
    }
    memcpy(steps, spare, count * sizeof *steps);
}

/* The last thing that happened to a collection decides: one that was renamed was taken from an entry before. */
void collections_finish(void) {
    size_t count;
    const change *changes = entries_changes(&count);
    step *steps = radon_alloc(2 * count * sizeof *steps);
    size_t found = find_steps(changes, count, steps);
    uint64_t room = FREED_AT_ONCE;
    sort(steps, radon_alloc(found * sizeof *steps), found);
    for (size_t index = 0; index < found; index++) {
        bool last = index + 1 == found || steps[index + 1].number != steps[index].number;
        if (last && !steps[index].got) free_elements(&steps[index], &room);
    }
}

/* ---- walks ---- */

walk walk_begin(const collection *of, radon_option start, radon_option end, bool backwards) {
    walk it = {.of = of, .backwards = backwards, .limit = PAGE};
    it.start = radon_some(element_key(of->number, start.value));
    it.end = radon_some(end.some ? element_key(of->number, end.value) : element_key(of->number + 1, KV_NOTHING));
    return it;
}

/* What is left behind the page, which has entries. */
static void go_on(walk *walk) {
    radon_bytes last = walk->page.data[walk->page.len - 1].key;
    if (walk->backwards) {
        walk->end = radon_some(last);
    } else {
        walk->start = radon_some(key_after(last));
    }
}

bool walk_next(walk *walk, radon_bytes *name, radon_bytes *bytes) {
    if (walk->at == walk->page.len) {
        if (walk->of->number == 0 || walk->limit == 0) return false;
        if (walk->page.len > 0) go_on(walk);
        walk->at = 0;
        radon_error error =
            radon_bucket_scan(elements, walk->start, walk->end, walk->limit, walk->backwards, &walk->page);
        if (error != RADON_OK || walk->page.len == 0) return false;
    }
    radon_entry it = walk->page.data[walk->at++];
    *name = radon_slice(it.key, 8, it.key.len);
    *bytes = it.value;
    return true;
}

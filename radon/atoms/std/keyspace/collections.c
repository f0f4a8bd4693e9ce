/* collections.c - heads and elements. */
#include "collections.h"

#define HEAD 24
#define PAGE 256 /* elements that a walk loads at once */

static radon_bucket elements;

kv_status collections_begin(void) {
    if (elements.handle != 0) return KV_OK;
    return radon_state_open(radon_text("elements"), &elements) == RADON_OK ? KV_OK : KV_INVALID;
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

/* The number of the collection whose head this is, or 0. */
static uint64_t number_of(radon_option stored) {
    bool is_one = stored.some && stored.value.data[1] != TYPE_STRING;
    return is_one ? radon_load_u64(stored.value.data + KV_HEAD) : 0;
}

static void free_elements(uint64_t number) {
    radon_option from = radon_some(element_key(number, KV_NOTHING));
    radon_option to = radon_some(element_key(number + 1, KV_NOTHING));
    radon_bucket_delete_range(elements, from, to);
}

kv_status collections_wipe(void) { return status_of(radon_bucket_delete_range(elements, RADON_NONE, RADON_NONE)); }

/* What happened to collections: the number times 2, and plus 1 if an entry got it, else an entry had it. */
static size_t find_steps(const change *changes, size_t count, uint64_t *steps) {
    size_t found = 0;
    for (size_t index = 0; index < count; index++) {
        const change *it = &changes[index];
        if (!is_of_entry(it)) continue;
        uint64_t old = number_of(it->old), new = number_of(it->new);
        if (old == new) continue;
        if (old != 0) steps[found++] = old << 1;
        if (new != 0) steps[found++] = new << 1 | 1;
    }
    return found;
}

/* By the number; of one number they stay in their order. `spare` has room for as many. */
static void sort(uint64_t *steps, uint64_t *spare, size_t count) {
    if (count < 2) return;
    size_t half = count / 2, left = 0, right = half;
    sort(steps, spare, half);
    sort(steps + half, spare, count - half);
    for (size_t index = 0; index < count; index++) {
        bool take_left = right == count || (left < half && steps[left] >> 1 <= steps[right] >> 1);
        spare[index] = steps[take_left ? left++ : right++];
    }
    memcpy(steps, spare, count * sizeof *steps);
}

/* The last thing that happened to a collection decides: one that was renamed was taken from an entry before. */
void collections_finish(void) {
    size_t count;
    const change *changes = entries_changes(&count);
    uint64_t *steps = radon_alloc(2 * count * sizeof *steps);
    size_t found = find_steps(changes, count, steps);
    sort(steps, radon_alloc(found * sizeof *steps), found);
    for (size_t index = 0; index < found; index++) {
        bool last = index + 1 == found || steps[index + 1] >> 1 != steps[index] >> 1;
        if (last && !(steps[index] & 1)) free_elements(steps[index] >> 1);
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
        walk->start = radon_some(radon_concat(last, (radon_bytes){(const uint8_t *)"", 1}));
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

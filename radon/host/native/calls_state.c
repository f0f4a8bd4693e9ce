/* calls_state.c - `state`: the atom's own durable entries. See host/syscalls/state.py
 *
 * Writes go into the image at once and are undone with the turn.
 */
#include "ahead.h"
#include "lowering.h"

bool state_open(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Str *name;
    const Bucket *bucket;
    Error error;
    bool done;
    if (!lift_text(i, U32(0), U32(1), &name)) return false;
    error = name->size == 0 ? INVALID : name->size > NAME_BYTES ? TOO_LARGE : OK;
    if (error) {
        done = lower_failed(i, U32(2), error, OK_HANDLE, 4);
    } else { /* with the bucket's own Str it is found by its address */
        bucket = atom_bucket(t->atom, name);
        done = lower_ok_handle(i, U32(2), name_handle(A_BUCKET, bucket ? bucket->name : name));
    }
    str_unref(name);
    return done;
}

bool state_bucket_drop(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return handle_drop(i, U32(0), A_BUCKET);
}

/* The bucket that a handle names; NULL: a violation. */
static Str *bucket_at(Instance *i, uint32_t handle) {
    Handle *h = handle_get(i, handle, A_BUCKET);
    return h ? h->name : NULL;
}

/* ---- reading ---- */

/* As atom_find, of a key at this place in the guest's memory. */
static Str **find(Instance *i, const Str *bucket, uint32_t pointer, Slice key, Str **own) {
    const Bucket *b = atom_bucket(i->turn->atom, bucket);
    if (b == NULL) return NULL;
    ahead_learn(i, b, pointer, (uint32_t)key.size);
    return ahead_find(i, b, key, own);
}

bool state_bucket_get(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Str *bucket = bucket_at(i, U32(0));
    Str **found;
    Slice key;
    (void)t;
    if (bucket == NULL || !guest_read(i, U32(1), U32(2), &key)) return false;
    found = find(i, bucket, U32(1), key, NULL); /* it stays: no guest writes while it is called back */
    return lower_ok_some(i, U32(3), found != NULL, found ? slice_of(*found) : slice(NULL, 0));
}

static bool lower_values(Instance *i, Turn *t, const Str *bucket, Str **keys, size_t count, uint32_t at) {
    uint32_t pointer;
    if (!aligned(i, at, 4) || !lower_list(i, count, 12, &pointer)) return false;
    for (size_t n = 0; n < count; n++) {
        const Str *value = atom_read(t->atom, bucket, slice_of(keys[n]));
        uint32_t element[3] = {value != NULL, 0, 0};
        if (value && !store_bytes(i, slice_of(value), element + 1)) return false;
        if (!guest_write(i, pointer + 12 * (uint32_t)n, element, 12)) return false;
    }
    return lower_ok_list(i, at, pointer, count);
}

bool state_bucket_get_many(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Str *bucket = bucket_at(i, U32(0));
    Str **keys;
    Error error;
    bool done;
    if (bucket == NULL || !lift_list(i, U32(1), U32(2), false, &keys, &error)) return false;
    if (error) return lower_failed(i, U32(3), error, OK_LIST, 4);
    done = lower_values(i, t, bucket, keys, U32(2), U32(3));
    free_list(keys, U32(2));
    return done;
}

/* ---- ranges ---- */

/* A cursor over start <= key < end in one direction; `there` says whether it stands on an entry. */
typedef struct Range {
    Cursor at;
    const Str *start, *end; /* NULL: no bound */
    bool backwards, there;
} Range;

static void stop_outside(Range *r) {
    const Str *key;
    if (!r->there) return;
    key = cursor_key(&r->at);
    if (r->backwards) r->there = r->start == NULL || slice_compare(slice_of(key), slice_of(r->start)) >= 0;
    else r->there = r->end == NULL || slice_compare(slice_of(key), slice_of(r->end)) < 0;
}

static void range_next(Range *r) {
    r->there = r->backwards ? map_prev(&r->at) : map_next(&r->at);
    stop_outside(r);
}

static Range range_of(const Turn *t, const Str *bucket, const Str *start, const Str *end, bool backwards) {
    Range r = {.start = start, .end = end, .backwards = backwards};
    const Bucket *b = atom_bucket(t->atom, bucket);
    if (b == NULL || (start && end && slice_compare(slice_of(start), slice_of(end)) >= 0)) return r;
    if (!backwards) {
        r.there = start ? map_seek(&b->entries, &r.at, start->data, start->size) : map_first(&b->entries, &r.at);
    } else if (end && map_seek(&b->entries, &r.at, end->data, end->size)) {
        r.there = map_prev(&r.at);
    } else {
        r.there = map_last(&b->entries, &r.at);
    }
    stop_outside(&r);
    return r;
}

static bool lower_entries(Instance *i, Str **found, size_t count, uint32_t at) {
    uint32_t pointer;
    if (!aligned(i, at, 4) || !lower_list(i, count, 16, &pointer)) return false;
    for (size_t n = 0; n < count; n++) {
        uint32_t element[4];
        if (!store_bytes(i, slice_of(found[2 * n]), element)) return false;
        if (!store_bytes(i, slice_of(found[2 * n + 1]), element + 2)) return false;
        if (!guest_write(i, pointer + 16 * (uint32_t)n, element, 16)) return false;
    }
    return lower_ok_list(i, at, pointer, count);
}

/* Doubles the room of a list of strings when it is full. */
static Str **room_for(Str **list, size_t count) {
    return (count & (count - 1)) == 0 ? xrealloc(list, (count ? 2 * count : 1) * sizeof *list) : list;
}

bool state_bucket_scan(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Str *bucket = bucket_at(i, U32(0));
    Str *start = NULL, *end = NULL, **found = NULL;
    size_t count = 0;
    uint64_t size = 0;
    bool done = false;
    if (bucket && lift_option(i, U32(1), U32(2), U32(3), &start) && lift_option(i, U32(4), U32(5), U32(6), &end)) {
        Range r = range_of(t, bucket, start, end, U32(8) != 0);
        for (; r.there; range_next(&r)) {
            size += (uint64_t)cursor_key(&r.at)->size + cursor_value(&r.at)->size;
            if (count == U32(7) || (count && size > SCAN_BYTES)) break;
            found = room_for(found, 2 * count);
            found = room_for(found, 2 * count + 1);
            found[2 * count] = cursor_key(&r.at);
            found[2 * count + 1] = cursor_value(&r.at);
            count++;
        }
        done = lower_entries(i, found, count, U32(9));
    }
    free(found);
    str_unref(start), str_unref(end);
    return done;
}

/* ---- writing ---- */

/* `found`: where the entry is, or NULL. */
static bool write(Turn *t, Str *bucket, Str *key, Str *value, Str **found) {
    Str *old;
    if (!(found && value)) ahead_forget(t->instance);
    if (!turn_spend(t, WRITE_FUEL) || !turn_keep(t, (uint64_t)key->size + (value ? value->size : 0))) return false;
    old = found && value ? atom_exchange(t->atom, found, value) : atom_write(t->atom, bucket, key, value);
    atom_remember(t->atom, bucket, key, old, value);
    str_unref(old);
    return true;
}

/* OK, or why it is refused; `*done` false: the turn failed. The key is the guest's, and copied only if it is new. */
static Error put(Instance *i, Turn *t, Str *bucket, uint32_t pointer, Slice key, Str *value, bool *done) {
    const State *s = t->atom->state;
    Str *own, **found = find(i, bucket, pointer, key, &own), *old = found ? *found : NULL;
    int64_t more = old ? (int64_t)value->size - (int64_t)old->size
                       : (int64_t)key.size + (int64_t)value->size + ENTRY_OVERHEAD;
    *done = true;
    if (key.size > STATE_KEY_BYTES) return TOO_LARGE;
    if (more > 0 && (s ? s->used : 0) + (uint64_t)more > t->kind->state) return EXHAUSTED;
    if (s && s->count >= BUCKETS && !atom_bucket(t->atom, bucket)) return EXHAUSTED;
    own = found ? str_ref(own) : str_new(key.data, key.size);
    *done = write(t, bucket, own, value, found);
    str_unref(own);
    return OK;
}

bool state_bucket_put(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Str *bucket = bucket_at(i, U32(0)), *value = NULL;
    Slice key;
    bool done = false;
    if (bucket && guest_read(i, U32(1), U32(2), &key) && lift_bytes(i, U32(3), U32(4), &value)) {
        Error error = put(i, t, bucket, U32(1), key, value, &done);
        done = done && lower_error(i, U32(5), error);
    }
    str_unref(value);
    return done;
}

bool state_bucket_delete(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Str *bucket = bucket_at(i, U32(0)), *key = NULL;
    bool done = bucket && lift_bytes(i, U32(1), U32(2), &key);
    if (done && atom_read(t->atom, bucket, slice_of(key))) done = write(t, bucket, key, NULL, NULL);
    done = done && lower_error(i, U32(3), OK);
    str_unref(key);
    return done;
}

bool state_bucket_delete_range(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Str *bucket = bucket_at(i, U32(0)), *start = NULL, *end = NULL, **keys = NULL;
    size_t count = 0;
    bool done = bucket && lift_option(i, U32(1), U32(2), U32(3), &start) && lift_option(i, U32(4), U32(5), U32(6), &end);
    if (done) {
        for (Range r = range_of(t, bucket, start, end, false); done && r.there; range_next(&r)) {
            done = turn_spend(t, SYSCALL_FUEL);
            keys = room_for(keys, count);
            keys[count++] = str_ref(cursor_key(&r.at));
        }
    }
    for (size_t n = 0; done && n < count; n++) done = write(t, bucket, keys[n], NULL, NULL);
    free_list(keys, count);
    str_unref(start), str_unref(end);
    return done && lower_error(i, U32(7), OK);
}

bool state_bucket_add(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Str *bucket = bucket_at(i, U32(0)), *value;
    const Str *old;
    Slice key;
    uint64_t number = 0;
    Error error = OK;
    bool done = bucket && guest_read(i, U32(1), U32(2), &key);
    if (!done) return false;
    old = atom_read(t->atom, bucket, key);
    if (old && old->size != 8) {
        error = INVALID;
    } else {
        if (old) memcpy(&number, old->data, 8);
        number += U64(3);
        value = str_new(&number, 8);
        error = put(i, t, bucket, U32(1), key, value, &done);
        str_unref(value);
    }
    if (!done) return false;
    return error ? lower_failed(i, U32(4), error, OK_S64, 8) : lower_ok_s64(i, U32(4), (int64_t)number);
}

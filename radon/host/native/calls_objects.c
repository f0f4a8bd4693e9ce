/* calls_objects.c - `objects`: immutable bytes by their SHA-256. See host/syscalls/objects.py
 *
 * What an undone turn put is forgotten with it.
 */
#include "lowering.h"

static int has_name(const void *item, const void *key) {
    return slice_equal(slice_of(((const ObjectNow *)item)->name), *(const Slice *)key);
}

ObjectNow *turn_object(const Turn *t, Slice name) {
    return t->objects.count ? table_find(&t->objects, bytes_hash(name.data, name.size), has_name, &name) : NULL;
}

static ObjectNow *make_object(Turn *t, Slice name, Slice body) {
    ObjectNow *o = xcalloc(1, sizeof *o);
    o->name = str_new(name.data, name.size);
    o->body = slice_str(body);
    table_insert(&t->objects, bytes_hash(name.data, name.size), o);
    return o;
}

/* False: the turn ends here, to begin again when the object has come from another domain. */
static bool body_of(Turn *t, Slice name, Slice *body, Error *error) {
    const ObjectNow *now = turn_object(t, name);
    const Object *known = now ? NULL : image_object(&t->d->image, name);
    *body = slice_of(now ? now->body : known ? known->body : NULL);
    *error = now || known ? OK : fetches_find(t, name, body);
    return t->missing == NULL;
}

/* Room for an object that is to stay in this domain. */
static bool take_room(Turn *t, Slice body) {
    uint64_t size = t->object_bytes + body.size + OBJECT_OVERHEAD;
    if (t->d->image.object_bytes + size > t->d->settings.objects) return false;
    t->object_bytes = size;
    return true;
}

static Str *object_at(Instance *i, uint32_t handle) {
    Handle *h = handle_get(i, handle, AN_OBJECT);
    return h ? h->name : NULL;
}

bool objects_put(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Slice body;
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    Str *name;
    bool done;
    if (!guest_read(i, U32(0), U32(1), &body)) return false;
    if (body.size > t->kind->state) return lower_failed(i, U32(2), TOO_LARGE, OK_HANDLE, 4);
    if (!turn_keep(t, body.size + OBJECT_OVERHEAD)) return false;
    sha256(body.data, body.size, digest);
    hex_of(hex, digest, SHA256_SIZE);
    if (turn_object(t, slice(hex, 64)) == NULL) {
        Intent *x;
        ObjectNow *o;
        if (!take_room(t, body)) return lower_failed(i, U32(2), EXHAUSTED, OK_HANDLE, 4);
        o = make_object(t, slice(hex, 64), body);
        x = turn_intend(t, STORE_IT);
        x->metadata = str_ref(o->name);
        x->body = str_ref(o->body);
    }
    name = str_new(hex, 64);
    done = lower_ok_handle(i, U32(2), name_handle(AN_OBJECT, name));
    str_unref(name);
    return done;
}

bool objects_open(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Str *name;
    Slice body;
    Error error;
    bool done;
    if (!lift_text(i, U32(0), U32(1), &name)) return false;
    done = body_of(t, slice_of(name), &body, &error) &&
           (error ? lower_failed(i, U32(2), error, OK_HANDLE, 4) : lower_ok_handle(i, U32(2), name_handle(AN_OBJECT, name)));
    str_unref(name);
    return done;
}

/* ---- pins ---- */

static bool change_pins(Turn *t, Slice name, int by, Error *error) {
    Slice body;
    const Object *known = image_object(&t->d->image, name);
    ObjectNow *now = turn_object(t, name);
    int64_t pins = (known ? known->pins : 0) + (now ? now->pins : 0) + by;
    if (!body_of(t, name, &body, error)) return false;
    if (*error == OK && pins < 0) *error = INVALID;
    if (*error == OK && pins >= (int64_t)1 << 32) *error = EXHAUSTED;
    if (*error) return true;
    if (known == NULL && now == NULL) { /* it is another domain's: from now on it stays here as well */
        if (!turn_keep(t, body.size + OBJECT_OVERHEAD)) return false;
        if (!take_room(t, body)) {
            *error = EXHAUSTED;
            return true;
        }
    }
    if (now == NULL) now = make_object(t, name, body); /* it may be collected before a turn that suspends commits */
    if (!now->pinned) {
        now->pinned = true;
        turn_intend(t, PIN_IT)->metadata = str_ref(now->name);
    }
    now->pins += by;
    return true;
}

static bool pin(Instance *i, Turn *t, wasmtime_val_raw_t *v, int by) {
    Str *name;
    Error error;
    bool done;
    if (!lift_text(i, U32(0), U32(1), &name)) return false;
    done = change_pins(t, slice_of(name), by, &error) && lower_error(i, U32(2), error);
    str_unref(name);
    return done;
}

bool objects_pin(Instance *i, Turn *t, wasmtime_val_raw_t *v) { return pin(i, t, v, 1); }
bool objects_unpin(Instance *i, Turn *t, wasmtime_val_raw_t *v) { return pin(i, t, v, -1); }

/* ---- one object ---- */

bool objects_object_drop(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return handle_drop(i, U32(0), AN_OBJECT);
}

bool objects_object_name(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Str *name = object_at(i, U32(0));
    (void)t;
    return name && lower_string(i, U32(1), slice_of(name));
}

/* 0 once it is collected; `read` says so. */
bool objects_object_size(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Str *name = object_at(i, U32(0));
    Slice body;
    Error error;
    if (name == NULL || !body_of(t, slice_of(name), &body, &error)) return false;
    v[0].i64 = (int64_t)body.size;
    return true;
}

/* What there is of the range; empty at the end. */
bool objects_object_read(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Str *name = object_at(i, U32(0));
    uint64_t offset = U64(1), length = U32(2);
    Slice body;
    Error error;
    if (name == NULL || !body_of(t, slice_of(name), &body, &error)) return false;
    if (error) return lower_failed(i, U32(3), error, OK_BYTES, 4);
    if (offset > body.size) return lower_failed(i, U32(3), INVALID, OK_BYTES, 4);
    if (length > body.size - offset) length = body.size - offset;
    return lower_ok_bytes(i, U32(3), length ? slice(body.data + offset, length) : slice(NULL, 0));
}

/* calls_message.c - `messaging`: messages that were received, and answers. See host/syscalls/messaging.py */
#include "lowering.h"

static Message *message_at(Instance *i, uint32_t handle) {
    const Handle *h = handle_get(i, handle, A_MESSAGE);
    return h ? h->message : NULL;
}

bool messaging_message_drop(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return handle_drop(i, U32(0), A_MESSAGE);
}

/* ---- what it says ---- */

bool messaging_message_sender(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Message *m = message_at(i, U32(0));
    bool some;
    (void)t;
    if (m == NULL) return false;
    some = !is_nowhere(&m->delivery->sender);
    return lower_option_handle(i, U32(1), some, some ? address_handle(&m->delivery->sender) : (Handle){0});
}

bool messaging_message_wants_reply(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Message *m = message_at(i, U32(0));
    (void)t;
    if (m) v[0].i32 = m->open;
    return m != NULL;
}

bool messaging_message_id(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Message *m = message_at(i, U32(0));
    t->d->ledger.numbered = true;
    return m && lower_string(i, U32(1), slice(m->delivery->id, ID_SIZE));
}

bool messaging_message_attempt(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Message *m = message_at(i, U32(0));
    (void)t;
    if (m) v[0].i32 = (int32_t)m->delivery->attempt;
    return m != NULL;
}

bool messaging_message_deadline(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Message *m = message_at(i, U32(0));
    (void)t;
    if (m) v[0].i64 = (int64_t)m->delivery->deadline;
    return m != NULL;
}

bool messaging_message_topic(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Message *m = message_at(i, U32(0));
    (void)t;
    return m && lower_some(i, U32(1), m->delivery->topic != NULL, slice_of(m->delivery->topic));
}

/* The value of a name, as an option. */
static bool lower_metadata(Instance *i, Slice metadata, Str *name, uint32_t at) {
    Slice value = {0};
    bool some = metadata_find(metadata, slice_of(name), &value);
    str_unref(name);
    return lower_some(i, at, some, value);
}

bool messaging_message_metadata(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Message *m = message_at(i, U32(0));
    Str *name;
    (void)t;
    if (m == NULL || !lift_text(i, U32(1), U32(2), &name)) return false;
    return lower_metadata(i, slice_of(m->delivery->metadata), name, U32(3));
}

bool messaging_answer_metadata(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Str *name;
    if (!lift_text(i, U32(0), U32(1), &name)) return false;
    return lower_metadata(i, slice_of(t->answer_metadata), name, U32(2));
}

/* ---- the duty to answer ---- */

/* Takes over the references to body and metadata. False: the turn leaves too much behind. */
static bool answer(Turn *t, Message *m, Str *metadata, Str *body, uint64_t size, Error *error) {
    Intent *x;
    if (!turn_keep(t, size)) {
        str_unref(metadata), str_unref(body);
        return false;
    }
    *error = m->open ? OK : INVALID;
    if (*error) {
        str_unref(metadata), str_unref(body);
        return true;
    }
    m->open = false;
    x = turn_intend(t, REPLY_IT);
    x->message = delivery_ref(m->delivery);
    x->metadata = metadata, x->body = body;
    return true;
}

bool messaging_message_reply(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Message *m = message_at(i, U32(0));
    Slice body;
    Error error = OK;
    if (m == NULL || !guest_read(i, U32(1), U32(2), &body)) return false;
    if (body.size > t->kind->message) error = TOO_LARGE;
    else if (!answer(t, m, NULL, slice_str(body), body.size, &error)) return false;
    return lower_error(i, U32(3), error);
}

/* The pairs in the bytes that frames have for them; *size is what they count. */
static Error attach(const Kind *kind, Str **pairs, size_t count, Str **metadata, uint64_t *size) {
    Buffer bytes = {0};
    *size = 0;
    for (size_t n = 0; n < count; n++) {
        if (pairs[2 * n]->size > NAME_BYTES) return TOO_LARGE;
        *size += (uint64_t)pairs[2 * n]->size + pairs[2 * n + 1]->size;
    }
    if (*size > kind->message) return TOO_LARGE;
    for (size_t n = 0; n < count; n++) metadata_add(&bytes, slice_of(pairs[2 * n]), slice_of(pairs[2 * n + 1]));
    *metadata = slice_str(slice(bytes.data, bytes.size));
    buffer_free(&bytes);
    return OK;
}

bool messaging_message_reply_with(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Message *m = message_at(i, U32(0));
    Str **pairs, *metadata = NULL;
    Slice body;
    uint64_t size = 0;
    Error error;
    bool done = true;
    if (m == NULL || !lift_list(i, U32(1), U32(2), true, &pairs, &error)) return false;
    if (error) return lower_error(i, U32(5), error);
    if (!guest_read(i, U32(3), U32(4), &body)) {
        free_list(pairs, 2 * (size_t)U32(2));
        return false;
    }
    error = body.size > t->kind->message ? TOO_LARGE : attach(t->kind, pairs, U32(2), &metadata, &size);
    if (!error) done = answer(t, m, metadata, slice_str(body), body.size + size, &error);
    free_list(pairs, 2 * (size_t)U32(2));
    return done && lower_error(i, U32(5), error);
}

static uint64_t metadata_bytes(const Delivery *d) {
    uint64_t size = 0;
    MetadataPair pair;
    for (size_t at = 0; metadata_next(slice_of(d->metadata), &at, &pair);) size += pair.value.size;
    return size;
}

/* As a message with a new identity that keeps sender, topic, metadata, deadline and the question behind it. */
bool messaging_message_forward(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Message *m = message_at(i, U32(0));
    const Handle *to = m ? handle_get(i, U32(1), AN_ADDRESS) : NULL;
    const Delivery *old;
    Delivery *copy;
    uint8_t id[ID_SIZE];
    Intent *x;
    Error error;
    if (to == NULL) return false;
    old = m->delivery;
    if (turn_has_ended(t, &to->address)) error = CLOSED;
    else if (!m->open && !is_nowhere(&old->reply)) error = INVALID;
    else error = turn_count_sent(t);
    if (error) return lower_error(i, U32(2), error);
    if (!turn_keep(t, slice_of(old->body).size + metadata_bytes(old))) return false;
    m->open = false;
    turn_new_id(t, id);
    copy = delivery_new(id, old->form, &t->d->spares);
    copy->body = str_ref(old->body), copy->topic = str_ref(old->topic), copy->pair = str_ref(old->pair);
    copy->metadata = str_ref(old->metadata);
    copy->sender = address_ref(&old->sender), copy->reply = address_ref(&old->reply);
    memcpy(copy->request, old->request, ID_SIZE);
    copy->deadline = old->deadline;
    x = turn_intend(t, SEND_IT);
    x->to = address_ref(&to->address);
    x->message = copy;
    return lower_error(i, U32(2), OK);
}

/* ---- keeping ---- */

typedef struct KeptKey {
    const Turn *turn;
    uint64_t token;
} KeptKey;

static int has_token(const void *item, const void *key) {
    const KeptKey *k = key;
    return k->turn->kept[(uintptr_t)item - 1].token == k->token;
}

static KeptNow *kept_now(const Turn *t, uint64_t token) {
    KeptKey key = {t, token};
    uintptr_t place = (uintptr_t)table_find(&t->kept_by, hash_u64(token), has_token, &key);
    return place ? &t->kept[place - 1] : NULL;
}

static void set_kept(Turn *t, uint64_t token, Message *m) {
    KeptNow *k = kept_now(t, token);
    if (k == NULL) {
        if (t->kept_count == t->kept_room) {
            t->kept_room = t->kept_room ? 2 * t->kept_room : 4;
            t->kept = xrealloc(t->kept, t->kept_room * sizeof *t->kept);
        }
        k = &t->kept[t->kept_count++];
        *k = (KeptNow){.token = token};
        table_insert(&t->kept_by, hash_u64(token), (void *)(uintptr_t)t->kept_count);
    }
    t->kept_messages -= k->message != NULL;
    message_unref(k->message);
    t->kept_messages += m != NULL;
    if (m) m->refs++;
    k->message = m;
}

bool messaging_message_keep(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Message *m = message_at(i, U32(0));
    uint64_t token = U64(1);
    size_t kept = (t->atom->more ? t->atom->more->kept.count : 0) + t->kept_messages;
    const KeptNow *k = kept_now(t, token);
    Error error = OK;
    if (m == NULL) return false;
    if (k ? k->message != NULL : atom_kept(t->atom, token) != NULL) error = INVALID;
    else if (kept >= t->kind->handles) error = EXHAUSTED;
    else if (!m->open) error = INVALID;
    if (!error) {
        m->open = false;
        set_kept(t, token, m);
    }
    return lower_error(i, U32(2), error);
}

bool messaging_kept(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint64_t token = U64(0);
    const KeptNow *now = kept_now(t, token);
    const Kept *kept = now ? NULL : atom_kept(t->atom, token);
    Message *m = NULL;
    if (now && now->message) {
        m = now->message;
        m->refs++;
    } else if (kept) {
        m = message_new(kept->message);
    }
    if (m) {
        m->open = !is_nowhere(&m->delivery->reply);
        set_kept(t, token, NULL);
        turn_hold(t, m);
    }
    return lower_option_handle(i, U32(1), m != NULL, (Handle){.type = A_MESSAGE, .message = m});
}

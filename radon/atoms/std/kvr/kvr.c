/* kvr.c - one replica of a shard of the replicated key-value store. docs/kvr.md has what differs from kv.
 *
 * A request is answered from what this replica has, and a change is told to the others later. A session brings along
 * what it has seen; a replica that has not seen as much says so, or keeps the request until it has.
 */
#include "gossip.h"

#define WAITING 64                  /* requests at once */
#define A_WHILE UINT64_C(1000000000) /* ns that one waits at most */

static radon_bytes seen(void) { return (radon_bytes){(const uint8_t *)me.seen.of, 8 * replicas}; }

/* ---- changes ---- */

/* The stamps of cells that a change replaces: of those that it knows, or of an element alone. */
static radon_bytes stamps_in(radon_bytes cells, const vector *known, const radon_bytes *element) {
    radon_buffer all = {0};
    cell next;
    while (cell_next(&cells, &next)) {
        if (known != NULL && !covers(known, next.stamp)) continue;
        if (element == NULL || (next.type == ELEMENT && radon_equal(next.payload, *element)))
            radon_store_u64(radon_buffer_extend(&all, 8), next.stamp);
    }
    return radon_buffer_bytes(&all);
}

/* Answers with the head of what was added, if anything was. */
static radon_bytes changed(const request *given, radon_bytes now, radon_bytes removed, radon_bytes added,
    uint64_t stamp) {
    uint64_t expiry = added.len > 0 ? radon_load_u64(added.data + 16) : 0;
    kv_status status = change_apply(&(change){stamp, given->key, removed, added}, now);
    return status == KV_OK ? answer_about(KV_OK, given->tag, stamp, expiry, KV_NOTHING) : plain(status);
}

/* A register in the place of what is there: of all, or of what `known` covers. */
static radon_bytes put(const request *given, uint64_t expiry, const vector *known, radon_bytes now) {
    uint64_t stamp = replica_tick();
    radon_bytes value = {given->payload, given->size}, removed = newest ? KV_NOTHING : stamps_in(now, known, NULL);
    return changed(given, now, removed, cell_make(REGISTER, given->tag, stamp, expiry, value), stamp);
}

/* Where the newest register wins a deletion is one of them; else nothing stays. */
static radon_bytes delete(const request *given, const view *old, const vector *known, radon_bytes now) {
    if (old->what == NOTHING) return plain(KV_ABSENT);
    radon_bytes it = newest ? put(&(request){.key = given->key}, DELETED, NULL, now)
                            : changed(given, now, stamps_in(now, known, NULL), KV_NOTHING, replica_tick());
    return refused(it) ? it : answer_about(KV_OK, old->tag, old->version, old->expiry, KV_NOTHING);
}

/* The value is put once more. */
static radon_bytes expire(const request *given, const view *old, const vector *known, radon_bytes now) {
    if (old->what != VALUE) return plain(old->what == NOTHING ? KV_ABSENT : KV_UNSUPPORTED);
    request again = {.key = given->key, .tag = old->tag, .size = old->entry.len - KV_HEAD};
    again.payload = (uint8_t *)old->entry.data + KV_HEAD;
    return put(&again, request_expiry(given), known, now);
}

/* To what this replica alone has counted. */
static radon_bytes add(const request *given, view *old, radon_bytes now) {
    int64_t own = 0, delta = given->size == 8 ? (int64_t)radon_load_u64(given->payload) : 0;
    radon_bytes rest = now;
    cell next;
    if (given->size != 8) return plain(KV_INVALID);
    if (given->expiry != 0) return plain(KV_UNSUPPORTED);
    if (old->what == SET || (old->what != NOTHING && old->tag != given->tag)) return plain(KV_WRONG_TAG);
    if (old->what == VALUE && !radon_parse_s64(radon_slice(old->entry, KV_HEAD, old->entry.len), &old->number))
        return plain(KV_NOT_A_NUMBER);
    while (cell_next(&rest, &next))
        if (next.type == COUNTER && writer_of(next.stamp) == self) own = (int64_t)radon_load_u64(next.payload.data);
    if (__builtin_add_overflow(own, delta, &own) || __builtin_add_overflow(old->number, delta, &old->number))
        return plain(KV_OVERFLOW);
    uint8_t count[8];
    radon_store_u64(count, (uint64_t)own);
    uint64_t stamp = replica_tick();
    radon_bytes counter = cell_make(COUNTER, given->tag, stamp, 0, (radon_bytes){count, 8});
    radon_bytes it = changed(given, now, KV_NOTHING, counter, stamp);
    return refused(it) ? it : answer_about(KV_OK, given->tag, stamp, 0, radon_format_s64(old->number));
}

static radon_bytes change_set(const request *given, const view *old, radon_bytes now) {
    radon_bytes element = {given->payload, given->size}, had = stamps_in(now, NULL, &element);
    bool inserts = (int)given->op == KV_INSERT;
    if (old->what != NOTHING && (old->what != SET || (inserts && old->tag != given->tag))) return plain(KV_WRONG_TAG);
    if (!inserts && had.len == 0) return plain(KV_ABSENT);
    uint64_t stamp = replica_tick();
    return changed(given, now, had, inserts ? cell_make(ELEMENT, given->tag, stamp, 0, element) : KV_NOTHING, stamp);
}

/* What this replica has seen, and all registers that are there, of which none replaces another, as answers. */
static radon_bytes versions(radon_bytes cells) {
    radon_buffer all = {0};
    uint64_t count = 0;
    cell next;
    answer_begin(&all);
    radon_buffer_add(&all, seen());
    while (cell_next(&cells, &next)) {
        if (next.type != REGISTER || has_expired(next.expiry, radon_clock_now())) continue;
        radon_buffer_add(&all, next.bytes);
        count++;
    }
    return answer_finish(&all, count);
}

/* A request about one key. `known`: what a change may replace; NULL: all that is here. */
static radon_bytes run(const request *given, const vector *known) {
    radon_bytes now = {0};
    if (given->flags & (CONDITIONS | KV_GIVE_OLD)) return plain(KV_UNSUPPORTED);
    bool is_blind = newest && given->op == KV_PUT && !(given->flags & KV_KEEP_EXPIRY);
    kv_status status = is_blind ? KV_OK : cells_load(given->key, &now);
    if (status != KV_OK) return plain(status);
    view old = cells_view(now, radon_clock_now());
    bool keeps = given->flags & KV_KEEP_EXPIRY && old.what != NOTHING;
    switch ((int)given->op) {
    case KV_GET: return old.what == NOTHING ? plain(KV_ABSENT) : answer_get(given, view_answer(&old, now));
    case KV_PUT: return put(given, keeps ? old.expiry : request_expiry(given), known, now);
    case KV_DELETE: return delete(given, &old, known, now);
    case KV_ADD: return add(given, &old, now);
    case KV_EXPIRE: return expire(given, &old, known, now);
    case KV_VERSIONS: return versions(now);
    case KV_INSERT:
    case KV_REMOVE: return change_set(given, &old, now);
    default: return plain(KV_UNSUPPORTED);
    }
}

/* ---- many ---- */

/* Each is carried out by itself. */
static radon_bytes batch(const request *given, const vector *known) {
    radon_bytes rest = {given->payload, given->size};
    radon_buffer all = {0};
    uint64_t count = 0;
    answer_begin(&all);
    for (; rest.len > 0; count++) {
        request next;
        if (count == KV_BATCH_MAX || all.len > KV_BATCH_BYTES) return plain(KV_TOO_LARGE);
        kv_status status = request_next(&rest, &next);
        if (status == KV_INVALID) return plain(status);
        radon_buffer_add(&all, status == KV_OK ? run(&next, known) : plain(status));
    }
    return answer_finish(&all, count);
}

static radon_bytes respond(radon_bytes body, const vector *known) {
    const uint32_t limits[] = {KV_KEY_MAX, ENTRY_MAX - KV_HEAD, KV_BATCH_MAX, KV_BATCH_BYTES, replicas};
    request given;
    bool beyond_kv = body.len > 0 && body.data[0] >= KV_VERSIONS && body.data[0] <= KV_REMOVE;
    kv_status status = beyond_kv ? request_split(body, &given) : request_read(body, &given);
    if (status != KV_OK) return plain(status);
    switch (given.op) {
    case KV_INFO: return answer_info(KV_FORMAT, limits, 5);
    case KV_BATCH: return batch(&given, known);
    case KV_SCAN: return cells_page(&given);
    default: return run(&given, known);
    }
}

/* ---- sessions ---- */

/* The answer to a session's request behind what this replica has seen; or no bytes: it has not seen as much. */
static radon_bytes session_respond(radon_bytes body) {
    request given;
    vector had = {0}, known = {0}; /* what the session has seen; and, perhaps, what its changes may replace */
    size_t size = 8 * replicas;
    if (request_split(body, &given) != KV_OK || given.flags & ~KV_WAIT) return plain(KV_INVALID);
    if (given.key.len != size && given.key.len != 2 * size) return plain(KV_INVALID);
    memcpy(&had, given.key.data, size);
    memcpy(&known, given.key.data + size, given.key.len - size);
    if (is_filling() || !covers_all(&me.seen, &had)) return KV_NOTHING;
    radon_bytes within = {given.payload, given.size};
    return answer(KV_OK, 0, radon_concat(seen(), respond(within, given.key.len > size ? &known : NULL)));
}

static radon_bytes behind(void) { return answer(KV_BEHIND, 0, seen()); }

static void reply(radon_message message, radon_bytes it) {
    if (radon_message_reply(message, it) == RADON_TOO_LARGE) radon_message_reply(message, plain(KV_TOO_LARGE));
}

/* Answers those that waited and need not any more, or do not want to. The timer rings for the rest, and at once where
 * there may be more than were looked at. */
static radon_error wake(void) {
    radon_entry_list kept;
    uint64_t now = radon_clock_now(), next = now;
    TRY(radon_bucket_scan(waiting, RADON_NONE, RADON_NONE, WAITING, false, &kept));
    for (size_t index = 0; index < kept.len; index++) {
        uint64_t until = radon_load_u64_key(kept.data[index].key.data);
        radon_message message;
        radon_bytes it = session_respond(kept.data[index].value);
        if (it.len == 0 && until > now) {
            if (next == now) next = until;
            continue;
        }
        TRY(radon_bucket_delete(waiting, kept.data[index].key));
        if (!radon_messaging_kept(until, &message)) continue;
        reply(message, it.len > 0 ? it : behind());
        radon_message_drop(message);
    }
    return kept.len > 0 ? radon_clock_set_timer(next - now, GIVE_UP) : RADON_OK;
}

/* It waits until a time of its own, which is its key and its token. */
static bool keep(radon_message message, radon_bytes body) {
    radon_entry_list kept;
    uint64_t until = radon_clock_now() + A_WHILE;
    if (until <= me.waited) until = me.waited + 1;
    if (!(body.data[1] & KV_WAIT)) return false;
    radon_error error = radon_bucket_scan(waiting, RADON_NONE, RADON_NONE, WAITING, false, &kept);
    if (error != RADON_OK || kept.len == WAITING) return false;
    if (radon_bucket_put(waiting, number_key(until), body) != RADON_OK) return false;
    me.waited = until;
    error = radon_message_keep(message, until);
    if (error == RADON_OK && kept.len == 0) error = radon_clock_set_timer(A_WHILE, GIVE_UP);
    if (error == RADON_OK) error = replica_save();
    if (error != RADON_OK) radon_bucket_delete(waiting, number_key(until));
    return error == RADON_OK;
}

/* ---- handlers ---- */

/* The answer, or no bytes: it will come. */
static radon_bytes handle(radon_message message, radon_bytes body) {
    request given;
    uint8_t op = body.len > 0 ? body.data[0] : 0;
    if (op == OP_GOSSIP || op == OP_FILL) {
        uint32_t from = replica_sender(message);
        if (from == KV_REPLICAS || request_split(body, &given) != KV_OK) return plain(KV_INVALID);
        return op == OP_FILL ? fill_give(&given) : gossip_hear(from, &given);
    }
    if (op == KV_SESSION) {
        radon_bytes it = session_respond(body);
        return it.len > 0 ? it : keep(message, body) ? KV_NOTHING : behind();
    }
    return is_filling() && op != KV_INFO ? behind() : respond(body, NULL);
}

RADON_RECEIVE(message, body) {
    RADON_TRY(gossip_begin());
    radon_bytes it = handle(message, body);
    if (it.len > 0) reply(message, it);
    if (body.len > 0 && body.data[0] == OP_GOSSIP) RADON_TRY(wake());
    RADON_TRY(gossip_settle());
    return RADON_DONE;
}

RADON_REPLIED(token, error, answer) {
    RADON_TRY(gossip_begin());
    uint32_t from = (uint32_t)token % FILLS;
    RADON_TRY(token < FILLS ? gossip_heard(from, error, answer) : fill_take(from, error, answer));
    RADON_TRY(wake());
    RADON_TRY(gossip_settle());
    return RADON_DONE;
}

RADON_FIRED(token) {
    RADON_TRY(gossip_begin());
    if (token == GOSSIP) RADON_TRY(gossip_tell_all());
    if (token == REAP) RADON_TRY(replica_reap());
    if (token == GIVE_UP) RADON_TRY(wake());
    RADON_TRY(gossip_settle());
    return RADON_DONE;
}

/* kvr.c - one replica of a shard of the replicated key-value store. docs/kvr.md has what differs from kv.
 *
 * A request is answered from what this replica has, and a change is told to the others later. A session brings along
 * what it has seen; a replica that has not seen as much says so, or keeps the request until it has.
 */
#include "gossip.h"

#define WAITING 64                  /* requests at once */
#define A_WHILE UINT64_C(1000000000) /* ns that one waits at most */

static radon_bytes plain(kv_status status) { return answer(status, 0, KV_NOTHING); }

static radon_bytes seen(void) { return (radon_bytes){(const uint8_t *)me.seen.of, 8 * replicas}; }

static radon_bytes info(void) {
    uint8_t numbers[24];
    uint64_t shards = 0;
    radon_option config = radon_config_get(radon_text("shards"));
    if (config.some) radon_parse_u64(config.value, &shards);
    radon_store_u32(numbers, (uint32_t)shards);
    radon_store_u32(numbers + 4, KV_KEY_MAX);
    radon_store_u32(numbers + 8, ENTRY_MAX - KV_HEAD);
    radon_store_u32(numbers + 12, KV_BATCH_MAX);
    radon_store_u32(numbers + 16, KV_BATCH_BYTES);
    radon_store_u32(numbers + 20, replicas);
    return answer(KV_OK, KV_FORMAT, (radon_bytes){numbers, sizeof numbers});
}

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

static radon_bytes changed(const request *given, radon_bytes now, radon_bytes removed, radon_bytes added,
    uint64_t stamp) {
    change it = {stamp, given->key, removed, added};
    kv_status status = change_apply(&it, &now);
    return status == KV_OK ? answer_about(KV_OK, given->tag, stamp, 0, KV_NOTHING) : plain(status);
}

/* A register in the place of what is there: of all, or of what `known` covers. */
static radon_bytes put(const request *given, uint64_t expiry, const vector *known, const radon_bytes *now) {
    uint64_t stamp = replica_tick();
    radon_bytes value = {given->payload, given->size};
    change it = {stamp, given->key, KV_NOTHING, cell_make(REGISTER, given->tag, stamp, expiry, value)};
    if (!newest) it.removed = stamps_in(*now, known, NULL);
    kv_status status = change_apply(&it, newest ? NULL : now);
    return status == KV_OK ? answer_about(KV_OK, given->tag, stamp, expiry, KV_NOTHING) : plain(status);
}

/* Where the newest register wins a deletion is one of them; else nothing stays. */
static radon_bytes delete(const request *given, const view *old, const vector *known, radon_bytes now) {
    if (old->what == NOTHING) return plain(KV_ABSENT);
    request nothing = {.key = given->key};
    radon_bytes it = newest ? put(&nothing, DELETED, NULL, NULL)
                            : changed(given, now, stamps_in(now, known, NULL), KV_NOTHING, replica_tick());
    return refused(it) ? it : answer_about(KV_OK, old->tag, old->version, old->expiry, KV_NOTHING);
}

/* The value is put once more. */
static radon_bytes expire(const request *given, const view *old, const vector *known, const radon_bytes *now) {
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
    if (old->what != NOTHING && old->tag != given->tag) return plain(KV_WRONG_TAG);
    if (old->what == SET) return plain(KV_WRONG_TAG);
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
        if (next.type != REGISTER || is_dead(&next, radon_clock_now())) continue;
        radon_buffer_add(&all, next.bytes);
        count++;
    }
    return answer_finish(&all, count);
}

/* A request about one key. `known`: what a change may replace; NULL: all that is here. */
static radon_bytes run(const request *given, const vector *known) {
    radon_bytes now = {0};
    kv_status status = KV_OK;
    if (given->flags & (CONDITIONS | KV_GIVE_OLD)) return plain(KV_UNSUPPORTED);
    if (given->op == KV_PUT && newest && !(given->flags & KV_KEEP_EXPIRY))
        return put(given, request_expiry(given), NULL, NULL);
    status = cells_load(given->key, &now);
    if (status != KV_OK) return plain(status);
    view old = cells_view(now, radon_clock_now());
    bool keeps = given->flags & KV_KEEP_EXPIRY && old.what != NOTHING;
    switch ((int)given->op) {
    case KV_GET: return old.what == NOTHING ? plain(KV_ABSENT) : answer_get(given, view_answer(&old, now));
    case KV_PUT: return put(given, keeps ? old.expiry : request_expiry(given), known, &now);
    case KV_DELETE: return delete(given, &old, known, now);
    case KV_ADD: return add(given, &old, now);
    case KV_EXPIRE: return expire(given, &old, known, &now);
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

static radon_bytes scan(const request *given) {
    radon_entry_list entries;
    radon_option end = given->flags & KV_BOUNDED ? radon_some((radon_bytes){given->payload, given->size}) : RADON_NONE;
    radon_buffer page = {0};
    radon_bytes resume = {0};
    if (given->version == 0 || given->version > UINT32_MAX) return plain(KV_INVALID);
    if (cells_scan(given->key, end, (uint32_t)given->version, &entries) != RADON_OK) return plain(KV_INVALID);
    if (entries.len > 0) resume = radon_concat(entries.data[entries.len - 1].key, ZERO);
    answer_begin(&page);
    radon_store_u32(radon_buffer_extend(&page, 4), (uint32_t)resume.len);
    radon_buffer_add(&page, resume);
    for (size_t index = 0; index < entries.len; index++) {
        view it = cells_view(entries.data[index].value, radon_clock_now());
        if (it.what == NOTHING) continue;
        radon_bytes shown = view_answer(&it, entries.data[index].value);
        radon_store_u32(radon_buffer_extend(&page, 4), (uint32_t)entries.data[index].key.len);
        radon_buffer_add(&page, entries.data[index].key);
        size_t begin = page.len;
        radon_buffer_add(&page, given->flags & KV_NO_VALUE ? radon_slice(shown, 0, KV_HEAD) : shown);
        if (given->flags & KV_NO_VALUE) radon_store_u32(page.data + begin + 4, 0);
    }
    return answer_finish(&page, 0);
}

static radon_bytes respond(radon_bytes body, const vector *known) {
    request given;
    if (body.len > 0 && body.data[0] >= KV_VERSIONS && body.data[0] <= KV_REMOVE) {
        kv_status status = request_split(body, &given);
        return status == KV_OK ? run(&given, known) : plain(status);
    }
    kv_status status = request_read(body, &given);
    if (status != KV_OK) return plain(status);
    switch (given.op) {
    case KV_INFO: return info();
    case KV_BATCH: return batch(&given, known);
    case KV_SCAN: return scan(&given);
    default: return run(&given, known);
    }
}

/* ---- sessions ---- */

/* What it has seen, and behind it, perhaps, what its changes may replace. */
static bool session_read(radon_bytes body, request *out, vector *had, vector *known, bool *knows) {
    if (request_split(body, out) != KV_OK || (int)out->op != KV_SESSION || out->flags & ~KV_WAIT) return false;
    size_t size = 8 * replicas;
    *had = *known = (vector){0};
    *knows = out->key.len == 2 * size;
    if (out->key.len != size && !*knows) return false;
    memcpy(had, out->key.data, size);
    if (*knows) memcpy(known, out->key.data + size, size);
    return true;
}

/* The answer to a session's request behind what this replica has seen; or no bytes: it has not seen as much. */
static radon_bytes session_respond(radon_bytes body) {
    request given;
    vector had, known;
    bool knows;
    if (!session_read(body, &given, &had, &known, &knows)) return plain(KV_INVALID);
    if (is_filling() || !covers_all(&me.seen, &had)) return KV_NOTHING;
    radon_bytes it = respond((radon_bytes){given.payload, given.size}, knows ? &known : NULL);
    return answer(KV_OK, 0, radon_concat(seen(), it));
}

static radon_bytes behind(void) { return answer(KV_BEHIND, 0, seen()); }

/* Answers those that waited and need not any more, or do not want to. The timer rings for the rest. */
static radon_error wake(void) {
    radon_entry_list kept;
    uint64_t now = radon_clock_now(), first = 0;
    radon_error error = radon_bucket_scan(waiting, RADON_NONE, RADON_NONE, WAITING, false, &kept);
    for (size_t index = 0; index < kept.len && error == RADON_OK; index++) {
        radon_bytes key = kept.data[index].key, body = kept.data[index].value;
        uint64_t until = radon_load_u64(body.data);
        radon_message message;
        radon_bytes it = session_respond(radon_slice(body, 8, body.len));
        if (it.len == 0 && until > now) {
            if (first == 0 || until < first) first = until;
            continue;
        }
        error = radon_bucket_delete(waiting, key);
        if (!radon_messaging_kept(radon_load_u64_key(key.data), &message)) continue;
        if (radon_message_reply(message, it.len > 0 ? it : behind()) == RADON_TOO_LARGE)
            radon_message_reply(message, plain(KV_TOO_LARGE));
        radon_message_drop(message);
    }
    return error == RADON_OK && first != 0 ? radon_clock_set_timer(first - now, GIVE_UP) : error;
}

static bool keep(radon_message message, radon_bytes body) {
    uint8_t room[POSITION], until[8];
    radon_bytes key = {room, POSITION};
    radon_entry_list kept;
    if (!(body.data[1] & KV_WAIT)) return false;
    radon_store_u64_key(room, me.waited + 1);
    radon_store_u64(until, radon_clock_now() + A_WHILE);
    radon_bytes noted = radon_concat((radon_bytes){until, 8}, body);
    radon_error error = radon_bucket_scan(waiting, RADON_NONE, RADON_NONE, WAITING, false, &kept);
    if (error != RADON_OK || kept.len == WAITING || radon_bucket_put(waiting, key, noted) != RADON_OK) return false;
    error = radon_message_keep(message, me.waited + 1);
    if (error == RADON_OK) me.waited++;
    else radon_bucket_delete(waiting, key);
    if (error == RADON_OK) error = radon_clock_set_timer(A_WHILE, GIVE_UP);
    return replica_save() == RADON_OK && error == RADON_OK;
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
    if (it.len > 0 && radon_message_reply(message, it) == RADON_TOO_LARGE)
        radon_message_reply(message, plain(KV_TOO_LARGE));
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

/* txkv.c - coordinates transactions over shards of kv. docs/txkv.md has the messages and why nothing is lost.
 *
 *     open      number -> a transaction whose parts are being prepared: a record, below
 *
 * The parts are prepared all at once, but for one that is near, if there is one: it is asked last, with the power to
 * decide. What was decided is told in the turn that hears or makes the decision, which forgets the transaction.
 */
#include "shards.h"

static radon_bucket open;

static radon_error begin(void) {
    TRY(shards_begin());
    return open.handle == 0 ? radon_state_open(radon_text("open"), &open) : RADON_OK;
}

/* ---- answers ---- */

/* Which part it was that a shard refused, or that it could not be asked for. */
static radon_bytes refusal(uint32_t part, kv_status status, radon_bytes because) {
    radon_bytes it = because.len > 0 ? radon_concat(because, KV_NOTHING) : plain(status);
    radon_store_u64((uint8_t *)it.data + 16, part);
    return it;
}

/* Whoever asked for the transaction with this number may be gone. Nothing: it hears that it will hear nothing. */
static void reply(uint64_t number, radon_bytes it) {
    radon_message asker;
    if (!radon_messaging_kept(number, &asker)) return;
    if (it.len > 0 && radon_message_reply(asker, it) == RADON_TOO_LARGE) radon_message_reply(asker, radon_slice(it, 0, KV_HEAD));
    radon_message_drop(asker);
}

/* ---- the end of a transaction ---- */

/* A record in `open`: the name of a transaction, how many of its parts are still to be prepared, which part is the last
 * (or NONE), the length of the places of all (u32 each), these, and the requests of the last. */
typedef struct {
    uint64_t number;
    uint32_t last;
    radon_bytes stored, name, places, items;
} record;

enum { AWAITED = KV_TRANSACTION, LAST = AWAITED + 4, LENGTH = LAST + 4, PLACES = LENGTH + 4 };

#define NONE UINT32_MAX
#define ALL UINT32_MAX

static record record_in(uint64_t number, radon_bytes stored) {
    size_t end = PLACES + radon_load_u32(stored.data + LENGTH);
    return (record){
        .number = number,
        .last = radon_load_u32(stored.data + LAST),
        .stored = stored,
        .name = radon_slice(stored, 0, KV_TRANSACTION),
        .places = radon_slice(stored, PLACES, end),
        .items = radon_slice(stored, end, stored.len),
    };
}

/* It is over: the parts before `end` are told, but for the last and one that has nothing to end, and whoever asked is
 * answered. A shard that did not answer has to confirm that it heard. */
static radon_error decide(const record *it, kv_op op, uint32_t end, uint32_t but, radon_bytes decision) {
    bool doubtful = decision.data[0] == KV_UNANSWERED;
    radon_bytes rest = it->places, place;
    for (uint32_t part = 0; part < end && take_place(&rest, &place); part++)
        if (part != but && part != it->last) TRY(shard_tell(place, op, it->number, it->name, doubtful));
    TRY(radon_bucket_delete(open, number_key(it->number)));
    reply(it->number, decision);
    return RADON_OK;
}

/* ---- messages ---- */

/* Its own shard makes it atomic. */
static radon_error run_alone(uint64_t number, radon_bytes parts) {
    radon_bytes part, place;
    kv_take_key(&parts, &part);
    take_place(&part, &place);
    return shard_ask(place, kv_request(KV_BATCH, (kv_options){0}, part, KV_NOTHING), true, TOKEN(number, ALONE));
}

/* Asks all parts but the last; `count` is of those that it came to. */
static radon_error prepare(const record *it, radon_bytes parts, uint32_t *count) {
    radon_bytes part, place;
    TRY(radon_bucket_put(open, number_key(it->number), it->stored));
    for (; kv_take_key(&parts, &part) && take_place(&part, &place); ++*count) {
        if (*count == it->last) continue;
        radon_bytes request = kv_request(KV_PREPARE, (kv_options){0}, part, it->name);
        TRY(shard_ask(place, request, false, TOKEN(it->number, *count)));
    }
    return RADON_OK;
}

/* The record of a transaction of these parts. False: they are none. The first that is near is the last to be asked; that
 * another one is of the same shard would be found out by no shard. */
static bool make_record(radon_message message, radon_bytes parts, radon_buffer *out, uint32_t *count) {
    radon_bytes part, place, near, items = {0};
    uint32_t last = NONE;
    memcpy(radon_buffer_extend(out, PLACES), radon_message_id(message).data, KV_TRANSACTION);
    for (*count = 0; parts.len > 0; ++*count) {
        if (*count == TXKV_PARTS || !kv_take_key(&parts, &part) || !take_place(&part, &place) || part.len == 0)
            return false;
        radon_buffer_add(out, place);
        if (last != NONE && radon_equal(place, near)) return false;
        if (last != NONE || !shard_is_near(place)) continue;
        last = *count;
        near = place;
        items = part;
    }
    radon_store_u32(out->data + AWAITED, *count - (last != NONE));
    radon_store_u32(out->data + LAST, last);
    radon_store_u32(out->data + LENGTH, (uint32_t)(out->len - PLACES));
    radon_buffer_add(out, items);
    return *count > 0;
}

/* Answers what is to be answered at once; nothing: it will be later. */
static radon_error run(radon_message message, radon_bytes parts, radon_bytes *at_once) {
    radon_buffer stored = {0};
    uint64_t number;
    uint32_t count, asked_of = 0;
    radon_error error = make_record(message, parts, &stored, &count) ? next_number(&number) : RADON_INVALID;
    if (error == RADON_OK) {
        error = radon_message_keep(message, number);
        if (error == RADON_INVALID) error = RADON_OK; /* nobody waits */
    }
    if (error != RADON_OK) *at_once = refusal(0, status_of(error), KV_NOTHING);
    if (error != RADON_OK) return RADON_OK;
    record it = record_in(number, radon_buffer_bytes(&stored));
    error = count == 1 ? run_alone(number, parts) : prepare(&it, parts, &asked_of);
    if (error == RADON_OK) return RADON_OK;
    return decide(&it, KV_ABORT, asked_of, NONE, refusal(asked_of, status_of(error), KV_NOTHING));
}

/* Has nothing but an operation and a payload, so that a later format may give a meaning to the rest. */
static bool is_plain(radon_bytes body) {
    return (radon_load_u32(body.data) & ~0xffu) == 0 && radon_load_u32(body.data + 4) == body.len - KV_HEAD &&
           radon_load_u64(body.data + 8) == 0 && radon_load_u64(body.data + 16) == 0;
}

RADON_RECEIVE(message, body) {
    RADON_TRY(begin());
    int op = body.len < KV_HEAD ? 0 : body.data[0];
    bool well_formed = op != 0 && is_plain(body);
    radon_bytes it = KV_NOTHING;
    if (op != TXKV_RUN && op != KV_INFO && op != 0) it = plain(KV_UNSUPPORTED);
    else if (!well_formed || (op == KV_INFO && body.len > KV_HEAD)) it = plain(KV_INVALID);
    else if (op == KV_INFO) it = answer_info(TXKV_FORMAT, &(uint32_t){TXKV_PARTS}, 1);
    else RADON_TRY(run(message, radon_slice(body, KV_HEAD, body.len), &it));
    if (it.len > 0) radon_message_reply(message, it);
    return RADON_DONE;
}

/* Whether a shard did what it was asked to, else why not. What it says of a transaction that it knew already is about
 * another part, for which it has not even looked at this one. */
static kv_status outcome_of(radon_error error, radon_bytes *body, bool preparing) {
    kv_answer it;
    if (error != RADON_OK || !kv_parse(*body, &it)) {
        *body = KV_NOTHING;
        return error != RADON_OK ? status_of(error) : KV_INVALID;
    }
    if (it.status > KV_ABSENT) return it.status;
    if (!preparing || it.version != 0) return KV_OK;
    *body = KV_NOTHING;
    return KV_INVALID;
}

/* All others are prepared: the last part does it, or not, and so decides. Nobody but its answer knows from now on. */
static radon_error ask_last(const record *it) {
    radon_bytes rest = it->places, place = {0};
    for (uint32_t part = 0; part <= it->last; part++) take_place(&rest, &place);
    radon_bytes request = kv_request(KV_BATCH, (kv_options){0}, it->items, it->name);
    radon_error error = shard_ask(place, request, true, TOKEN(it->number, it->last));
    if (error == RADON_OK) return RADON_OK;
    return decide(it, KV_ABORT, ALL, NONE, refusal(it->last, status_of(error), KV_NOTHING));
}

static radon_error answered(uint64_t number, uint32_t part, kv_status status, radon_bytes because) {
    radon_option found;
    TRY(radon_bucket_get(open, number_key(number), &found));
    if (!found.some) return RADON_OK; /* decided already */
    record it = record_in(number, found.value);
    if (status != KV_OK) {
        uint32_t but = status == KV_UNANSWERED ? NONE : part; /* it has nothing prepared */
        return decide(&it, KV_ABORT, ALL, but, refusal(part, status, because));
    }
    uint32_t left = radon_load_u32(it.stored.data + AWAITED) - (part != it.last);
    if (part == it.last || (left == 0 && it.last == NONE))
        return decide(&it, KV_COMMIT, ALL, NONE, plain(KV_OK));
    if (left == 0) return ask_last(&it);
    radon_store_u32((uint8_t *)it.stored.data + AWAITED, left); /* in this turn's memory */
    return radon_bucket_put(open, number_key(number), it.stored);
}

/* In time, or nobody knows what became of it, and so nobody is answered. */
static void answered_alone(uint64_t number, radon_error error, kv_status status, radon_bytes because) {
    if (error == RADON_TIMEOUT) reply(number, KV_NOTHING);
    else reply(number, status == KV_OK ? plain(KV_OK) : refusal(0, status, because));
}

RADON_REPLIED(token, error, body) {
    uint64_t number = token >> 12;
    uint32_t part = token & PART;
    RADON_TRY(begin());
    kv_status status = outcome_of(error, &body, part < TXKV_PARTS);
    if (part == CONFIRM) RADON_TRY(shards_confirmed(number, status == KV_OK));
    else if (part == ALONE) answered_alone(number, error, status, body);
    else RADON_TRY(answered(number, part, status, body));
    return RADON_DONE;
}

RADON_FIRED(token) {
    RADON_TRY(begin());
    RADON_TRY(shards_confirm());
    return RADON_DONE;
}

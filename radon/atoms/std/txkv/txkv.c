/* txkv.c - coordinates transactions over shards of kv. docs/txkv.md has the messages and why nothing is lost.
 *
 *     open      number -> a transaction whose parts are being prepared: a record, below
 *
 * The messages of the end leave in the turn that decides on it, and that is all that there is to a decision.
 */
#include "shards.h"

#define LOST (3 * PATIENCE)  /* what began so long ago can hear no answer any more */
#define PERIOD 1000000000ull /* of the timer */
#define SOON 10000000ull     /* the same where there is more to do */

static radon_bucket open;
static bool ticking; /* the timer is set */

/* The timer is set as long as there is anything to do, also by an instance that is gone. */
static radon_error look_for_work(void) {
    bool none, heard = true;
    radon_error error = is_empty(open, &none);
    if (error == RADON_OK) error = shards_heard(&heard);
    ticking = !none || !heard;
    return error;
}

static radon_error begin(void) {
    if (open.handle != 0) return RADON_OK;
    radon_error error = shards_open();
    if (error == RADON_OK) error = radon_state_open(radon_text("open"), &open);
    return error == RADON_OK ? look_for_work() : error;
}

static radon_error tick(uint64_t delay) {
    ticking = true;
    return radon_clock_set_timer(delay, 0);
}

/* ---- answers ---- */

static radon_bytes answer(kv_status status, uint64_t version, radon_bytes value) {
    uint8_t *head = radon_alloc(KV_HEAD + value.len);
    memset(head, 0, KV_HEAD);
    head[0] = (uint8_t)status;
    radon_store_u32(head + 4, (uint32_t)value.len);
    radon_store_u64(head + 8, version);
    memcpy(head + KV_HEAD, value.data, value.len);
    return (radon_bytes){head, KV_HEAD + value.len};
}

static kv_status status_of(radon_error error) {
    switch (error) {
    case RADON_TOO_LARGE: return KV_TOO_LARGE;
    case RADON_EXHAUSTED: return KV_EXHAUSTED;
    case RADON_TIMEOUT:
    case RADON_CLOSED:
    case RADON_UNAVAILABLE: return KV_UNANSWERED;
    default: return KV_INVALID; /* no such shard, or none that may be used */
    }
}

/* Which part it was that a shard refused, or that it could not be asked for. */
static radon_bytes refusal(size_t part, kv_status status, radon_bytes because) {
    radon_bytes it = because.len > 0 ? radon_concat(because, KV_NOTHING) : answer(status, 0, KV_NOTHING);
    radon_store_u64((uint8_t *)it.data + 16, part);
    return it;
}

/* Whoever asked for the transaction with this number may be gone. */
static void reply(uint64_t number, radon_bytes it) {
    radon_message asker;
    if (!radon_messaging_kept(number, &asker)) return;
    if (radon_message_reply(asker, it) == RADON_TOO_LARGE) radon_message_reply(asker, radon_slice(it, 0, KV_HEAD));
    radon_message_drop(asker);
}

/* ---- the end of a transaction ---- */

/* In `open`: the name of a transaction, when it began, how many of its parts are awaited, and then their places. */
typedef struct {
    uint64_t number;
    radon_bytes stored, name, places;
} record;

enum { SINCE = KV_TRANSACTION, AWAITED = SINCE + 8, RECORD = AWAITED + 4 };

static record record_in(uint64_t number, radon_bytes stored) {
    return (record){number, stored, radon_slice(stored, 0, SINCE), radon_slice(stored, RECORD, stored.len)};
}

/* Decides on it: the parts before `end` are told, but for one that has nothing to end, and whoever asked is answered. */
static radon_error decide(const record *it, kv_op op, size_t end, size_t but, radon_bytes decision) {
    radon_bytes rest = it->places, place;
    radon_error error = RADON_OK;
    for (size_t part = 0; part < end && error == RADON_OK && take_place(&rest, &place); part++)
        if (part != but) error = shard_tell(place, op, it->number, it->name);
    if (error == RADON_OK) error = radon_bucket_delete(open, number_key(it->number));
    if (error == RADON_OK) reply(it->number, decision);
    return error;
}

#define ALL SIZE_MAX
#define NONE SIZE_MAX

/* What began so long ago is decided: an answer to it was buried. */
static radon_error give_up(void) {
    radon_entry_list oldest;
    radon_error error = radon_bucket_scan(open, RADON_NONE, RADON_NONE, 64, false, &oldest);
    for (size_t index = 0; index < oldest.len && error == RADON_OK; index++) {
        record it = record_in(radon_load_u64_key(oldest.data[index].key.data), oldest.data[index].value);
        if (radon_clock_now() - radon_load_u64(it.stored.data + SINCE) < LOST) break;
        error = decide(&it, KV_ABORT, ALL, NONE, answer(KV_UNANSWERED, 0, KV_NOTHING));
    }
    return error;
}

/* ---- messages ---- */

static radon_bytes info(void) {
    uint8_t numbers[8];
    uint64_t shards = 0;
    radon_option config = radon_config_get(radon_text("shards"));
    if (config.some) radon_parse_u64(config.value, &shards);
    radon_store_u32(numbers, (uint32_t)shards);
    radon_store_u32(numbers + 4, TXKV_PARTS);
    return answer(KV_OK, TXKV_FORMAT, (radon_bytes){numbers, sizeof numbers});
}

/* Its own shard makes it atomic. */
static radon_error run_alone(uint64_t number, radon_bytes parts) {
    radon_bytes part, place;
    kv_take_key(&parts, &part);
    take_place(&part, &place);
    return shard_ask(place, kv_request(KV_BATCH, (kv_options){0}, part, KV_NOTHING), KV_FOR_EVER, TOKEN(number, ALONE));
}

/* Asks all parts; `count` is of those that were. */
static radon_error prepare(const record *it, radon_bytes parts, size_t *count) {
    radon_bytes part, place;
    radon_error error = radon_bucket_put(open, number_key(it->number), it->stored);
    if (error == RADON_OK && !ticking) error = tick(PERIOD);
    while (error == RADON_OK && kv_take_key(&parts, &part) && take_place(&part, &place)) {
        radon_bytes request = kv_request(KV_PREPARE, (kv_options){0}, part, it->name);
        error = shard_ask(place, request, PATIENCE, TOKEN(it->number, *count));
        if (error == RADON_OK) ++*count;
    }
    return error;
}

/* The record of a transaction of these parts. False: they are none. */
static bool make_record(radon_message message, radon_bytes parts, radon_buffer *out, size_t *count) {
    radon_bytes part, place;
    radon_buffer_add(out, radon_message_id(message));
    radon_store_u64(radon_buffer_extend(out, 8), radon_clock_now());
    radon_buffer_extend(out, 4);
    for (*count = 0; parts.len > 0; ++*count) {
        if (*count == TXKV_PARTS || !kv_take_key(&parts, &part) || !take_place(&part, &place) || part.len == 0)
            return false;
        radon_buffer_add(out, place);
    }
    radon_store_u32(out->data + AWAITED, (uint32_t)*count);
    return *count > 0;
}

/* Answers what is to be answered at once; nothing: it will be later. */
static radon_error run(radon_message message, radon_bytes parts, radon_bytes *at_once) {
    radon_buffer stored = {0};
    uint64_t number;
    size_t count, asked_of = 0;
    *at_once = refusal(0, KV_INVALID, KV_NOTHING);
    if (!make_record(message, parts, &stored, &count)) return RADON_OK;
    radon_error error = next_number(&number);
    if (error == RADON_OK && radon_message_wants_reply(message)) error = radon_message_keep(message, number);
    *at_once = error == RADON_OK ? KV_NOTHING : refusal(0, status_of(error), KV_NOTHING);
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
    bool plain = op != 0 && is_plain(body);
    radon_bytes it = answer(op == TXKV_RUN || op == KV_INFO || op == 0 ? KV_INVALID : KV_UNSUPPORTED, 0, KV_NOTHING);
    if (plain && op == TXKV_RUN) RADON_TRY(run(message, radon_slice(body, KV_HEAD, body.len), &it));
    if (plain && op == KV_INFO && body.len == KV_HEAD) it = info();
    if (it.len > 0) radon_message_reply(message, it);
    return RADON_DONE;
}

/* Whether a shard did what it was asked to, else why not. What it says of a transaction that it knew already is about
 * another part, for which it has not even looked at this one. */
static kv_status status_in(radon_error error, radon_bytes *body, bool preparing) {
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

static radon_error prepared(uint64_t number, size_t part, kv_status status, radon_bytes because) {
    radon_option found;
    radon_error error = radon_bucket_get(open, number_key(number), &found);
    if (error != RADON_OK || !found.some) return error; /* decided already */
    record it = record_in(number, found.value);
    if (status != KV_OK) {
        size_t but = status == KV_UNANSWERED ? NONE : part; /* it has nothing prepared */
        return decide(&it, KV_ABORT, ALL, but, refusal(part, status, because));
    }
    uint8_t *awaited = (uint8_t *)it.stored.data + AWAITED; /* in this turn's memory */
    radon_store_u32(awaited, radon_load_u32(awaited) - 1);
    if (radon_load_u32(awaited) > 0) return radon_bucket_put(open, number_key(number), it.stored);
    return decide(&it, KV_COMMIT, ALL, NONE, answer(KV_OK, 0, KV_NOTHING));
}

RADON_REPLIED(token, error, body) {
    uint64_t number = token >> 12;
    size_t part = token & PART;
    RADON_TRY(begin());
    kv_status status = status_in(error, &body, part < TXKV_PARTS);
    if (part == CONFIRM) RADON_TRY(shards_confirmed(number, status == KV_OK));
    else if (part == ALONE) reply(number, status == KV_OK ? answer(KV_OK, 0, KV_NOTHING) : refusal(0, status, body));
    else RADON_TRY(prepared(number, part, status, body));
    if (shards_to_confirm()) shards_confirm();
    return RADON_DONE;
}

RADON_FIRED(token) {
    RADON_TRY(begin());
    radon_error error = give_up(); /* if that cannot be now, another time */
    bool more = error != RADON_OK || shards_confirm();
    RADON_TRY(look_for_work());
    if (ticking) RADON_TRY(tick(more ? SOON : PERIOD));
    return RADON_DONE;
}

/* shards.c - what a coordinator knows of shards.
 *
 *     told      place, operation, number -> name: a shard that was told the end of a transaction, and may not have heard
 *     asked     number of a question -> the last key of `told` that it is about
 *     numbers   "last" -> no number above it was given out
 *
 * Numbers are big-endian in keys. What is told is a message, which arrives, unless the shard fails again and again. One
 * that may is noted, and asked from time to time, about many at once, until it says that none of them is left.
 */
#include "shards.h"

#define CONFIRMED 1024              /* ends that one turn asks about */
#define PERIOD (10 * 1000000000ull) /* ns, of the timer that asks */
#define SOON 10000000ull            /* the same where there are more */

static radon_bucket told, asked;
static sequence numbers;
static bool ticking; /* the timer is set, as long as there is anything in `told` */

static radon_error look_for_told(void) {
    radon_entry_list any;
    TRY(radon_bucket_scan(told, RADON_NONE, RADON_NONE, 1, false, &any));
    ticking = any.len > 0;
    return RADON_OK;
}

static radon_error open_buckets(void) {
    TRY(radon_state_open(radon_text("told"), &told));
    TRY(radon_state_open(radon_text("asked"), &asked));
    TRY(look_for_told());
    return sequence_begin(&numbers, "numbers", "last");
}

radon_error shards_begin(void) { return numbers.bucket.handle == 0 ? open_buckets() : RADON_OK; }

radon_error next_number(uint64_t *out) { return sequence_next(&numbers, out); }

/* ---- asking ---- */

#define KIND_MAX 63
#define PLACE_MAX (1 + KIND_MAX + 4)

bool take_place(radon_bytes *rest, radon_bytes *out) {
    size_t length = rest->len > 0 ? rest->data[0] : 0, size = 1 + length + 4;
    if (length == 0 || length > KIND_MAX || rest->len < size) return false;
    for (size_t index = 1; index <= length; index++) {
        uint8_t byte = rest->data[index];
        if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-')) return false;
    }
    *out = radon_slice(*rest, 0, size);
    *rest = radon_slice(*rest, size, rest->len);
    return true;
}

#define ADDRESSES 128 /* held on to; fewer than half of limits.handles */

typedef struct {
    radon_address address;
    bool near; /* in this domain when it was first asked for */
    size_t len;
    uint8_t place[PLACE_MAX];
} shard;

/* Of two places with one slot the later one has it: the shards of a store have different ones, as far as there are. */
static radon_error find(radon_bytes place, const shard **out) {
    static shard known[ADDRESSES];
    uint32_t number = radon_load_u32(place.data + place.len - 4);
    shard *it = &known[(kv_hash(radon_slice(place, 0, place.len - 4)) + number) % ADDRESSES];
    *out = it;
    if (it->len == place.len && radon_equal((radon_bytes){it->place, it->len}, place)) return RADON_OK;
    radon_address address;
    radon_buffer name = {0};
    radon_buffer_add(&name, radon_slice(place, 1, place.len - 4));
    radon_buffer_add_text(&name, "/#");
    radon_buffer_add_u64(&name, number);
    TRY(radon_messaging_open(radon_buffer_bytes(&name), &address));
    if (it->len != 0) radon_address_drop(it->address);
    it->address = address;
    it->near = radon_address_distance(address) == RADON_DISTANCE_SAME_DOMAIN;
    it->len = place.len;
    memcpy(it->place, place.data, place.len);
    return RADON_OK;
}

bool shard_is_near(radon_bytes place) {
    const shard *it;
    return find(place, &it) == RADON_OK && it->near;
}

radon_error shard_ask(radon_bytes place, radon_bytes request, bool for_ever, uint64_t token) {
    const shard *it;
    TRY(find(place, &it));
    return radon_address_request(it->address, request, for_ever || it->near ? KV_FOR_EVER : PATIENCE, token);
}

/* ---- telling ---- */

static radon_error note(radon_bytes place, kv_op op, uint64_t number, radon_bytes name) {
    radon_buffer key = {0};
    radon_buffer_add(&key, place);
    radon_buffer_add_byte(&key, (uint8_t)op);
    radon_buffer_add(&key, number_key(number));
    radon_error error = radon_bucket_put(told, radon_buffer_bytes(&key), name);
    if (error == RADON_OK && !ticking) error = radon_clock_set_timer(PERIOD, 0);
    ticking = true;
    return error;
}

radon_error shard_tell(radon_bytes place, kv_op op, uint64_t number, radon_bytes name, bool doubtful) {
    const shard *it;
    radon_error error = find(place, &it);
    if (error == RADON_OK) error = radon_address_send(it->address, kv_request(op, (kv_options){0}, KV_NOTHING, name));
    if (error == RADON_OK && !doubtful) return RADON_OK;
    radon_error noted = note(place, op, number, name);
    return noted == RADON_OK ? RADON_OK : error; /* one of the two will do */
}

static radon_error forget_told(radon_bytes last_key) {
    radon_bytes start = radon_slice(last_key, 0, last_key.len - 8);
    return radon_bucket_delete_range(told, radon_some(start), radon_some(key_after(last_key)));
}

/* A question about ends that one shard was told, up to the one with this key. Where the state has no room to remember
 * that it was asked, the question alone has to do. */
static void confirm(radon_bytes last_key, radon_bytes names) {
    uint64_t number = 0;
    radon_bytes place = radon_slice(last_key, 0, last_key.len - 9);
    radon_bytes request = kv_request((kv_op)last_key.data[place.len], (kv_options){0}, KV_NOTHING, names);
    radon_error error = next_number(&number);
    if (error == RADON_OK) error = radon_bucket_put(asked, number_key(number), last_key);
    bool left = shard_ask(place, request, true, TOKEN(number, CONFIRM)) == RADON_OK;
    if (left && error != RADON_OK) forget_told(last_key);
    if (!left && error == RADON_OK) radon_bucket_delete(asked, number_key(number));
}

/* Whether a question about the ends with this place and operation still awaits its answer. */
static bool is_asked(radon_entry_list questions, radon_bytes same) {
    for (size_t index = 0; index < questions.len; index++)
        if (radon_starts_with(questions.data[index].value, same)) return true;
    return false;
}

radon_error shards_confirm(void) {
    static uint8_t next[PLACE_MAX + 10];
    static size_t length;
    radon_entry_list some, questions;
    radon_option start = radon_some((radon_bytes){next, length});
    TRY(radon_bucket_scan(told, start, RADON_NONE, CONFIRMED, false, &some));
    TRY(radon_bucket_scan(asked, RADON_NONE, RADON_NONE, UINT32_MAX, false, &questions));
    for (size_t index = 0; index < some.len;) {
        radon_buffer names = {0};
        radon_bytes first = some.data[index].key, same = radon_slice(first, 0, first.len - 8), key = first;
        for (; index < some.len && radon_starts_with(some.data[index].key, same); key = some.data[index++].key)
            radon_buffer_add(&names, some.data[index].value);
        if (!is_asked(questions, same)) confirm(key, radon_buffer_bytes(&names));
        memcpy(next, key.data, key.len);
        next[key.len] = 0;
        length = key.len + 1;
    }
    if (some.len < CONFIRMED) length = 0;
    TRY(look_for_told());
    return ticking ? radon_clock_set_timer(length > 0 ? SOON : PERIOD, 0) : RADON_OK;
}

radon_error shards_confirmed(uint64_t number, bool heard) {
    radon_option last_key;
    TRY(radon_bucket_get(asked, number_key(number), &last_key));
    if (last_key.some && heard) TRY(forget_told(last_key.value));
    return radon_bucket_delete(asked, number_key(number));
}

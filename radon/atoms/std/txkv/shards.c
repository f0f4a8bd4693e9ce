/* shards.c - what a coordinator knows of shards.
 *
 *     told      place, operation, number -> name: a shard that was told the end of a transaction, and may not have heard
 *     asked     number of a question -> the last key of `told` that it is about
 *     numbers   "last" -> no number above it was given out
 *
 * Numbers are big-endian in keys. What is told arrives, unless a shard fails again and again; so each shard is asked, now
 * and then and about many at once, whether it knows of any that should have ended.
 */
#include "shards.h"

#define CONFIRMED 1024 /* ends that one turn asks about */
#define NUMBERS 1024   /* reserved at once, so that few transactions write it down */

static radon_bucket told, asked, numbers;
static uint64_t last, reserved; /* the last number given out, and the last that may be */
static size_t unasked;          /* ends told since shards were last asked about any */

#define LAST_KEY radon_text("last")

radon_error is_empty(radon_bucket bucket, bool *out) {
    radon_entry_list any;
    radon_error error = radon_bucket_scan(bucket, RADON_NONE, RADON_NONE, 1, false, &any);
    *out = any.len == 0;
    return error;
}

radon_error shards_open(void) {
    radon_option found;
    if (numbers.handle != 0) return RADON_OK;
    radon_error error = radon_state_open(radon_text("told"), &told);
    if (error == RADON_OK) error = radon_state_open(radon_text("asked"), &asked);
    if (error == RADON_OK) error = radon_state_open(radon_text("numbers"), &numbers);
    if (error == RADON_OK) error = radon_bucket_get(numbers, LAST_KEY, &found);
    if (error == RADON_OK) last = reserved = found.some ? radon_load_u64(found.value.data) : 0;
    return error;
}

radon_error next_number(uint64_t *out) {
    if (last == reserved) {
        uint8_t bytes[8];
        radon_store_u64(bytes, reserved + NUMBERS);
        radon_error error = radon_bucket_put(numbers, LAST_KEY, (radon_bytes){bytes, 8});
        if (error != RADON_OK) return error;
        reserved += NUMBERS;
    }
    *out = ++last;
    return RADON_OK;
}

radon_bytes number_key(uint64_t number) {
    uint8_t *bytes = radon_alloc(8);
    radon_store_u64_key(bytes, number);
    return (radon_bytes){bytes, 8};
}

/* ---- asking ---- */

bool take_place(radon_bytes *rest, radon_bytes *out) {
    if (rest->len == 0 || rest->data[0] == 0 || rest->len < 1u + rest->data[0] + 4) return false;
    size_t size = 1u + rest->data[0] + 4;
    *out = radon_slice(*rest, 0, size);
    *rest = radon_slice(*rest, size, rest->len);
    return true;
}

#define PLACE_MAX (1 + 255 + 4)
#define ADDRESSES 128 /* held on to; fewer than half of limits.handles */

/* The address of a place, which is not to be dropped. Of two places with one slot the later one has it. */
static radon_error address_of(radon_bytes place, radon_address *out) {
    static struct {
        radon_address address;
        size_t len;
        uint8_t place[PLACE_MAX];
    } known[ADDRESSES];
    size_t slot = kv_hash(place) % ADDRESSES;
    if (known[slot].len == place.len && radon_equal((radon_bytes){known[slot].place, place.len}, place)) {
        *out = known[slot].address;
        return RADON_OK;
    }
    radon_buffer name = {0};
    radon_buffer_add(&name, radon_slice(place, 1, place.len - 4));
    radon_buffer_add_text(&name, "/#");
    radon_buffer_add_u64(&name, radon_load_u32(place.data + place.len - 4));
    radon_error error = radon_messaging_open(radon_buffer_bytes(&name), out);
    if (error != RADON_OK) return error;
    if (known[slot].len != 0) radon_address_drop(known[slot].address);
    known[slot].address = *out;
    known[slot].len = place.len;
    memcpy(known[slot].place, place.data, place.len);
    return RADON_OK;
}

radon_error shard_ask(radon_bytes place, radon_bytes request, uint64_t timeout, uint64_t token) {
    radon_address address;
    radon_error error = address_of(place, &address);
    return error == RADON_OK ? radon_address_request(address, request, timeout, token) : error;
}

/* ---- telling ---- */

/* Where the state has no room for what was told, the message alone has to do. */
radon_error shard_tell(radon_bytes place, kv_op op, uint64_t number, radon_bytes name) {
    radon_address address;
    radon_buffer key = {0};
    radon_buffer_add(&key, place);
    radon_buffer_add_byte(&key, (uint8_t)op);
    radon_buffer_add(&key, number_key(number));
    radon_error noted = radon_bucket_put(told, radon_buffer_bytes(&key), name);
    radon_error error = address_of(place, &address);
    if (error == RADON_OK) error = radon_address_send(address, kv_request(op, (kv_options){0}, KV_NOTHING, name));
    unasked++;
    return noted == RADON_OK ? RADON_OK : error;
}

radon_error shards_heard(bool *out) { return is_empty(told, out); }

bool shards_to_confirm(void) { return unasked >= CONFIRMED / 2; }

static radon_error forget_told(radon_bytes last_key) {
    radon_bytes end = radon_concat(last_key, (radon_bytes){(const uint8_t *)"", 1});
    radon_bytes start = radon_slice(last_key, 0, last_key.len - 8);
    return radon_bucket_delete_range(told, radon_some(start), radon_some(end));
}

/* A question about ends that one shard was told, up to the one with this key. Where the state has no room to remember
 * that it was asked, the question alone has to do. */
static void confirm(radon_bytes last_key, radon_bytes names) {
    uint64_t number = 0;
    radon_bytes place = radon_slice(last_key, 0, last_key.len - 9);
    radon_bytes request = kv_request((kv_op)last_key.data[place.len], (kv_options){0}, KV_NOTHING, names);
    radon_error error = next_number(&number);
    if (error == RADON_OK) error = radon_bucket_put(asked, number_key(number), last_key);
    bool left = shard_ask(place, request, PATIENCE, TOKEN(number, CONFIRM)) == RADON_OK;
    if (left && error != RADON_OK) forget_told(last_key);
    if (!left && error == RADON_OK) radon_bucket_delete(asked, number_key(number));
}

bool shards_confirm(void) {
    static uint8_t next[PLACE_MAX + 10];
    static size_t length;
    radon_entry_list some;
    radon_option start = radon_some((radon_bytes){next, length});
    unasked = 0;
    if (radon_bucket_scan(told, start, RADON_NONE, CONFIRMED, false, &some) != RADON_OK) return false;
    for (size_t index = 0; index < some.len;) {
        radon_buffer names = {0};
        radon_bytes first = some.data[index].key, same = radon_slice(first, 0, first.len - 8), key = first;
        for (; index < some.len && radon_starts_with(some.data[index].key, same); key = some.data[index++].key)
            radon_buffer_add(&names, some.data[index].value);
        confirm(key, radon_buffer_bytes(&names));
        memcpy(next, key.data, key.len);
        next[key.len] = 0;
        length = key.len + 1;
    }
    if (some.len < CONFIRMED) length = 0;
    return length > 0;
}

radon_error shards_confirmed(uint64_t number, bool heard) {
    radon_option last_key;
    radon_error error = radon_bucket_get(asked, number_key(number), &last_key);
    if (error == RADON_OK && last_key.some && heard) error = forget_told(last_key.value);
    return error == RADON_OK ? radon_bucket_delete(asked, number_key(number)) : error;
}

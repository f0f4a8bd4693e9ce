/* hyperloglog.c - how many different elements were added, estimated: PFADD and its like.
 *
 * A string as Redis has it, so that it may be carried over: "HYLL", encoding (u8), 11 bytes for what Redis remembers,
 * and 16,384 registers. Dense: 6 bits for each. Sparse: runs of registers that have the same value, in the order of
 * registers: 00nnnnnn, n + 1 zeros; 01nnnnnn nnnnnnnn, the same; 1vvvvvnn, n + 1 times v + 1.
 */
#include "call.h"

#define REGISTERS 16384
#define HEADER 16
#define DENSE_SIZE (HEADER + REGISTERS * 6 / 8)
#define SPARSE_MOST (HEADER + 3000) /* a longer one becomes dense */

enum { DENSE, SPARSE };

typedef struct {
    bool dense;
    uint8_t registers[REGISTERS];
} sketch;

/* ---- reading ---- */

static void read_dense(const uint8_t *from, sketch *out) {
    for (size_t index = 0; index < REGISTERS; index++) {
        size_t byte = index * 6 / 8, shift = index * 6 % 8;
        unsigned bits = (unsigned)from[byte] >> shift;
        if (shift > 2) bits |= (unsigned)from[byte + 1] << (8 - shift);
        out->registers[index] = bits & 63;
    }
}

/* False: the runs are not those of all registers. */
static bool read_sparse(radon_bytes runs, sketch *out) {
    size_t at = 0;
    for (size_t index = 0; index < runs.len; index++) {
        uint8_t byte = runs.data[index], value = 0;
        size_t length = (byte & 63) + 1u;
        if (byte & 128) {
            value = (byte >> 2 & 31) + 1;
            length = (byte & 3) + 1u;
        } else if (byte & 64) {
            if (++index == runs.len) return false;
            length = ((byte & 63u) << 8 | runs.data[index]) + 1u;
        }
        if (length > REGISTERS - at) return false;
        memset(out->registers + at, value, length);
        at += length;
    }
    return at == REGISTERS;
}

/* What lies under a key, or an empty one. */
static kv_status load(call *c, radon_bytes key, entry *was, sketch **out) {
    sketch *it = *out = radon_alloc(sizeof *it);
    memset(it, 0, sizeof *it);
    TRY(key_load_typed(c, key, TYPE_STRING, was));
    if (!was->some) return KV_OK;
    radon_bytes value = was->value;
    bool is_one = value.len >= HEADER && radon_starts_with(value, radon_text("HYLL")) && value.data[4] <= SPARSE;
    if (!is_one || (value.data[4] == DENSE && value.len != DENSE_SIZE))
        return call_fail(c, "WRONGTYPE Key is not a valid HyperLogLog string value.");
    it->dense = value.data[4] == DENSE;
    if (it->dense) read_dense(value.data + HEADER, it);
    else if (!read_sparse(radon_slice(value, HEADER, value.len), it))
        return call_fail(c, "INVALIDOBJ Corrupted HLL object detected");
    return KV_OK;
}

/* ---- writing ---- */

static size_t write_dense(const sketch *it, uint8_t *to) {
    memset(to, 0, DENSE_SIZE - HEADER);
    for (size_t index = 0; index < REGISTERS; index++) {
        size_t byte = index * 6 / 8, shift = index * 6 % 8;
        unsigned bits = (unsigned)it->registers[index] << shift;
        to[byte] |= (uint8_t)bits;
        if (shift > 2) to[byte + 1] |= (uint8_t)(bits >> 8);
    }
    return DENSE_SIZE - HEADER;
}

/* 0: it would be too long, or a value is too high. */
static size_t write_sparse(const sketch *it, uint8_t *to) {
    size_t size = 0;
    for (size_t at = 0, length; at < REGISTERS; at += length) {
        uint8_t value = it->registers[at];
        size_t most = value == 0 ? REGISTERS : 4;
        for (length = 1; length < most && at + length < REGISTERS && it->registers[at + length] == value;) length++;
        if (value > 32 || size + 2 > SPARSE_MOST - HEADER) return 0;
        if (value > 0) {
            to[size++] = (uint8_t)(128 | (value - 1) << 2 | (length - 1));
        } else if (length <= 64) {
            to[size++] = (uint8_t)(length - 1);
        } else {
            to[size++] = (uint8_t)(64 | (length - 1) >> 8);
            to[size++] = (uint8_t)(length - 1);
        }
    }
    return size;
}

static kv_status store(radon_bytes key, const sketch *it, const entry *was) {
    uint8_t *value = string_room(DENSE_SIZE);
    size_t size = it->dense ? 0 : write_sparse(it, value + HEADER);
    memset(value, 0, HEADER);
    memcpy(value, "HYLL", 4);
    value[4] = size > 0 ? SPARSE : DENSE;
    value[HEADER - 1] = 128; /* Redis then counts anew */
    if (size == 0) size = write_dense(it, value + HEADER);
    return string_store(key, value, HEADER + size, was->expiry, was);
}

/* ---- adding ---- */

/* MurmurHash64A, with the seed that Redis has. */
static uint64_t hash(radon_bytes bytes) {
    const uint64_t factor = 0xc6a4a7935bd1e995;
    uint64_t sum = 0xadc83b19 ^ (uint64_t)bytes.len * factor;
    for (; bytes.len >= 8; bytes = radon_slice(bytes, 8, bytes.len)) {
        uint64_t part = radon_load_u64(bytes.data) * factor;
        sum = (sum ^ (part ^ part >> 47) * factor) * factor;
    }
    for (size_t index = 0; index < bytes.len; index++) sum ^= (uint64_t)bytes.data[index] << (8 * index);
    if (bytes.len > 0) sum *= factor;
    sum = (sum ^ sum >> 47) * factor;
    return sum ^ sum >> 47;
}

/* A register has the longest run of zeros that was seen in the rest of a hash, and one more. */
static bool add(sketch *to, radon_bytes element) {
    uint64_t bits = hash(element);
    uint8_t run = (uint8_t)__builtin_ctzll(bits >> 14 | (uint64_t)1 << 50) + 1;
    uint8_t *at = &to->registers[bits % REGISTERS];
    bool higher = run > *at;
    if (higher) *at = run;
    return higher;
}

static void merge(sketch *to, const sketch *it) {
    to->dense |= it->dense;
    for (size_t index = 0; index < REGISTERS; index++)
        if (it->registers[index] > to->registers[index]) to->registers[index] = it->registers[index];
}

/* ---- counting: Ertl's estimator, "New cardinality estimation algorithms for HyperLogLog sketches", 2017 ---- */

static double sigma(double x) {
    double before, y = 1, sum = x;
    if (x == 1) return __builtin_inf();
    do {
        x *= x;
        before = sum;
        sum += x * y;
        y += y;
    } while (before != sum);
    return sum;
}

static double tau(double x) {
    double before, y = 1, sum = 1 - x;
    if (x == 0 || x == 1) return 0;
    do {
        x = __builtin_sqrt(x);
        before = sum;
        y *= 0.5;
        sum -= (1 - x) * (1 - x) * y;
    } while (before != sum);
    return sum / 3;
}

static uint64_t estimate(const sketch *it) {
    size_t counts[64] = {0};
    const double all = REGISTERS;
    for (size_t index = 0; index < REGISTERS; index++) counts[it->registers[index]]++;
    double sum = all * tau((all - (double)counts[51]) / all);
    for (int value = 50; value >= 1; value--) sum = (sum + (double)counts[value]) * 0.5;
    sum += all * sigma((double)counts[0] / all);
    double found = 0.721347520444481703680 * all * all / sum + 0.5; /* 1 / (2 ln 2) */
    return found < 1e19 ? (uint64_t)found : UINT64_MAX;
}

/* ---- commands ---- */

kv_status command_pfadd(call *c) {
    entry was;
    sketch *it;
    radon_bytes key = call_key(c, 1);
    TRY(load(c, key, &was, &it));
    bool changed = !was.some;
    for (size_t index = 2; index < c->argc; index++) changed |= add(it, c->argv[index]);
    if (changed) TRY(store(key, it, &was));
    reply_integer(c->to, changed);
    return KV_OK;
}

/* All of the keys from argv[1] on. `was`: the first. */
static kv_status load_all(call *c, entry *was, sketch **out) {
    TRY(load(c, call_key(c, 1), was, out));
    for (size_t index = 2; index < c->argc; index++) {
        entry other;
        sketch *it;
        TRY(load(c, call_key(c, index), &other, &it));
        merge(*out, it);
    }
    return KV_OK;
}

kv_status command_pfcount(call *c) {
    entry was;
    sketch *it;
    TRY(load_all(c, &was, &it));
    reply_integer(c->to, (int64_t)estimate(it));
    return KV_OK;
}

kv_status command_pfmerge(call *c) {
    entry was;
    sketch *it;
    TRY(load_all(c, &was, &it));
    TRY(store(call_key(c, 1), it, &was));
    reply_status(c->to, "OK");
    return KV_OK;
}

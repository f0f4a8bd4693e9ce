/* sha256.c - what sha256.h declares, written from FIPS 180-4; compress_portable has the names of its section 6.2.
 *
 * Nothing here branches or looks up memory by the data, so keys do not leak through timing.
 */
#include "sha256.h"

#include <string.h>

#define BLOCK 64

/* The first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* ---- one block after the other into the state: in C, and with the instructions of x86 ---- */

static uint32_t rotr(uint32_t x, int n) { return x >> n | x << (32 - n); }

static uint32_t load_big(const uint8_t *from) {
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void compress_portable(uint32_t state[8], const uint8_t *data, size_t blocks) {
    for (; blocks > 0; blocks--, data += BLOCK) {
        uint32_t w[64];
        for (int t = 0; t < 16; t++) w[t] = load_big(data + 4 * t);
        for (int t = 16; t < 64; t++) {
            uint32_t x = w[t - 15], y = w[t - 2];
            uint32_t sigma0 = rotr(x, 7) ^ rotr(x, 18) ^ x >> 3, sigma1 = rotr(y, 17) ^ rotr(y, 19) ^ y >> 10;
            w[t] = sigma1 + w[t - 7] + sigma0 + w[t - 16];
        }
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        for (int t = 0; t < 64; t++) {
            uint32_t sum1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25), choice = (e & f) ^ (~e & g);
            uint32_t sum0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22), majority = (a & b) ^ (a & c) ^ (b & c);
            uint32_t t1 = h + sum1 + choice + K[t] + w[t], t2 = sum0 + majority;
            h = g, g = f, f = e, e = d + t1;
            d = c, c = b, b = a, a = t1 + t2;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    }
}

#ifdef __x86_64__
#include <immintrin.h>

/* sha256rnds2 does two rounds on the state as two vectors, abef and cdgh (the first named word is the highest), and
 * takes w + k of the two rounds from the low half of its third operand. `w` holds the last 16 words of the schedule,
 * four in each; w[i] is replaced by the four words 16 later as soon as it has been used. */
__attribute__((target("sha,sse4.1"))) static void compress_x86(uint32_t state[8], const uint8_t *data, size_t blocks) {
    const __m128i big = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)state);
    __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));
    __m128i cdab = _mm_shuffle_epi32(dcba, 0xB1), efgh = _mm_shuffle_epi32(hgfe, 0x1B);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xF0);
    for (; blocks > 0; blocks--, data += BLOCK) {
        __m128i w[4], abef_before = abef, cdgh_before = cdgh;
        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(data + 16 * i)), big);
#pragma GCC unroll 16
        for (int t = 0; t < 16; t++) {
            __m128i *now = &w[t % 4], last = w[(t + 3) % 4];
            __m128i wk = _mm_add_epi32(*now, _mm_loadu_si128((const __m128i *)(const void *)(K + 4 * t)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0E));
            __m128i seven_ago = _mm_alignr_epi8(last, w[(t + 2) % 4], 4);
            *now = _mm_add_epi32(_mm_sha256msg1_epu32(*now, w[(t + 1) % 4]), seven_ago);
            *now = _mm_sha256msg2_epu32(*now, last);
        }
        abef = _mm_add_epi32(abef, abef_before), cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    __m128i feba = _mm_shuffle_epi32(abef, 0x1B), dchg = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* By CPUID, since GCC's __builtin_cpu_supports learned "sha" only in its version 14. SSE4.1 is older than SHA. */
#include <cpuid.h>

static int have_sha;

__attribute__((constructor)) static void look_for_sha(void) {
    unsigned a, b, c, d;
    have_sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}
#endif

static void compress(uint32_t state[8], const uint8_t *data, size_t blocks) {
#ifdef __x86_64__
    if (have_sha) {
        compress_x86(state, data, blocks);
        return;
    }
#endif
    compress_portable(state, data, blocks);
}

/* ---- SHA-256 ---- */

void sha256_begin(Sha256 *sha) {
    /* The first 32 bits of the fractions of the square roots of the first 8 primes. */
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(sha->state, initial, sizeof initial);
    sha->size = 0;
}

void sha256_add(Sha256 *sha, const void *data, size_t size) {
    const uint8_t *at = data;
    size_t waiting = sha->size % BLOCK;
    sha->size += size;
    if (waiting != 0) {
        size_t part = size < BLOCK - waiting ? size : BLOCK - waiting;
        if (part != 0) memcpy(sha->block + waiting, at, part);
        if (waiting + part < BLOCK) return;
        compress(sha->state, sha->block, 1);
        at += part, size -= part;
    }
    if (size >= BLOCK) compress(sha->state, at, size / BLOCK);
    if (size % BLOCK != 0) memcpy(sha->block, at + size / BLOCK * BLOCK, size % BLOCK);
}

void sha256_end(Sha256 *sha, uint8_t digest[SHA256_SIZE]) {
    size_t waiting = sha->size % BLOCK;
    uint64_t bits = sha->size * 8;
    sha->block[waiting++] = 0x80;
    if (waiting > BLOCK - 8) { /* no room for the length: it goes into a block of its own */
        memset(sha->block + waiting, 0, BLOCK - waiting);
        compress(sha->state, sha->block, 1);
        waiting = 0;
    }
    memset(sha->block + waiting, 0, BLOCK - 8 - waiting);
    for (int index = 0; index < 8; index++) sha->block[BLOCK - 1 - index] = (uint8_t)(bits >> 8 * index);
    compress(sha->state, sha->block, 1);
    for (int index = 0; index < SHA256_SIZE; index++)
        digest[index] = (uint8_t)(sha->state[index / 4] >> (24 - 8 * (index % 4)));
}

void sha256(const void *data, size_t size, uint8_t digest[SHA256_SIZE]) {
    Sha256 sha;
    sha256_begin(&sha);
    sha256_add(&sha, data, size);
    sha256_end(&sha, digest);
}

/* ---- HMAC ---- */

void hmac_begin(Hmac *hmac, const void *key, size_t key_size) {
    uint8_t padded[BLOCK] = {0};
    if (key_size > BLOCK)
        sha256(key, key_size, padded);
    else if (key_size != 0)
        memcpy(padded, key, key_size);
    for (int index = 0; index < BLOCK; index++) padded[index] ^= 0x36;
    sha256_begin(&hmac->inner);
    sha256_add(&hmac->inner, padded, BLOCK);
    for (int index = 0; index < BLOCK; index++) padded[index] ^= 0x36 ^ 0x5c;
    sha256_begin(&hmac->outer);
    sha256_add(&hmac->outer, padded, BLOCK);
}

void hmac_add(Hmac *hmac, const void *data, size_t size) { sha256_add(&hmac->inner, data, size); }

void hmac_end(Hmac *hmac, uint8_t digest[SHA256_SIZE]) {
    uint8_t inner[SHA256_SIZE];
    sha256_end(&hmac->inner, inner);
    sha256_add(&hmac->outer, inner, sizeof inner);
    sha256_end(&hmac->outer, digest);
}

void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size, uint8_t digest[SHA256_SIZE]) {
    Hmac hmac;
    hmac_begin(&hmac, key, key_size);
    hmac_add(&hmac, data, size);
    hmac_end(&hmac, digest);
}

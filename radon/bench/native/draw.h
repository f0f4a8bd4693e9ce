/* draw.h - random numbers and what is drawn by them. The same on every machine, and inside of WebAssembly: IEEE
 * arithmetic with +, -, * and / only, compiled without contraction, and no libm.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* SplitMix64: S. Vigna's constants. */
static inline uint64_t draw_u64(uint64_t *state) {
    uint64_t next = *state += UINT64_C(0x9e3779b97f4a7c15);
    next = (next ^ next >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    next = (next ^ next >> 27) * UINT64_C(0x94d049bb133111eb);
    return next ^ next >> 31;
}

/* From 0 up to 1, without it. */
static inline double draw_unit(uint64_t *state) { return (double)(draw_u64(state) >> 11) * 0x1p-53; }

/* Below `bound`, which is at most 2^32. */
static inline uint64_t draw_below(uint64_t *state, uint64_t bound) { return (draw_u64(state) >> 32) * bound >> 32; }

/* Of a normal number above 0. As x is 2^k * m with m close to 1: k ln 2 + 2 artanh((m - 1) / (m + 1)). */
static inline double draw_log(double x) {
    uint64_t bits;
    __builtin_memcpy(&bits, &x, 8);
    int exponent = (int)(bits >> 52) - 1023;
    bits = (bits & UINT64_C(0xfffffffffffff)) | UINT64_C(0x3ff0000000000000);
    double m;
    __builtin_memcpy(&m, &bits, 8);
    if (m > 1.4142135623730951) m *= 0.5, exponent++;
    double z = (m - 1) / (m + 1), square = z * z, sum = 0;
    for (int n = 21; n > 0; n -= 2) sum = sum * square + 1.0 / n;
    return 2 * z * sum + exponent * 0.6931471805599453;
}

static inline double draw_exp(double x) {
    if (x < -700) return 0;
    if (x > 700) x = 700;
    int k = (int)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
    double r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10, sum = 1;
    for (int n = 14; n > 0; n--) sum = 1 + sum * r / n;
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double power;
    __builtin_memcpy(&power, &bits, 8);
    return sum * power;
}

/* Of mean 1: the time to the next arrival where they do not know of each other. */
static inline double draw_exponential(uint64_t *state) { return -draw_log(1 - draw_unit(state)); }

/* ---- Zipf's law: rank k of 1 to `count` with a probability proportional to k ^ -theta ----
 *
 * By rejection-inversion (W. Hoermann and G. Derflinger, 1996), which is exact for every theta, 1 included, needs no
 * table and no sum over all ranks, so that `count` may grow with each draw. */

typedef struct {
    double theta, first, last, sure;
    uint64_t count;
} draw_zipf;

static inline double zipf_density(double theta, double x) { return draw_exp(-theta * draw_log(x)); }

/* The integral of the density, and its inverse; both by a series where a difference would cancel out. */
static inline double zipf_integral(double theta, double x) {
    double log = draw_log(x), t = (1 - theta) * log;
    double factor = t < 1e-4 && t > -1e-4 ? 1 + t / 2 * (1 + t / 3 * (1 + t / 4)) : (draw_exp(t) - 1) / t;
    return factor * log;
}

static inline double zipf_inverse(double theta, double y) {
    double t = y * (1 - theta);
    if (t <= -1 + 1e-15) return 1e300;
    double factor = t < 1e-4 && t > -1e-4 ? 1 - t * (1.0 / 2 - t * (1.0 / 3 - t / 4)) : draw_log(1 + t) / t;
    return draw_exp(factor * y);
}

static inline void zipf_bound(draw_zipf *it, uint64_t count) {
    it->count = count;
    it->last = zipf_integral(it->theta, (double)count + 0.5);
}

static inline draw_zipf zipf_of(double theta, uint64_t count) {
    draw_zipf it = {.theta = theta, .first = zipf_integral(theta, 1.5) - 1};
    it.sure = 2 - zipf_inverse(theta, zipf_integral(theta, 2.5) - zipf_density(theta, 2));
    zipf_bound(&it, count);
    return it;
}

static inline uint64_t zipf_rank(const draw_zipf *it, uint64_t *state) {
    for (;;) {
        double y = it->last + draw_unit(state) * (it->first - it->last);
        double x = zipf_inverse(it->theta, y);
        uint64_t rank = x < 1 ? 1 : x + 0.5 > (double)it->count ? it->count : (uint64_t)(x + 0.5);
        double whole = (double)rank;
        if (whole - x <= it->sure) return rank;
        if (y >= zipf_integral(it->theta, whole + 0.5) - zipf_density(it->theta, whole)) return rank;
    }
}

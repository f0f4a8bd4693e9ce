/* glob.h - the patterns of KEYS, SCAN, PSUBSCRIBE and their like, which match as they do in Redis. */
#ifndef REDIS_GLOB_H
#define REDIS_GLOB_H

#include "radon.h"

/* What stands behind '[': a set of bytes up to ']', or to the end where there is none. Bytes are compared as signed
 * ones, like C's char. Answers whether `byte` is in it, and cuts it off. */
static inline bool glob_set(radon_bytes *rest, uint8_t byte) {
    const uint8_t *at = rest->data, *end = rest->data + rest->len;
    bool negated = at < end && *at == '^', found = false;
    int8_t it = (int8_t)byte;
    for (at += negated; at < end && *at != ']'; at++) {
        if (*at == '\\' && end - at >= 2) {
            found |= *++at == byte;
        } else if (end - at >= 3 && at[1] == '-') {
            int8_t low = (int8_t)at[0], high = (int8_t)at[2];
            found |= low <= high ? low <= it && it <= high : high <= it && it <= low;
            at += 2;
        } else {
            found |= *at == byte;
        }
    }
    if (at < end) at++;
    *rest = (radon_bytes){at, (size_t)(end - at)};
    return found != negated;
}

/* Whether the next part of the pattern, which is no '*', matches the byte; cuts it off. */
static inline bool glob_part(radon_bytes *rest, uint8_t byte) {
    if (rest->len == 0) return false;
    uint8_t part = rest->data[0];
    *rest = radon_slice(*rest, 1, rest->len);
    if (part == '?') return true;
    if (part == '[') return glob_set(rest, byte);
    if (part == '\\' && rest->len > 0) {
        part = rest->data[0];
        *rest = radon_slice(*rest, 1, rest->len);
    }
    return part == byte;
}

/* Nothing is matched by "*" alone, and by no other pattern with a '*'. */
static inline bool glob_matches(radon_bytes pattern, radon_bytes text) {
    radon_bytes rest = pattern, behind_star = {0};
    size_t at = 0, from = 0; /* where the last '*' begins to match what is behind it */
    bool star = false;
    if (text.len == 0) return pattern.len == 0 || radon_is(pattern, "*");
    while (at < text.len) {
        if (rest.len > 0 && rest.data[0] == '*') {
            star = true;
            rest = behind_star = radon_slice(rest, 1, rest.len);
            from = at;
        } else if (glob_part(&rest, text.data[at])) {
            at++;
        } else if (star) {
            rest = behind_star;
            at = ++from;
        } else {
            return false;
        }
    }
    while (rest.len > 0 && rest.data[0] == '*') rest = radon_slice(rest, 1, rest.len);
    return rest.len == 0;
}

#endif

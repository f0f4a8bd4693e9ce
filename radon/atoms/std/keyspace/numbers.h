/* numbers.h - floating-point numbers in decimal, exactly as the C library that Redis uses reads and writes them.
 *
 * Redis computes with doubles (scores) and with the x87's long doubles (INCRBYFLOAT), whose 64 bits of precision no
 * double has; `wide` is such a number, made of integers.
 */
#ifndef NUMBERS_H
#define NUMBERS_H

#include "radon.h"

/* All of `text`, as strtod reads it: decimal, or "inf" and "infinity" in any case. False for anything else, for what is
 * too large, and for what is not 0 and yet too small. */
bool read_double(radon_bytes text, double *out);

/* As "%.17g" writes it. */
radon_bytes format_double(double number);

/* mantissa * 2^exponent; the mantissa has its highest bit set, or is 0 */
typedef struct {
    bool negative, infinite;
    uint64_t mantissa;
    int32_t exponent;
} wide;

bool read_wide(radon_bytes text, wide *out);

/* Rounded to the nearest, to even where two are as near. */
wide add_wide(wide a, wide b);

/* As "%.17Lf" writes it, without the zeros at its end. It has to be finite. */
radon_bytes format_wide(wide number);

#endif

/* angles.c - series about multiples of a right angle. */
#include "angles.h"

#include "radon.h"

/* z is the square of an angle of up to an eighth of a circle, whose sine and cosine are angle + angle * sine_series(z) and
 * 1 + cosine_series(z): Taylor's, from 1/(n - 1)n to the last that matters. */
static double series(double z, int last) {
    double sum = 0;
    for (int n = last; n > 1; n -= 2) sum = -z / (n * (n - 1)) * (1 + sum);
    return sum;
}

static double sine_near(double angle) { return angle + angle * series(angle * angle, 21); }

static double cosine_near(double angle) { return 1 + series(angle * angle, 20); }

/* A right angle in three parts: a multiple of each of the first two, which have 33 bits, has room in a double. */
#define RIGHT_HIGH 0x1.921fb544p+0
#define RIGHT_MIDDLE 0x1.0b4611a6p-34
#define RIGHT_LOW 0x1.3198a2e037073p-69

/* The sine of an angle and so many right angles more. */
static double sine_beyond(double angle, int64_t turns) {
    double quotient = angle / (PI / 2);
    int64_t right = quotient > -1e6 && quotient < 1e6 ? (int64_t)(quotient + (quotient < 0 ? -0.5 : 0.5)) : 0;
    double rest = angle - (double)right * RIGHT_HIGH - (double)right * RIGHT_MIDDLE - (double)right * RIGHT_LOW;
    if (!(rest > -1 && rest < 1)) return 0;
    switch ((right + turns) & 3) {
    case 0: return sine_near(rest);
    case 1: return cosine_near(rest);
    case 2: return -sine_near(rest);
    default: return -cosine_near(rest);
    }
}

double sine(double angle) { return sine_beyond(angle, 0); }

double cosine(double angle) { return sine_beyond(angle, 1); }

/* Newton's method on the sine, which is steep enough up to a half. */
double arc_sine(double it) {
    if (it > 0.5) return PI / 2 - 2 * arc_sine(__builtin_sqrt((1 - (it < 1 ? it : 1)) / 2));
    double angle = it;
    for (int round = 0; round < 5; round++) angle += (it - sine(angle)) / cosine(angle);
    return angle;
}

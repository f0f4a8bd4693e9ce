/* angles.h - trigonometry without a C library: the same everywhere, and within 1.5 units in the last place. */
#ifndef ANGLES_H
#define ANGLES_H

#define PI 3.14159265358979323846

/* Of angles up to a million; beyond, some number from -1 to 1. */
double sine(double angle);
double cosine(double angle);

/* Of 0 to 1; of more, that of 1. */
double arc_sine(double sine);

#endif

/* algebra.h - unions, intersections and differences of sets and sorted sets, whose members are called the same. */
#ifndef ALGEBRA_H
#define ALGEBRA_H

#include "members.h"

typedef enum { UNION, INTER, DIFF } operation;
typedef enum { SUM, MIN, MAX } aggregate;

typedef struct {
    collection of;
    double weight;
    walk walk;         /* of a union */
    bool some;         /* there is a next one: */
    radon_bytes name, bytes;
} source;

typedef struct {
    radon_bytes member;
    double score;      /* 1 in a set */
} scored;

typedef struct {
    scored *data;
    size_t len, room;
} results;

void results_add(results *to, scored it);

/* The sources lie under `count` keys from argv[first] on: sets, or with `any` also sorted sets. */
kv_status sources_open(call *c, size_t first, size_t count, bool any, source **out);

/* What there is, in the order of names: at most `limit` of them, 0 is all. A union takes time in proportion to all that
 * there is; an intersection, to its smallest source; a difference, to its first. `sources` may be put into another
 * order. */
kv_status algebra(operation is, aggregate how, source *sources, size_t count, uint64_t limit, results *out);

#endif

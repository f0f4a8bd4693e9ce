/* lists.h - what the commands of lists share. */
#ifndef LISTS_H
#define LISTS_H

#include "collections.h"

typedef enum { HEAD, TAIL } end;

#define LIST_MIDDLE ((uint64_t)1 << 63) /* where the first element of a list is put */

/* The name of the element with this index, from 0. */
radon_bytes list_place(const collection *list, uint64_t index);

kv_status list_push(collection *list, end at, radon_bytes value);

#endif

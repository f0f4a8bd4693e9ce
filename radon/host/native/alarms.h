/* alarms.h - what falls due when, in one heap, as host/alarms.py has it. Ties are broken by content.
 *
 * None is withdrawn: whether one still means anything is the image's to say.
 */
#ifndef RADON_ALARMS_H
#define RADON_ALARMS_H

#include "delivery.h"

typedef enum Cause { TIMER, POSTPONED, RETRY, ASKED, CALLED, SEEN, OBJECT } Cause;

/* Holds a reference to each of its strings. */
typedef struct Alarm {
    uint64_t due; /* ns since 1970 */
    Cause cause;
    Str *kind, *key;     /* of the atom; NULL: empty */
    uint64_t token;      /* TIMER */
    uint8_t id[ID_SIZE]; /* POSTPONED, RETRY, ASKED, CALLED */
    Str *name;           /* SEEN, OBJECT */
} Alarm;

typedef struct Alarms {
    Alarm *heap;
    size_t count, room;
    size_t most; /* how many there may be before they are looked through */
} Alarms;

typedef bool (*Awaits)(void *image, const Alarm *alarm);

/* Takes its own references. `awaits` is asked when there are many: those that mean nothing any more are dropped. */
void alarms_set(Alarms *alarms, Alarm alarm, Awaits awaits, void *image);

/* ns since 1970 of the earliest, which may be void. False: there is none. */
bool alarms_next_due(const Alarms *alarms, uint64_t *due);

/* The earliest one with due <= now that still means something; the caller's then, to be given to `alarm_free`. */
bool alarms_pop(Alarms *alarms, uint64_t now, Alarm *alarm, Awaits awaits, void *image);

void alarm_free(Alarm *alarm);
void alarms_clear(Alarms *alarms);

#endif

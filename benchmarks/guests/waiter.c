/* waiter.c - waits for a second of the domain's time in the middle of its turn. */
#include "radon.h"

RADON_RECEIVE(message, body) {
    radon_clock_sleep(1000000000);
    return RADON_DONE;
}

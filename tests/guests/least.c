/* The least atom: it takes every message and does nothing. */
#include "radon.h"

RADON_RECEIVE(message, body) { return RADON_DONE; }

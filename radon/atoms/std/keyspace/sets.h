/* sets.h - what the commands of sets share. */
#ifndef SETS_H
#define SETS_H

#include "members.h"

kv_status set_add(collection *set, radon_bytes member, bool *is_new);

#endif

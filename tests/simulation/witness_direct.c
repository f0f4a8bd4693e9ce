/* witness_direct.c - witness.c without the syscalls that suspend, so that its atoms can share an instance. */
#define DIRECT
#include "witness.c"

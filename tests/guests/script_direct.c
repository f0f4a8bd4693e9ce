/* script_direct.c - script.c without the syscalls that suspend: the host enters it directly, not in a fiber. */
#define DIRECT
#include "script.c"

/* lists_wasi.c - lists.c for a component */
#define WITH_WASI
#include "lists.c"

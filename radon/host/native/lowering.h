/* lowering.h - the Canonical ABI, as far as radon.wit needs it: what syscalls lift and lower, see host/canonical.py
 *
 * Every function answers false when the turn has failed: a pointer, length, handle or text that is none.
 */
#ifndef RADON_LOWERING_H
#define RADON_LOWERING_H

#include "guest.h"

/* What every syscall does: `V(n)` is argument n. */
#define U32(n) ((uint32_t)v[n].i32)
#define U64(n) ((uint64_t)v[n].i64)

/* ---- lifting ---- */

/* A counted copy; never NULL. The guest may change its memory while it is called back. */
bool lift_bytes(Instance *i, uint32_t pointer, uint32_t length, Str **bytes);
bool read_text(Instance *i, uint32_t pointer, uint32_t length, Slice *text); /* borrowed: good until the guest goes on */
bool lift_text(Instance *i, uint32_t pointer, uint32_t length, Str **text);
/* `some` is the option's case; *bytes is NULL for none. */
bool lift_option(Instance *i, uint32_t some, uint32_t pointer, uint32_t length, Str **bytes);

/* A list of lists: *items is to be freed with its strings. The first error of `error` is what the syscall answers: over
 * limits.message, in all or in elements. `pairs`: elements are (text, bytes), two items each; else bytes. */
bool lift_list(Instance *i, uint32_t pointer, uint32_t count, bool pairs, Str ***items, Error *error);
void free_list(Str **items, size_t count);

/* ---- lowering: each writes a whole return area of the type in its name ---- */

bool lower_error(Instance *i, uint32_t at, Error error);              /* result<_, error-code>, of OK too */
bool lower_failed(Instance *i, uint32_t at, Error error, size_t size, uint32_t align); /* the error of any other result */

bool lower_string(Instance *i, uint32_t at, Slice bytes);             /* string, list<u8> */
bool lower_drawn(Instance *i, Turn *t, size_t length, uint32_t at);   /* list<u8>: random bytes, charged to the turn */
bool lower_some(Instance *i, uint32_t at, bool some, Slice bytes);    /* option<string>, option<list<u8>> */
bool lower_option_handle(Instance *i, uint32_t at, bool some, Handle h); /* option<own<T>> */
bool lower_ok_bytes(Instance *i, uint32_t at, Slice bytes);           /* result<list<u8>, error-code> */
bool lower_ok_some(Instance *i, uint32_t at, bool some, Slice bytes); /* result<option<list<u8>>, error-code> */
bool lower_ok_handle(Instance *i, uint32_t at, Handle h);             /* result<own<T>, error-code> */
bool lower_ok_u32(Instance *i, uint32_t at, uint32_t number);         /* result<u32, error-code> */
bool lower_ok_s64(Instance *i, uint32_t at, int64_t number);          /* result<s64, error-code> */

enum { OK_BYTES = 12, OK_SOME = 16, OK_HANDLE = 8, OK_U32 = 8, OK_S64 = 16, OK_LIST = 12 }; /* sizes for lower_failed */

/* A list in the guest's memory: `lower_list` makes room for so many elements of this size, aligned to 4, which are then
 * written one by one, and `lower_ok_list` writes the return area. */
bool lower_list(Instance *i, size_t count, size_t size, uint32_t *pointer);
bool lower_ok_list(Instance *i, uint32_t at, uint32_t pointer, size_t count);
bool aligned(Instance *i, uint32_t at, uint32_t align); /* the return area; the first thing of each lowering */

/* Where bytes of a value are in the guest: its pointer and length, into `pair`. */
bool store_bytes(Instance *i, Slice bytes, uint32_t pair[2]);

/* own<T> as a core value: no room ends the turn. Takes over the reference. */
bool give_handle(Instance *i, wasmtime_val_raw_t *v, Handle h);

/* The guest prints this to stdout (1) or stderr (2); its turn pays for the lines: wasi.c. */
bool wasi_print(Turn *t, int stream, Slice data);

static inline Handle address_handle(const Address *a) {
    return (Handle){.type = AN_ADDRESS, .address = address_ref(a)};
}
static inline Handle name_handle(Resource type, Str *name) { return (Handle){.type = type, .name = str_ref(name)}; }
#endif

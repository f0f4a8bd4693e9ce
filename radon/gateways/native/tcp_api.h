/* What Python calls of the TCP gateway's sockets: gateways/tcp_native.py, which says what for. Read by cffi, as api.h.
 *
 * All but `radon_tcp_sift` is for one thread, the event loop's; nothing here blocks. */
#pragma once

#include "api.h"

typedef struct RadonTcp RadonTcp;

/* Connections are atoms PREFIX-1, PREFIX-2 and so on; tokens of their chunks begin with `tokens`. NULL: see errno. */
RadonTcp *radon_tcp_new(const char *prefix, uint64_t tokens, uint32_t domains);
void radon_tcp_free(RadonTcp *t); /* resets what is open */

/* Take connections of a socket that listens and does not block, and stays the caller's; their atoms are of this kind.
 * All kinds are made known before anything else is called. 0, or an errno. */
int radon_tcp_listen(RadonTcp *t, int listener, const char *kind);

/* The most of a chunk of a kind, and of what may wait for a peer that does not read. */
void radon_tcp_limits(RadonTcp *t, const char *kind, size_t chunk, size_t unread);

/* The most bytes of all chunks whose turns have not ended, but for the last of them. */
void radon_tcp_room(RadonTcp *t, size_t unhandled);

/* Nanoseconds for a peer to read the rest when its atom has ended, and to read anything at all of what waits for it. */
void radon_tcp_patience(RadonTcp *t, uint64_t flush, uint64_t stalled);

/* What is to be looked at after a call. */
#define RADON_TCP_INPUTS 1
#define RADON_TCP_EMPTY 2
#define RADON_TCP_CROWDED 4
/* There are inputs for a domain; there are no connections; nobody is accepted until the next sweep, because there are
 * no files left. */

int radon_tcp_file(RadonTcp *t);   /* can be read when there is something to serve */
int radon_tcp_serve(RadonTcp *t);  /* whatever sockets are ready for, and what was sifted out elsewhere */
int radon_tcp_settle(RadonTcp *t); /* what was sifted out: write it, and go on with whom it was for */
int radon_tcp_sweep(RadonTcp *t);  /* those whose time is over; accept again, if no file was left for it */
int radon_tcp_drain(RadonTcp *t);  /* accept no more, hear no more, end when what was heard is handled */
int radon_tcp_cut(RadonTcp *t, uint32_t domain); /* reset the connections whose atoms are there */

size_t radon_tcp_open(RadonTcp *t);                     /* connections */
void radon_tcp_numbers(RadonTcp *t, uint64_t *numbers); /* of them */

/* Input records for a domain; `radon_tcp_taken` says that all were read. */
RadonBytes radon_tcp_inputs(RadonTcp *t, uint32_t domain);
void radon_tcp_taken(RadonTcp *t, uint32_t domain);

/* Any thread: takes out of a body of output records those for connections, to be settled, and answers the others, to be
 * freed with `radon_tcp_sifted`; NULL with the size that was given: they are all others. `ring`: let the file be ready,
 * so that the loop comes and serves. */
RadonBytes radon_tcp_sift(RadonTcp *t, const uint8_t *records, size_t records_size, int ring);
void radon_tcp_sifted(RadonBytes rest);

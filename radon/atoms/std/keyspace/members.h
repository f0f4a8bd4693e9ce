/* members.h - the members of sets and sorted sets: an element is called 'm', a hash of the member (u32, big-endian) and
 * the member.
 *
 * By the hash they lie evenly, whatever they are called. So a member is picked at random without reading the others, and
 * the cursor of a scan is a hash, which nobody has to remember.
 */
#ifndef MEMBERS_H
#define MEMBERS_H

#include "scans.h"

#define MEMBER_HEAD 5 /* bytes before the member */

radon_bytes member_name(radon_bytes member);

static inline radon_bytes member_of(radon_bytes name) { return radon_slice(name, MEMBER_HEAD, name.len); }

/* All of them. */
walk members_walk(const collection *of);

/* The names and bytes of `wanted` members at random, each as likely as any other: with `repeats` drawn again each time,
 * else different ones, at most all of them. Takes time in proportion to what is wanted, not to what there is. */
kv_status members_pick(const collection *of, uint64_t wanted, bool repeats, radon_entry_list *out);

/* SSCAN and its like: the key, CURSOR and options. A cursor is the hash to go on from: members of one hash are shown
 * together. */
typedef struct {
    collection of;
    uint64_t cursor;
    scan_options options;
} members_scan;

kv_status members_scan_read(call *c, type type, members_scan *out);

/* `show` gets the member as name. */
kv_status members_scan_run(call *c, const members_scan *it, scan_show *show);

#endif

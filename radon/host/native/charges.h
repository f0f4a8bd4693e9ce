/* charges.h - what an atom may use and what it costs: the numbers of host/limits.py, turn.py and routes.py, which say
 * what each is for. A test compares them.
 */
#ifndef RADON_CHARGES_H
#define RADON_CHARGES_H

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

#define ENTRY_OVERHEAD 32
#define OBJECT_OVERHEAD 512
#define OBJECT_PIECE MIB
#define FETCHES 1024
#define MAIL_OVERHEAD 512
#define SCAN_BYTES (256 * KIB)
#define KEY_BYTES 1024
#define NAME_BYTES 256
#define STATE_KEY_BYTES (64 * KIB)
#define SYSCALL_FUEL 1000
#define KEPT_FUEL 8
#define TURN_BYTES GIB
#define WRITE_FUEL 4000
#define NAME_FUEL 100
#define BUCKETS 1024
#define SHARED_HANDLES 65536
#define CHILDREN 10000
#define FAN_OUT (256 * MIB)
#define LOG_LINES 1000
#define LOG_CHARACTERS 16384
#define SAMPLES 10000
#define ERR_BYTES 1024
#define TABLES 8
#define MAX_REALLOCS 8
#define TABLE_ELEMENTS (1 << 20)

#define NEVER UINT64_MAX

#define STOPPED 143u
#define FAILED 134u
#define UNKNOWN UINT32_MAX

#endif

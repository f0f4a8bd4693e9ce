/* hash.h - the one hash that places atoms (rule 13). Documented, the same in hash.py, and never to change.
 *
 * Not for hash tables: a guest could choose keys that collide. For those see bytes_hash in bytes.h.
 */
#ifndef RADON_NATIVE_HASH_H
#define RADON_NATIVE_HASH_H

#include <stdbool.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* FNV-1a of 64 bits, then MurmurHash3's fmix64. */
uint64_t stable_hash(const void *data, size_t size);

/* The domain of an atom, of so many; that of a replica, "#17+2", lies so many behind that of "#17". The topic
 * "NAME@KIND/KEY" is where that atom is. */
uint32_t domain_of(const void *kind, size_t kind_size, const void *key, size_t key_size, uint32_t domains);

/* The shard that a key of a sharded kind means: "#17" names shard 17 itself, and any other key that of its hash. */
uint32_t shard_of(const void *key, size_t size, uint32_t shards);

/* Whether a key names a replica itself, as "#17+2" does, of a shard that has so many. */
bool names_replica(const void *key, size_t size, uint32_t shards, uint32_t replicas);

#endif

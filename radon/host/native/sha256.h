/* sha256.h - SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104).
 *
 * The domain's one cryptographic primitive: names of objects, keys of spawned atoms, random numbers, sealed addresses.
 * Allocates nothing and cannot fail. The processor's SHA instructions are used where it has them; results are the same.
 */
#ifndef RADON_NATIVE_SHA256_H
#define RADON_NATIVE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

/* All at once. */
void sha256(const void *data, size_t size, uint8_t digest[SHA256_SIZE]);
void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size, uint8_t digest[SHA256_SIZE]);

/* In parts: begin, add as often as you like, end. A struct may be copied to go on in two ways from the same beginning;
 * after the end it is of no use. */
typedef struct Sha256 {
    uint32_t state[8];
    uint64_t size;     /* bytes so far; those of the last block that is not full wait in `block` */
    uint8_t block[64];
} Sha256;

void sha256_begin(Sha256 *sha);
void sha256_add(Sha256 *sha, const void *data, size_t size);
void sha256_end(Sha256 *sha, uint8_t digest[SHA256_SIZE]);

/* The same for HMAC. A copy of what hmac_begin made saves hashing the key for each message. */
typedef struct Hmac {
    Sha256 inner, outer;
} Hmac;

void hmac_begin(Hmac *hmac, const void *key, size_t key_size);
void hmac_add(Hmac *hmac, const void *data, size_t size);
void hmac_end(Hmac *hmac, uint8_t digest[SHA256_SIZE]);

#endif

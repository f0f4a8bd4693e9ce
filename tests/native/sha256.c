/* sha256.c - digests of what comes on stdin, one a line, "KEY DATA" in hexadecimal or "-" for no bytes: first the
 * SHA-256 of DATA, then the HMAC. Every way to compute them must agree: at once and in parts, with and without the
 * processor's instructions. For that the program looks behind the header.
 */
#include "../../radon/host/native/sha256.c"

#include "check.h"

#define ROOM (1 << 22)

static char line[2 * ROOM];
static uint8_t key[ROOM], data[ROOM];

static void print_hex(const uint8_t digest[SHA256_SIZE], char end) {
    for (int index = 0; index < SHA256_SIZE; index++) printf("%02x", digest[index]);
    putchar(end);
}

static void in_parts(size_t key_size, size_t size, uint64_t *seed, uint8_t plain[], uint8_t mac[]) {
    Sha256 sha;
    Hmac hmac, copy;
    sha256_begin(&sha);
    hmac_begin(&hmac, key, key_size);
    for (size_t at = 0, part; at < size; at += part) {
        part = random_below(seed, random_below(seed, 2) ? 10 : 200);
        if (part > size - at) part = size - at;
        sha256_add(&sha, data + at, part);
        hmac_add(&hmac, data + at, part);
    }
    copy = hmac;
    hmac_end(&hmac, mac);
    sha256_end(&sha, plain);
    uint8_t again[SHA256_SIZE];
    hmac_end(&copy, again);
    CHECK(memcmp(mac, again, sizeof again) == 0);
}

int main(void) {
    uint64_t seed = 0;
    static char key_text[2 * ROOM];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *data_text = strchr(line, ' ');
        CHECK(data_text != NULL);
        *data_text++ = 0;
        strcpy(key_text, line);
        size_t key_size = from_hex(key_text, key), size = from_hex(data_text, data);
        uint8_t plain[SHA256_SIZE], mac[SHA256_SIZE], plain_again[SHA256_SIZE], mac_again[SHA256_SIZE];
        sha256(data, size, plain);
        hmac_sha256(key, key_size, data, size, mac);
        in_parts(key_size, size, &seed, plain_again, mac_again);
        CHECK(memcmp(plain, plain_again, sizeof plain) == 0 && memcmp(mac, mac_again, sizeof mac) == 0);
#ifdef __x86_64__
        int had = have_sha;
        have_sha = 0;
        in_parts(key_size, size, &seed, plain_again, mac_again);
        CHECK(memcmp(plain, plain_again, sizeof plain) == 0 && memcmp(mac, mac_again, sizeof mac) == 0);
        have_sha = had;
#endif
        print_hex(plain, ' ');
        print_hex(mac, '\n');
    }
}

/* hash.c - the stable hash of each line of hexadecimal digits on stdin, and which of 3 domains a key of a kind has, and
 * a topic of that name. */
#include "hash.h"

#include "check.h"

int main(void) {
    static char line[4096];
    static uint8_t data[2048];
    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t size = from_hex(line, data);
        unsigned atom = domain_of("kind", 4, data, size, 3), topic = domain_of("@topic", 6, data, size, 3);
        printf("%llu %u %u\n", (unsigned long long)stable_hash(data, size), atom, topic);
    }
}

/* hash.c - the stable hash of each line of hexadecimal digits on stdin. */
#include "hash.h"

#include "check.h"

int main(void) {
    static char line[4096];
    static uint8_t data[2048];
    while (fgets(line, sizeof line, stdin) != NULL) {
        printf("%llu\n", (unsigned long long)stable_hash(data, from_hex(line, data)));
    }
}

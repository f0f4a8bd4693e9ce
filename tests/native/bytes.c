/* bytes.c - strings, buffers and hashes against what they say they are. */
#include "bytes.h"

#include "check.h"

static void strings(void) {
    Str *empty = str_new(NULL, 0), *ab = str_new("ab", 2), *again = str_new("ab", 2), *abc = str_new("abc", 3);
    CHECK(empty->size == 0 && empty->data[0] == 0 && ab->data[2] == 0);
    CHECK(str_equal(ab, ab) && str_equal(ab, again) && !str_equal(ab, abc) && !str_equal(empty, ab));
    CHECK(str_ref(ab) == ab && ab->refs == 2);
    str_unref(ab);
    CHECK(ab->refs == 1 && str_ref(NULL) == NULL);
    str_unref(NULL);
    CHECK(bytes_compare(ab->data, 2, abc->data, 3) < 0 && bytes_compare(abc->data, 3, ab->data, 2) > 0);
    CHECK(bytes_compare(NULL, 0, NULL, 0) == 0 && bytes_compare(NULL, 0, ab->data, 2) < 0);
    CHECK(bytes_compare((const uint8_t *)"\xff", 1, (const uint8_t *)"a\0", 2) > 0);
    str_unref(empty), str_unref(ab), str_unref(again), str_unref(abc);
}

static void buffers(uint64_t seed) {
    static uint8_t model[1 << 22];
    Buffer buffer = {0};
    size_t size = 0;
    buffer_put(&buffer, NULL, 0);
    CHECK(buffer.data == NULL);
    while (size < sizeof model - 5000) {
        uint64_t number = random_next(&seed);
        size_t more = (size_t[]){1, 4, 8, random_below(&seed, 5000)}[random_below(&seed, 4)];
        for (size_t index = 0; index < more; index++) model[size + index] = (uint8_t)(number >> 8 * (index % 8));
        switch (more) {
        case 1: buffer_u8(&buffer, (uint8_t)number); break;
        case 4: buffer_u32(&buffer, (uint32_t)number); break;
        case 8: buffer_u64(&buffer, number); break;
        default: buffer_put(&buffer, model + size, more);
        }
        size += more;
        CHECK(buffer.size == size);
    }
    CHECK(buffer.size == size && memcmp(buffer.data, model, size) == 0);
    CHECK(buffer.room <= 2 * size);
    buffer_clear(&buffer);
    CHECK(buffer.size == 0 && buffer.room == 0);
    buffer_put(&buffer, model, 1000);
    buffer_clear(&buffer);
    CHECK(buffer.size == 0 && buffer.room >= 1000);
    buffer_free(&buffer);
    CHECK(buffer.data == NULL);
}

/* Every bit of data, of any size and alignment, counts; and bytes behind it do not. */
static void hashes(uint64_t seed) {
    uint8_t data[120];
    for (size_t index = 0; index < sizeof data; index++) data[index] = (uint8_t)random_next(&seed);
    for (size_t size = 0; size < 100; size++) {
        uint64_t hash = bytes_hash(data, size);
        data[size] ^= 1;
        CHECK(bytes_hash(data, size) == hash && bytes_hash(data, size + 1) != hash);
        for (size_t bit = 0; bit < size * 8; bit++) {
            data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            CHECK(bytes_hash(data, size) != hash);
            data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        uint8_t elsewhere[120];
        memcpy(elsewhere + size % 8, data, size);
        CHECK(bytes_hash(elsewhere + size % 8, size) == hash);
    }
    CHECK(bytes_hash("\0", 1) != bytes_hash("\0\0", 2) && hash_u64(0) != hash_u64(1));
}

int main(int count, char **args) {
    uint64_t seed = count > 1 ? strtoull(args[1], NULL, 10) : 0;
    strings();
    buffers(seed);
    hashes(seed);
    printf("%016llx\n", (unsigned long long)bytes_hash("radon", 5)); /* another in each process */
}

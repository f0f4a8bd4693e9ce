/* What a domain is given as bytes: a snapshot, a log, inputs. Whatever they are, it reads nothing outside of them, ends,
 * keeps nothing, and what it took makes a snapshot that makes the same snapshot.
 *
 * An input is two numbers of 2 bytes, how long the snapshot and the log are, then these, and what is left are inputs for
 * a domain without kinds: topics, listeners, alarms and dead letters need no guest. */
#include "domain.h"
#include "api.h"

#include "fuzz.h"

/* The next part of the data in memory of its own, so that ASan sees the first byte too many. */
static uint8_t *part(const uint8_t **data, size_t *left, size_t wanted, size_t *size) {
    uint8_t *own;
    *size = wanted < *left ? wanted : *left;
    own = malloc(*size + (*size == 0));
    memcpy(own, *data, *size);
    *data += *size, *left -= *size;
    return own;
}

static size_t u16_at(const uint8_t *data) { return data[0] | (size_t)data[1] << 8; }

/* Whether it was taken. */
static bool load(RadonDomain *d, const uint8_t **data, size_t *left, size_t wanted) {
    size_t size;
    uint8_t *own = part(data, left, wanted, &size);
    bool taken = radon_load(d, own, size) == NULL;
    free(own);
    return taken;
}

static void give(RadonDomain *d, const uint8_t *data, size_t left) {
    RadonBytes parts[3];
    size_t size;
    uint8_t *own = part(&data, &left, left, &size);
    const char *why = radon_submit(d, own, size);
    free(own);
    if (why) return;
    radon_run(d, 100);
    radon_take(d, parts);
    radon_taken(d);
}

static void look(RadonDomain *d) {
    uint64_t due;
    RadonBytes nothing;
    radon_usage(d), radon_dead(d), radon_next_due(d, &due), radon_deployed(d), radon_dead_one(d, no_id);
    radon_entries(d, (const uint8_t *)"kind", 4, (const uint8_t *)"key", 3, &nothing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    RadonDomain *d;
    size_t snapshot, log;
    if (size < 4) return 0;
    d = new_domain(NULL, 0);
    snapshot = u16_at(data), log = u16_at(data + 2);
    data += 4, size -= 4;
    if (load(d, &data, &size, snapshot) && load(d, &data, &size, log)) {
        look(d);
        check_snapshot(d);
        give(d, data, size);
        look(d);
    }
    radon_free(d);
    return 0;
}

/* shared.c - what the clients share, as functions that Python can call. */
#include "draw.h"
#include "histogram.h"
#include "records.h"
#include "source.h"

static load_source source; /* too large for a stack; Python holds its lock, or its caller is alone */

void load_draw_ids(const load_mix *mix, uint64_t *ids, size_t count) {
    source_begin(&source, mix, 0);
    for (size_t n = 0; n < count; n++) ids[n] = source_id(&source);
}

size_t load_draw_operations(const load_mix *mix, uint32_t *kinds, uint64_t *starts, size_t count) {
    load_operation operation;
    size_t n = 0;
    source_begin(&source, mix, 0);
    for (; n < count && source_next(&source, mix->rate > 0 ? source.due : 0, &operation); n++) {
        kinds[n] = operation.kind;
        starts[n] = operation.start;
        if (operation.kind == LOAD_INSERT) source_acknowledge(&source, operation.id);
    }
    return n;
}

void load_record_key(uint64_t id, uint8_t *key) { record_key(id, key); }

uint64_t load_record_id(const uint8_t *key) { return record_id(key); }

void load_record_value(uint64_t id, uint32_t salt, uint8_t *value, uint32_t size) {
    record_value(id, salt, value, size);
}

int load_record_is(uint64_t id, const uint8_t *value, uint32_t size) { return record_is(id, value, size); }

void load_histogram_add(uint64_t *counts, uint64_t value) { histogram_add(counts, value); }

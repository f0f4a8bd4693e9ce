/* peeks.c - what a KV_COMMAND that is undone has touched, for whoever then does it in a transaction. */
#include "keyspace.h"

typedef struct {
    radon_bytes key;
    uint64_t seen, had;
} note;

static note *notes; /* in the turn's memory, like its slots */
static size_t noted, room;
static uint32_t *slots; /* by hash: index of the note + 1; twice as many as there is room for notes */

void peek_begin(void) {
    notes = NULL;
    noted = room = 0;
}

/* The slot of the key, or a free one. */
static uint32_t *slot_of(radon_bytes key) {
    size_t slot = kv_hash(key) % (2 * room);
    while (slots[slot] != 0 && !radon_equal(notes[slots[slot] - 1].key, key)) slot = (slot + 1) % (2 * room);
    return &slots[slot];
}

static void grow(void) {
    size_t more = room == 0 ? 16 : 2 * room;
    notes = radon_realloc(notes, room * sizeof *notes, more * sizeof *notes);
    slots = radon_alloc(2 * more * sizeof *slots);
    memset(slots, 0, 2 * more * sizeof *slots);
    room = more;
    for (size_t index = 0; index < noted; index++) *slot_of(notes[index].key) = (uint32_t)(index + 1);
}

void peek_note(radon_bytes key, uint64_t seen, uint64_t had) {
    if (noted == room) grow();
    uint32_t *slot = slot_of(key);
    if (*slot != 0) return;
    notes[noted++] = (note){key, seen, had};
    *slot = (uint32_t)noted;
}

kv_status peek_bring(radon_bytes *rest) {
    if (rest->len < 4) return KV_INVALID;
    size_t count = radon_load_u32(rest->data);
    *rest = radon_slice(*rest, 4, rest->len);
    for (size_t index = 0; index < count; index++) {
        radon_bytes key;
        kv_answer given = {0};
        entry old, new;
        if (!kv_take_key(rest, &key) || key.len == 0 || key.data[0] >= DATABASES) return KV_INVALID;
        if (!kv_next(rest, &given) || given.status > KV_ABSENT || given.tag >= TYPES) return KV_INVALID;
        TRY(entry_load(key, &old));
        if (given.status == KV_OK) TRY(entry_restore(key, (type)given.tag, given.value, given.expiry, &old));
        else TRY(entry_remove(key, &old));
        TRY(entry_load(key, &new));
        peek_note(key, given.version, new.version);
    }
    return KV_OK;
}

static kv_status report(radon_buffer *to, const note *it) {
    entry now;
    radon_bytes dump = {0};
    TRY(entry_load(it->key, &now));
    bool changed = now.version != it->had;
    dump_add(to, it->key);
    radon_buffer_add_byte(to, changed);
    radon_store_u64(radon_buffer_extend(to, 8), it->seen);
    if (!changed) return KV_OK;
    if (!now.some) {
        radon_store_u32(radon_buffer_extend(to, 4), 0);
        return KV_OK;
    }
    TRY(entry_dump(&now, &dump));
    kv_options options = {.tag = now.tag, .expiry = now.expiry};
    dump_add(to, kv_request(KV_STORE, options, dump, it->key));
    return KV_OK;
}

kv_status peek_report(radon_buffer *to) {
    radon_store_u32(radon_buffer_extend(to, 4), (uint32_t)noted);
    for (size_t index = 0; index < noted; index++) TRY(report(to, &notes[index]));
    return KV_OK;
}

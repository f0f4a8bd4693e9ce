/* kv.c - one shard of the standard key-value store. docs/kv.md has the messages and what they mean, byte by byte.
 *
 * A message is a turn, so each request is atomic, and all of them are in one order. Whatever is wrong with a request is
 * answered and changes nothing: to fail the turn would only have it tried again.
 */
#include "types.h"

static radon_bytes info(void) {
    uint8_t numbers[20];
    uint64_t shards = 0;
    radon_option config = radon_config_get(radon_text("shards"));
    if (config.some) radon_parse_u64(config.value, &shards);
    radon_store_u32(numbers, (uint32_t)shards);
    radon_store_u32(numbers + 4, KV_KEY_MAX);
    radon_store_u32(numbers + 8, KV_VALUE_MAX);
    radon_store_u32(numbers + 12, KV_BATCH_MAX);
    radon_store_u32(numbers + 16, KV_BATCH_BYTES);
    return answer(KV_OK, KV_FORMAT, (radon_bytes){numbers, sizeof numbers});
}

/* Entries that have expired are not shown, so that a page may be empty and not the last. */
static void add_page(radon_buffer *page, radon_entry_list entries, bool with_values) {
    uint64_t now = radon_clock_now();
    for (size_t index = 0; index < entries.len; index++) {
        radon_bytes key = entries.data[index].key, it = entries.data[index].value;
        uint64_t expiry = radon_load_u64(it.data + 16);
        if (expiry != 0 && expiry <= now) continue;
        radon_store_u32(radon_buffer_extend(page, 4), (uint32_t)key.len);
        radon_buffer_add(page, key);
        size_t begin = page->len;
        radon_buffer_add(page, with_values ? it : radon_slice(it, 0, KV_HEAD));
        if (!with_values) radon_store_u32(page->data + begin + 4, 0);
    }
}

static radon_bytes scan(const request *given) {
    radon_entry_list entries, more = {0};
    radon_option end = given->flags & KV_BOUNDED ? radon_some((radon_bytes){given->payload, given->size}) : RADON_NONE;
    radon_buffer page = {0};
    radon_bytes resume = {0};
    if (given->version == 0 || given->version > UINT32_MAX) return answer(KV_INVALID, 0, KV_NOTHING);
    radon_error error = entries_scan(given->key, end, (uint32_t)given->version, false, &entries);
    if (error == RADON_OK && entries.len > 0) {
        resume = radon_concat(entries.data[entries.len - 1].key, (radon_bytes){(const uint8_t *)"", 1});
        error = entries_scan(resume, end, 1, false, &more);
    }
    if (error != RADON_OK) return answer(KV_INVALID, 0, KV_NOTHING);
    if (more.len == 0) resume.len = 0;
    answer_begin(&page);
    radon_store_u32(radon_buffer_extend(&page, 4), (uint32_t)resume.len);
    radon_buffer_add(&page, resume);
    add_page(&page, entries, !(given->flags & KV_NO_VALUE));
    return answer_finish(&page, 0);
}

static radon_bytes respond(const request *given) {
    switch (given->op) {
    case KV_INFO: return info();
    case KV_BATCH: return batch_run(given);
    case KV_SCAN: return scan(given);
    case KV_PREPARE: return transaction_prepare(given);
    case KV_COMMIT:
    case KV_ABORT: return transaction_end(given);
    default: return request_run(given, (radon_bytes){0});
    }
}

/* A part of a transaction that nobody counts on any more: a dead letter, say, that was revived when all is over. */
static bool is_unheard(radon_message message, const request *given) {
    bool part = given->op == KV_PREPARE || (given->op == KV_BATCH && given->key.len > 0);
    return part && !radon_message_wants_reply(message);
}

/* RADON_INVALID of a reply: nobody waits for one, and what was asked is done. */
RADON_RECEIVE(message, body) {
    request given;
    RADON_TRY(entries_begin());
    kv_status status = types_begin(message);
    if (status == KV_OK) status = request_read(body, &given);
    if (status == KV_OK && is_unheard(message, &given)) return RADON_DONE;
    radon_bytes it = status == KV_OK ? respond(&given) : answer(status, 0, KV_NOTHING);
    if (!refused(it)) status = types_settle();
    if (status != KV_OK) it = answer(status, 0, KV_NOTHING);
    if (refused(it)) entries_undo(0);
    if (it.len > 0 && radon_message_reply(message, it) == RADON_TOO_LARGE) {
        entries_undo(0);
        radon_message_reply(message, answer(KV_TOO_LARGE, 0, status == KV_OK ? types_hand_back(&given) : KV_NOTHING));
    }
    types_finish();
    return RADON_DONE;
}

RADON_FIRED(token) {
    RADON_TRY(entries_begin());
    types_begin((radon_message){0});
    RADON_TRY(entries_expire());
    types_settle(); /* what has less in it than before fits */
    types_finish();
    return RADON_DONE;
}

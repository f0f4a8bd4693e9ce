/* moody.c - what looks like a shard and does what it likes. Words tell it how: "prepare MOOD" for PREPARE and BATCH, "end
 * MOOD" for COMMIT and ABORT, with MOOD one of
 *
 *   well    does it, and answers
 *   ill     fails, again and again
 *   silent  does it, and never answers
 *   refuse  answers that there is a conflict
 *
 * In its state are the names of what is `prepared`, and of what has `ended`, with how.
 */
#include "kv.h"

static radon_bucket moods, prepared, ended;

static radon_bytes head(kv_status status, uint64_t version) {
    uint8_t *bytes = radon_alloc(KV_HEAD);
    memset(bytes, 0, KV_HEAD);
    bytes[0] = (uint8_t)status;
    radon_store_u64(bytes + 8, version);
    return (radon_bytes){bytes, KV_HEAD};
}

static radon_outcome answer_with(radon_message message, radon_bytes mood) {
    static uint64_t token;
    if (radon_is(mood, "ill")) return radon_fail("ill");
    if (radon_is(mood, "silent")) {
        radon_message_keep(message, radon_random_next() + token++);
        return RADON_DONE;
    }
    radon_message_reply(message, radon_is(mood, "refuse") ? head(KV_CONFLICT, 0) : head(KV_OK, 1));
    return RADON_DONE;
}

RADON_RECEIVE(message, body) {
    radon_option mood;
    RADON_TRY(radon_state_open(radon_text("moods"), &moods));
    RADON_TRY(radon_state_open(radon_text("prepared"), &prepared));
    RADON_TRY(radon_state_open(radon_text("ended"), &ended));
    radon_bytes rest = body;
    if (body.len > 0 && body.data[0] >= 'a') {
        radon_bytes which = radon_cut(&rest, ' ');
        RADON_TRY(radon_bucket_put(moods, which, rest));
        return answer_with(message, radon_text("well"));
    }
    bool ends = body.data[0] == KV_COMMIT || body.data[0] == KV_ABORT;
    RADON_TRY(radon_bucket_get(moods, radon_text(ends ? "end" : "prepare"), &mood));
    size_t size = KV_HEAD + radon_load_u32(body.data + 4);
    for (size_t at = size; at < body.len; at += KV_TRANSACTION) {
        radon_bytes name = radon_slice(body, at, at + KV_TRANSACTION), op = radon_slice(body, 0, 1);
        if (body.data[0] == KV_PREPARE) RADON_TRY(radon_bucket_put(prepared, name, op));
        if (body.data[0] != KV_PREPARE) RADON_TRY(radon_bucket_put(ended, name, op));
        if (ends) RADON_TRY(radon_bucket_delete(prepared, name));
    }
    return answer_with(message, mood.some ? mood.value : radon_text("well"));
}

/* client.c - uses the store as an atom does, with kv.h: what a test asks for in words, by a call or by a request.
 *
 *   "call WORDS", "ask WORDS"     answers with "STATUS TAG VERSION? VALUE"; "ask" asks, and answers when it is answered
 *   "shard KEY N"                 the shard of a key among so many
 *   "scan LIMIT"                  the keys of all entries, shard by shard
 *   "batch KEY VALUE ..."         puts all of them, which are of one shard, and gets them
 *   "info"
 */
#include "kv.h"

static kv_store store = {.kind = "kv", .shards = 4};

#define TIMEOUT 1000000000ull

static uint64_t number(radon_bytes word) {
    uint64_t found = 0;
    radon_parse_u64(word, &found);
    return found;
}

static int64_t integer(radon_bytes word) {
    int64_t found = 0;
    radon_parse_s64(word, &found);
    return found;
}

static radon_bytes request_of(radon_bytes words, radon_bytes *key) {
    radon_bytes verb = radon_cut(&words, ' ');
    *key = radon_cut(&words, ' ');
    if (radon_is(verb, "get")) return kv_get(*key);
    if (radon_is(verb, "exists")) return kv_exists(*key);
    if (radon_is(verb, "put")) return kv_put(*key, words);
    if (radon_is(verb, "put-new")) return kv_put_with(*key, words, (kv_options){.flags = KV_IF_ABSENT, .tag = 7});
    if (radon_is(verb, "delete")) return kv_delete(*key);
    if (radon_is(verb, "add")) return kv_add(*key, integer(words));
    if (radon_is(verb, "append")) return kv_append(*key, words);
    if (radon_is(verb, "expire")) return kv_expire(*key, number(words));
    if (radon_is(verb, "persist")) return kv_persist(*key);
    radon_bytes word = radon_cut(&words, ' ');
    if (radon_is(verb, "cas")) return kv_compare_and_set(*key, word, words);
    if (radon_is(verb, "part")) return kv_get_part(*key, number(word), number(words));
    if (radon_is(verb, "write")) return kv_write(*key, number(word), words);
    if (radon_is(verb, "prepare")) {
        radon_buffer batch = {0};
        kv_add_to(&batch, kv_put(*key, words));
        return kv_prepare(word, batch);
    }
    if (radon_is(verb, "commit")) return kv_commit(word);
    return kv_abort(word);
}

static radon_bytes told(const kv_answer *it) {
    radon_buffer text = {0};
    radon_buffer_add_u64(&text, it->status);
    radon_buffer_add_byte(&text, ' ');
    radon_buffer_add_u64(&text, it->tag);
    radon_buffer_add_text(&text, it->version != 0 ? " v " : " - ");
    radon_buffer_add(&text, it->value);
    return radon_buffer_bytes(&text);
}

static radon_outcome scan(uint32_t limit, radon_buffer *keys) {
    for (uint32_t shard = 0; shard < store.shards; shard++) {
        radon_option start = radon_some((radon_bytes){0});
        while (start.some) {
            kv_answer page, entry;
            radon_bytes key;
            radon_bytes request = kv_scan(start.value, RADON_NONE, limit, KV_NO_VALUE);
            RADON_TRY(kv_call_shard(&store, shard, request, TIMEOUT, &page));
            start = kv_scan_resume(&page.value);
            while (kv_scan_next(&page.value, &key, &entry)) {
                if (entry.value.len > 0) return radon_fail("a value that was not asked for");
                radon_buffer_add(keys, key);
                radon_buffer_add_byte(keys, ' ');
            }
            if (page.value.len > 0) return radon_fail("something behind the page");
        }
    }
    return RADON_DONE;
}

static radon_outcome batch(radon_bytes words, radon_buffer *values) {
    radon_buffer requests = {0};
    radon_bytes first = {0};
    kv_answer all, each;
    while (words.len > 0) {
        radon_bytes key = radon_cut(&words, ' ');
        if (first.len == 0) first = key;
        kv_add_to(&requests, kv_put(key, radon_cut(&words, ' ')));
        kv_add_to(&requests, kv_get(key));
    }
    RADON_TRY(kv_call(&store, first, kv_batch(requests), TIMEOUT, &all));
    while (kv_next(&all.value, &each)) {
        radon_buffer_add(values, each.value);
        radon_buffer_add_byte(values, ' ');
    }
    return RADON_DONE;
}

RADON_RECEIVE(message, body) {
    kv_answer it;
    radon_buffer out = {0};
    radon_bytes words = body, verb = radon_cut(&words, ' '), key;
    if (radon_is(verb, "ask")) {
        radon_bytes request = request_of(words, &key);
        RADON_TRY(kv_ask(&store, key, request, TIMEOUT, 5));
        RADON_TRY(radon_message_keep(message, 5));
        return RADON_DONE;
    }
    if (radon_is(verb, "call")) {
        radon_bytes request = request_of(words, &key);
        RADON_TRY(kv_call(&store, key, request, TIMEOUT, &it));
        radon_buffer_add(&out, told(&it));
    } else if (radon_is(verb, "shard")) {
        key = radon_cut(&words, ' ');
        kv_store other = {.kind = "kv", .shards = (uint32_t)number(words)};
        radon_buffer_add_u64(&out, kv_shard(&other, key));
    } else if (radon_is(verb, "info")) {
        RADON_TRY(kv_call_shard(&store, 0, kv_info(), TIMEOUT, &it));
        radon_buffer_add_u64(&out, it.version);
        radon_buffer_add_byte(&out, ' ');
        radon_buffer_add_u64(&out, radon_load_u32(it.value.data));
    } else {
        radon_outcome outcome = radon_is(verb, "scan") ? scan((uint32_t)number(words), &out) : batch(words, &out);
        if (outcome.failed) return outcome;
    }
    RADON_TRY(radon_message_reply(message, radon_buffer_bytes(&out)));
    return RADON_DONE;
}

RADON_REPLIED(token, error, answer) {
    radon_message asker;
    kv_answer it;
    RADON_TRY(error);
    if (!kv_parse(answer, &it) || !radon_messaging_kept(token, &asker)) return radon_fail("no answer of a kv");
    RADON_TRY(radon_message_reply(asker, told(&it)));
    radon_message_drop(asker);
    return RADON_DONE;
}

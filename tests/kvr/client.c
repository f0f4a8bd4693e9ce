/* client.c - uses a replicated store as an atom does, with kv.h. Each atom is a session with one shard.
 *
 *   "put KEY VALUE", "get KEY", "insert KEY ELEMENT", "remove KEY ELEMENT"   at the near replica: "STATUS VALUE"
 *   "at R WORDS"                                                             at replica R
 *   "near KEY"                                                               the address of the near replica
 */
#include "kv.h"

static kv_store store = {.kind = "kvr", .shards = 2, .replicas = 3};
static kv_session session; /* an atom that means it keeps it in state */

#define TIMEOUT 5000000000ull

static radon_bytes request_of(radon_bytes words, radon_bytes *key) {
    radon_bytes verb = radon_cut(&words, ' ');
    *key = radon_cut(&words, ' ');
    if (radon_is(verb, "put")) return kv_put(*key, words);
    if (radon_is(verb, "get")) return kv_get(*key);
    return kv_change_set(radon_is(verb, "insert"), *key, words);
}

RADON_RECEIVE(message, body) {
    kv_answer it;
    radon_buffer out = {0};
    radon_bytes words = body, verb = radon_cut(&words, ' '), key, answer;
    radon_address to;
    bool is_at = radon_is(verb, "at");
    if (radon_is(verb, "near")) {
        RADON_TRY(kv_open_shard(&store, kv_shard(&store, words), &to));
        RADON_TRY(radon_message_reply(message, radon_address_text(to)));
        return RADON_DONE;
    }
    uint64_t replica = 0;
    if (is_at) radon_parse_u64(radon_cut(&words, ' '), &replica);
    radon_bytes request = kv_within(&store, &session, request_of(is_at ? words : body, &key), 0);
    uint32_t shard = kv_shard(&store, key);
    if (is_at) {
        RADON_TRY(kv_open_replica(&store, shard, (uint32_t)replica, &to));
        RADON_TRY(radon_address_call(to, request, TIMEOUT, &answer));
        radon_address_drop(to);
        if (!kv_parse(answer, &it)) return radon_fail("no answer of a kvr");
    } else {
        RADON_TRY(kv_call_shard(&store, shard, request, TIMEOUT, &it));
    }
    if (!kv_unwrap(&store, &session, &it) && it.status == KV_OK) return radon_fail("no answer to a session");
    radon_buffer_add_u64(&out, it.status);
    radon_buffer_add_byte(&out, ' ');
    if (it.status != KV_BEHIND) radon_buffer_add(&out, it.value);
    RADON_TRY(radon_message_reply(message, radon_buffer_bytes(&out)));
    return RADON_DONE;
}

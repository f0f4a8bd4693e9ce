/* batches.c - many requests in one message: batches and the two phases of a transaction. All of it happens or none. */
#include "requests.h"

/* What became of the request with this number ends the batch. */
static radon_bytes refuse(radon_bytes because, size_t number) { return answer(status_in(because), number, because); }

/* A put without others beside it need not be undone with them, nor do they all have to fit into the memory of a turn. */
static kv_status next_of(radon_bytes *rest, size_t number, request *out) {
    TRY(number >= KV_BATCH_MAX || entries_moved() > KV_BATCH_BYTES ? KV_TOO_LARGE : KV_OK);
    TRY(request_next(rest, out));
    out->alone = number == 0 && rest->len == 0 && out->op == KV_PUT;
    return KV_OK;
}

radon_bytes batch_run(const request *given) {
    radon_bytes rest = {given->payload, given->size}, *answers = NULL;
    size_t count = 0, room = 0, size = 0;
    if (given->key.len != 0 && given->key.len != KV_TRANSACTION) return plain(KV_INVALID);
    while (rest.len > 0) {
        request next;
        kv_status status = next_of(&rest, count, &next);
        if (status != KV_OK) return refuse(plain(status), count);
        radon_bytes it = request_run(&next, (radon_bytes){0});
        if (refused(it)) return refuse(it, count);
        if (count == room) {
            answers = radon_realloc(answers, room * sizeof *answers, (2 * room + 8) * sizeof *answers);
            room = 2 * room + 8;
        }
        answers[count++] = it;
        size += it.len;
    }
    radon_buffer all = {0};
    answer_begin(&all);
    uint8_t *to = radon_buffer_extend(&all, size);
    for (size_t index = 0; index < count; to += answers[index++].len)
        memcpy(to, answers[index].data, answers[index].len);
    return answer_finish(&all, count);
}

/* ---- transactions ---- */

/* An entry to be may take this much of the quota more than the bytes of its request, and so may its expiry beside its
 * key: so a commit has room for sure. */
#define RESERVED 64

/* What a KV_STORE writes is its type's to say; so it is done, and undone: then it is known that it can be done. */
static kv_status measure(const request *next, radon_bytes name, size_t *room) {
    size_t before, count;
    entries_changes(&before);
    radon_bytes it = request_run(next, name);
    const change *changes = entries_changes(&count);
    for (size_t index = before; index < count; index++)
        *room += changes[index].key.len + changes[index].new.value.len + RESERVED;
    entries_undo(before);
    return status_in(it);
}

/* Why the transaction may not have the key for this; nothing: it may, and needs more room. */
static radon_bytes check(const request *next, radon_bytes name, size_t *room) {
    entry now = {0};
    radon_bytes other;
    kv_status status = KV_OK;
    if (next->op != KV_GET && next->op != KV_PUT && next->op != KV_DELETE && next->op != KV_STORE) return plain(KV_INVALID);
    if (next->size > KV_VALUE_MAX) return plain(KV_TOO_LARGE);
    if (lock_of(next->key, &other) != FREE) return answer(KV_LOCKED, 0, other);
    if (!next->alone || next->flags & CONDITIONS) status = entry_load(next->key, &now);
    if (status == KV_OK && !request_holds(next, &now)) return answer(KV_CONFLICT, now.version, KV_NOTHING);
    if (status == KV_OK && next->op == KV_STORE) status = measure(next, name, room);
    *room += next->expiry == 0 ? RESERVED : 2 * RESERVED + next->key.len;
    return status == KV_OK ? KV_NOTHING : plain(status);
}

radon_bytes transaction_prepare(const request *given) {
    radon_bytes rest = {given->payload, given->size};
    size_t count = 0, room = RESERVED;
    if (given->key.len != KV_TRANSACTION || rest.len == 0) return plain(KV_INVALID);
    if (prepared_load(given->key).some) return plain(KV_OK);
    for (; rest.len > 0; count++) {
        request next;
        kv_status status = next_of(&rest, count, &next);
        radon_bytes because = status == KV_OK ? check(&next, given->key, &room) : plain(status);
        if (because.len > 0) return refuse(because, count);
    }
    radon_buffer what = {0};
    kv_add_to(&what, (radon_bytes){given->payload, given->size});
    memset(radon_buffer_extend(&what, room), 0, room);
    if (!locks_fit(count, what.len)) return plain(locks_any() ? KV_LOCKED : KV_EXHAUSTED);
    return answer(prepared_set(given->key, radon_some(radon_buffer_bytes(&what)), RADON_NONE), count, KV_NOTHING);
}

static radon_bytes end_one(kv_op op, radon_bytes name) {
    radon_option what = prepared_load(name);
    radon_bytes rest = what.value, items;
    request next;
    size_t count = 0;
    if (!what.some) return plain(KV_ABSENT);
    prepared_set(name, RADON_NONE, what);
    kv_take_key(&rest, &items);
    /* In a copy, since puts write into it, and what was prepared may be wanted again. */
    for (rest = radon_concat(items, KV_NOTHING); request_next(&rest, &next) == KV_OK; count++) {
        if (op == KV_ABORT || next.op == KV_GET) continue;
        next.flags &= KV_KEEP_EXPIRY | KV_RELATIVE; /* its condition held when it was prepared */
        if (refused(request_run(&next, name))) __builtin_trap(); /* it had its room */
    }
    return answer(KV_OK, count, KV_NOTHING);
}

radon_bytes transaction_end(const request *given) {
    kv_status status = KV_ABSENT;
    uint64_t count = 0;
    if (given->key.len == 0 || given->key.len % KV_TRANSACTION != 0) return plain(KV_INVALID);
    for (size_t at = 0; at < given->key.len; at += KV_TRANSACTION) {
        radon_bytes it = end_one(given->op, radon_slice(given->key, at, at + KV_TRANSACTION));
        if (refused(it)) return it;
        if (status_in(it) == KV_OK) status = KV_OK;
        count += radon_load_u64(it.data + 8);
    }
    return answer(status, count, KV_NOTHING);
}

/* batches.c - many requests in one message: batches and the two phases of a transaction. All of it happens or none. */
#include "requests.h"

/* What became of the request with this number ends the batch. */
static radon_bytes refuse(radon_bytes because, size_t number) { return answer(status_in(because), number, because); }

static bool is_too_much(size_t number) { return number >= KV_BATCH_MAX || entries_moved() > KV_BATCH_BYTES; }

radon_bytes batch_run(const request *given) {
    radon_bytes rest = {given->payload, given->size}, *answers = NULL;
    size_t count = 0, room = 0, size = 0;
    if (given->key.len != 0 && given->key.len != KV_TRANSACTION) return plain(KV_INVALID);
    while (rest.len > 0) {
        request next;
        kv_status status = is_too_much(count) ? KV_TOO_LARGE : request_next(&rest, &next);
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

/* Beside a lock, which its commit gives back, an entry to be may take this much of the quota more than the bytes of its
 * request: so a commit has room for sure. */
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

static kv_status take(const request *next, radon_bytes name, size_t *room, radon_bytes *because) {
    entry now;
    radon_bytes other;
    lock held = lock_of(next->key, &other);
    *because = KV_NOTHING;
    if (next->op != KV_GET && next->op != KV_PUT && next->op != KV_DELETE && next->op != KV_STORE) return KV_INVALID;
    if (next->size > KV_VALUE_MAX) return KV_TOO_LARGE;
    if (held != FREE && !radon_equal(other, name)) {
        *because = answer(KV_LOCKED, 0, other);
        return KV_LOCKED;
    }
    TRY(entry_load(next->key, &now));
    if (!request_holds(next, &now)) {
        *because = answer(KV_CONFLICT, now.version, KV_NOTHING);
        return KV_CONFLICT;
    }
    *room += RESERVED;
    if (next->op == KV_STORE) TRY(measure(next, name, room));
    return lock_take(next->key, held, next->op == KV_GET ? READ : WRITTEN, name);
}

radon_bytes transaction_prepare(const request *given) {
    radon_option before;
    radon_bytes rest = {given->payload, given->size};
    size_t count = 0, room = RESERVED;
    if (given->key.len != KV_TRANSACTION || rest.len == 0) return plain(KV_INVALID);
    kv_status status = prepared_load(given->key, &before);
    if (before.some) return plain(KV_OK);
    for (; status == KV_OK && rest.len > 0; count++) {
        request next;
        radon_bytes because = {0};
        status = is_too_much(count) ? KV_TOO_LARGE : request_next(&rest, &next);
        if (status == KV_OK) status = take(&next, given->key, &room, &because);
        if (status != KV_OK) return refuse(because.len > 0 ? because : plain(status), count);
    }
    radon_buffer what = {0};
    kv_add_to(&what, (radon_bytes){given->payload, given->size});
    memset(radon_buffer_extend(&what, room), 0, room);
    status = prepared_store(given->key, radon_buffer_bytes(&what));
    return answer(status, count, KV_NOTHING);
}

static radon_bytes end_one(kv_op op, radon_bytes name) {
    radon_option what;
    radon_bytes rest, items;
    request next;
    size_t count = 0;
    kv_status status = prepared_load(name, &what);
    if (status != KV_OK || !what.some) return plain(status == KV_OK ? KV_ABSENT : status);
    rest = what.value;
    if (!kv_take_key(&rest, &items)) return plain(KV_INVALID);
    for (rest = items; request_next(&rest, &next) == KV_OK; count++) lock_release(next.key, name);
    prepared_remove(name, what.value);
    items = radon_concat(items, KV_NOTHING); /* puts write into it, and what was prepared may be wanted again */
    for (rest = items; op == KV_COMMIT && request_next(&rest, &next) == KV_OK;) {
        next.flags &= KV_KEEP_EXPIRY | KV_RELATIVE; /* its condition held when it was prepared */
        if (next.op != KV_GET && refused(request_run(&next, name))) __builtin_trap(); /* it had its room */
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

/* pops.c - commands that pop from the first of several lists, or wait until there is something to pop. */
#include "lists.h"
#include "numbers.h"

#define MOST_MS 9223372036854775807.0

kv_status call_timeout(call *c, size_t index) {
    wide given;
    if (!read_wide(c->argv[index], &given)) return call_fail(c, "ERR timeout is not a float or out of range");
    double ms = given.infinite ? __builtin_inf() : (double)given.mantissa * 1000;
    for (int32_t exponent = given.exponent; exponent > 0 && ms < 1e30; exponent--) ms *= 2;
    for (int32_t exponent = given.exponent; exponent < 0 && ms > 0.1; exponent++) ms /= 2;
    bool negative = given.negative ? ms >= 1 : ms >= MOST_MS; /* what is too large turns negative in Redis */
    if (negative) return call_fail(c, "ERR timeout is negative");
    bool too_large = !given.negative && ms + (double)call_now() >= MOST_MS;
    return too_large ? call_fail(c, "ERR timeout is out of range") : KV_OK;
}

/* ---- BLPOP ---- */

static kv_status pop_or_wait(call *c, list_end end) {
    size_t last = c->argc - 2;
    TRY(call_timeout(c, last + 1));
    for (size_t index = 1; index <= last; index++) {
        collection list;
        radon_bytes value, key = call_key(c, index);
        TRY(collection_open(c, key, TYPE_LIST, &list));
        if (list.count == 0) continue;
        TRY(list_pop(&list, end, &value));
        reply_array(c->to, 2);
        reply_bulk(c->to, c->argv[index]);
        reply_bulk(c->to, value);
        return collection_close(&list);
    }
    call_wait(c, 1, last);
    reply_null_array(c->to);
    return KV_OK;
}

kv_status command_blpop(call *c) { return pop_or_wait(c, FRONT); }
kv_status command_brpop(call *c) { return pop_or_wait(c, BACK); }

/* ---- BLMOVE ---- */

static kv_status move_or_wait(call *c, list_end from, list_end to, size_t timeout) {
    radon_option moved;
    TRY(call_timeout(c, timeout));
    TRY(list_move(c, call_key(c, 1), from, call_key(c, 2), to, &moved));
    if (!moved.some) call_wait(c, 1, 1);
    reply_option(c->to, moved);
    return KV_OK;
}

kv_status command_blmove(call *c) {
    list_end from, to;
    TRY(list_read_end(c, 3, &from));
    TRY(list_read_end(c, 4, &to));
    return move_or_wait(c, from, to, 5);
}

kv_status command_brpoplpush(call *c) { return move_or_wait(c, BACK, FRONT, 3); }

/* ---- LMPOP ---- */

kv_status call_numbered_keys(call *c, size_t index, size_t *last) {
    int64_t count;
    TRY(call_integer_in(c, index, 1, INT64_MAX, &count, "ERR numkeys should be greater than 0"));
    if ((uint64_t)count > c->argc - index - 2) return call_fail_syntax(c);
    *last = index + (size_t)count;
    return KV_OK;
}

kv_status call_pop_count(call *c, size_t index, int64_t *count) {
    *count = 1;
    if (index == c->argc) return KV_OK;
    if (!call_is(c, index, "count") || index + 1 == c->argc) return call_fail_syntax(c);
    TRY(call_integer_in(c, index + 1, 1, INT64_MAX, count, "ERR count should be greater than 0"));
    return index + 2 == c->argc ? KV_OK : call_fail_syntax(c);
}

/* Argument `numbered` is the number of keys; a timeout may stand before it. */
static kv_status pop_many(call *c, size_t numbered) {
    size_t last;
    list_end end;
    int64_t count;
    TRY(call_numbered_keys(c, numbered, &last));
    TRY(list_read_end(c, last + 1, &end));
    TRY(call_pop_count(c, last + 2, &count));
    if (numbered == 2) TRY(call_timeout(c, 1));
    for (size_t index = numbered + 1; index <= last; index++) {
        collection list;
        TRY(collection_open(c, call_key(c, index), TYPE_LIST, &list));
        if (list.count == 0) continue;
        reply_array(c->to, 2);
        reply_bulk(c->to, c->argv[index]);
        return list_pop_many(c, &list, end, (uint64_t)count);
    }
    call_wait(c, numbered + 1, last);
    reply_null_array(c->to);
    return KV_OK;
}

kv_status command_lmpop(call *c) { return pop_many(c, 1); }

kv_status command_blmpop(call *c) { return pop_many(c, 2); }

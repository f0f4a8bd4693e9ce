/* lists.c - lists: an element's name is its place (u64, big-endian), one behind the other without a gap.
 *
 * `extra` is the place of the first. What is put into the middle, or removed from it, moves the elements of the shorter
 * side.
 */
#include "lists.h"

const char *list_encoding(const entry *it) {
    (void)it;
    return "quicklist";
}

radon_bytes list_place(const collection *list, uint64_t index) {
    uint8_t *bytes = radon_alloc(8);
    radon_store_u64_key(bytes, list->extra + index);
    return (radon_bytes){bytes, 8};
}

kv_status list_get(const collection *list, uint64_t index, radon_option *out) {
    return element_get(list, list_place(list, index), out);
}

walk list_walk(const collection *list, uint64_t first, uint64_t count, bool backwards) {
    radon_option start = radon_some(list_place(list, first)), end = radon_some(list_place(list, first + count));
    walk walk = walk_begin(list, start, end, backwards);
    if (count < walk.limit) walk.limit = (uint32_t)count;
    return walk;
}

kv_status list_dump(const collection *it, radon_buffer *to) {
    radon_bytes value;
    walk walk = list_walk(it, 0, it->count, false);
    while (list_next(&walk, &value)) dump_add(to, value);
    return KV_OK;
}

kv_status list_load(collection *it, radon_bytes dump) {
    radon_bytes value;
    while (dump.len > 0) {
        if (!dump_take(&dump, &value)) return FAILED;
        TRY(list_push(it, BACK, value));
    }
    return KV_OK;
}

/* ---- ends ---- */

kv_status list_push(collection *list, list_end end, radon_bytes value) {
    if (list->count == 0) list->extra = LIST_MIDDLE;
    if (end == FRONT) list->extra--;
    TRY(element_put(list, list_place(list, end == FRONT ? 0 : list->count), value, RADON_NONE));
    list->count++;
    return KV_OK;
}

kv_status list_pop(collection *list, list_end end, radon_bytes *out) {
    radon_option it;
    radon_bytes place = list_place(list, end == FRONT ? 0 : list->count - 1);
    TRY(element_get(list, place, &it));
    TRY(element_remove(list, place, it));
    list->count--;
    if (end == FRONT) list->extra++;
    *out = it.value;
    return KV_OK;
}

/* Only onto one that is there, for LPUSHX. */
static kv_status push(call *c, list_end end, bool only_present) {
    collection list;
    TRY(collection_open(c, call_key(c, 1), TYPE_LIST, &list));
    if (list.was.some || !only_present)
        for (size_t index = 2; index < c->argc; index++) TRY(list_push(&list, end, c->argv[index]));
    reply_integer(c->to, (int64_t)list.count);
    return collection_close(&list);
}

kv_status command_lpush(call *c) { return push(c, FRONT, false); }
kv_status command_rpush(call *c) { return push(c, BACK, false); }
kv_status command_lpushx(call *c) { return push(c, FRONT, true); }
kv_status command_rpushx(call *c) { return push(c, BACK, true); }

kv_status list_pop_many(call *c, collection *list, list_end end, uint64_t count) {
    if (count > list->count) count = list->count;
    reply_array(c->to, (size_t)count);
    for (; count > 0; count--) {
        radon_bytes value;
        TRY(list_pop(list, end, &value));
        reply_bulk(c->to, value);
    }
    return collection_close(list);
}

static kv_status pop(call *c, list_end end) {
    collection list;
    int64_t count = 1;
    if (c->argc > 3) return call_fail_arity(c);
    if (c->argc == 3) TRY(call_integer_in(c, 2, 0, INT64_MAX, &count, NULL));
    TRY(collection_open(c, call_key(c, 1), TYPE_LIST, &list));
    if (c->argc == 3 && list.count > 0) return list_pop_many(c, &list, end, (uint64_t)count);
    if (list.count == 0) {
        c->argc == 3 ? reply_null_array(c->to) : reply_null(c->to);
        return KV_OK;
    }
    radon_bytes value;
    TRY(list_pop(&list, end, &value));
    reply_bulk(c->to, value);
    return collection_close(&list);
}

kv_status command_lpop(call *c) { return pop(c, FRONT); }
kv_status command_rpop(call *c) { return pop(c, BACK); }

/* ---- from one to the other ---- */

kv_status list_read_end(call *c, size_t index, list_end *out) {
    *out = call_is(c, index, "left") ? FRONT : BACK;
    return *out == FRONT || call_is(c, index, "right") ? KV_OK : call_fail_syntax(c);
}

kv_status list_move(call *c, radon_bytes from, list_end from_end, radon_bytes to, list_end to_end, radon_option *out) {
    collection source, target;
    bool same = radon_equal(from, to);
    *out = RADON_NONE;
    TRY(collection_open(c, from, TYPE_LIST, &source));
    if (source.count == 0) return KV_OK;
    if (!same) TRY(collection_open(c, to, TYPE_LIST, &target));
    out->some = true;
    TRY(list_pop(&source, from_end, &out->value));
    TRY(list_push(same ? &source : &target, to_end, out->value));
    TRY(collection_close(&source));
    return same ? KV_OK : collection_close(&target);
}

static kv_status move(call *c, list_end from_end, list_end to_end) {
    radon_option moved;
    TRY(list_move(c, call_key(c, 1), from_end, call_key(c, 2), to_end, &moved));
    reply_option(c->to, moved);
    return KV_OK;
}

kv_status command_lmove(call *c) {
    list_end from, to;
    TRY(list_read_end(c, 3, &from));
    TRY(list_read_end(c, 4, &to));
    return move(c, from, to);
}

kv_status command_rpoplpush(call *c) { return move(c, BACK, FRONT); }

/* ---- reading ---- */

kv_status command_llen(call *c) { return collection_reply_count(c, TYPE_LIST); }

/* What counts from the end counts from the beginning; false: it is none of the list. */
static bool find_index(const collection *list, int64_t index, uint64_t *out) {
    if (index < 0) index += (int64_t)list->count;
    *out = (uint64_t)index;
    return index >= 0 && *out < list->count;
}

kv_status command_lindex(call *c) {
    collection list;
    int64_t given;
    uint64_t index;
    radon_option value = {0};
    TRY(collection_open(c, call_key(c, 1), TYPE_LIST, &list));
    if (list.was.some) {
        TRY(call_integer(c, 2, &given));
        if (find_index(&list, given, &index)) TRY(list_get(&list, index, &value));
    }
    reply_option(c->to, value);
    return KV_OK;
}

/* The part from `start` to `end`, which may count from the end, as first element and number of elements. */
static void find_range(const collection *list, int64_t start, int64_t end, uint64_t *first, uint64_t *count) {
    int64_t all = (int64_t)list->count;
    if (start < 0) start += all;
    if (end < 0) end += all;
    if (start < 0) start = 0;
    if (end >= all) end = all - 1;
    bool some = start <= end && start < all;
    *first = some ? (uint64_t)start : 0;
    *count = some ? (uint64_t)(end - start + 1) : 0;
}

kv_status command_lrange(call *c) {
    collection list;
    int64_t start, end;
    uint64_t first, count;
    radon_bytes value;
    TRY(call_integer(c, 2, &start));
    TRY(call_integer(c, 3, &end));
    TRY(collection_open(c, call_key(c, 1), TYPE_LIST, &list));
    find_range(&list, start, end, &first, &count);
    reply_array(c->to, (size_t)count);
    walk walk = list_walk(&list, first, count, false);
    while (list_next(&walk, &value)) reply_bulk(c->to, value);
    return KV_OK;
}

typedef struct {
    int64_t rank, count, most; /* count -1: only one is asked for; 0: all; most 0: all of the list is looked at */
} position;

static kv_status read_position(call *c, position *out) {
    *out = (position){1, -1, 0};
    for (size_t index = 3; index < c->argc; index += 2) {
        if (index + 1 == c->argc) return call_fail_syntax(c);
        if (call_is(c, index, "rank")) {
            TRY(call_integer_in(c, index + 1, -INT64_MAX, INT64_MAX, &out->rank, NULL));
            if (out->rank == 0)
                return call_fail(c, "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second "
                    "... or use negative to start from the end of the list");
        } else if (call_is(c, index, "count")) {
            TRY(call_integer_in(c, index + 1, 0, INT64_MAX, &out->count, "ERR COUNT can't be negative"));
        } else if (call_is(c, index, "maxlen")) {
            TRY(call_integer_in(c, index + 1, 0, INT64_MAX, &out->most, "ERR MAXLEN can't be negative"));
        } else {
            return call_fail_syntax(c);
        }
    }
    return KV_OK;
}

kv_status command_lpos(call *c) {
    collection list;
    position given;
    radon_bytes value;
    TRY(read_position(c, &given));
    TRY(collection_open(c, call_key(c, 1), TYPE_LIST, &list));
    bool backwards = given.rank < 0, many = given.count >= 0;
    int64_t before = (backwards ? -given.rank : given.rank) - 1, wanted = many ? given.count : 1, index = 0;
    size_t begin = c->to->bytes.len, found = 0;
    walk walk = list_walk(&list, 0, list.count, backwards);
    for (; (given.most == 0 || index < given.most) && list_next(&walk, &value); index++) {
        if (!radon_equal(value, c->argv[2]) || before-- > 0) continue;
        reply_integer(c->to, backwards ? (int64_t)list.count - index - 1 : index);
        if (++found == (size_t)wanted) break;
    }
    if (many) reply_array_around(c->to, begin, found);
    else if (found == 0) reply_null(c->to);
    return KV_OK;
}

/* ---- changing what is in it ---- */

kv_status command_lset(call *c) {
    collection list;
    int64_t given;
    uint64_t index;
    radon_option old;
    TRY(collection_open(c, call_key(c, 1), TYPE_LIST, &list));
    if (!list.was.some) return call_fail(c, "ERR no such key");
    TRY(call_integer(c, 2, &given));
    if (!find_index(&list, given, &index)) return call_fail(c, "ERR index out of range");
    TRY(list_get(&list, index, &old));
    TRY(element_put(&list, list_place(&list, index), c->argv[3], old));
    reply_status(c->to, "OK");
    return collection_close(&list);
}

/* The element at one index is put to another, over what is there. */
static kv_status shift(collection *list, uint64_t from, uint64_t to) {
    radon_option value, old;
    TRY(list_get(list, from, &value));
    TRY(list_get(list, to, &old));
    return element_put(list, list_place(list, to), value.value, old);
}

static kv_status insert(collection *list, uint64_t at, radon_bytes value) {
    radon_option old;
    bool front = at < list->count / 2;
    TRY(list_push(list, front ? FRONT : BACK, value)); /* the place that will be filled last */
    if (front) for (uint64_t index = 0; index < at; index++) TRY(shift(list, index + 1, index));
    else for (uint64_t index = list->count - 1; index > at; index--) TRY(shift(list, index - 1, index));
    TRY(list_get(list, at, &old));
    return element_put(list, list_place(list, at), value, old);
}

kv_status command_linsert(call *c) {
    collection list;
    radon_bytes value;
    uint64_t index = 0;
    bool after = call_is(c, 2, "after"), found = false;
    if (!after && !call_is(c, 2, "before")) return call_fail_syntax(c);
    TRY(collection_open(c, call_key(c, 1), TYPE_LIST, &list));
    walk walk = list_walk(&list, 0, list.count, false);
    for (; !found && list_next(&walk, &value); index++) found = radon_equal(value, c->argv[3]);
    if (found) TRY(insert(&list, after ? index : index - 1, c->argv[4]));
    reply_integer(c->to, found || list.count == 0 ? (int64_t)list.count : -1);
    return collection_close(&list);
}

static kv_status drop(collection *list, list_end end, uint64_t count) {
    for (radon_bytes value; count > 0; count--) TRY(list_pop(list, end, &value));
    return KV_OK;
}

/* Removes the elements with these indices, which ascend. */
static kv_status cut(collection *list, const uint64_t *indices, size_t count) {
    uint64_t before = indices[count - 1] + 1 - count, behind = list->count - indices[0] - count;
    if (behind <= before) {
        uint64_t to = indices[0];
        for (uint64_t from = to, next = 0; from < list->count; from++) {
            if (next < count && from == indices[next]) next++;
            else TRY(shift(list, from, to++));
        }
        return drop(list, BACK, count);
    }
    uint64_t to = indices[count - 1] + 1, next = count;
    for (uint64_t from = to; from > 0; from--) {
        if (next > 0 && from - 1 == indices[next - 1]) next--;
        else TRY(shift(list, from - 1, --to));
    }
    return drop(list, FRONT, count);
}

kv_status command_lrem(call *c) {
    collection list;
    int64_t given;
    radon_bytes value;
    TRY(call_integer_in(c, 2, -INT64_MAX, INT64_MAX, &given, NULL));
    TRY(collection_open(c, call_key(c, 1), TYPE_LIST, &list));
    bool backwards = given < 0;
    uint64_t wanted = (uint64_t)(backwards ? -given : given), found = 0, at = 0;
    if (wanted == 0 || wanted > list.count) wanted = list.count;
    uint64_t *indices = radon_alloc((size_t)wanted * sizeof *indices);
    walk walk = list_walk(&list, 0, list.count, backwards);
    for (; found < wanted && list_next(&walk, &value); at++) {
        if (!radon_equal(value, c->argv[3])) continue;
        uint64_t slot = backwards ? wanted - ++found : found++;
        indices[slot] = backwards ? list.count - at - 1 : at;
    }
    if (found > 0) TRY(cut(&list, backwards ? indices + wanted - found : indices, (size_t)found));
    reply_integer(c->to, (int64_t)found);
    return collection_close(&list);
}

kv_status command_ltrim(call *c) {
    collection list;
    int64_t start, end;
    uint64_t first, count;
    TRY(call_integer(c, 2, &start));
    TRY(call_integer(c, 3, &end));
    TRY(collection_open(c, call_key(c, 1), TYPE_LIST, &list));
    find_range(&list, start, end, &first, &count);
    if (count == 0) first = list.count;
    TRY(drop(&list, BACK, list.count - first - count));
    TRY(drop(&list, FRONT, first));
    reply_status(c->to, "OK");
    return collection_close(&list);
}

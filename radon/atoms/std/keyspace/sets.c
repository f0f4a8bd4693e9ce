/* sets.c - sets: an element is a member (members.h), without bytes. */
#include "sets.h"

/* ---- what it is kept as ---- */

/* Redis keeps a few integers in an array. What it became once it stays, and so the set remembers it. */
enum { IS_HASHTABLE = 1 };

const char *set_encoding(const entry *it) {
    collection of;
    collection_of(it, &of);
    return of.extra & IS_HASHTABLE ? "hashtable" : "intset";
}

kv_status set_add(collection *set, radon_bytes member, bool *is_new) {
    radon_option old;
    int64_t number;
    radon_bytes name = member_name(member);
    TRY(element_get(set, name, &old));
    *is_new = !old.some;
    if (old.some) return KV_OK;
    set->count++;
    if (beyond(SET_INTEGERS, set->count) || !read_integer(member, &number)) set->extra |= IS_HASHTABLE;
    return element_put(set, name, KV_NOTHING, old);
}

static kv_status set_remove(collection *set, radon_bytes name, bool *was_there) {
    radon_option old;
    TRY(element_get(set, name, &old));
    *was_there = old.some;
    if (!old.some) return KV_OK;
    set->count--;
    return element_remove(set, name, old);
}

kv_status set_dump(const collection *it, radon_buffer *to) {
    radon_bytes name, nothing;
    walk walk = members_walk(it);
    while (walk_next(&walk, &name, &nothing)) dump_add(to, member_of(name));
    return KV_OK;
}

kv_status set_load(collection *it, radon_bytes dump) {
    radon_bytes member;
    bool is_new;
    while (dump.len > 0) {
        if (!dump_take(&dump, &member)) return FAILED;
        TRY(set_add(it, member, &is_new));
    }
    return KV_OK;
}

/* ---- members ---- */

kv_status command_sadd(call *c) {
    collection set;
    int64_t added = 0;
    TRY(collection_open(c, call_key(c, 1), TYPE_SET, &set));
    for (size_t index = 2; index < c->argc; index++) {
        bool is_new;
        TRY(set_add(&set, c->argv[index], &is_new));
        added += is_new;
    }
    TRY(collection_close(&set));
    reply_integer(c->to, added);
    return KV_OK;
}

kv_status command_srem(call *c) {
    collection set;
    int64_t removed = 0;
    TRY(collection_open(c, call_key(c, 1), TYPE_SET, &set));
    for (size_t index = 2; index < c->argc; index++) {
        bool was_there;
        TRY(set_remove(&set, member_name(c->argv[index]), &was_there));
        removed += was_there;
    }
    TRY(collection_close(&set));
    reply_integer(c->to, removed);
    return KV_OK;
}

kv_status command_scard(call *c) { return collection_reply_count(c, TYPE_SET); }

static kv_status reply_whether(call *c, const collection *set, radon_bytes member) {
    radon_option found;
    TRY(element_get(set, member_name(member), &found));
    reply_integer(c->to, found.some);
    return KV_OK;
}

kv_status command_sismember(call *c) {
    collection set;
    TRY(collection_open(c, call_key(c, 1), TYPE_SET, &set));
    return reply_whether(c, &set, c->argv[2]);
}

kv_status command_smismember(call *c) {
    collection set;
    TRY(collection_open(c, call_key(c, 1), TYPE_SET, &set));
    reply_array(c->to, c->argc - 2);
    for (size_t index = 2; index < c->argc; index++) TRY(reply_whether(c, &set, c->argv[index]));
    return KV_OK;
}

kv_status command_smembers(call *c) {
    collection set;
    radon_bytes name, nothing;
    TRY(collection_open(c, call_key(c, 1), TYPE_SET, &set));
    reply_set(c->to, (size_t)set.count);
    walk walk = members_walk(&set);
    while (walk_next(&walk, &name, &nothing)) reply_bulk(c->to, member_of(name));
    return KV_OK;
}

static size_t show(replies *to, radon_bytes member, radon_bytes nothing) {
    (void)nothing;
    reply_bulk(to, member);
    return 1;
}

kv_status command_sscan(call *c) {
    members_scan it;
    TRY(members_scan_read(c, TYPE_SET, &it));
    return members_scan_run(c, &it, show);
}

kv_status command_smove(call *c) {
    collection from, to;
    entry target;
    bool was_there = false, is_new;
    radon_bytes source = call_key(c, 1), destination = call_key(c, 2), name = member_name(c->argv[3]);
    TRY(key_load(c, source, &from.was));
    TRY(key_load(c, destination, &target));
    if (from.was.some) {
        TRY(collection_open(c, source, TYPE_SET, &from));
        TRY(collection_open(c, destination, TYPE_SET, &to));
        if (radon_equal(source, destination)) return reply_whether(c, &from, c->argv[3]);
        TRY(set_remove(&from, name, &was_there));
    }
    if (was_there) {
        TRY(set_add(&to, c->argv[3], &is_new));
        TRY(collection_close(&from));
        TRY(collection_close(&to));
    }
    reply_integer(c->to, was_there);
    return KV_OK;
}

/* ---- at random ---- */

static void reply_members(call *c, const radon_entry_list *them) {
    for (size_t index = 0; index < them->len; index++) reply_bulk(c->to, member_of(them->data[index].key));
}

kv_status command_spop(call *c) {
    collection set;
    radon_entry_list picked;
    int64_t count = 1;
    bool was_there, one = c->argc == 2;
    if (c->argc > 3) return call_fail_syntax(c);
    if (!one) TRY(call_count(c, 2, &count));
    TRY(collection_open(c, call_key(c, 1), TYPE_SET, &set));
    TRY(members_pick(&set, (uint64_t)count, false, &picked));
    if (one && picked.len == 0) {
        reply_null(c->to);
        return KV_OK;
    }
    if (!one) reply_set(c->to, picked.len);
    reply_members(c, &picked);
    for (size_t index = 0; index < picked.len; index++) TRY(set_remove(&set, picked.data[index].key, &was_there));
    return collection_close(&set);
}

kv_status command_srandmember(call *c) {
    collection set;
    radon_entry_list picked;
    int64_t count = 1;
    bool one = c->argc == 2;
    if (c->argc > 3) return call_fail_syntax(c);
    if (!one) TRY(call_integer_in(c, 2, -INT64_MAX, INT64_MAX, &count, NULL));
    TRY(collection_open(c, call_key(c, 1), TYPE_SET, &set));
    TRY(members_pick(&set, (uint64_t)(count < 0 ? -count : count), count < 0, &picked));
    if (one && picked.len == 0) {
        reply_null(c->to);
        return KV_OK;
    }
    if (!one) reply_array(c->to, picked.len);
    reply_members(c, &picked);
    return KV_OK;
}

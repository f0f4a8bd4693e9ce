/* sort.c - SORT: the elements of a list, a set or a sorted set, by themselves or by what other keys hold. */
#include "lists.h"
#include "numbers.h"

typedef struct {
    bool descending, by_text, constant; /* constant: BY what has no '*', so that nothing is sorted */
    int64_t first, count;
    radon_option by, store;
    size_t gets; /* GETs, which are looked for again where they are needed */
} options;

/* An element and what it is sorted by. */
typedef struct {
    radon_bytes element;
    radon_option text;
    double score;
} item;

/* ---- options ---- */

static kv_status read_options(call *c, options *out) {
    bool may_store = c->is->flags & WRITE;
    *out = (options){.count = -1};
    for (size_t index = 2; index < c->argc; index++) {
        size_t left = c->argc - index - 1;
        if (call_is(c, index, "asc")) {
            out->descending = false;
        } else if (call_is(c, index, "desc")) {
            out->descending = true;
        } else if (call_is(c, index, "alpha")) {
            out->by_text = true;
        } else if (call_is(c, index, "limit") && left >= 2) {
            TRY(call_integer(c, ++index, &out->first));
            TRY(call_integer(c, ++index, &out->count));
        } else if (may_store && call_is(c, index, "store") && left >= 1) {
            out->store = radon_some(call_key(c, ++index));
        } else if (call_is(c, index, "by") && left >= 1) {
            out->by = radon_some(c->argv[++index]);
            out->constant = radon_find(out->by.value, '*') == out->by.value.len;
        } else if (call_is(c, index, "get") && left >= 1) {
            out->gets++;
            index++;
        } else {
            return call_fail_syntax(c);
        }
    }
    return KV_OK;
}

/* ---- what a pattern finds ---- */

/* Behind the first "->" behind the star there may be a field: the pattern is cut off before. */
static radon_option cut_field(radon_bytes *pattern, size_t star) {
    for (size_t at = star + 1; at + 2 < pattern->len; at++) {
        if (pattern->data[at] != '-' || pattern->data[at + 1] != '>') continue;
        radon_bytes field = radon_slice(*pattern, at + 2, pattern->len);
        *pattern = radon_slice(*pattern, 0, at);
        return radon_some(field);
    }
    return RADON_NONE;
}

static kv_status look_up(call *c, radon_bytes pattern, radon_bytes element, radon_option *out) {
    size_t star = radon_find(pattern, '*');
    *out = RADON_NONE;
    if (radon_is(pattern, "#")) *out = radon_some(element);
    if (star == pattern.len) return KV_OK;
    radon_option field = cut_field(&pattern, star);
    radon_buffer key = {0};
    entry it;
    radon_buffer_add_byte(&key, c->db);
    radon_buffer_add(&key, radon_slice(pattern, 0, star));
    radon_buffer_add(&key, element);
    radon_buffer_add(&key, radon_slice(pattern, star + 1, pattern.len));
    TRY(key_load(c, radon_buffer_bytes(&key), &it));
    if (!it.some || it.tag != (field.some ? TYPE_HASH : TYPE_STRING)) return KV_OK;
    if (!field.some) {
        *out = radon_some(it.value);
        return KV_OK;
    }
    collection hash;
    collection_of(&it, &hash);
    return element_get(&hash, field.value, out);
}

/* ---- sorting ---- */

/* The elements, as a dump of any of these types has them. */
static kv_status load_items(const entry *from, item **out, size_t *count) {
    collection of;
    radon_bytes dump;
    *count = 0;
    *out = NULL;
    if (!from->some) return KV_OK;
    collection_of(from, &of);
    TRY(entry_dump(from, &dump));
    *out = radon_alloc((size_t)of.count * sizeof **out);
    for (radon_bytes element; *count < of.count && dump_take(&dump, &element); ++*count) {
        (*out)[*count] = (item){.element = element};
        if (from->tag == TYPE_ZSET) dump = radon_slice(dump, 8, dump.len); /* its score */
    }
    return KV_OK;
}

/* As strtod reads a whole text, which may begin with blanks or be empty. */
static bool read_score(radon_bytes text, double *out) {
    *out = 0;
    while (text.len > 0 && (text.data[0] == ' ' || (text.data[0] >= '\t' && text.data[0] <= '\r')))
        text = radon_slice(text, 1, text.len);
    return text.len == 0 || read_double(text, out);
}

static kv_status find_keys_of(call *c, const options *given, item *items, size_t count) {
    for (size_t index = 0; index < count; index++) {
        item *it = &items[index];
        it->text = radon_some(it->element);
        if (given->by.some) TRY(look_up(c, given->by.value, it->element, &it->text));
        if (!given->by_text && it->text.some && !read_score(it->text.value, &it->score))
            return call_fail(c, "ERR One or more scores can't be converted into double");
    }
    return KV_OK;
}

static int compare(const options *given, const item *a, const item *b) {
    int order;
    if (!given->by_text) {
        order = a->score < b->score ? -1 : a->score > b->score ? 1 : radon_compare(a->element, b->element);
    } else if (!a->text.some || !b->text.some) {
        order = a->text.some - b->text.some;
    } else {
        order = radon_compare(a->text.value, b->text.value);
    }
    return given->descending ? -order : order;
}

/* By merging; `spare` has room for as many. */
static void sort(const options *given, item *items, item *spare, size_t count) {
    if (count < 2) return;
    size_t half = count / 2, left = 0, right = half;
    sort(given, items, spare, half);
    sort(given, items + half, spare, count - half);
    for (size_t index = 0; index < count; index++) {
        bool take_left = right == count || (left < half && compare(given, &items[left], &items[right]) <= 0);
        spare[index] = items[take_left ? left++ : right++];
    }
    memcpy(items, spare, count * sizeof *items);
}

static void reverse(item *items, size_t count) {
    for (size_t index = 0; index < count / 2; index++) {
        item it = items[index];
        items[index] = items[count - 1 - index];
        items[count - 1 - index] = it;
    }
}

/* ---- the result ---- */

/* Cuts the items to those that LIMIT asks for. */
static void limit(const options *given, item **items, size_t *count) {
    int64_t all = (int64_t)*count, first = given->first < 0 ? 0 : given->first < all ? given->first : all;
    int64_t wanted = given->count < 0 || given->count > all - first ? all - first : given->count;
    *items += first;
    *count = (size_t)wanted;
}

typedef kv_status take(void *to, radon_option value);

static kv_status reply_one(void *to, radon_option value) {
    reply_option(to, value);
    return KV_OK;
}

static kv_status push_one(void *to, radon_option value) { return list_push(to, BACK, value.value); }

/* Each element, or what the GETs find for it. */
static kv_status give_all(call *c, const options *given, const item *items, size_t count, take *take, void *to) {
    for (size_t each = 0; each < count; each++) {
        if (given->gets == 0) TRY(take(to, radon_some(items[each].element)));
        for (size_t index = 2; given->gets > 0 && index < c->argc; index++) {
            radon_option found;
            if (call_is(c, index, "limit")) {
                index += 2;
            } else if (call_is(c, index, "by") || call_is(c, index, "store")) {
                index++;
            } else if (call_is(c, index, "get")) {
                TRY(look_up(c, c->argv[++index], items[each].element, &found));
                TRY(take(to, found));
            }
        }
    }
    return KV_OK;
}

static kv_status store(call *c, const options *given, const item *items, size_t count) {
    collection list;
    TRY(collection_new(c, given->store.value, TYPE_LIST, &list));
    TRY(give_all(c, given, items, count, push_one, &list));
    reply_integer(c->to, (int64_t)list.count);
    return collection_close(&list);
}

static kv_status run(call *c) {
    options given;
    entry from;
    item *items;
    size_t count;
    TRY(read_options(c, &given));
    TRY(key_load(c, call_key(c, 1), &from));
    if (from.some && (from.tag == TYPE_STRING || from.tag == TYPE_HASH)) return call_fail_wrong_type(c);
    if (given.constant && from.tag == TYPE_SET && given.store.some) { /* so that what is stored has an order */
        given.constant = false;
        given.by_text = true;
        given.by = RADON_NONE;
    }
    TRY(load_items(&from, &items, &count));
    if (given.constant) {
        if (given.descending && from.tag != TYPE_SET) reverse(items, count);
    } else {
        TRY(find_keys_of(c, &given, items, count));
        sort(&given, items, radon_alloc(count * sizeof *items), count);
    }
    limit(&given, &items, &count);
    if (given.store.some) return store(c, &given, items, count);
    reply_array(c->to, count * (given.gets > 0 ? given.gets : 1));
    return give_all(c, &given, items, count, reply_one, c->to);
}

kv_status command_sort(call *c) { return run(c); }
kv_status command_sort_ro(call *c) { return run(c); }

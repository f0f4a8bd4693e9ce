/* across.c - a command, or a transaction, whose keys lie in several shards (docs/redis.md, "Across shards").
 *
 *     fetch    what its keys are in other shards than its home, and whether what it watches has changed
 *     peek     the home runs the commands with those values, undoes them, and tells what they read and changed
 *     commit   a coordinator does that, if all that was read is still so; where nothing changed:
 *     check    are the versions that were read still there?
 *
 * Where somebody else was faster it begins again. Nothing but the command itself lasts from step to step: the plan is
 * made of it anew.
 */
#include "plan.h"

#include "txkv.h"

/* ---- sets of keys ---- */

/* The keys that are fetched: of other shards, once each; those that the command names, and more that it was found to
 * read: `record`, each behind its length. */
static void add_found(plan *to, radon_bytes key) {
    plan_key it = {.key = key, .shard = shard_of(radon_slice(key, 1, key.len))};
    radon_buffer_add(&to->keys, (radon_bytes){(const uint8_t *)&it, sizeof it});
}

static int in_order(const plan_key *a, const plan_key *b) {
    if (a->shard != b->shard) return a->shard < b->shard ? -1 : 1;
    if (a->watched != b->watched) return a->watched ? -1 : 1;
    return radon_compare(a->key, b->key);
}

/* Heapsort: by shard, watched ones first, in the order of their bytes; then each stands there once. */
static void sift(plan_key *keys, size_t from, size_t count) {
    for (size_t child; (child = 2 * from + 1) < count; from = child) {
        if (child + 1 < count && in_order(&keys[child], &keys[child + 1]) < 0) child++;
        if (in_order(&keys[from], &keys[child]) >= 0) return;
        plan_key swap = keys[from];
        keys[from] = keys[child];
        keys[child] = swap;
    }
}

static void sort_keys(plan *it) {
    plan_key *keys = (plan_key *)it->keys.data;
    size_t count = plan_keys(it), kept = 0;
    for (size_t index = count / 2; index-- > 0;) sift(keys, index, count);
    for (size_t end = count; end-- > 1;) {
        plan_key swap = keys[0];
        keys[0] = keys[end];
        keys[end] = swap;
        sift(keys, 0, end);
    }
    for (size_t index = 0; index < count; index++)
        if (kept == 0 || in_order(&keys[kept - 1], &keys[index]) != 0) keys[kept++] = keys[index];
    it->keys.len = kept * sizeof *keys;
}

static bool is_among(const plan *sorted, radon_bytes key, uint32_t shard) {
    const plan_key wanted = {.key = key, .shard = shard};
    size_t low = 0, high = plan_keys(sorted);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = in_order(plan_key_at(sorted, middle), &wanted);
        if (order == 0) return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* What is to be done, with `found` keys beside those that it names. */
static void plan_across(connection *self, radon_bytes found, plan *out) {
    radon_bytes key;
    plan_make(self, out);
    while (kv_take_key(&found, &key)) add_found(out, key);
    sort_keys(out);
}

static void refuse(connection *self, kv_answer answer) {
    bool busy = answer.status == KV_LOCKED || answer.status == KV_CONFLICT || answer.status == KV_UNANSWERED;
    if (!busy || !(line_meet(self) || try_again(self))) connection_done(self, refusal(self, answer));
}

/* ---- fetch ---- */

static bool is_fetched(const plan *what, const plan_key *it) { return it->watched || it->shard != what->home; }

static radon_bytes fetch_of(const plan_key *it) {
    if (it->watched) return kv_exists(it->key);
    return kv_request(KV_FETCH, (kv_options){0}, KV_NOTHING, it->key);
}

static void peek(connection *self, const plan *what, radon_bytes found, radon_bytes foreign);

static void fetch(connection *self, radon_bytes found) {
    plan what;
    bool asked = false;
    uint8_t none[4] = {0};
    plan_across(self, found, &what);
    for (size_t index = 0, count = plan_keys(&what); index < count;) {
        radon_buffer batch = {0};
        uint32_t shard = plan_key_at(&what, index)->shard;
        for (; index < count && plan_key_at(&what, index)->shard == shard; index++)
            if (is_fetched(&what, plan_key_at(&what, index))) kv_add_to(&batch, fetch_of(plan_key_at(&what, index)));
        if (batch.len == 0) continue;
        ask(self, shard, kv_batch(batch));
        asked = true;
    }
    if (!asked) return peek(self, &what, found, (radon_bytes){none, 4});
    gather(self, ROUND_FETCH, found);
}

/* What happens in a shard, as a coordinator takes it. */
static void add_part(radon_buffer *run, uint32_t shard, radon_bytes requests) {
    radon_bytes kind = settings_get()->keys;
    radon_store_u32(radon_buffer_extend(run, 4), (uint32_t)(1 + kind.len + 4 + requests.len));
    radon_buffer_add_byte(run, (uint8_t)kind.len);
    radon_buffer_add(run, kind);
    radon_store_u32(radon_buffer_extend(run, 4), shard);
    radon_buffer_add(run, requests);
}

/* MSET reads nothing, so that nothing has to be fetched for it, or to be still so. */
static void store_all(connection *self) {
    const arguments *call = &self->call;
    radon_buffer run = {0};
    plan what;
    plan_make(self, &what);
    for (uint32_t shard = 0; shard < settings_get()->shards; shard++) {
        radon_buffer requests = {0};
        for (size_t index = 1; index + 1 < call->argc; index += 2) {
            const plan_key *key = plan_key_at(&what, index / 2);
            if (key->shard == shard) kv_add_to(&requests, kv_request(KV_STORE, (kv_options){0}, call->argv[index + 1], key->key));
        }
        if (requests.len > 0) add_part(&run, shard, radon_buffer_bytes(&requests));
    }
    ask(self, what.home, kv_request(TXKV_RUN, (kv_options){0}, radon_buffer_bytes(&run), KV_NOTHING));
    gather(self, ROUND_COMMIT, (radon_bytes){(const uint8_t *)"\5\0\0\0+OK\r\n", 9});
}

verdict across_begin(connection *self) {
    if (line_begin(self)) return BEGUN;
    bool blind = command_find(self->call.argv[0]) == command_number_mset && self->call.argc % 2 == 1;
    blind ? store_all(self) : fetch(self, KV_NOTHING);
    return BEGUN;
}

void across_fetched(connection *self) {
    plan what;
    radon_buffer foreign = {0};
    uint32_t brought = 0;
    radon_bytes rest = {0};
    plan_across(self, self->record, &what);
    radon_buffer_extend(&foreign, 4);
    for (size_t index = 0, count = plan_keys(&what); index < count; index++) {
        const plan_key *it = plan_key_at(&what, index);
        kv_answer found = {0};
        if (index == 0 || plan_key_at(&what, index - 1)->shard != it->shard) rest = (radon_bytes){0};
        if (!is_fetched(&what, it)) continue;
        if (rest.data == NULL) {
            kv_answer answer = gathered(self, it->shard);
            if (answer.status != KV_OK) return refuse(self, answer);
            rest = answer.value;
        }
        radon_bytes before = rest;
        if (!kv_next(&rest, &found)) return refuse(self, (kv_answer){.status = KV_INVALID});
        if (it->watched && found.version != it->version) {
            replies none = connection_replies(self);
            reply_null_array(&none);
            return connection_done(self, radon_buffer_bytes(&none.bytes));
        }
        if (it->watched) continue;
        kv_add_to(&foreign, it->key);
        radon_buffer_add(&foreign, radon_slice(before, 0, before.len - rest.len));
        brought++;
    }
    radon_store_u32(foreign.data, brought);
    peek(self, &what, self->record, radon_buffer_bytes(&foreign));
}

/* ---- peek ---- */

static void peek(connection *self, const plan *what, radon_bytes found, radon_bytes foreign) {
    radon_buffer message = {0};
    uint8_t db = self->session.db;
    self->session.db = what->db;
    command_begin(self, &message, COMMAND_PEEK | COMMAND_FOREIGN, 0);
    self->session.db = db;
    radon_buffer_add(&message, foreign);
    radon_buffer_add(&message, radon_buffer_bytes(&what->commands));
    ask(self, what->home, command_finish(&message));
    gather(self, ROUND_PEEK, found);
}

/* What a peek tells of a key. */
typedef struct {
    radon_bytes key;
    uint32_t shard;
    uint64_t version;
    bool changed;
    radon_bytes store; /* no bytes: it was deleted */
} touch;

static bool next_touch(radon_bytes *rest, touch *out) {
    if (!kv_take_key(rest, &out->key) || rest->len < 9 || out->key.len == 0) return false;
    out->shard = shard_of(radon_slice(out->key, 1, out->key.len));
    out->changed = rest->data[0];
    out->version = radon_load_u64(rest->data + 1);
    *rest = radon_slice(*rest, 9, rest->len);
    return !out->changed || kv_take_key(rest, &out->store);
}

/* The request that does to a key what was peeked. */
static radon_bytes change_of(const touch *it) {
    kv_options options = {.flags = KV_IF_VERSION, .version = it->version};
    if (!it->changed) return version_check(it->key, it->version);
    if (it->store.len == 0) return kv_request(KV_DELETE, options, KV_NOTHING, it->key);
    uint8_t *store = (uint8_t *)it->store.data;
    store[1] |= KV_IF_VERSION;
    radon_store_u64(store + 8, it->version);
    return it->store;
}

/* Requests by shard: `what` is watched, `touches` is changed or was read. */
static void add_requests(const plan *what, radon_bytes touches, uint32_t shard, bool changes, radon_buffer *out) {
    touch it;
    for (size_t index = 0; index < plan_keys(what); index++) {
        const plan_key *key = plan_key_at(what, index);
        if (key->watched && key->shard == shard) kv_add_to(out, version_check(key->key, key->version));
    }
    while (next_touch(&touches, &it))
        if (it.shard == shard && it.changed == changes) kv_add_to(out, change_of(&it));
}

static void check(connection *self, const plan *what, radon_bytes touches, radon_bytes answers) {
    bool asked = false;
    for (uint32_t shard = 0; shard < settings_get()->shards; shard++) {
        radon_buffer batch = {0};
        add_requests(what, touches, shard, false, &batch);
        if (batch.len == 0) continue;
        ask(self, shard, kv_batch(batch));
        asked = true;
    }
    if (!asked) return plan_finish(self, what, answers);
    gather(self, ROUND_CHECK, answers);
}

static void commit(connection *self, const plan *what, radon_bytes touches, radon_bytes answers) {
    radon_buffer run = {0};
    for (uint32_t shard = 0; shard < settings_get()->shards; shard++) {
        radon_buffer requests = {0};
        touch it;
        add_requests(what, touches, shard, false, &requests);
        for (radon_bytes rest = touches; next_touch(&rest, &it);)
            if (it.shard == shard && it.changed) kv_add_to(&requests, change_of(&it));
        if (requests.len > 0) add_part(&run, shard, radon_buffer_bytes(&requests));
    }
    ask(self, what->home, kv_request(TXKV_RUN, (kv_options){0}, radon_buffer_bytes(&run), KV_NOTHING));
    gather(self, ROUND_COMMIT, answers);
}

void across_peeked(connection *self) {
    plan what;
    plan_across(self, self->record, &what);
    kv_answer answer = gathered(self, what.home);
    radon_bytes rest = answer.value, reply, touches;
    radon_buffer found = {0};
    touch it;
    bool changed = false;
    if (answer.status != KV_OK) return refuse(self, answer);
    for (uint64_t count = answer.version; count > 0 && kv_take_key(&rest, &reply); count--) continue;
    radon_bytes answers = radon_slice(answer.value, 0, answer.value.len - rest.len);
    touches = radon_slice(rest, 4, rest.len);
    for (rest = touches; next_touch(&rest, &it);) {
        changed |= it.changed;
        if (it.shard == what.home || is_among(&what, it.key, it.shard)) continue;
        radon_store_u32(radon_buffer_extend(&found, 4), (uint32_t)it.key.len);
        radon_buffer_add(&found, it.key);
    }
    if (found.len > 0) return fetch(self, radon_concat(self->record, radon_buffer_bytes(&found)));
    changed ? commit(self, &what, touches, answers) : check(self, &what, touches, answers);
}

/* ---- the end ---- */

void across_checked(connection *self) {
    plan what;
    plan_make(self, &what);
    kv_answer worst = gathered_worst(self);
    if (worst.status != KV_OK) return refuse(self, worst);
    plan_finish(self, &what, self->record);
}

void across_committed(connection *self) {
    plan what;
    plan_make(self, &what);
    kv_answer answer = gathered(self, what.home);
    bool crowded = answer.status == KV_EXHAUSTED && answer.value.len == 0; /* the coordinator, and no shard */
    if (crowded) answer.status = KV_LOCKED;
    if (answer.status != KV_OK) return refuse(self, answer);
    plan_finish(self, &what, self->record);
}

/* gossip.c - changes go to every other replica, in the order of the log, until it has acknowledged them.
 *
 * Each log is in causal order, and another replica takes a beginning of it: whoever has seen a change has seen all that
 * its writer had seen. Nobody is told what it is known to have. A replica that lacks what no log has any more asks for
 * the whole state, part by part, and meanwhile answers nobody.
 */
#include "gossip.h"

#define INTERVAL UINT64_C(20000000)   /* ns until a change is told */
#define LATER UINT64_C(1000000000)    /* and until whoever cannot be told is looked at again */
#define GRACE UINT64_C(5000000000)    /* ns for others to tell it what it lacks */
#define TIMEOUT UINT64_C(10000000000) /* ns; until it has passed nothing more is under way to a replica */
#define BATCH (256 << 10)             /* bytes of changes behind which none is added to a message */

static bool begun, armed; /* the timer is set, which follows from the state */

static radon_bytes bytes_of(const vector *it) { return (radon_bytes){(const uint8_t *)it, sizeof *it}; }

static bool take_vector(radon_bytes *rest, vector *out) {
    if (rest->len < sizeof *out) return false;
    memcpy(out, rest->data, sizeof *out);
    *rest = radon_slice(*rest, sizeof *out, rest->len);
    return true;
}

bool is_filling(void) { return me.filling != 0 || !covers_all(&me.seen, &me.target); }

/* ---- telling ---- */

static bool is_wanted(uint32_t number, bool soon) {
    const peer *it = &me.peers[number];
    return number != self && it->sent == 0 && (it->acked < me.end || it->asked) && !(soon && it->blocked);
}

static bool any_wanted(bool soon) {
    bool any = false;
    for (uint32_t number = 0; number < replicas; number++) any |= is_wanted(number, soon);
    return any;
}

radon_error gossip_begin(void) {
    TRY(replica_begin());
    if (!begun) armed = any_wanted(false);
    begun = true;
    return RADON_OK;
}

radon_error gossip_settle(void) {
    if (armed || !any_wanted(false)) return RADON_OK;
    armed = true;
    return radon_clock_set_timer(any_wanted(true) ? INTERVAL : LATER, GOSSIP);
}

static radon_error ask(uint32_t number, radon_bytes body, uint64_t token) {
    radon_address to;
    TRY(replica_open(number, &to));
    return radon_address_request(to, body, TIMEOUT, token);
}

/* Who has all changes of this one may know that none with an older stamp will follow. */
static uint64_t beat(void) { return me.beats.of[self] = replica_tick(); }

/* The changes behind `until` that it has to be told, as a message brings them. False: others have to tell it first. */
static bool changes_for(const peer *it, uint64_t *until, radon_buffer *out) {
    radon_entry_list rows;
    vector gap;
    while (*until < me.end && out->len < BATCH) {
        if (log_page(*until + 1, &rows) != RADON_OK || rows.len == 0) return false;
        for (size_t index = 0; index < rows.len && out->len < BATCH; index++) {
            radon_bytes row = rows.data[index].value;
            if (gap_read(row, &gap)) {
                if (!covers_all(&it->knows, &gap)) return false;
            } else if (!covers(&it->knows, radon_load_u64(row.data))) {
                kv_add_to(out, row);
            }
            *until = radon_load_u64_key(rows.data[index].key.data);
        }
    }
    return true;
}

static radon_error tell(uint32_t number) {
    peer *it = &me.peers[number];
    radon_buffer rows = {0};
    kv_options options = {0};
    if (it->acked + 1 < me.first && covers_all(&it->knows, &me.trimmed)) it->acked = me.first - 1;
    uint64_t until = it->acked, now = radon_clock_now();
    bool goes_on = it->acked + 1 >= me.first && changes_for(it, &until, &rows);
    if (goes_on) it->blocked = 0;
    else if (it->blocked == 0) it->blocked = now;
    if (rows.len == 0) {
        it->acked = until;
        if (!goes_on && now - it->blocked >= GRACE) options.flags = TOO_FAR_BEHIND;
        else if (!it->asked) return RADON_OK;
    }
    if (goes_on && until == me.end) options.version = beat();
    radon_bytes told = radon_concat(bytes_of(&me.seen), radon_buffer_bytes(&rows));
    TRY(ask(number, kv_request((kv_op)OP_GOSSIP, options, told, KV_NOTHING), number));
    it->sent = until + 1;
    return RADON_OK;
}

radon_error gossip_tell_all(void) {
    armed = false;
    for (uint32_t number = 0; number < replicas; number++)
        if (is_wanted(number, false)) TRY(tell(number));
    TRY(log_trim());
    return replica_save();
}

radon_error gossip_heard(uint32_t by, radon_error error, radon_bytes body) {
    peer *it = &me.peers[by];
    kv_answer given;
    vector seen;
    uint64_t until = it->sent - 1;
    it->sent = 0;
    if (error == RADON_OK && kv_parse(body, &given) && take_vector(&given.value, &seen)) {
        join(&it->knows, &seen);
        if (given.status == KV_OK) {
            it->acked = until;
            it->asked = 0;
            if (given.version > me.beats.of[by]) me.beats.of[by] = given.version;
            if (is_wanted(by, true) && me.end - until > MANY) error = tell(by);
        }
    }
    if (error != RADON_OK) it->asked = 0;
    TRY(log_trim());
    return replica_save();
}

/* ---- hearing ---- */

/* Where it cannot be asked, since the time of whoever made this turn is over, the fill begins when it is offered again. */
static void ask_for_part(uint32_t from, radon_bytes key) {
    radon_bytes body = kv_request((kv_op)OP_FILL, (kv_options){0}, KV_NOTHING, key);
    me.filling = ask(from, body, FILLS + from) == RADON_OK ? 1 + from : 0;
}

static kv_status take_changes(radon_bytes rows) {
    radon_bytes row, now;
    change next;
    while (rows.len > 0) {
        if (!kv_take_key(&rows, &row) || !change_read(row, &next)) return KV_INVALID;
        if (covers(&me.seen, next.stamp)) continue;
        TRY(cells_load(next.key, &now));
        TRY(change_apply(&next, now));
    }
    return KV_OK;
}

radon_bytes gossip_hear(uint32_t from, const request *given) {
    radon_bytes rows = {given->payload, given->size};
    vector theirs;
    kv_status status = KV_OK;
    if (!take_vector(&rows, &theirs)) return plain(KV_INVALID);
    join(&me.peers[from].knows, &theirs);
    if (me.filling || given->flags & TOO_FAR_BEHIND) status = KV_BEHIND;
    else status = take_changes(rows);
    if (!me.filling && given->flags & TOO_FAR_BEHIND && !covers_all(&me.seen, &theirs)) ask_for_part(from, KV_NOTHING);
    if (status == KV_OK && given->version > me.beats.of[from]) me.beats.of[from] = given->version;
    uint64_t next = !me.filling && covers(&me.peers[from].knows, me.own) ? beat() : 0;
    if (replica_save() != RADON_OK) status = KV_EXHAUSTED;
    return answer(status, next, bytes_of(&me.seen));
}

/* ---- filling ---- */

/* What this replica has seen, and what of it is no more than begun; the key from which on this is and the one from which
 * on to go on, each behind its length, and keys with their cells, likewise. Without any it was the last part. */
radon_bytes fill_give(const request *given) {
    radon_entry_list entries;
    radon_buffer part = {0};
    if (cells_scan(given->key, RADON_NONE, MANY, &entries) != RADON_OK) return plain(KV_INVALID);
    answer_begin(&part);
    radon_buffer_add(&part, bytes_of(&me.seen));
    radon_buffer_add(&part, bytes_of(&me.target));
    kv_add_to(&part, given->key);
    kv_add_to(&part, entries.len > 0 ? key_after(entries.data[entries.len - 1].key) : KV_NOTHING);
    for (size_t index = 0; index < entries.len; index++) {
        kv_add_to(&part, entries.data[index].key);
        kv_add_to(&part, entries.data[index].value);
    }
    return answer_finish(&part, 0);
}

/* What this replica has in the part is joined with it, what the other one does not have as well. */
static kv_status take_part(radon_bytes from, radon_option end, radon_bytes part, const vector *theirs) {
    rule joining = {.newest = newest, .left = &me.seen, .right = theirs};
    radon_bytes rest = part, key = {0}, cells, own;
    radon_entry_list page;
    kv_status status = KV_OK;
    bool more = kv_take_key(&rest, &key) && kv_take_key(&rest, &cells);
    do {
        if (cells_scan(from, end, MANY, &page) != RADON_OK) return KV_INVALID;
        for (size_t index = 0; index < page.len && status == KV_OK; index++) {
            radon_entry it = page.data[index];
            while (more && radon_compare(key, it.key) < 0)
                more = kv_take_key(&rest, &key) && kv_take_key(&rest, &cells);
            if (!more || !radon_equal(key, it.key))
                status = cells_store(it.key, cells_join(it.value, KV_NOTHING, &joining));
        }
        if (page.len > 0) from = key_after(page.data[page.len - 1].key);
    } while (page.len > 0 && status == KV_OK);
    while (status == KV_OK && kv_take_key(&part, &key) && kv_take_key(&part, &cells)) {
        status = cells_load(key, &own);
        if (status == KV_OK) status = cells_store(key, cells_join(own, cells, &joining));
    }
    return status;
}

radon_error fill_take(uint32_t from, radon_error error, radon_bytes body) {
    kv_answer given;
    vector theirs, pending;
    radon_bytes begin, next;
    if (me.filling != 1 + from) return RADON_OK;
    bool came = error == RADON_OK && kv_parse(body, &given) && given.status == KV_OK;
    came = came && take_vector(&given.value, &theirs) && take_vector(&given.value, &pending);
    came = came && kv_take_key(&given.value, &begin) && kv_take_key(&given.value, &next);
    if (came && begin.len == 0) me.start = theirs;
    if (came) join(&me.target, &theirs);
    if (came) join(&me.target, &pending);
    if (came) came = take_part(begin, next.len > 0 ? radon_some(next) : RADON_NONE, given.value, &theirs) == KV_OK;
    if (!came) {
        do from = (from + 1) % replicas;
        while (from == self);
        ask_for_part(from, KV_NOTHING);
    } else if (next.len > 0) {
        ask_for_part(from, next);
    } else {
        me.filling = 0;
        join(&me.seen, &me.start);
        TRY(log_gap());
    }
    return replica_save();
}

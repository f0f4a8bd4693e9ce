/* replica.c - the buckets of a replica.
 *
 *     values    key -> its cells
 *     log       place (u64, big-endian) -> a change, or a gap
 *     mortal    time (u64, big-endian) + key -> nothing; for each cell that is or will be dead, and for some that were
 *     waiting   number (u64, big-endian) -> a request whose session is ahead of this replica
 *     replica   "me" -> the struct
 *
 * A change writes `values` and `log` alone; what it does to `me` is found again at the end of the log.
 */
#include "replica.h"

replica me;
uint32_t self, replicas;
bool newest;
radon_bucket log, waiting;

static radon_bucket values, mortal, own;
static radon_bytes shard; /* "kind/#S", in `text` */
static uint8_t text[256];
static radon_address opened[KV_REPLICAS];
static uint64_t alarm; /* what the timer of the mortal is set for; 0: it is not */
static uint64_t longest;

#define ME radon_text("me")
#define REAPED 1000                 /* entries at once */
#define PATIENCE UINT64_C(1000000000) /* ns until the mortal are looked at again */

static kv_status status_of(radon_error error) {
    switch (error) {
    case RADON_OK: return KV_OK;
    case RADON_TOO_LARGE: return KV_TOO_LARGE;
    case RADON_EXHAUSTED: return KV_EXHAUSTED;
    default: return KV_INVALID;
    }
}

static radon_bytes key_of(uint64_t number, uint8_t *room) {
    radon_store_u64_key(room, number);
    return (radon_bytes){room, POSITION};
}

/* ---- who is who ---- */

static uint64_t configured(const char *name, uint64_t otherwise) {
    radon_option config = radon_config_get(radon_text(name));
    uint64_t number;
    return config.some && radon_parse_u64(config.value, &number) ? number : otherwise;
}

static uint32_t number_in(radon_bytes name) {
    if (radon_equal(name, shard)) return 0;
    bool is_one = name.len == shard.len + 2 && radon_starts_with(name, shard) && name.data[shard.len] == '+';
    uint32_t number = is_one ? (uint32_t)(name.data[shard.len + 1] - '0') : KV_REPLICAS;
    return number < replicas ? number : KV_REPLICAS;
}

static void identify(void) {
    radon_bytes name = radon_address_text(radon_messaging_self());
    if (name.len > sizeof text) __builtin_trap();
    memcpy(text, name.data, name.len);
    bool is_first = name.len < 2 || name.data[name.len - 2] != '+';
    shard = (radon_bytes){text, is_first ? name.len : name.len - 2};
    replicas = (uint32_t)configured("replicas", 1);
    self = number_in(name);
    newest = !radon_equal(radon_config_get(radon_text("consistency")).value, radon_text("causal"));
    longest = configured("log", 10000);
}

radon_error replica_open(uint32_t number, radon_address *out) {
    radon_buffer name = {0};
    radon_error error = RADON_OK;
    radon_buffer_add(&name, shard);
    if (number > 0) radon_buffer_add_byte(&name, '+');
    if (number > 0) radon_buffer_add_u64(&name, number);
    if (opened[number].handle == 0) error = radon_messaging_open(radon_buffer_bytes(&name), &opened[number]);
    *out = opened[number];
    return error;
}

uint32_t replica_sender(radon_message message) {
    radon_address from;
    if (!radon_message_sender(message, &from)) return KV_REPLICAS;
    uint32_t number = number_in(radon_address_text(from));
    radon_address_drop(from);
    return number == self ? KV_REPLICAS : number;
}

/* ---- beginning ---- */

radon_error log_page(uint64_t from, radon_entry_list *out) {
    uint8_t room[POSITION];
    return radon_bucket_scan(log, radon_some(key_of(from, room)), RADON_NONE, MANY, false, out);
}

/* What was changed since `me` was written down. */
static radon_error catch_up(void) {
    radon_entry_list rows;
    do {
        radon_error error = log_page(me.end + 1, &rows);
        if (error != RADON_OK) return error;
        for (size_t index = 0; index < rows.len; index++) {
            uint64_t stamp = radon_load_u64(rows.data[index].value.data);
            me.end = radon_load_u64_key(rows.data[index].key.data);
            if (writer_of(stamp) < KV_REPLICAS) me.seen.of[writer_of(stamp)] = stamp;
            if (writer_of(stamp) == self) me.own = stamp;
        }
    } while (rows.len > 0);
    return RADON_OK;
}

radon_error replica_begin(void) {
    radon_option stored;
    radon_entry_list first;
    if (own.handle != 0) return RADON_OK;
    identify();
    radon_error error = radon_state_open(radon_text("values"), &values);
    if (error == RADON_OK) error = radon_state_open(radon_text("log"), &log);
    if (error == RADON_OK) error = radon_state_open(radon_text("mortal"), &mortal);
    if (error == RADON_OK) error = radon_state_open(radon_text("waiting"), &waiting);
    if (error == RADON_OK) error = radon_bucket_scan(mortal, RADON_NONE, RADON_NONE, 1, false, &first);
    if (error == RADON_OK) error = radon_state_open(radon_text("replica"), &own);
    if (error == RADON_OK) error = radon_bucket_get(own, ME, &stored);
    if (error != RADON_OK) return error;
    alarm = first.len > 0 ? radon_load_u64_key(first.data[0].key.data) : 0;
    me = (replica){.first = 1};
    if (stored.some && stored.value.len == sizeof me) memcpy(&me, stored.value.data, sizeof me);
    return catch_up();
}

radon_error replica_save(void) { return radon_bucket_put(own, ME, (radon_bytes){(const uint8_t *)&me, sizeof me}); }

uint64_t replica_tick(void) {
    uint64_t last = me.beats.of[self], now = radon_clock_now();
    for (size_t index = 0; index < KV_REPLICAS; index++)
        if (me.seen.of[index] > last) last = me.seen.of[index];
    uint64_t beat = now / WRITERS > last / WRITERS ? now / WRITERS : last / WRITERS + 1;
    return beat * WRITERS + self;
}

/* ---- entries ---- */

kv_status cells_load(radon_bytes key, radon_bytes *cells) {
    radon_option found;
    radon_error error = radon_bucket_get(values, key, &found);
    *cells = found.value;
    return status_of(error);
}

radon_error cells_scan(radon_bytes start, radon_option end, uint32_t limit, radon_entry_list *out) {
    return radon_bucket_scan(values, radon_some(start), end, limit, false, out);
}

static radon_error set_alarm(uint64_t time) {
    uint64_t now = radon_clock_now();
    alarm = time;
    return radon_clock_set_timer(time > now ? time - now : 0, REAP);
}

static kv_status note_mortal(radon_bytes key, const cell *it) {
    uint64_t time = it->expiry == DELETED ? radon_clock_now() + PATIENCE : it->expiry;
    radon_bytes noted = radon_concat(key_of(time, (uint8_t[POSITION]){0}), key);
    radon_error error = radon_bucket_put(mortal, noted, KV_NOTHING);
    if (error == RADON_OK && (alarm == 0 || time < alarm)) error = set_alarm(time);
    return status_of(error);
}

kv_status cells_store(radon_bytes key, radon_bytes cells) {
    radon_bytes rest = cells;
    cell next;
    while (cell_next(&rest, &next)) {
        kv_status status = next.expiry != 0 ? note_mortal(key, &next) : KV_OK;
        if (status != KV_OK) return status;
    }
    return status_of(cells.len > 0 ? radon_bucket_put(values, key, cells) : radon_bucket_delete(values, key));
}

/* ---- the log ---- */

static kv_status log_add(radon_bytes row) {
    uint8_t room[POSITION];
    kv_status status = status_of(radon_bucket_put(log, key_of(me.end + 1, room), row));
    if (status == KV_OK) me.end++;
    return status;
}

bool change_read(radon_bytes row, change *out) {
    size_t count = row.len >= 12 ? radon_load_u32(row.data + 8) : 0;
    if (row.len < 12 || count > (row.len - 12) / 8) return false;
    radon_bytes rest = radon_slice(row, 12 + 8 * count, row.len);
    *out = (change){.stamp = radon_load_u64(row.data), .removed = {row.data + 12, 8 * count}};
    bool is_one = kv_take_key(&rest, &out->key) && writer_of(out->stamp) < replicas;
    cell added;
    out->added = rest;
    return is_one && (rest.len == 0 || (cell_next(&rest, &added) && rest.len == 0 && added.stamp == out->stamp &&
                                        (added.type != COUNTER || added.payload.len == 8)));
}

static radon_bytes change_row(const change *it) {
    size_t removed = it->removed.len, key = it->key.len;
    uint8_t *row = radon_alloc(16 + removed + key + it->added.len);
    radon_store_u64(row, it->stamp);
    radon_store_u32(row + 8, (uint32_t)(removed / 8));
    memcpy(row + 12, it->removed.data, removed);
    radon_store_u32(row + 12 + removed, (uint32_t)key);
    memcpy(row + 16 + removed, it->key.data, key);
    memcpy(row + 16 + removed + key, it->added.data, it->added.len);
    return (radon_bytes){row, 16 + removed + key + it->added.len};
}

kv_status change_apply(const change *it, const radon_bytes *now) {
    uint8_t room[POSITION];
    radon_bytes old = {0}, cells = it->added;
    /* A register of its own is newer than all that there is. */
    bool is_blind = newest && writer_of(it->stamp) == self && cells.len > 0 && cells.data[2] == REGISTER;
    kv_status status = now == NULL && !is_blind ? cells_load(it->key, &old) : KV_OK;
    if (status != KV_OK) return status;
    if (!is_blind)
        cells = cells_join(now != NULL ? *now : old, it->added, &(rule){.newest = newest, .removed = it->removed});
    if (writer_of(it->stamp) == self && cells.len > ENTRY_MAX) return KV_TOO_LARGE;
    status = log_add(change_row(it));
    if (status != KV_OK) return status;
    status = cells_store(it->key, cells);
    if (status != KV_OK) radon_bucket_delete(log, key_of(me.end--, room));
    if (status != KV_OK) return status;
    me.seen.of[writer_of(it->stamp)] = it->stamp;
    if (writer_of(it->stamp) == self) me.own = it->stamp;
    return KV_OK;
}

#define GAP (UINT64_MAX) /* no stamp: there are not so many writers */

radon_error log_gap(void) {
    uint8_t row[POSITION + sizeof(vector)];
    radon_store_u64(row, GAP);
    memcpy(row + POSITION, &me.seen, sizeof me.seen);
    return log_add((radon_bytes){row, sizeof row}) == KV_OK ? RADON_OK : RADON_EXHAUSTED;
}

bool gap_read(radon_bytes row, vector *out) {
    bool is_one = row.len == POSITION + sizeof *out && radon_load_u64(row.data) == GAP;
    if (is_one) memcpy(out, row.data + POSITION, sizeof *out);
    return is_one;
}

/* What is dropped now somebody may lack. */
static void note_trimmed(radon_bytes row) {
    vector gap;
    uint64_t stamp = radon_load_u64(row.data);
    if (gap_read(row, &gap)) join(&me.trimmed, &gap);
    else if (stamp > me.trimmed.of[writer_of(stamp)]) me.trimmed.of[writer_of(stamp)] = stamp;
}

radon_error log_trim(void) {
    radon_entry_list rows = {0};
    uint64_t acked = me.end, next = me.first;
    for (uint32_t number = 0; number < replicas; number++)
        if (number != self && me.peers[number].acked < acked) acked = me.peers[number].acked;
    if (acked >= next) next = acked + 1;
    if (me.end - next >= longest) {
        radon_error error = log_page(next, &rows);
        if (error != RADON_OK) return error;
    }
    for (size_t index = 0; index < rows.len && me.end - next >= longest; index++, next++)
        note_trimmed(rows.data[index].value);
    if (next == me.first) return RADON_OK;
    uint8_t from[POSITION], to[POSITION];
    radon_option begin = radon_some(key_of(me.first, from)), end = radon_some(key_of(next, to));
    me.first = next;
    return radon_bucket_delete_range(log, begin, end);
}

/* ---- what is dead ---- */

/* Whether each other replica has said that nothing so old will come from it. Who has not is asked. */
static bool is_settled(uint64_t stamp) {
    bool settled = true;
    for (uint32_t number = 0; number < replicas; number++) {
        bool silent = number != self && me.beats.of[number] < stamp;
        me.peers[number].asked |= silent;
        settled &= !silent;
    }
    return settled;
}

static radon_error bury(radon_bytes noted) {
    radon_bytes key = radon_slice(noted, POSITION, noted.len), cells, rest;
    radon_buffer stay = {0};
    cell next;
    bool settled = true;
    if (cells_load(key, &cells) != KV_OK) return RADON_INVALID;
    for (rest = cells; cell_next(&rest, &next);) {
        bool dead = is_dead(&next, radon_clock_now());
        if (dead && is_settled(next.stamp)) continue;
        settled &= !dead;
        radon_buffer_add(&stay, next.bytes);
    }
    radon_error error = radon_bucket_delete(mortal, noted);
    if (error == RADON_OK && !settled) {
        radon_bytes again = key_of(radon_clock_now() + PATIENCE, (uint8_t[POSITION]){0});
        error = radon_bucket_put(mortal, radon_concat(again, key), KV_NOTHING);
    }
    radon_bytes left = radon_buffer_bytes(&stay);
    if (error != RADON_OK || left.len == cells.len) return error;
    return left.len > 0 ? radon_bucket_put(values, key, left) : radon_bucket_delete(values, key);
}

radon_error replica_reap(void) {
    radon_entry_list due;
    uint8_t room[POSITION];
    radon_option end = radon_some(key_of(radon_clock_now() + 1, room));
    radon_error error = radon_bucket_scan(mortal, RADON_NONE, end, REAPED, false, &due);
    for (size_t index = 0; index < due.len && error == RADON_OK; index++) error = bury(due.data[index].key);
    if (error == RADON_OK) error = radon_bucket_scan(mortal, RADON_NONE, RADON_NONE, 1, false, &due);
    if (error != RADON_OK) return error;
    alarm = 0;
    if (due.len > 0) error = set_alarm(radon_load_u64_key(due.data[0].key.data));
    return error == RADON_OK ? replica_save() : error;
}

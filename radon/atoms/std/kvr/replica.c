/* replica.c - the buckets of a replica.
 *
 *     values    key -> its cells
 *     log       place (u64, big-endian) -> a change, or a gap
 *     mortal    time (u64, big-endian) + key -> nothing; for each cell that is or will be dead, and for some that were
 *     waiting   time (u64, big-endian) -> a request whose session is ahead of this replica, and which waits until then
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

/* ---- who is who ---- */

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
    radon_buffer_add(&name, shard);
    if (number > 0) radon_buffer_add_byte(&name, '+');
    if (number > 0) radon_buffer_add_u64(&name, number);
    if (opened[number].handle == 0) TRY(radon_messaging_open(radon_buffer_bytes(&name), &opened[number]));
    *out = opened[number];
    return RADON_OK;
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
    return radon_bucket_scan(log, radon_some(number_key(from)), RADON_NONE, MANY, false, out);
}

/* What was changed since `me` was written down. */
static radon_error catch_up(void) {
    radon_entry_list rows;
    do {
        TRY(log_page(me.end + 1, &rows));
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
    TRY(radon_state_open(radon_text("values"), &values));
    TRY(radon_state_open(radon_text("log"), &log));
    TRY(radon_state_open(radon_text("mortal"), &mortal));
    TRY(radon_state_open(radon_text("waiting"), &waiting));
    TRY(radon_bucket_scan(mortal, RADON_NONE, RADON_NONE, 1, false, &first));
    TRY(radon_state_open(radon_text("replica"), &own));
    TRY(radon_bucket_get(own, ME, &stored));
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
    TRY(status_of(radon_bucket_get(values, key, &found)));
    *cells = found.value;
    return KV_OK;
}

static radon_bytes cells_shown(radon_bytes cells, uint64_t now) {
    view it = cells_view(cells, now);
    return it.what == NOTHING ? KV_NOTHING : view_answer(&it, cells);
}

radon_bytes cells_page(const request *given) { return answer_page(given, values, cells_shown); }

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
    TRY(status_of(radon_bucket_put(mortal, radon_concat(number_key(time), key), KV_NOTHING)));
    return alarm == 0 || time < alarm ? status_of(set_alarm(time)) : KV_OK;
}

kv_status cells_store(radon_bytes key, radon_bytes cells) {
    radon_bytes rest = cells;
    cell next;
    while (cell_next(&rest, &next))
        if (next.expiry != 0) TRY(note_mortal(key, &next));
    return status_of(cells.len > 0 ? radon_bucket_put(values, key, cells) : radon_bucket_delete(values, key));
}

/* ---- the log ---- */

static kv_status log_add(radon_bytes row) {
    TRY(status_of(radon_bucket_put(log, number_key(me.end + 1), row)));
    me.end++;
    return KV_OK;
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
    radon_buffer row = {0};
    radon_store_u64(radon_buffer_extend(&row, 8), it->stamp);
    radon_store_u32(radon_buffer_extend(&row, 4), (uint32_t)(it->removed.len / 8));
    radon_buffer_add(&row, it->removed);
    kv_add_to(&row, it->key);
    radon_buffer_add(&row, it->added);
    return radon_buffer_bytes(&row);
}

kv_status change_apply(const change *it, radon_bytes now) {
    bool is_own = writer_of(it->stamp) == self;
    bool is_newest = newest && is_own && it->added.len > 0 && it->added.data[2] == REGISTER;
    rule joining = {.newest = newest, .removed = it->removed};
    radon_bytes cells = is_newest ? it->added : cells_join(now, it->added, &joining);
    if (is_own && cells.len > ENTRY_MAX) return KV_TOO_LARGE;
    TRY(log_add(change_row(it)));
    kv_status status = cells_store(it->key, cells);
    if (status != KV_OK) radon_bucket_delete(log, number_key(me.end--));
    if (status != KV_OK) return status;
    me.seen.of[writer_of(it->stamp)] = it->stamp;
    if (is_own) me.own = it->stamp;
    return KV_OK;
}

#define GAP (UINT64_MAX) /* no stamp: there are not so many writers */

radon_error log_gap(void) {
    uint8_t row[8 + sizeof(vector)];
    radon_store_u64(row, GAP);
    memcpy(row + 8, &me.seen, sizeof me.seen);
    return log_add((radon_bytes){row, sizeof row}) == KV_OK ? RADON_OK : RADON_EXHAUSTED;
}

bool gap_read(radon_bytes row, vector *out) {
    bool is_one = row.len == 8 + sizeof *out && radon_load_u64(row.data) == GAP;
    if (is_one) memcpy(out, row.data + 8, sizeof *out);
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
    if (me.end - next >= longest) TRY(log_page(next, &rows));
    for (size_t index = 0; index < rows.len && me.end - next >= longest; index++, next++)
        note_trimmed(rows.data[index].value);
    if (next == me.first) return RADON_OK;
    radon_option from = radon_some(number_key(me.first)), to = radon_some(number_key(next));
    me.first = next;
    return radon_bucket_delete_range(log, from, to);
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
    radon_bytes key = radon_slice(noted, 8, noted.len), cells, rest;
    radon_buffer stay = {0};
    cell next;
    bool settled = true;
    if (cells_load(key, &cells) != KV_OK) return RADON_INVALID;
    for (rest = cells; cell_next(&rest, &next);) {
        bool dead = has_expired(next.expiry, radon_clock_now());
        if (dead && is_settled(next.stamp)) continue;
        settled &= !dead;
        radon_buffer_add(&stay, next.bytes);
    }
    TRY(radon_bucket_delete(mortal, noted));
    radon_bytes left = radon_buffer_bytes(&stay), again = radon_concat(number_key(radon_clock_now() + PATIENCE), key);
    if (!settled) TRY(radon_bucket_put(mortal, again, KV_NOTHING));
    if (left.len == cells.len) return RADON_OK;
    return left.len > 0 ? radon_bucket_put(values, key, left) : radon_bucket_delete(values, key);
}

radon_error replica_reap(void) {
    radon_entry_list due;
    radon_option end = radon_some(number_key(radon_clock_now() + 1));
    TRY(radon_bucket_scan(mortal, RADON_NONE, end, REAPED, false, &due));
    for (size_t index = 0; index < due.len; index++) TRY(bury(due.data[index].key));
    TRY(radon_bucket_scan(mortal, RADON_NONE, RADON_NONE, 1, false, &due));
    alarm = 0;
    if (due.len > 0) TRY(set_alarm(radon_load_u64_key(due.data[0].key.data)));
    return replica_save();
}

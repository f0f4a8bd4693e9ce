/* calls_small.c - `topics`, `clock`, `random`, `log` and `config`. See the modules of host/syscalls of these names */
#include <math.h>

#include "lowering.h"

/* ---- topics: messages to the system atom "@topic/NAME" (rule 19) ---- */

/* False: the turn failed. */
static bool check_topic(Turn *t, Slice topic, Right right, Error *error) {
    *error = topic.size == 0 ? INVALID : topic.size > NAME_BYTES ? TOO_LARGE : OK;
    if (*error) return true;
    if (!turn_spend(t, NAME_FUEL * utf8_length(topic))) return false;
    if (!kind_allows(t->kind, right, SLICE(""), topic)) *error = DENIED;
    return true;
}

static bool tell(Turn *t, Slice topic, int what, Slice body, Error *error) {
    Delivery *message;
    Intent *x;
    *error = turn_count_sent(t);
    if (*error) return true;
    message = turn_outgoing(t, body);
    if (message == NULL) return false;
    message->token = (uint64_t)what;
    x = turn_intend(t, SEND_IT);
    x->to = address_new(SLICE("@topic"), topic, 0);
    x->message = message;
    return true;
}

bool topics_publish(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Str *topic, *body = NULL;
    Error error = OK;
    bool done;
    if (!lift_text(i, U32(0), U32(1), &topic)) return false;
    done = lift_bytes(i, U32(2), U32(3), &body) && check_topic(t, slice_of(topic), PUBLISH, &error);
    if (done && !error && body->size > t->kind->message) error = TOO_LARGE;
    if (done && !error) done = tell(t, slice_of(topic), PUBLISHED, slice_of(body), &error);
    str_unref(topic), str_unref(body);
    return done && lower_error(i, U32(4), error);
}

static bool subscription(Instance *i, Turn *t, wasmtime_val_raw_t *v, int what) {
    Str *topic;
    Error error;
    bool done;
    if (!lift_text(i, U32(0), U32(1), &topic)) return false;
    done = check_topic(t, slice_of(topic), SUBSCRIBE, &error);
    if (done && !error) done = tell(t, slice_of(topic), what, slice(NULL, 0), &error);
    str_unref(topic);
    return done && lower_error(i, U32(2), error);
}

bool topics_subscribe(Instance *i, Turn *t, wasmtime_val_raw_t *v) { return subscription(i, t, v, SUBSCRIBED); }
bool topics_unsubscribe(Instance *i, Turn *t, wasmtime_val_raw_t *v) { return subscription(i, t, v, UNSUBSCRIBED); }

/* ---- clock ---- */

bool clock_now(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)i;
    v[0].i64 = (int64_t)t->now;
    return true;
}

static int has_token(const void *item, const void *key) {
    return ((const TimerNow *)item)->token == *(const uint64_t *)key;
}

static TimerNow *timer_now(const Turn *t, uint64_t token) {
    return t->timers.count ? table_find(&t->timers, hash_u64(token), has_token, &token) : NULL;
}

static bool is_set(const Turn *t, uint64_t token) {
    const TimerNow *now = timer_now(t, token);
    return now ? now->set : atom_timer(t->atom, token) != NULL;
}

static void set(Turn *t, uint64_t token, bool set, uint64_t due) {
    TimerNow *now = timer_now(t, token);
    if (now == NULL) {
        now = xmalloc(sizeof *now);
        table_insert(&t->timers, hash_u64(token), now);
    }
    *now = (TimerNow){token, due, set, ++t->timer_calls};
}

static uint64_t after(const Turn *t, uint64_t delay) { return delay > NEVER - t->now ? NEVER : t->now + delay; }

bool clock_set_timer(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint64_t delay = U64(0), token = U64(1);
    if (!is_set(t, token)) {
        int64_t timers = (int64_t)(t->atom->more ? t->atom->more->timers.count : 0) + t->more_timers;
        if (timers >= (int64_t)t->kind->outbox) return lower_error(i, U32(2), EXHAUSTED);
        t->more_timers++;
    }
    set(t, token, true, after(t, delay));
    return lower_error(i, U32(2), OK);
}

/* Also of one that fell due and waits in the mailbox: so the commit looks for each, and there is an end to them. */
bool clock_cancel_timer(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint64_t token = U64(0);
    if (t->timers.count >= 2 * t->kind->outbox) {
        return violation(i, "the turn has set or cancelled %zu timers (twice limits.outbox)", t->timers.count);
    }
    if (is_set(t, token)) t->more_timers--;
    set(t, token, false, 0);
    return true;
}

bool clock_sleep(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint64_t duration = U64(0);
    uint8_t request[ID_SIZE], digest[16] = {0};
    Error error;
    if (duration == 0) return true;
    turn_new_id(t, request);
    for (int n = 0; n < 8; n++) digest[15 - n] = (uint8_t)(duration >> 8 * n);
    if (suspend(t, SLEEP, request, after(t, duration), slice(digest, 16), NULL, NULL, &error)) return true;
    if (!error) return false;
    if (t->calls >= t->kind->outbox) {
        return violation(i, "clock.sleep: the turn was suspended %llu times (limits.outbox)", (unsigned long long)t->calls);
    }
    return violation(
        i, "clock.sleep: %zu turns are suspended, with %llu bytes of memory", t->d->suspended,
        (unsigned long long)t->d->suspended_memory);
}

/* ---- random ---- */

bool random_next(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)i;
    if (!turn_spend(t, turn_draw_cost(t, 8))) return false;
    turn_draw(t, (uint8_t *)&v[0].i64, 8);
    return true;
}

bool random_fill(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint32_t length = U32(0);
    if (length > t->kind->memory) return violation(i, "random.fill of %u bytes, more than the memory may hold", length);
    return lower_drawn(i, t, length, U32(1));
}

/* ---- log: what an undone turn logged stays ---- */

bool log_write(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint32_t level = U32(0);
    size_t kept;
    Str *text;
    bool done;
    if (level > 3) return violation(i, "%u is no case of level", level);
    if (!lift_text(i, U32(1), U32(2), &text)) return false;
    kept = utf8_length(slice_of(text));
    done = turn_keep(t, kept < LOG_CHARACTERS ? kept : LOG_CHARACTERS);
    if (done) turn_log(t, (int)level, slice_of(text));
    str_unref(text);
    return done;
}

/* Whether one more sample of this metric is taken. A name that is too long ends the turn: there is no error to answer. */
static bool sample(Instance *i, Turn *t, const char *call, Slice name, bool *taken) {
    if (name.size > NAME_BYTES) return violation(i, "%s: a metric's name of more than %d bytes", call, NAME_BYTES);
    *taken = ++t->samples <= SAMPLES;
    if (t->samples == SAMPLES + 1) domain_log(t, 2, SLICE("further metrics of this turn are dropped"));
    return true;
}

bool log_count(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Str *name;
    bool taken = false, done;
    if (!lift_text(i, U32(0), U32(1), &name)) return false;
    done = sample(i, t, "log.count", slice_of(name), &taken);
    if (taken) ledger_leave_at_once(t->d, R_COUNTED, U64(2), slice_of(t->kind->name), slice_of(name));
    str_unref(name);
    return done;
}

bool log_observe(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Str *name;
    bool taken = false, done;
    double value = v[2].f64;
    if (value != value) value = NAN; /* every NaN is one (rule 5) */
    if (!lift_text(i, U32(0), U32(1), &name)) return false;
    done = sample(i, t, "log.observe", slice_of(name), &taken);
    if (taken) ledger_leave_at_once(t->d, R_OBSERVED, value, slice_of(t->kind->name), slice_of(name));
    str_unref(name);
    return done;
}

/* ---- config ---- */

bool config_get(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Str *name;
    const Pairing *found;
    if (!lift_text(i, U32(0), U32(1), &name)) return false;
    found = pairing_named(t->kind->config, t->kind->config_count, slice_of(name));
    str_unref(name);
    return lower_some(i, U32(2), found != NULL, slice_of(found ? found->value : NULL));
}

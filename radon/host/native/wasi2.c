/* wasi2.c - WASI 0.2 for components whose language insists on it: see host/wasi2.py
 *
 * Deterministic. Output goes to the log, clocks and random numbers come from the turn, and time stands still: to wait for
 * it fails the turn. Each function is what the row of its name does in Python, in the same order.
 */
#include "lowering.h"

enum { MAX_WRITE = 64 * 1024 };

/* Results whose errors are cases without a payload, as a whole return area. */
enum { STREAM_CLOSED = 1, NOT_SUPPORTED = 2 };

static bool area(Instance *i, uint32_t at, uint32_t align, const void *bytes, size_t size) {
    return aligned(i, at, align) && guest_write(i, at, bytes, size);
}

static bool none(Instance *i, uint32_t at, size_t size) {
    static const uint8_t zero[12];
    return area(i, at, 4, zero, size);
}

/* result<_, stream-error>, which is ok */
static bool done(Instance *i, uint32_t at) { return none(i, at, 12); }

/* result<u64, stream-error> */
static bool count(Instance *i, uint32_t at, bool failed, uint64_t number) {
    uint64_t result[2] = {failed, number};
    return area(i, at, 8, result, 16);
}

static bool give(Instance *i, wasmtime_val_raw_t *v, Resource type, uint64_t number) {
    return give_handle(i, v, (Handle){.type = type, .number = number});
}

/* ---- cli ---- */

static bool empty_list(Instance *i, uint32_t at) {
    uint32_t pair[2] = {0};
    return aligned(i, at, 4) && lower_list(i, 0, 0, &pair[0]) && guest_write(i, at, pair, 8);
}

bool wasi2_environment_get_environment(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return empty_list(i, U32(0));
}

bool wasi2_environment_get_arguments(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return empty_list(i, U32(0));
}

bool wasi2_preopens_get_directories(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return empty_list(i, U32(0));
}

bool wasi2_environment_initial_cwd(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return none(i, U32(0), 12);
}

bool wasi2_terminal_stdin_get_terminal_stdin(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return none(i, U32(0), 8);
}

bool wasi2_terminal_stdout_get_terminal_stdout(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return none(i, U32(0), 8);
}

static bool exited(Instance *i, uint32_t status) {
    return fail(i, "exit", "the guest called exit(%u), which fails the turn; an atom ends by lifecycle.exit", status);
}

bool wasi2_exit_exit(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    if (U32(0) > 1) return violation(i, "%u is no case of result", U32(0));
    return exited(i, U32(0));
}

bool wasi2_exit_exit_with_code(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return exited(i, U32(0) & 0xff);
}

bool wasi2_stdin_get_stdin(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return give(i, v, AN_INPUT, 0);
}

bool wasi2_stdout_get_stdout(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return give(i, v, AN_OUTPUT, 1);
}

bool wasi2_stderr_get_stderr(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return give(i, v, AN_OUTPUT, 2);
}

/* ---- streams ---- */

bool wasi2_streams_input_stream_read(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint32_t closed[3] = {1, STREAM_CLOSED, 0};
    (void)t;
    return handle_get(i, U32(0), AN_INPUT) && area(i, U32(2), 4, closed, 12);
}

bool wasi2_streams_input_stream_skip(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return handle_get(i, U32(0), AN_INPUT) && count(i, U32(2), true, STREAM_CLOSED);
}

bool wasi2_streams_input_stream_subscribe(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return handle_get(i, U32(0), AN_INPUT) && give(i, v, A_POLLABLE, 0);
}

bool wasi2_streams_output_stream_subscribe(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return handle_get(i, U32(0), AN_OUTPUT) && give(i, v, A_POLLABLE, 0);
}

bool wasi2_streams_output_stream_check_write(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return handle_get(i, U32(0), AN_OUTPUT) && count(i, U32(1), false, MAX_WRITE);
}

bool wasi2_streams_output_stream_flush(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return handle_get(i, U32(0), AN_OUTPUT) && done(i, U32(1));
}

bool wasi2_streams_output_stream_splice(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return handle_get(i, U32(0), AN_OUTPUT) && handle_get(i, U32(1), AN_INPUT) && count(i, U32(3), true, STREAM_CLOSED);
}

static bool fits(Instance *i, uint64_t length) {
    if (length <= MAX_WRITE) return true;
    return violation(
        i, "a write of %llu bytes to a stream that takes %u at once", (unsigned long long)length, (unsigned)MAX_WRITE);
}

bool wasi2_streams_output_stream_write(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Handle *h = handle_get(i, U32(0), AN_OUTPUT);
    Slice data;
    return h && guest_read(i, U32(1), U32(2), &data) && fits(i, data.size) &&
           wasi_print(t, (int)h->number, data) && done(i, U32(3));
}

bool wasi2_streams_output_stream_write_zeroes(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    static const uint8_t zeroes[MAX_WRITE];
    const Handle *h = handle_get(i, U32(0), AN_OUTPUT);
    uint64_t length = U64(1);
    return h && fits(i, length) && turn_spend(t, length) &&
           wasi_print(t, (int)h->number, slice(zeroes, length)) && done(i, U32(2));
}

/* ---- time ---- */

bool wasi2_monotonic_clock_now(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)i;
    v[0].i64 = (int64_t)t->now;
    return true;
}

bool wasi2_monotonic_clock_resolution(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)i, (void)t;
    v[0].i64 = 1;
    return true;
}

static bool datetime(Instance *i, uint32_t at, uint64_t nanoseconds) {
    uint64_t result[2] = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    return area(i, at, 8, result, 16);
}

bool wasi2_wall_clock_now(Instance *i, Turn *t, wasmtime_val_raw_t *v) { return datetime(i, U32(0), t->now); }

bool wasi2_wall_clock_resolution(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return datetime(i, U32(0), 1);
}

bool wasi2_monotonic_clock_subscribe_instant(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return give(i, v, A_POLLABLE, U64(0));
}

bool wasi2_monotonic_clock_subscribe_duration(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint64_t duration = U64(0);
    return give(i, v, A_POLLABLE, duration > UINT64_MAX - t->now ? UINT64_MAX : t->now + duration);
}

static bool waits_in_vain(Instance *i) {
    return fail(i, "wasi", "the guest waits for time to pass, which stands still in a turn; clock.sleep and timers wait");
}

bool wasi2_poll_pollable_ready(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Handle *h = handle_get(i, U32(0), A_POLLABLE);
    if (h == NULL) return false;
    v[0].i32 = h->number <= t->now;
    return true;
}

bool wasi2_poll_pollable_block(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    const Handle *h = handle_get(i, U32(0), A_POLLABLE);
    return h && (h->number <= t->now || waits_in_vain(i));
}

/* Which of the guest's pollables are ready, into `ready`, by their index; how many. */
static bool ask_all(Instance *i, const Turn *t, const uint32_t *handles, uint32_t all, uint32_t *ready, uint32_t *found) {
    *found = 0;
    for (uint32_t n = 0; n < all; n++) {
        const Handle *h = handle_get(i, handles[n], A_POLLABLE);
        if (h == NULL) return false;
        if (h->number <= t->now) ready[(*found)++] = n;
    }
    if (all == 0) return violation(i, "a poll of nothing");
    return *found || waits_in_vain(i);
}

static bool lower_numbers(Instance *i, uint32_t at, const uint32_t *numbers, uint32_t size) {
    uint32_t pair[2] = {0, size};
    if (!aligned(i, at, 4) || !lower_list(i, size, 4, &pair[0])) return false;
    for (uint32_t n = 0; n < size; n++) {
        if (!guest_write(i, (uint64_t)pair[0] + 4 * (uint64_t)n, &numbers[n], 4)) return false;
    }
    return guest_write(i, at, pair, 8);
}

bool wasi2_poll_poll(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint32_t pointer = U32(0), all = U32(1), found, *handles, *ready;
    uint64_t size = (uint64_t)all * 4;
    Slice list;
    bool polled;
    if (pointer % 4) return violation(i, "a list at %u is not aligned to 4", pointer);
    if (!guest_check(i, pointer, size)) return false;
    if (size > t->kind->message) {
        return violation(
            i, "wasi:io/poll.poll: a list of %u elements, more than %llu bytes (limits.message)", all,
            (unsigned long long)t->kind->message);
    }
    if (!turn_spend(t, all * (uint64_t)SYSCALL_FUEL) || !guest_read(i, pointer, size, &list)) return false;
    handles = xmalloc(size + 1), ready = xmalloc(size + 1);
    memcpy(handles, list.data, size);
    polled = ask_all(i, t, handles, all, ready, &found) && lower_numbers(i, U32(2), ready, found);
    free(handles), free(ready);
    return polled;
}

/* ---- random numbers ---- */

static bool draw(Turn *t, void *into, size_t length) {
    if (!turn_spend(t, turn_draw_cost(t, length))) return false;
    turn_draw(t, into, length);
    return true;
}

bool wasi2_random_get_random_bytes(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint64_t length = U64(0);
    if (length > t->kind->memory || length > UINT32_MAX) {
        return violation(i, "%llu random bytes, more than the memory may hold", (unsigned long long)length);
    }
    return lower_drawn(i, t, length, U32(1));
}

bool wasi2_random_get_random_u64(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)i;
    return draw(t, &v[0].i64, 8);
}

bool wasi2_insecure_seed_insecure_seed(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint64_t seed[2];
    return draw(t, &seed[0], 8) && draw(t, &seed[1], 8) && area(i, U32(0), 8, seed, 16);
}

/* ---- sockets ---- */

static bool not_supported(Instance *i, uint32_t family, uint32_t at) {
    uint32_t result[2] = {1, NOT_SUPPORTED};
    if (family > 1) return violation(i, "%u is no case of ip-address-family", family);
    return area(i, at, 4, result, 8);
}

bool wasi2_tcp_create_socket_create_tcp_socket(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return not_supported(i, U32(0), U32(1));
}

bool wasi2_udp_create_socket_create_udp_socket(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return not_supported(i, U32(0), U32(1));
}

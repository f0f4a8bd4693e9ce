/* wasi.c - `wasi_snapshot_preview1` for guests whose C library insists on it: see host/wasi.py
 *
 * Deterministic, and as little as printf needs. Output goes to the log, clock and random numbers come from the turn,
 * arguments and environment are empty, and everything else says ENOSYS.
 */
#include "lowering.h"

enum { SUCCESS = 0, BADF = 8, INVAL = 28, NOSYS = 52, SPIPE = 70 };
enum {
    MAX_WRITE = 64 * 1024, MAX_LINE = 8 * 1024, MAX_BUFFERS = 1024, RANDOM_PIECE = 4096,
    LAST_CLOCK = 3, /* realtime, monotonic, process and thread time: all are the turn's */
};

static bool answer(wasmtime_val_raw_t *v, int code) {
    v[0].i32 = code;
    return true;
}

/* ---- output ---- */

static void emit(Turn *t, int stream, Slice line) {
    int level = stream; /* stdout is info, stderr a warning */
    for (size_t at = 0; at == 0 || at < line.size; at += MAX_LINE) {
        size_t size = line.size - at < MAX_LINE ? line.size - at : MAX_LINE;
        Buffer text = {0};
        put_text(&text, slice(line.data + at, size));
        turn_log(t, level, slice(text.data, text.size));
        buffer_free(&text);
    }
}

/* Logs the lines that are complete now; keeps the rest. */
static void print(Turn *t, int stream, Slice data) {
    Buffer *rest = &t->output[stream - 1];
    size_t from = 0, whole;
    buffer_put(rest, data.data, data.size);
    for (const uint8_t *end; from < rest->size && (end = memchr(rest->data + from, '\n', rest->size - from)) != NULL;) {
        size_t size = (size_t)(end - rest->data) - from;
        bool returns = size && end[-1] == '\r';
        emit(t, stream, slice(rest->data + from, size - returns));
        from += size + 1;
    }
    whole = (rest->size - from) / MAX_LINE * MAX_LINE;
    if (whole) emit(t, stream, slice(rest->data + from, whole));
    from += whole;
    if (from) memmove(rest->data, rest->data + from, rest->size - from);
    rest->size -= from;
}

bool wasi_print(Turn *t, int stream, Slice data) {
    uint64_t lines = 0;
    for (size_t n = 0; n < data.size; n++) lines += data.data[n] == '\n';
    if (!turn_spend(t, SYSCALL_FUEL * lines) || !turn_keep(t, data.size)) return false;
    print(t, stream, data);
    return true;
}

void turn_flush(Turn *t) {
    for (int stream = 1; stream <= 2; stream++) {
        Buffer *rest = &t->output[stream - 1];
        if (rest->size) emit(t, stream, slice(rest->data, rest->size));
        buffer_free(rest);
    }
}

/* What the guest's buffers hold, MAX_WRITE bytes at most. */
static bool gather(Instance *i, uint32_t buffers, uint32_t count, Buffer *data) {
    Slice list, piece;
    uint32_t *pairs;
    bool done = true;
    if (!guest_read(i, buffers, (uint64_t)count * 8, &list)) return false;
    pairs = xmalloc(list.size);
    if (list.size) memcpy(pairs, list.data, list.size);
    for (uint32_t n = 0; done && n < count; n++) {
        uint64_t length = pairs[2 * n + 1], room = MAX_WRITE - data->size;
        done = guest_read(i, pairs[2 * n], length < room ? length : room, &piece);
        if (done) buffer_put(data, piece.data, piece.size);
    }
    free(pairs);
    return done;
}

bool wasi_fd_write(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint32_t stream = U32(0), buffers = U32(1), count = U32(2), into = U32(3), written;
    Buffer data = {0};
    bool done;
    if (stream != 1 && stream != 2) return answer(v, BADF);
    if (count > MAX_BUFFERS) return answer(v, INVAL);
    done = turn_spend(t, SYSCALL_FUEL * (uint64_t)count) && gather(i, buffers, count, &data);
    written = (uint32_t)data.size;
    done = done && guest_write(i, into, &written, 4) && wasi_print(t, (int)stream, slice(data.data, data.size));
    buffer_free(&data);
    return done && answer(v, SUCCESS);
}

/* ---- descriptors ---- */

/* A character device without the right to seek: a terminal to the C library, which then writes at each line end. */
bool wasi_fd_fdstat_get(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint8_t stat[24] = {2};
    (void)t;
    if (U32(0) > 2) return answer(v, BADF);
    stat[8] = U32(0) ? 1 << 6 : 1 << 1;
    return guest_write(i, U32(1), stat, sizeof stat) && answer(v, SUCCESS);
}

bool wasi_fd_seek(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)i, (void)t;
    return answer(v, U32(0) > 2 ? BADF : SPIPE);
}

bool wasi_fd_close(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)i, (void)t;
    return answer(v, U32(0) > 2 ? BADF : SUCCESS);
}

/* The C library counts directories opened in advance, and gives up if the end of them is not BADF. */
bool wasi_fd_prestat_get(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)i, (void)t;
    return answer(v, BADF);
}

bool wasi_fd_prestat_dir_name(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)i, (void)t;
    return answer(v, BADF);
}

/* ---- clock, random numbers, arguments ---- */

bool wasi_clock_time_get(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    if (U32(0) > LAST_CLOCK) return answer(v, INVAL);
    return guest_write(i, U32(2), &t->now, 8) && answer(v, SUCCESS);
}

bool wasi_clock_res_get(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint64_t one = 1;
    (void)t;
    if (U32(0) > LAST_CLOCK) return answer(v, INVAL);
    return guest_write(i, U32(1), &one, 8) && answer(v, SUCCESS);
}

bool wasi_random_get(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    uint64_t into = U32(0), length = U32(1);
    uint8_t piece[RANDOM_PIECE];
    for (uint64_t at = 0; at < length; at += RANDOM_PIECE) {
        size_t size = length - at < RANDOM_PIECE ? length - at : RANDOM_PIECE;
        if (!turn_spend(t, turn_draw_cost(t, size))) return false;
        turn_draw(t, piece, size);
        if (!guest_write(i, into + at, piece, size)) return false;
    }
    return answer(v, SUCCESS);
}

static bool no_sizes(Instance *i, wasmtime_val_raw_t *v) {
    uint32_t none = 0;
    return guest_write(i, U32(0), &none, 4) && guest_write(i, U32(1), &none, 4) && answer(v, SUCCESS);
}

bool wasi_args_sizes_get(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return no_sizes(i, v);
}

bool wasi_environ_sizes_get(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return no_sizes(i, v);
}

bool wasi_args_get(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)i, (void)t;
    return answer(v, SUCCESS);
}

bool wasi_environ_get(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)i, (void)t;
    return answer(v, SUCCESS);
}

bool wasi_proc_exit(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)t;
    return fail(i, "exit", "the guest called exit(%u), which fails the turn; an atom ends by lifecycle.exit", U32(0));
}

bool wasi_nosys(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    (void)i, (void)t;
    return answer(v, NOSYS);
}

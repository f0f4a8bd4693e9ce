/* Everything that a guest can ask for: an input is a history of messages, each a list of syscalls with raw arguments, and
 * of what else may happen to a domain. Whatever it is, nothing is read or written outside of anything, the domain lives,
 * its log makes the domain that wrote it, and at the end all is freed.
 *
 * The guests are the puppets of tests/hostile/puppet.py, which make the calls that their message lists (guests.h). */
#include <dlfcn.h>

#include "fuzz.h"
#include "guests.h"
#include "syscalls.h"

enum { MOST_STEPS = 24, SYSCALL_COUNT = 0
#define X(module, field, params, results, function, suspends) +1
    SYSCALLS(X)
#undef X
    , ACTS = 12, JOINED_COUNT = 0
#define X(params) +1
    JOINED_STEPS(X)
#undef X
};

static const char *const params_of[SYSCALL_COUNT + ACTS + JOINED_COUNT] = {
#define X(module, field, params, results, function, suspends) params,
    SYSCALLS(X)
#undef X
    "i", "", "", "", "iI", "i", "ii", "ii", "ii", "i", "iii", "i",
#define X(params) params,
    JOINED_STEPS(X)
#undef X
};

/* What lies behind the steps of a script: names that mean something, 24 bytes for each, then bytes of the input. */
static const char *const names[] = {
    "puppet/a", "puppet/b", "direct/a", "shard/x", "near/@here", "http:api", "link", "puppet", "direct", "news", "key",
    "traceparent", "config", "nobody/x", "@topic/news", "\xff",
};
enum { NAMES = sizeof names / sizeof *names, SLOT = 24, RAW = 256 };

static wasm_engine_t *engine;
static wasmtime_module_t *puppet_module, *direct_module, *joined_module;

/* ---- the engine, as engine.py has it where a guest can tell ---- */

#define FIND(name) (*(void **)&name = dlsym(library, #name))

static wasmtime_module_t *compile(void *library, const uint8_t *bytes, size_t size) {
    wasmtime_error_t *(*wasmtime_module_new)(wasm_engine_t *, const uint8_t *, size_t, wasmtime_module_t **);
    wasmtime_module_t *module = NULL;
    FIND(wasmtime_module_new);
    must(wasmtime_module_new(engine, bytes, size, &module) == NULL, "a puppet compiles");
    return module;
}

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    void *library = dlopen(WASMTIME, RTLD_NOW);
    wasm_config_t *config, *(*wasm_config_new)(void);
    void (*wasmtime_config_consume_fuel_set)(wasm_config_t *, bool);
    void (*wasmtime_config_max_wasm_stack_set)(wasm_config_t *, size_t);
    wasm_engine_t *(*wasm_engine_new_with_config)(wasm_config_t *);
    (void)count, (void)arguments;
    must(library && radon_native_load(WASMTIME) == NULL, "wasmtime is there");
    FIND(wasm_config_new), FIND(wasmtime_config_consume_fuel_set), FIND(wasmtime_config_max_wasm_stack_set);
    FIND(wasm_engine_new_with_config);
    config = wasm_config_new();
    wasmtime_config_consume_fuel_set(config, true);
    wasmtime_config_max_wasm_stack_set(config, 512 * 1024);
    engine = wasm_engine_new_with_config(config);
    puppet_module = compile(library, puppet_wasm, sizeof puppet_wasm);
    direct_module = compile(library, direct_wasm, sizeof direct_wasm);
    joined_module = compile(library, joined_wasm, sizeof joined_wasm);
    return 0;
}

/* ---- the input ---- */

typedef struct Input {
    const uint8_t *at, *end;
} Input;

static uint8_t take(Input *in) { return in->at < in->end ? *in->at++ : 0; }

static uint64_t take_u64(Input *in) {
    uint64_t number = 0;
    for (int n = 0; n < 8; n++) number |= (uint64_t)take(in) << 8 * n;
    return number;
}

/* ---- the run of one input ---- */

typedef struct Run {
    RadonDomain *d;
    Buffer log;     /* all durable parts */
    Buffer inputs;  /* to be submitted */
    uint64_t now;
    uint8_t flags;  /* bit 0: forgetful, bit 1: without elision, bit 2: one of 3 domains, bit 3: the others acknowledge */
    uint8_t asked[ID_SIZE]; /* the request to an endpoint that left last */
} Run;

static void serve(Buffer *rows, const char *name, int spread, wasmtime_module_t *module, bool suspends, bool shared) {
    static const struct { int right; const char *name, *glob; } grants[] = {
        {0, "direct", "*"}, {0, "puppet", "*"}, {0, "shard", "*"}, {1, "puppet", ""}, {1, "direct", ""},
        {2, "puppet", "*"}, {2, "direct", "?"}, {3, "", "*"}, {4, "", "n*"}, {5, "api", ""},
    };
    put_record(
        rows, R_SERVE, (uint32_t)spread, (uint32_t)3, (uint64_t)1 << 20, (uint64_t)3000000, (uint64_t)20, (uint64_t)2000,
        (uint64_t)1 << 14, (uint64_t)12, (uint64_t)4, (uint32_t)2, (uint64_t)1000, (uint64_t)(uintptr_t)module, (uint32_t)1,
        0x1f, suspends, 0, shared, spread == SHARDED ? 2 : 1, slice(name, strlen(name)));
    for (size_t n = 0; n < sizeof grants / sizeof *grants; n++) {
        put_record(
            rows, R_MAY_OPEN, grants[n].right, slice(grants[n].name, strlen(grants[n].name)),
            slice(grants[n].glob, strlen(grants[n].glob)));
    }
    put_record(rows, R_LINKED, SLICE("link"), SLICE("http:api"));
    put_record(rows, R_CONFIGURED, SLICE("config"), SLICE("value"));
}

/* A component of one part, which is offered all that it imports. */
static void join(Buffer *rows) {
    static const char *const handlers[] = {
#define X(form, export, post, params) export,
        HANDLERS(X)
#undef X
    };
    put_record(rows, R_PART, (uint64_t)(uintptr_t)joined_module);
#define X(interface, field, params, results, words) \
    put_record(rows, R_OFFERED, (uint32_t)0, SLICE(interface), SLICE(field), SLICE(params), SLICE(results), SLICE(words));
    JOINED_IMPORTS(X)
#undef X
    for (uint32_t form = 0; form < sizeof handlers / sizeof *handlers; form++) {
        put_record(rows, R_ENTRY, 0, form, (uint32_t)0, slice_text(handlers[form]));
    }
    put_record(rows, R_ENTRY, 2, (uint32_t)0, (uint32_t)0, SLICE("cabi_realloc"));
    put_record(rows, R_ENTRY, 3, (uint32_t)0, (uint32_t)0, SLICE("memory"));
}

static void deploy(RadonDomain *d, bool all) {
    Buffer rows = {0};
    serve(&rows, "puppet", KEYED, puppet_module, true, false);
    if (all) serve(&rows, "direct", KEYED, direct_module, false, false);
    serve(&rows, "shard", SHARDED, direct_module, false, true);
    serve(&rows, "near", EVERY_HOST, puppet_module, true, false);
    serve(&rows, "joined", KEYED, NULL, true, false);
    join(&rows);
    put_record(&rows, R_ENDPOINT, SLICE("http:api"));
    must(radon_deploy(d, (const uint8_t *)"digest", 6, rows.data, rows.size) == NULL, "it deploys");
    if (!all) radon_end_kind(d, (const uint8_t *)"direct", 6);
    buffer_free(&rows);
}

/* Another domain has the object, with more to come where it was asked for its beginning; or none has. */
static void fetched(Run *r, uint32_t domain, const Record *fetch) {
    Buffer answer = {0};
    uint64_t offset = fetch->n[2];
    put_record(
        &answer, R_FETCHED, fetch->id, (uint32_t)(r->flags & 8 ? OK : NOT_FOUND), domain, offset, (uint64_t)8, SLICE("half"));
    put_record(&r->inputs, R_CROSSED, domain, (uint64_t)0, slice(answer.data, answer.size));
    buffer_free(&answer);
}

/* Crossings left for another domain: it has all of them. */
static void acknowledge(Run *r, const Record *crossing) {
    Reader reader = reader_of(crossing->v[0]);
    Record record;
    uint64_t next = crossing->n[1];
    must(crossings_fit(crossing->v[0], r->d->error), "what crosses is made of crossings");
    for (; next_record(&reader, &record); next++) {
        if (record.tag == R_FETCH) fetched(r, (uint32_t)crossing->n[0], &record);
    }
    if (crossing->n[1] && r->flags & 8) put_record(&r->inputs, R_ACKNOWLEDGED, (uint32_t)crossing->n[0], next - 1);
}

/* What left: the last request to an endpoint is remembered, for an answer. */
static void look_at(Run *r, Slice outgoing) {
    Reader reader = reader_of(outgoing);
    Record record;
    while (next_record(&reader, &record)) {
        if (record.tag == R_SENT && record.n[0]) memcpy(r->asked, record.v[1].data, ID_SIZE);
        if (record.tag == R_CROSSING) acknowledge(r, &record);
    }
    must(reader.error[0] == '\0', "what leaves is made of records");
}

static void commit(Run *r) {
    RadonBytes parts[3];
    radon_take(r->d, parts);
    buffer_put(&r->log, parts[0].data, parts[0].size);
    look_at(r, slice(parts[1].data, parts[1].size));
    look_at(r, slice(parts[2].data, parts[2].size));
    radon_taken(r->d);
}

static void go(Run *r, uint64_t turns) {
    if (r->inputs.size) must(radon_submit(r->d, r->inputs.data, r->inputs.size) == NULL, "inputs are records");
    buffer_clear(&r->inputs);
    radon_run(r->d, turns);
}

/* The snapshot without the number of the last step, which may be smaller where it left no record. */
static Buffer without_step(RadonDomain *d) {
    Buffer all = snapshot_of(d), rest = {0};
    Reader reader = reader_of(slice(all.data, all.size));
    Record record;
    while (next_record(&reader, &record)) {
        if (record.tag != R_STEP) buffer_put(&rest, record.data, record.size);
    }
    buffer_free(&all);
    return rest;
}

/* The log makes the image of the domain that wrote it; and that one goes on. */
static void lose(Run *r) {
    Buffer one, other;
    RadonDomain *again;
    go(r, 0);
    commit(r);
    check_snapshot(r->d);
    one = without_step(r->d);
    again = new_domain(engine, r->flags);
    must(radon_load(again, r->log.data, r->log.size) == NULL, "a domain's own log is taken");
    other = without_step(again);
    must(one.size == other.size && memcmp(one.data, other.data, one.size) == 0, "the log makes the same image");
    buffer_free(&one), buffer_free(&other);
    radon_free(r->d);
    r->d = again;
    deploy(r->d, true);
}

/* ---- scripts ---- */

static void put_argument(Input *in, uint64_t *arguments, size_t *n, const char *params, uint32_t data) {
    uint8_t how = take(in);
    if (how < 128) {
        arguments[*n] = how;
    } else if (how < 160) {
        arguments[*n] = 128 + 64 * (uint64_t)(how - 128); /* a return area */
    } else if (how < 192) {
        arguments[*n] = data + SLOT * (uint64_t)(how - 160); /* a name, or bytes of the input */
    } else if (how < 224) {
        size_t name = how % NAMES; /* a name and its length */
        arguments[*n] = data + SLOT * name;
        if (params[*n + 1] == 'i') arguments[++*n] = strlen(names[name]);
    } else if (how < 232) {
        static const uint64_t special[] = {UINT32_MAX, UINT64_MAX, 65536, 65535, 1000, 1 << 20, 4096, INT64_MAX};
        arguments[*n] = special[how - 224];
    } else {
        arguments[*n] = take_u64(in);
    }
}

static void put_script(Input *in, Buffer *body) {
    uint32_t count = take(in) % MOST_STEPS, data = 4096 + 8 + 96 * count;
    buffer_u64(body, count);
    for (uint32_t step = 0; step < count; step++) {
        uint64_t number = take(in) % (SYSCALL_COUNT + ACTS + JOINED_COUNT), arguments[10] = {0};
        const char *params = params_of[number];
        for (size_t n = 0; params[n]; n++) put_argument(in, arguments, &n, params, data);
        buffer_u64(body, number);
        for (size_t n = 0; n < 10; n++) buffer_u64(body, arguments[n]);
        buffer_u64(body, 0);
    }
    for (size_t n = 0; n < NAMES; n++) {
        uint8_t *slot = buffer_extend(body, SLOT);
        memset(slot, 0, SLOT);
        memcpy(slot, names[n], strlen(names[n]));
    }
    for (size_t n = 0; n < RAW; n++) buffer_u8(body, n < 32 ? take(in) : (uint8_t)n);
}

static Address somebody(Input *in) {
    uint8_t which = take(in);
    const char *name = which % 7 == 6 ? "joined/a" : names[which % 7];
    return address_parse(slice(name, strlen(name)));
}

static void post(Run *r, Input *in) {
    static const Address nowhere;
    Address to = somebody(in), sender = address_parse(SLICE("@tcp/line"));
    Buffer body = {0}, metadata = {0};
    uint8_t flags = take(in);
    put_script(in, &body);
    if (flags & 1) metadata_add(&metadata, SLICE("traceparent"), SLICE("trace"));
    put_record(
        &r->inputs, R_POST, (uint64_t)flags, flags & 2 ? r->now + 1000 : (uint64_t)0, flags >> 2 & 1, &to,
        flags & 8 ? &sender : &nowhere, flags & 16 ? SLICE("pair") : SLICE(""), flags & 32 ? SLICE("once") : SLICE(""),
        slice(metadata.data, metadata.size), slice(body.data, body.size));
    address_unref(&to), address_unref(&sender);
    buffer_free(&body), buffer_free(&metadata);
}

/* ---- what else may happen ---- */

static void revive(Run *r, bool again) {
    RadonBytes dead = radon_dead(r->d);
    Reader reader = reader_of(slice(dead.data, dead.size));
    Record died;
    if (next_record(&reader, &died)) put_record(&r->inputs, R_REVIVE, died.v[2].data, again);
}

static void input(Run *r, Input *in) {
    Address atom = somebody(in);
    uint8_t what = take(in);
    Slice args = in->end - in->at > 8 ? slice(in->at, 8) : SLICE("args");
    switch (what % 12) {
    case 0: put_record(&r->inputs, R_PASSIVATE, &atom); break;
    case 1: put_record(&r->inputs, R_BARRIER); break;
    case 2: put_record(&r->inputs, R_CONNECT, &atom, args); break;
    case 3: put_record(&r->inputs, R_DISCONNECT, &atom); break;
    case 4: put_record(&r->inputs, R_FATE, r->d->image.step + 1 + what / 64, SLICE("fate")); break;
    case 5: revive(r, what & 64); break;
    case 6: {
        Address endpoint = address_parse(SLICE("http:api"));
        put_record(&r->inputs, R_OUTCOME, r->asked, (uint32_t)(what / 64), &endpoint, SLICE(""), args);
        address_unref(&endpoint);
        break;
    }
    case 7: put_record(&r->inputs, R_LISTEN, (uint64_t)(what / 128), SLICE("news")); break;
    case 8: put_record(&r->inputs, R_UNLISTEN, (uint64_t)(what / 128), SLICE("news")); break;
    case 9: put_record(&r->inputs, R_SPAWN, (uint64_t)1, SLICE("puppet"), args); break;
    case 10:
        go(r, 0);
        deploy(r->d, what & 64);
        break;
    default: check_snapshot(r->d);
    }
    address_unref(&atom);
}

static void happen(Run *r, Input *in) {
    uint8_t what = take(in);
    switch (what % 16) {
    case 8:
        r->now += (uint64_t)1 << what / 16;
        put_record(&r->inputs, R_NOW, r->now);
        break;
    case 9: go(r, 1); break;
    case 10:
        go(r, 1000);
        commit(r);
        break;
    case 11: commit(r); break;
    case 12: lose(r); break;
    case 13: case 14: input(r, in); break;
    default: post(r, in);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input in = {data, data + size};
    Run r = {.now = 1000, .flags = take(&in)};
    r.d = new_domain(engine, r.flags);
    radon_setup(
        r.d, r.flags & 4 ? 1 : 7, r.flags & 4 ? 3 : 1, (const uint8_t *)"01234567890123456789012345678901",
        (const uint8_t *)"abcdefghijabcdefghijabcdefghijab");
    deploy(r.d, true);
    for (int n = 0; in.at < in.end && n < 64; n++) happen(&r, &in);
    for (int n = 0; n < 4; n++) {
        put_record(&r.inputs, R_NOW, r.now += 100000);
        go(&r, 1000);
    }
    lose(&r);
    go(&r, 1000);
    radon_free(r.d);
    buffer_free(&r.log), buffer_free(&r.inputs);
    return 0;
}

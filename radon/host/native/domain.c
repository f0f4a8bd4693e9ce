/* domain.c - the domain as Python calls it: see api.h. Bytes in, bytes out; frames are Python's. */
#include "ahead.h"
#include "api.h"

static RadonBytes bytes_of(const Buffer *b) { return (RadonBytes){b->data, b->size}; }
/* ---- life ---- */

RadonDomain *radon_new(void *engine) {
    Domain *d = xcalloc(1, sizeof *d);
    d->engine = engine;
    d->image.domains = 1;
    d->settings.host = str_new(NULL, 0);
    return d;
}

static void free_awaiting(Domain *d) {
    Awaiting *w;
    for (size_t at = 0; (w = table_next(&d->awaiting, &at)) != NULL; free(w)) {
        str_unref(w->key);
        free(w->tokens);
    }
    table_clear(&d->awaiting);
}

static void free_fates(Domain *d) {
    Fate *f;
    for (size_t at = 0; (f = table_next(&d->fates, &at)) != NULL; free(f)) str_unref(f->cause);
    table_clear(&d->fates);
}

void radon_free(RadonDomain *d) {
    Turn *spare;
    domain_drop_instances(d);
    gate_unlink(d);
    host_free(d);
    ledger_free(d);
    image_clear(&d->image);
    deployment_free(d);
    free_awaiting(d);
    free_fates(d);
    buffer_free(&d->inputs), buffer_free(&d->answer);
    str_unref(d->settings.host);
    spare = d->spare_turn;
    if (spare) turn_forget(spare);
    spares_free(&d->spares);
    free(d);
}

void radon_settings(RadonDomain *d, const uint8_t *rows, size_t rows_size) {
    Settings *s = &d->settings;
    Reader reader = reader_of(slice(rows, rows_size));
    Record row;
    if (!next_record(&reader, &row) || row.tag != R_CHOSEN) return;
    str_unref(s->host);
    *s = (Settings){
        .instances = row.n[0], .suspended = row.n[1], .slots = row.n[2], .memory = row.n[3], .objects = row.n[4],
        .mail = row.n[5], .dead = row.n[6], .watchers = row.n[7], .run = row.n[8], .retention = row.n[9],
        .idempotency = row.n[10], .forgetful = row.n[11] != 0, .host = str_new(row.v[0].data, row.v[0].size),
    };
    d->ledger.elide = row.n[12] != 0, d->ledger.records = row.n[13] != 0;
}

void radon_setup(RadonDomain *d, uint32_t number, uint32_t domains, const uint8_t *seed, const uint8_t *secret) {
    ledger_note(d, NULL, R_SETUP, number, domains, slice(seed, 32), slice(secret, 32));
    image_setup(&d->image, number, domains, seed, secret);
}

const char *radon_load(RadonDomain *d, const uint8_t *records, size_t records_size) {
    return image_load(&d->image, slice(records, records_size), d->error);
}


/* ---- turns ---- */

const char *radon_submit(RadonDomain *d, const uint8_t *records, size_t records_size) {
    Reader reader = reader_of(slice(records, records_size));
    Record record;
    while (next_record(&reader, &record)) {
        if (record.tag == R_CROSSED && !crossings_fit(record.v[0], reader.error)) break;
    }
    if (reader.error[0]) {
        memcpy(d->error, reader.error, sizeof reader.error);
        return d->error;
    }
    buffer_put(&d->inputs, records, records_size);
    return NULL;
}

int radon_run(RadonDomain *d, uint64_t max_turns) {
    Reader reader = reader_of(slice(d->inputs.data, d->inputs.size));
    Record input;
    while (next_record(&reader, &input)) take_in(d, &input);
    buffer_clear(&d->inputs);
    d->work = 0;
    while (max_turns--) {
        Atom *a = routes_take_ready(d);
        if (a == NULL) return 0;
        ahead_go_on(d->ready);
        domain_take_turn(d, a);
        if (d->work > d->settings.run) break;
    }
    return d->ready != NULL;
}

void radon_take(RadonDomain *d, RadonBytes *parts) {
    ledger_take(d);
    parts[0] = bytes_of(&d->ledger.taken);
    parts[1] = bytes_of(&d->ledger.outgoing);
    parts[2] = bytes_of(&d->ledger.at_once);
}

void radon_taken(RadonDomain *d) { ledger_taken(d); }

/* The last look at the domain is gone: here is room for the next. */
static Buffer *look(Domain *d) {
    buffer_clear(&d->answer);
    return &d->answer;
}

RadonBytes radon_snapshot(RadonDomain *d) {
    image_records(&d->image, look(d));
    return bytes_of(&d->answer);
}

int radon_next_due(RadonDomain *d, uint64_t *due) { return image_next_due(&d->image, due); }

/* ---- looking ---- */

RadonBytes radon_deployed(RadonDomain *d) {
    Slice digest = slice_of(d->image.digest);
    return (RadonBytes){digest.data, digest.size};
}

typedef struct Count {
    Str *kind;
    uint64_t atoms, holding, queued, suspended, state;
} Count;

static int is_count(const void *item, const void *key) {
    return slice_equal(slice_of(((const Count *)item)->kind), *(const Slice *)key);
}

static Count *count_of(Table *counts, Str *kind) {
    Slice name = slice_of(kind);
    uint64_t hash = bytes_hash(name.data, name.size);
    Count *c = table_find(counts, hash, is_count, &name);
    if (c) return c;
    c = xcalloc(1, sizeof *c);
    c->kind = kind;
    table_insert(counts, hash, c);
    return c;
}

static void count_atom(Count *c, const Atom *a) {
    size_t mail = mailbox_count(&a->mailbox);
    uint64_t used = a->state ? a->state->used : 0;
    c->atoms++;
    c->queued += mail;
    c->suspended += atom_journal(a) != NULL;
    c->state += used;
    c->holding += used || mail || (a->more && (a->more->timers.count || a->more->kept.count));
}

/* Undoes for a moment what suspended turns wrote: the quota that was is to be told. Only `used` differs. */
RadonBytes radon_usage(RadonDomain *d) {
    Buffer *out = look(d);
    Table counts = {0};
    Atom *a;
    Count *c;
    for (size_t n = 0; n < d->kind_count; n++) {
        if (!d->kinds[n].gone) count_of(&counts, d->kinds[n].name);
    }
    for (size_t at = 0; (a = table_next(&d->image.atoms, &at)) != NULL;) count_atom(count_of(&counts, a->kind), a);
    for (size_t at = 0; (c = table_next(&counts, &at)) != NULL; free(c)) {
        const Kind *k = kind_named(d, slice_of(c->kind));
        const Tally *t = tally_of(d, slice_of(c->kind));
        put_record(
            out, R_USED, c->atoms, c->holding, k ? (uint64_t)k->instances : 0, c->queued, c->suspended,
            t ? t->turns : (uint64_t)0, t ? t->failed : (uint64_t)0, c->state, slice_of(c->kind));
    }
    table_clear(&counts);
    put_record(
        out, R_USED_IN_ALL, (uint64_t)map_count(&d->image.dead), d->image.mail_bytes, d->image.dead_bytes,
        d->image.object_bytes);
    return bytes_of(out);
}

RadonBytes radon_dead(RadonDomain *d) {
    Buffer *out = look(d);
    Cursor at;
    for (int there = map_first(&d->image.dead, &at); there; there = map_next(&at)) {
        buffer_put(out, cursor_value(&at)->data, cursor_value(&at)->size);
    }
    return bytes_of(out);
}

RadonBytes radon_dead_one(RadonDomain *d, const uint8_t *id) {
    Slice letter = slice_of(map_get(&d->image.dead, id, ID_SIZE));
    return (RadonBytes){letter.data, letter.size};
}

int radon_entries(RadonDomain *d, const uint8_t *kind, size_t kind_size, const uint8_t *key, size_t key_size, RadonBytes *entries) {
    Address address = address_new(slice(kind, kind_size), slice(key, key_size), 0);
    const Atom *a = image_find(&d->image, address.kind, address.key);
    Buffer *out = look(d);
    address_unref(&address);
    if (a == NULL || a->life == 0) return 0;
    atom_entries(a, out);
    *entries = bytes_of(out);
    return 1;
}

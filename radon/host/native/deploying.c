/* deploying.c - the kinds that a domain runs, and how it begins: see api.h and abi/deployment.py */
#include "api.h"
#include "guest.h"

static void free_kinds(Kind *kinds, size_t count) {
    for (size_t n = 0; n < count; n++) {
        Kind *k = &kinds[n];
        for (size_t i = 0; i < k->grant_count; i++) str_unref(k->grants[i].name), str_unref(k->grants[i].glob);
        for (size_t i = 0; i < k->link_count; i++) str_unref(k->links[i].name), str_unref(k->links[i].value);
        for (size_t i = 0; i < k->config_count; i++) str_unref(k->config[i].name), str_unref(k->config[i].value);
        free(k->grants), free(k->links), free(k->config);
        assembly_free(k->assembly);
        str_unref(k->name);
    }
    free(kinds);
}

static void free_endpoints(Str **endpoints, size_t count) {
    for (size_t n = 0; n < count; n++) str_unref(endpoints[n]);
    free(endpoints);
}

void deployment_free(Domain *d) {
    Tally *t;
    for (size_t at = 0; (t = table_next(&d->tallies, &at)) != NULL; free(t)) str_unref(t->kind);
    table_clear(&d->tallies);
    free_kinds(d->kinds, d->kind_count);
    free_endpoints(d->endpoints, d->endpoint_count);
}

/* Rooms for one more at the end of a list. */
#define GROW(list, count) ((list) = xrealloc((list), ((count) + 1) * sizeof *(list)))

static Kind *add_kind(Kind **kinds, size_t *count, const Record *row) {
    Kind *k;
    GROW(*kinds, *count);
    k = &(*kinds)[(*count)++];
    *k = (Kind){
        .name = str_new(row->v[0].data, row->v[0].size), .spread = (Spread)row->n[0], .shards = (uint32_t)row->n[1],
        .memory = row->n[2], .fuel = row->n[3], .outbox = row->n[4], .state = row->n[5], .message = row->n[6],
        .handles = row->n[7], .spawned = row->n[8], .attempts = (uint32_t)row->n[9], .backoff = row->n[10],
        .module = (const wasmtime_module_t *)(uintptr_t)row->n[11], .pages = (uint32_t)row->n[12],
        .handlers = (uint8_t)row->n[13], .suspends = row->n[14] != 0, .shared = row->n[16] != 0,
        .replicas = (uint32_t)row->n[17],
    };
    return k;
}

static void add_to_kind(Kind *k, const Record *row) {
    Str *one = slice_str(row->v[0]), *two = slice_str(row->v[1]);
    if (row->tag == R_MAY_OPEN) {
        GROW(k->grants, k->grant_count);
        k->grants[k->grant_count++] = (Grant){(Right)row->n[0], one, two};
    } else if (row->tag == R_LINKED) {
        GROW(k->links, k->link_count);
        k->links[k->link_count++] = (Pairing){one, two};
    } else {
        GROW(k->config, k->config_count);
        k->config[k->config_count++] = (Pairing){one, two};
    }
}

static int is_tally(const void *item, const void *key) {
    return slice_equal(slice_of(((const Tally *)item)->kind), *(const Slice *)key);
}

Tally *tally_of(const Domain *d, Slice kind) {
    return table_find(&d->tallies, bytes_hash(kind.data, kind.size), is_tally, &kind);
}

static Tally *make_tally(Domain *d, Str *kind) {
    Tally *t = tally_of(d, slice_of(kind));
    if (t) return t;
    t = xcalloc(1, sizeof *t);
    t->kind = str_ref(kind);
    table_insert(&d->tallies, bytes_hash(kind->data, kind->size), t);
    return t;
}

typedef struct Head {
    uint8_t id[ID_SIZE];
    Atom *atom;
} Head;

static int by_head(const void *a, const void *b) {
    const Head *one = a, *two = b;
    int order = memcmp(one->id, two->id, ID_SIZE);
    if (order == 0) order = slice_compare(slice_of(one->atom->kind), slice_of(two->atom->kind));
    return order ? order : slice_compare(slice_of(one->atom->key), slice_of(two->atom->key));
}

static int by_id(const void *a, const void *b) { return memcmp((*(Delivery *const *)a)->id, (*(Delivery *const *)b)->id, ID_SIZE); }

static void send_again(Domain *d, const Atom *queue) {
    Delivery **list = mailbox_list(&queue->mailbox, true);
    Str *empty = str_new(NULL, 0);
    Address to = {queue->kind, empty, 0};
    qsort(list, mailbox_count(&queue->mailbox), sizeof *list, by_id);
    for (Delivery **at = list; *at; at++) ledger_leave(d, R_SENT, 1, &to, *at);
    str_unref(empty);
    free(list);
}

static int by_kind(const void *a, const void *b) {
    return slice_compare(slice_of((*(Atom *const *)a)->kind), slice_of((*(Atom *const *)b)->kind));
}

/* After a restore: the ready queue anew, oldest delivery first; what nobody has confirmed is sent again. */
static void begin(Domain *d) {
    Head *heads = xmalloc((d->image.atoms.count + 1) * sizeof *heads);
    Atom *a, **queues = xmalloc((d->endpoint_count + 1) * sizeof *queues);
    size_t count = 0, queue_count = 0;
    for (size_t at = 0; (a = table_next(&d->image.atoms, &at)) != NULL;) {
        const Journal *j = atom_journal(a);
        const Delivery *next = mailbox_next(&a->mailbox);
        if (is_endpoint(d, a->kind)) {
            if (a->key->size == 0) queues[queue_count++] = a;
        } else if (j || next) {
            memcpy(heads[count].id, j ? j->id : next->id, ID_SIZE);
            heads[count++].atom = a;
        }
    }
    qsort(queues, queue_count, sizeof *queues, by_kind);
    for (size_t n = 0; n < queue_count; n++) send_again(d, queues[n]);
    qsort(heads, count, sizeof *heads, by_head);
    for (size_t n = 0; n < count; n++) routes_wake(d, heads[n].atom);
    for (size_t n = 0; n < d->image.neighbour_count; n++) ledger_cross_again(d, d->image.neighbours[n].domain);
    free(queues);
    free(heads);
}

const char *radon_deploy(RadonDomain *d, const uint8_t *digest, size_t digest_size, const uint8_t *rows, size_t rows_size) {
    Kind *kinds = NULL, *kind = NULL;
    Str **endpoints = NULL;
    size_t count = 0, endpoint_count = 0;
    Linked *before = d->linked;
    Reader reader = reader_of(slice(rows, rows_size));
    Record row;
    domain_drop_instances(d);
    while (next_record(&reader, &row)) {
        if (row.tag == R_SERVE) {
            kind = add_kind(&kinds, &count, &row);
        } else if (row.tag == R_ENDPOINT) {
            GROW(endpoints, endpoint_count);
            endpoints[endpoint_count++] = str_new(row.v[0].data, row.v[0].size);
        } else if (kind && !assembly_add(d, kind, &row)) {
            add_to_kind(kind, &row);
        }
    }
    d->linked = NULL; /* modules may have gone, and their addresses be others' now */
    if (!gate_link(d, kinds, count)) {
        gate_unlink(d);
        d->linked = before;
        free_kinds(kinds, count);
        free_endpoints(endpoints, endpoint_count);
        return d->error;
    }
    {
        Linked *now = d->linked;
        d->linked = before;
        gate_unlink(d);
        d->linked = now;
    }
    for (size_t n = 0; n < count; n++) kinds[n].tally = make_tally(d, kinds[n].name);
    free_kinds(d->kinds, d->kind_count);
    free_endpoints(d->endpoints, d->endpoint_count);
    d->kinds = kinds, d->kind_count = count;
    d->endpoints = endpoints, d->endpoint_count = endpoint_count;
    if (!slice_equal(slice_of(d->image.digest), slice(digest, digest_size))) {
        ledger_note(d, NULL, R_DEPLOYED, slice(digest, digest_size));
        image_deployed(&d->image, slice(digest, digest_size));
    }
    if (!d->begun) begin(d);
    d->begun = true;
    return NULL;
}

static int by_key(const void *a, const void *b) {
    return slice_compare(slice_of((*(Atom *const *)a)->key), slice_of((*(Atom *const *)b)->key));
}

void radon_end_kind(RadonDomain *d, const uint8_t *name, size_t name_size) {
    Atom **atoms = xmalloc((d->image.atoms.count + 1) * sizeof *atoms), *a;
    Kind *kind = kind_named(d, slice(name, name_size));
    size_t count = 0;
    if (kind) kind->gone = true;
    for (size_t at = 0; (a = table_next(&d->image.atoms, &at)) != NULL;) {
        if (slice_equal(slice_of(a->kind), slice(name, name_size))) atoms[count++] = a;
    }
    qsort(atoms, count, sizeof *atoms, by_key);
    for (size_t n = 0; n < count; n++) atoms[n]->refs++;
    ledger_step(d, ledger_next_step(d), 0);
    for (size_t n = 0; n < count; n++) {
        routes_end(d, atoms[n], STOPPED, true);
        atom_unref(atoms[n]);
    }
    free(atoms);
}

/* delivery.c - see delivery.h */
#include "delivery.h"

const uint8_t no_id[ID_SIZE];

Address address_new(Slice kind, Slice key, uint64_t life) {
    return (Address){str_new(kind.data, kind.size), str_new(key.data, key.size), life};
}

Address address_parse(Slice text) {
    const uint8_t *slash = text.size ? memchr(text.data, '/', text.size) : NULL;
    size_t kind = slash ? (size_t)(slash - text.data) : text.size;
    size_t from = slash ? kind + 1 : kind;
    return address_new(slice(text.data, kind), slice(text.data + from, text.size - from), 0);
}

Str *address_text(const Address *a) {
    Str *text;
    if (a->key->size == 0) return str_ref(a->kind);
    text = str_room((size_t)a->kind->size + 1 + a->key->size);
    memcpy(text->data, a->kind->data, a->kind->size);
    text->data[a->kind->size] = '/';
    memcpy(text->data + a->kind->size + 1, a->key->data, a->key->size);
    return text;
}

bool address_equal(const Address *a, const Address *b) {
    return a->life == b->life && slice_equal(slice_of(a->kind), slice_of(b->kind)) &&
           slice_equal(slice_of(a->key), slice_of(b->key));
}

Delivery *delivery_new(const uint8_t id[ID_SIZE], Form form, Spares *spares) {
    Delivery *d = spares ? spares->first : NULL;
    if (d) spares->first = d->next, spares->count--;
    else d = xmalloc(sizeof *d); /* glibc keeps what was freed last for malloc, and not for calloc */
    d->refs = 1, d->form = (uint8_t)form, d->cast = d->waits = false; /* one by one: the compiler's loop of zeros is slow */
    memcpy(d->id, id, ID_SIZE), memcpy(d->request, no_id, ID_SIZE);
    d->attempt = d->code = d->place = 0;
    d->sender = d->reply = (Address){NULL, NULL, 0};
    d->body = d->topic = d->pair = d->metadata = NULL;
    d->deadline = d->token = d->life = d->due = 0;
    d->next = d->prev = NULL, d->held = NULL;
    d->spares = spares;
    return d;
}

Delivery *delivery_copy(const Delivery *d) {
    Delivery *copy = xmalloc(sizeof *copy);
    *copy = *d;
    copy->refs = 1;
    copy->sender = address_ref(&d->sender);
    copy->reply = address_ref(&d->reply);
    str_ref(d->body), str_ref(d->topic), str_ref(d->pair), str_ref(d->metadata);
    copy->next = copy->prev = NULL;
    copy->held = NULL;
    copy->due = 0;
    copy->waits = false;
    copy->place = 0;
    copy->spares = NULL;
    return copy;
}

void delivery_unref(Delivery *d) {
    if (d == NULL || --d->refs != 0) return;
    address_unref(&d->sender);
    address_unref(&d->reply);
    str_unref(d->body), str_unref(d->topic), str_unref(d->pair), str_unref(d->metadata);
    if (d->spares == NULL || d->spares->count == SPARES_KEPT) {
        free(d);
        return;
    }
    d->next = d->spares->first;
    d->spares->first = d, d->spares->count++;
}

void spares_free(Spares *spares) {
    for (Delivery *d; (d = spares->first) != NULL; free(d)) spares->first = d->next;
    spares->count = 0;
}

static uint32_t u32_at(const uint8_t *at) {
    uint32_t number;
    memcpy(&number, at, 4);
    return number;
}

bool metadata_next(Slice metadata, size_t *at, MetadataPair *pair) {
    const uint8_t *from;
    if (*at >= metadata.size) return false;
    from = metadata.data + *at;
    pair->name = slice(from + 8, u32_at(from));
    pair->value = slice(from + 8 + pair->name.size, u32_at(from + 4));
    *at += 8 + pair->name.size + pair->value.size;
    return true;
}

bool metadata_find(Slice metadata, Slice name, Slice *value) {
    MetadataPair pair;
    for (size_t at = 0; metadata_next(metadata, &at, &pair);) {
        if (!slice_equal(pair.name, name)) continue;
        *value = pair.value;
        return true;
    }
    return false;
}

void metadata_add(Buffer *metadata, Slice name, Slice value) {
    buffer_u32(metadata, (uint32_t)name.size);
    buffer_u32(metadata, (uint32_t)value.size);
    buffer_put(metadata, name.data, name.size);
    buffer_put(metadata, value.data, value.size);
}

/* neighbours.c - the outboxes to other domains, and how far what came from these was heard: see image.h */
#include "image.h"

#include "charges.h"

/* The place of a domain among the neighbours, whether it is there or not. They are few. */
static size_t place_of(const Image *image, uint32_t domain) {
    size_t at = 0;
    while (at < image->neighbour_count && image->neighbours[at].domain < domain) at++;
    return at;
}

Neighbour *image_neighbour(const Image *image, uint32_t domain) {
    size_t at = place_of(image, domain);
    return at < image->neighbour_count && image->neighbours[at].domain == domain ? &image->neighbours[at] : NULL;
}

/* Made if need be. */
static Neighbour *neighbour(Image *image, uint32_t domain) {
    Neighbour *n = image_neighbour(image, domain);
    size_t at = place_of(image, domain);
    if (n) return n;
    image->neighbours = xrealloc(image->neighbours, (image->neighbour_count + 1) * sizeof *n);
    n = &image->neighbours[at];
    memmove(n + 1, n, (image->neighbour_count++ - at) * sizeof *n);
    *n = (Neighbour){.domain = domain};
    return n;
}

static uint64_t crossing_weight(const Str *crossing) { return MAIL_OVERHEAD + crossing->size; }

/* Room for one more at the end of the outbox: in front of it, if that is half of all. */
static void make_room(Neighbour *n) {
    if (n->from + n->count < n->room) return;
    if (n->from > n->count) {
        memmove(n->outbox, n->outbox + n->from, n->count * sizeof *n->outbox);
        n->from = 0;
        return;
    }
    n->room = n->room ? 2 * n->room : 16;
    n->outbox = xrealloc(n->outbox, n->room * sizeof *n->outbox);
}

void image_left(Image *image, uint32_t domain, Slice crossing) {
    Neighbour *n = neighbour(image, domain);
    Str *own = str_new(crossing.data, crossing.size);
    make_room(n);
    n->outbox[n->from + n->count++] = own;
    image->mail_bytes += crossing_weight(own);
}

static void empty_outbox(Neighbour *n) {
    free(n->outbox);
    n->outbox = NULL;
    n->from = n->count = n->room = 0;
}

void image_left_gone(Image *image, uint32_t domain, uint64_t number) {
    Neighbour *n = neighbour(image, domain);
    while (n->count && n->gone < number) {
        Str *crossing = n->outbox[n->from++];
        image->mail_bytes -= crossing_weight(crossing);
        str_unref(crossing);
        n->count--, n->gone++;
    }
    if (n->gone < number) n->gone = number; /* in a snapshot the ones before are not there any more */
    if (n->count == 0) empty_outbox(n);
}

void image_arrived(Image *image, uint32_t domain, uint64_t number) { neighbour(image, domain)->heard = number; }

void image_clear_neighbours(Image *image) {
    for (size_t i = 0; i < image->neighbour_count; i++) {
        Neighbour *n = &image->neighbours[i];
        for (size_t k = 0; k < n->count; k++) str_unref(n->outbox[n->from + k]);
        empty_outbox(n);
    }
    free(image->neighbours);
}

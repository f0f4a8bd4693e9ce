/* questions.c - what atoms have asked and the answers that are out, and what falls due when: see image.h
 *
 * Most questions are answered long before their deadlines. So a deadline is not put among the alarms, which are a heap,
 * before somebody looks at those: a question that is answered until then has only been in a list.
 */
#include "image.h"

static int has_id(const void *item, const void *key) { return memcmp(item, key, ID_SIZE) == 0; }

_Static_assert(offsetof(Asked, id) == 0, "keys are first");

Asked *atom_asked(const Atom *a, const uint8_t *id) {
    return a->more ? table_find(&a->more->asked, bytes_hash(id, ID_SIZE), has_id, id) : NULL;
}

static void list(Questions *q, Asked *asked) {
    asked->listed = true;
    asked->next = NULL, asked->prev = q->last;
    if (q->last) q->last->next = asked;
    else q->first = asked;
    q->last = asked;
}

static void unlist(Questions *q, Asked *asked) {
    if (!asked->listed) return;
    asked->listed = false;
    if (asked->prev) asked->prev->next = asked->next;
    else q->first = asked->next;
    if (asked->next) asked->next->prev = asked->prev;
    else q->last = asked->prev;
}

Asked *image_asked(Image *image, Atom *a, const uint8_t *id, uint64_t token, uint64_t deadline, const Address *target) {
    Asked *asked = image->unheard.spare;
    if (asked) image->unheard.spare = asked->next, image->unheard.spares--;
    else asked = xmalloc(sizeof *asked);
    *asked = (Asked){.token = token, .deadline = deadline, .target = address_ref(target), .atom = a};
    memcpy(asked->id, id, ID_SIZE);
    table_insert(&atom_more(a)->asked, bytes_hash(id, ID_SIZE), asked);
    list(&image->unheard, asked);
    return asked;
}

Asked *image_asked_taken(Image *image, Atom *a, const uint8_t *id) {
    Asked *asked = a->more ? table_remove(&a->more->asked, bytes_hash(id, ID_SIZE), has_id, id) : NULL;
    if (asked) unlist(&image->unheard, asked);
    return asked;
}

void image_asked_free(Image *image, Asked *asked) {
    Questions *q = &image->unheard;
    address_unref(&asked->target);
    if (q->spares == SPARES_KEPT) {
        free(asked);
        return;
    }
    asked->next = q->spare;
    q->spare = asked, q->spares++;
}

void image_asked_gone(Image *image, Atom *a, const uint8_t *id) {
    Asked *asked = image_asked_taken(image, a, id);
    if (asked) image_asked_free(image, asked);
}

void image_clear_questions(Image *image) {
    for (Asked *asked; (asked = image->unheard.spare) != NULL; free(asked)) image->unheard.spare = asked->next;
}

void image_forget_questions(Image *image, Atom *a) {
    Asked *asked;
    if (a->more == NULL) return;
    for (size_t at = 0; (asked = table_next(&a->more->asked, &at)) != NULL;) unlist(&image->unheard, asked);
}

void put_asked(Buffer *records, const Asked *asked) {
    put_record(records, R_ASKED, asked->id, asked->token, asked->deadline, &asked->target);
}

/* ---- alarms ---- */

static void hear(Image *image) {
    for (Asked *asked; (asked = image->unheard.first) != NULL;) {
        Alarm alarm = {.due = asked->deadline, .cause = ASKED, .kind = asked->atom->kind, .key = asked->atom->key};
        memcpy(alarm.id, asked->id, ID_SIZE);
        unlist(&image->unheard, asked);
        alarms_set(&image->alarms, alarm, image_awaits, image);
    }
}

bool image_next_due(Image *image, uint64_t *due) {
    hear(image);
    return alarms_next_due(&image->alarms, due);
}

bool image_ring(Image *image, Alarm *alarm) {
    hear(image);
    return alarms_pop(&image->alarms, image->time, alarm, image_awaits, image);
}

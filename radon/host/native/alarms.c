/* alarms.c - see alarms.h */
#include "alarms.h"

enum { FEW = 1024 };

static int compare(const Alarm *a, const Alarm *b) {
    int order;
    if (a->due != b->due) return a->due < b->due ? -1 : 1;
    if (a->cause != b->cause) return a->cause < b->cause ? -1 : 1;
    if ((order = slice_compare(slice_of(a->kind), slice_of(b->kind))) != 0) return order;
    if ((order = slice_compare(slice_of(a->key), slice_of(b->key))) != 0) return order;
    if (a->token != b->token) return a->token < b->token ? -1 : 1;
    if ((order = memcmp(a->id, b->id, ID_SIZE)) != 0) return order;
    return slice_compare(slice_of(a->name), slice_of(b->name));
}

static void sift_up(Alarms *alarms, size_t at) {
    Alarm moved = alarms->heap[at];
    while (at > 0 && compare(&moved, &alarms->heap[(at - 1) / 2]) < 0) {
        alarms->heap[at] = alarms->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    alarms->heap[at] = moved;
}

static void sift_down(Alarms *alarms, size_t at) {
    Alarm moved = alarms->heap[at];
    for (size_t child; (child = 2 * at + 1) < alarms->count; at = child) {
        if (child + 1 < alarms->count && compare(&alarms->heap[child + 1], &alarms->heap[child]) < 0) child++;
        if (compare(&alarms->heap[child], &moved) >= 0) break;
        alarms->heap[at] = alarms->heap[child];
    }
    alarms->heap[at] = moved;
}

static int compare_any(const void *a, const void *b) { return compare(a, b); }

/* Drops those that mean nothing any more, and all but one of equals, so that a timer which is set for ever takes no
 * room. What is sorted is a heap. */
static void look_through(Alarms *alarms, Awaits awaits, void *image) {
    Alarm *heap = alarms->heap;
    size_t awaited = 0, kept = 0;
    for (size_t at = 0; at < alarms->count; at++) {
        if (awaits(image, &heap[at])) heap[awaited++] = heap[at];
        else alarm_free(&heap[at]);
    }
    qsort(heap, awaited, sizeof *heap, compare_any);
    for (size_t at = 0; at < awaited; at++) {
        if (kept == 0 || compare(&heap[kept - 1], &heap[at]) != 0) heap[kept++] = heap[at];
        else alarm_free(&heap[at]);
    }
    alarms->count = kept;
    alarms->most = 2 * kept + FEW;
}

void alarms_set(Alarms *alarms, Alarm alarm, Awaits awaits, void *image) {
    if (alarms->count == alarms->room) {
        alarms->room = alarms->room ? 2 * alarms->room : 16;
        alarms->heap = xrealloc(alarms->heap, alarms->room * sizeof *alarms->heap);
    }
    str_ref(alarm.kind), str_ref(alarm.key), str_ref(alarm.name);
    alarms->heap[alarms->count++] = alarm;
    sift_up(alarms, alarms->count - 1);
    if (alarms->count > (alarms->most ? alarms->most : FEW)) look_through(alarms, awaits, image);
}

bool alarms_next_due(const Alarms *alarms, uint64_t *due) {
    if (alarms->count == 0) return false;
    *due = alarms->heap[0].due;
    return true;
}

bool alarms_pop(Alarms *alarms, uint64_t now, Alarm *alarm, Awaits awaits, void *image) {
    while (alarms->count && alarms->heap[0].due <= now) {
        *alarm = alarms->heap[0];
        alarms->heap[0] = alarms->heap[--alarms->count];
        if (alarms->count) sift_down(alarms, 0);
        if (awaits(image, alarm)) return true;
        alarm_free(alarm);
    }
    return false;
}

void alarm_free(Alarm *alarm) {
    str_unref(alarm->kind), str_unref(alarm->key), str_unref(alarm->name);
}

void alarms_clear(Alarms *alarms) {
    for (size_t at = 0; at < alarms->count; at++) alarm_free(&alarms->heap[at]);
    free(alarms->heap);
    *alarms = (Alarms){0};
}

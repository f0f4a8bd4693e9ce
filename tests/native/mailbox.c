/* mailbox.c - a flooded mailbox: whatever is asked of it takes as long as in a small one, or this takes hours. */
#include "mailbox.h"

#include "check.h"

#define FLOOD 200000

static void name(uint8_t id[ID_SIZE], uint64_t number) {
    memset(id, 0, ID_SIZE);
    for (int n = 0; n < 8; n++) id[15 - n] = (uint8_t)(number >> 8 * n);
}

static void deliver(Mailbox *box, uint64_t number) {
    uint8_t id[ID_SIZE];
    name(id, number);
    mailbox_append(box, delivery_new(id, MESSAGE, NULL));
}

static Delivery *find(Mailbox *box, uint64_t number) {
    uint8_t id[ID_SIZE];
    name(id, number);
    return mailbox_find(box, id);
}

static Delivery *waiting(Mailbox *box, uint64_t number) {
    uint8_t id[ID_SIZE];
    name(id, number);
    return mailbox_waiting(box, id);
}

/* Done with from the last to the first, as timers are taken back and endpoints answer. */
static void consumed_from_behind(void) {
    Mailbox box = {0};
    for (uint64_t n = 0; n < FLOOD; n++) deliver(&box, n);
    for (uint64_t n = FLOOD; n-- > 0;) {
        Delivery *d = find(&box, n);
        CHECK(d != NULL && find(&box, n + 1) == NULL);
        mailbox_consumed(&box, d);
    }
    CHECK(mailbox_count(&box) == 0 && box.ids == NULL && box.held == NULL);
}

/* Each failed once; half of them are tried again, and still found, some go, others come. */
static void waited_for(void) {
    Mailbox box = {0};
    for (uint64_t n = 0; n < FLOOD; n++) deliver(&box, n);
    while (box.ready.first) mailbox_attempted(&box, box.ready.first, 1, 7);
    for (uint64_t n = FLOOD; n-- > 0;) {
        CHECK(waiting(&box, n + FLOOD) == NULL && waiting(&box, n) == find(&box, n) && find(&box, n)->due == 7);
        if (n % 2) mailbox_retried(&box, waiting(&box, n));
        CHECK((waiting(&box, n) == NULL) == (n % 2) && find(&box, n) != NULL);
        if (n % 3 == 0) mailbox_consumed(&box, find(&box, n));
        else deliver(&box, n + 2 * FLOOD);
    }
    for (uint64_t n = 0; n < FLOOD; n++) {
        CHECK((find(&box, n) == NULL) == (n % 3 == 0) && (find(&box, n + 2 * FLOOD) == NULL) == (n % 3 == 0));
    }
    mailbox_clear(&box);
    CHECK(box.ids == NULL && box.held == NULL);
}

/* A log that nobody wrote may deliver one identity twice. */
static void twice_the_same(void) {
    Mailbox box = {0};
    for (uint64_t n = 0; n < 100; n++) deliver(&box, n % 10);
    CHECK(find(&box, 10) == NULL && box.ids != NULL);
    for (uint64_t n = 0; n < 50; n++) mailbox_attempted(&box, find(&box, n % 10), 1, 7);
    for (uint64_t n = 0; n < 100; n++) mailbox_consumed(&box, find(&box, n % 10));
    CHECK(mailbox_count(&box) == 0);
}

int main(void) {
    consumed_from_behind();
    waited_for();
    twice_the_same();
    return 0;
}

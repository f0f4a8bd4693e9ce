/* topics.c - the turn of a topic, "@topic/NAME", in which the host itself is the guest (rule 19): see host/topic.py */
#include "domain.h"

static const Address nowhere;

/* One copy for a subscriber. */
static void hand_out(Domain *d, Atom *topic, const Address *subscriber, const Delivery *message) {
    uint8_t id[ID_SIZE];
    Delivery *copy;
    uint32_t domain;
    bool far;
    if (kind_is(subscriber, "@listener")) {
        uint64_t listener = 0;
        for (size_t i = 0; i < subscriber->key->size; i++) {
            listener = 10 * listener + (uint64_t)(subscriber->key->data[i] - '0');
        }
        ledger_leave(d, R_PUBLISHED, listener, slice_of(topic->key), slice_of(message->body));
        return;
    }
    far = routes_elsewhere(d, subscriber, &domain);
    if (!far && routes_living(d, subscriber) == NULL) {
        Address gone = address_ref(subscriber);
        ledger_note(d, topic, R_UNSUBSCRIBED, &gone);
        image_unsubscribed(&d->image, topic, &gone);
        address_unref(&gone);
        return;
    }
    ledger_new_id(d, id);
    copy = delivery_new(id, MESSAGE, &d->spares);
    copy->body = str_ref(message->body);
    copy->sender = address_ref(&message->sender);
    copy->topic = topic->key->size ? str_ref(topic->key) : NULL;
    copy->deadline = message->deadline;
    copy->pair = str_ref(message->pair);
    copy->metadata = str_ref(message->metadata);
    if (far) ledger_cross(d, domain, false, R_HANDED, subscriber, copy);
    else routes_post(d, subscriber, copy);
    delivery_unref(copy);
}

void topic_forget(Domain *d, Atom *topic) {
    if ((topic->more && topic->more->subscribers.first) || mailbox_count(&topic->mailbox)) return;
    ledger_note(d, topic, R_ENDED);
    routes_unready(d, topic);
    image_ended(&d->image, topic);
}

uint64_t topic_turn(Domain *d, Atom *topic) {
    Delivery *message = mailbox_next(&topic->mailbox);
    uint64_t body, cost = SYSCALL_FUEL;
    Address address = atom_address(topic);
    size_t count;
    if (message == NULL) return 0; /* no topic suspends, but in a log that nobody wrote */
    delivery_ref(message);
    body = slice_of(message->body).size;
    topic->refs++;
    ledger_step(d, ledger_next_step(d), 0);
    ledger_consume(d, topic, message);
    count = topic->more ? topic->more->subscribers.table.count : 0;
    if (message->token == SUBSCRIBED) {
        ledger_note(d, topic, R_SUBSCRIBED, &message->sender);
        image_subscribed(&d->image, topic, &message->sender);
    } else if (message->token != PUBLISHED) {
        ledger_note(d, topic, R_UNSUBSCRIBED, &message->sender);
        image_unsubscribed(&d->image, topic, &message->sender);
    } else if (body * count > FAN_OUT) {
        routes_bury(d, &address, message, SLICE("too-large"));
    } else {
        cost += count * (SYSCALL_FUEL + KEPT_FUEL * body);
        for (Peer *p = count ? topic->more->subscribers.first : NULL, *next; p; p = next) {
            next = p->next;
            hand_out(d, topic, &p->address, message);
        }
    }
    routes_answer(d, message, (Answer){.code = CLOSED}, &nowhere); /* it answers nobody, and says so */
    routes_wake(d, topic);
    topic_forget(d, topic);
    delivery_unref(message);
    atom_unref(topic);
    return cost;
}

/* account.c - one account: its balance, and what left it and has not been confirmed yet. All amounts are in cents.
 *
 * From outside, over HTTP or with `radon call`, it takes JSON:
 *     (nothing)                                   shows the account
 *     {"deposit": CENTS}                          the first one opens the account
 *     {"withdraw": CENTS}
 *     {"from": ME, "to": NAME, "cents": CENTS}    a transfer; answered when the money has arrived or come back
 * From other accounts, text; NUMBER is the sender's for the transfer:
 *     credit NUMBER CENTS                         money arrives
 *     credited NUMBER CENTS                       it has arrived there
 *     refused NUMBER CENTS STATUS WHY             it comes back
 *
 * Why no cent is lost or doubled: one turn takes the money off a balance and sends the message that carries it, and a
 * turn commits as a whole or not at all. What is sent arrives once. The turn that takes the message in puts the money
 * onto the other balance. So the money is never in both places or in neither, and nothing in this file locks, tries
 * again, or looks for duplicates. Money on its way is what was sent and not received: `balance + sent - received`,
 * summed over all accounts, changes with deposits and withdrawals and with nothing else, from commit to commit.
 *
 * Money is sent and not requested: a request ends with its deadline, and that says nothing about where the money is.
 */
#include "answer.h"

/* 2^53 - 1: every reader of JSON has room for it. */
#define MOST INT64_C(9007199254740991)

/* The durable state. Little-endian on every machine, like WebAssembly itself. */
typedef struct {
    int64_t balance;
    int64_t pending;  /* of what was sent: not confirmed yet */
    int64_t sent;     /* to other accounts, less what came back */
    int64_t received; /* from other accounts */
    uint64_t numbers; /* given to transfers so far */
} book;

typedef struct {
    bool open; /* something was deposited once */
    book book;
} account;

/* A global is a cache: this handle lasts as long as the instance, and the next instance opens its own. */
static radon_bucket bucket;

static radon_outcome load(account *it) {
    radon_option found;
    *it = (account){0};
    if (bucket.handle == 0) RADON_TRY(radon_state_open(radon_text("account"), &bucket));
    RADON_TRY(radon_bucket_get(bucket, radon_text("book"), &found));
    it->open = found.some;
    if (found.some) memcpy(&it->book, found.value.data, sizeof it->book);
    return RADON_DONE;
}

static radon_error store(account *it) {
    it->open = true;
    return radon_bucket_put(bucket, radon_text("book"), (radon_bytes){(const uint8_t *)&it->book, sizeof it->book});
}

/* "alice" of "account/alice" */
static radon_bytes name_of(radon_address address) {
    radon_bytes text = radon_address_text(address);
    radon_cut(&text, '/');
    return text;
}

static radon_bytes own_name(void) {
    radon_address self = radon_messaging_self();
    radon_bytes name = name_of(self);
    radon_address_drop(self); /* handles outlast turns, and there is a limit */
    return name;
}

static void put_cents(radon_json_writer *json, const char *name, int64_t cents) {
    radon_json_name(json, name);
    radon_json_put_s64(json, cents);
}

static radon_outcome show(radon_message message, const account *it) {
    radon_json_writer json = {0};
    radon_json_open_object(&json);
    radon_json_name(&json, "account");
    radon_json_put_string(&json, own_name());
    put_cents(&json, "balance", it->book.balance);
    put_cents(&json, "pending", it->book.pending);
    put_cents(&json, "sent", it->book.sent);
    put_cents(&json, "received", it->book.received);
    radon_json_close_object(&json);
    return answer(message, radon_text(OK), radon_json_text(&json));
}

/* ---- from outside ---- */

static radon_outcome deposit(radon_message message, account *it, int64_t cents) {
    if (cents > MOST - it->book.balance) return refuse(message, CONFLICT, "the balance would be too large");
    it->book.balance += cents;
    RADON_TRY(store(it));
    return show(message, it);
}

static radon_outcome withdraw(radon_message message, account *it, int64_t cents) {
    if (cents > it->book.balance) return refuse(message, CONFLICT, "insufficient funds");
    it->book.balance -= cents;
    RADON_TRY(store(it));
    return show(message, it);
}

static radon_bytes carry(const char *verb, uint64_t number, int64_t cents) {
    radon_buffer body = {0};
    radon_buffer_add_text(&body, verb);
    radon_buffer_add_byte(&body, ' ');
    radon_buffer_add_u64(&body, number);
    radon_buffer_add_byte(&body, ' ');
    radon_buffer_add_s64(&body, cents);
    return radon_buffer_bytes(&body);
}

static radon_outcome depart(radon_message message, account *it, radon_address target, int64_t cents) {
    if (cents > it->book.balance) return refuse(message, CONFLICT, "insufficient funds");

    /* The duty to answer outlives this turn, and the process: the client hears how it ended, not that it began. */
    uint64_t number = ++it->book.numbers;
    if (radon_message_wants_reply(message) && radon_message_keep(message, number) != RADON_OK)
        return refuse(message, TOO_MANY, "too many transfers of this account are pending");

    it->book.balance -= cents;
    it->book.pending += cents;
    it->book.sent += cents;
    RADON_TRY(store(it));
    RADON_TRY(radon_address_send(target, carry("credit", number, cents)));
    return RADON_DONE;
}

static radon_outcome transfer(radon_message message, account *it, radon_json order, int64_t cents) {
    radon_bytes from, to;
    radon_address target;
    if (!radon_json_string(radon_json_get(order, "from"), &from) || !radon_equal(from, own_name()))
        return refuse(message, BAD_REQUEST, "`from` must be the account that the order is given to");
    if (!radon_json_string(radon_json_get(order, "to"), &to) || to.len == 0 ||
        radon_messaging_open(radon_concat(radon_text("account/"), to), &target) != RADON_OK)
        return refuse(message, BAD_REQUEST, "no account can have the name in `to`");
    radon_outcome outcome = depart(message, it, target, cents);
    radon_address_drop(target);
    return outcome;
}

static bool amount(radon_json order, const char *name, int64_t *cents) {
    return radon_json_s64(radon_json_get(order, name), cents) && *cents >= 1 && *cents <= MOST;
}

static radon_outcome from_client(radon_message message, radon_bytes body, account *it) {
    radon_json order = {0};
    int64_t cents;
    if (body.len > 0 && !radon_json_parse(body, &order)) return refuse(message, BAD_REQUEST, "the body is not JSON");
    if (amount(order, "deposit", &cents)) return deposit(message, it, cents);
    if (!it->open) return refuse(message, NOT_FOUND, "no such account; a deposit opens it");
    if (body.len == 0) return show(message, it);
    if (amount(order, "withdraw", &cents)) return withdraw(message, it, cents);
    if (amount(order, "cents", &cents)) return transfer(message, it, order, cents);
    return refuse(message, BAD_REQUEST, "say {\"deposit\": CENTS}, {\"withdraw\": CENTS} or {\"from\": NAME, "
                                        "\"to\": NAME, \"cents\": CENTS}; cents are whole and at least 1");
}

/* ---- from other accounts ---- */

static radon_outcome credit(account *it, radon_address sender, uint64_t number, int64_t cents) {
    radon_bytes reply;
    if (!it->open) {
        reply = radon_concat(carry("refused", number, cents), radon_text(" 404 the account in `to` does not exist"));
    } else if (cents > MOST - it->book.balance) {
        reply = radon_concat(carry("refused", number, cents),
            radon_text(" 409 the balance of the account in `to` would be too large"));
    } else {
        reply = carry("credited", number, cents);
        it->book.balance += cents;
        it->book.received += cents;
        RADON_TRY(store(it));
    }
    RADON_TRY(radon_address_send(sender, reply)); /* a refusal carries the money back */
    return RADON_DONE;
}

/* Answers the message that was kept when the transfer began, if somebody waited for an answer. */
static radon_outcome answer_client(uint64_t number, radon_bytes status, radon_bytes json) {
    radon_message client;
    if (!radon_messaging_kept(number, &client)) return RADON_DONE;
    radon_outcome outcome = answer(client, status, json);
    radon_message_drop(client);
    return outcome;
}

static radon_outcome confirm(account *it, radon_address sender, uint64_t number, int64_t cents) {
    radon_json_writer json = {0};
    it->book.pending -= cents;
    RADON_TRY(store(it));

    radon_json_open_object(&json);
    radon_json_name(&json, "from");
    radon_json_put_string(&json, own_name());
    radon_json_name(&json, "to");
    radon_json_put_string(&json, name_of(sender));
    put_cents(&json, "cents", cents);
    put_cents(&json, "balance", it->book.balance);
    radon_json_close_object(&json);
    return answer_client(number, radon_text(OK), radon_json_text(&json));
}

static radon_outcome take_back(account *it, uint64_t number, int64_t cents, radon_bytes status, radon_bytes why) {
    it->book.balance += cents;
    it->book.pending -= cents;
    it->book.sent -= cents;
    RADON_TRY(store(it));
    return answer_client(number, status, error_json(why));
}

static radon_outcome from_account(account *it, radon_address sender, radon_bytes body) {
    radon_bytes verb = radon_cut(&body, ' '), first = radon_cut(&body, ' '), second = radon_cut(&body, ' ');
    uint64_t number;
    int64_t cents;
    if (radon_parse_u64(first, &number) && radon_parse_s64(second, &cents)) {
        if (radon_is(verb, "credit")) return credit(it, sender, number, cents);
        if (radon_is(verb, "credited")) return confirm(it, sender, number, cents);
        if (radon_is(verb, "refused")) {
            radon_bytes status = radon_cut(&body, ' ');
            return take_back(it, number, cents, status, body);
        }
    }
    return radon_fail("no account says such a thing"); /* among the dead letters somebody will see it */
}

RADON_RECEIVE(message, body) {
    account it;
    radon_address sender;
    radon_outcome outcome = load(&it);
    if (outcome.failed) return outcome;

    /* Who holds the address of an account may write to it. Of all atoms only accounts do, and they are trusted. What
     * comes from outside has no sender, whatever it says. */
    if (radon_message_sender(message, &sender)) {
        outcome = from_account(&it, sender, body);
        radon_address_drop(sender);
    } else {
        outcome = from_client(message, body, &it);
    }

    /* An address comes to life by being written to. One that is no account leaves nothing behind. */
    if (!it.open) radon_lifecycle_exit(0);
    return outcome;
}

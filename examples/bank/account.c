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
    radon_bucket bucket;
    bool open; /* something was deposited once */
    book book;
} account;

static radon_outcome load(account *it) {
    radon_option found;
    *it = (account){0};
    RADON_TRY(radon_state_open(radon_text("account"), &it->bucket));
    RADON_TRY(radon_bucket_get(it->bucket, radon_text("book"), &found));
    it->open = found.some;
    if (found.some) memcpy(&it->book, found.value.data, sizeof it->book);
    return RADON_DONE;
}

static radon_error store(account *it) {
    it->open = true;
    return radon_bucket_put(it->bucket, radon_text("book"), (radon_bytes){(const uint8_t *)&it->book, sizeof it->book});
}

/* "alice" of "account/alice" */
static radon_bytes name_of(radon_address address) {
    radon_bytes text = radon_address_text(address);
    radon_cut(&text, '/');
    return text;
}

static radon_bytes own_name(void) { return name_of(radon_messaging_self()); }

static radon_error address_of(radon_bytes name, radon_address *out) {
    return name.len > 0 ? radon_messaging_open(radon_concat(radon_text("account/"), name), out) : RADON_INVALID;
}

static radon_outcome show(radon_message message, const account *it) {
    radon_json_writer body = {0};
    radon_json_open_object(&body);
    radon_json_name(&body, "account");
    radon_json_put_string(&body, own_name());
    radon_json_name(&body, "balance");
    radon_json_put_s64(&body, it->book.balance);
    radon_json_name(&body, "pending");
    radon_json_put_s64(&body, it->book.pending);
    radon_json_name(&body, "sent");
    radon_json_put_s64(&body, it->book.sent);
    radon_json_name(&body, "received");
    radon_json_put_s64(&body, it->book.received);
    radon_json_close_object(&body);
    return answer(message, OK, &body);
}

/* ---- from outside ---- */

static radon_outcome deposit(radon_message message, account *it, int64_t cents) {
    if (cents > MOST - it->book.balance) return refuse(message, CONFLICT, radon_text("the balance would be too large"));
    it->book.balance += cents;
    RADON_TRY(store(it));
    return show(message, it);
}

static radon_outcome withdraw(radon_message message, account *it, int64_t cents) {
    if (cents > it->book.balance) return refuse(message, CONFLICT, radon_text("insufficient funds"));
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

static radon_outcome transfer(radon_message message, account *it, radon_json order, int64_t cents) {
    radon_bytes from, to;
    radon_address target;
    if (!radon_json_string(radon_json_get(order, "from"), &from) || !radon_equal(from, own_name()))
        return refuse(message, BAD_REQUEST, radon_text("`from` must be the account that the order is given to"));
    if (!radon_json_string(radon_json_get(order, "to"), &to) || address_of(to, &target) != RADON_OK)
        return refuse(message, BAD_REQUEST, radon_text("no account can have the name in `to`"));
    if (cents > it->book.balance) return refuse(message, CONFLICT, radon_text("insufficient funds"));

    /* The duty to answer outlives this turn, and the process: the client hears how it ended, and not that it began. */
    uint64_t number = ++it->book.numbers;
    if (radon_message_wants_reply(message) && radon_message_keep(message, number) != RADON_OK)
        return refuse(message, TOO_MANY, radon_text("too many transfers of this account are pending"));

    it->book.balance -= cents;
    it->book.pending += cents;
    it->book.sent += cents;
    RADON_TRY(store(it));
    RADON_TRY(radon_address_send(target, carry("credit", number, cents)));
    return RADON_DONE;
}

static bool amount(radon_json order, const char *name, int64_t *cents) {
    return radon_json_s64(radon_json_get(order, name), cents) && *cents >= 1 && *cents <= MOST;
}

static radon_outcome from_client(radon_message message, radon_bytes body, account *it) {
    radon_json order;
    int64_t cents;
    if (body.len > 0 && !radon_json_parse(body, &order))
        return refuse(message, BAD_REQUEST, radon_text("the body is not JSON"));
    if (body.len > 0 && amount(order, "deposit", &cents)) return deposit(message, it, cents);
    if (!it->open) return refuse(message, NOT_FOUND, radon_text("no such account; a deposit opens it"));
    if (body.len == 0) return show(message, it);
    if (amount(order, "withdraw", &cents)) return withdraw(message, it, cents);
    if (amount(order, "cents", &cents)) return transfer(message, it, order, cents);
    return refuse(message, BAD_REQUEST, radon_text("say {\"deposit\": CENTS}, {\"withdraw\": CENTS} or {\"from\": NAME, "
                                                   "\"to\": NAME, \"cents\": CENTS}; cents are whole and at least 1"));
}

/* ---- from other accounts ---- */

/* A refusal carries the money back, so it is as much part of this turn as taking the money would be. */
static radon_outcome credit(account *it, radon_address sender, uint64_t number, int64_t cents) {
    radon_bytes reply;
    if (!it->open) {
        reply = radon_concat(carry("refused", number, cents), radon_text(" 404 the account in `to` does not exist"));
    } else if (cents > MOST - it->book.balance) {
        reply = radon_concat(carry("refused", number, cents), radon_text(" 409 the balance of the account in `to` would be too large"));
    } else {
        reply = carry("credited", number, cents);
        it->book.balance += cents;
        it->book.received += cents;
        RADON_TRY(store(it));
    }
    RADON_TRY(radon_address_send(sender, reply));
    return RADON_DONE;
}

static radon_outcome confirm(account *it, radon_address sender, uint64_t number, int64_t cents) {
    radon_message client;
    it->book.pending -= cents;
    RADON_TRY(store(it));
    if (!radon_messaging_kept(number, &client)) return RADON_DONE; /* nobody wanted to know */

    radon_json_writer body = {0};
    radon_json_open_object(&body);
    radon_json_name(&body, "from");
    radon_json_put_string(&body, own_name());
    radon_json_name(&body, "to");
    radon_json_put_string(&body, name_of(sender));
    radon_json_name(&body, "cents");
    radon_json_put_s64(&body, cents);
    radon_json_name(&body, "balance");
    radon_json_put_s64(&body, it->book.balance);
    radon_json_close_object(&body);
    return answer(client, OK, &body);
}

static radon_outcome take_back(account *it, uint64_t number, int64_t cents, radon_bytes status, radon_bytes why) {
    radon_message client;
    it->book.pending -= cents;
    it->book.sent -= cents;
    it->book.balance += cents;
    RADON_TRY(store(it));
    return radon_messaging_kept(number, &client) ? refuse(client, status, why) : RADON_DONE;
}

static radon_outcome from_account(account *it, radon_address sender, radon_bytes body) {
    radon_bytes verb = radon_cut(&body, ' '), first = radon_cut(&body, ' '), second = radon_cut(&body, ' ');
    uint64_t number;
    int64_t cents;
    bool understood = radon_parse_u64(first, &number) && radon_parse_s64(second, &cents);
    if (understood && radon_is(verb, "credit")) return credit(it, sender, number, cents);
    if (understood && radon_is(verb, "credited")) return confirm(it, sender, number, cents);
    if (understood && radon_is(verb, "refused")) {
        radon_bytes status = radon_cut(&body, ' ');
        return take_back(it, number, cents, status, body);
    }
    return radon_fail("accounts do not say such a thing to each other"); /* it ends in the dead letters, to be seen */
}

RADON_RECEIVE(message, body) {
    account it;
    radon_address sender;
    radon_outcome outcome = load(&it);
    if (outcome.failed) return outcome;

    /* Who holds an address of an account may send to it. Only the bank's own atoms do, and they are trusted; what
     * comes from outside has no sender, whatever it says. */
    if (radon_message_sender(message, &sender)) outcome = from_account(&it, sender, body);
    else outcome = from_client(message, body, &it);

    /* An address comes to life by being written to. One that is no account leaves nothing behind. */
    if (!it.open) radon_lifecycle_exit(0);
    return outcome;
}

/* pi.c - the digits of pi that WORKERS x DARTS darts give for SEED: the main program, one atom for each run of it.
 *
 * "WORKERS DARTS SEED" spawns workers, waits for them, prints, stops the printer and is answered with the digits.
 *
 * That takes two turns. What a turn spawns and sends begins to exist when the turn commits; so nobody can wait for a
 * child in the turn that spawned it. The first turn spawns, and sends itself what the second one has to know.
 */
#include "radon.h"

#define FOREVER UINT64_MAX
#define MOST_WORKERS 1000                /* a handle for each has to fit into limits.handles */
#define MOST_DARTS 100000000             /* of a worker: as many as limits.turn has fuel for, with a good deal left */
#define MOST_IN_ALL UINT64_C(4000000000) /* 4 x that x 10^9 fits into 64 bits */
#define CLIENT 1                         /* the token that keeps the message of whoever waits for the digits */

static radon_outcome answer(radon_message message, radon_bytes text) {
    if (radon_message_wants_reply(message)) RADON_TRY(radon_message_reply(message, text));
    return RADON_DONE;
}

static radon_bytes words(uint64_t a, uint64_t b, uint64_t c) {
    radon_buffer text = {0};
    radon_buffer_add_u64(&text, a);
    radon_buffer_add_byte(&text, ' ');
    radon_buffer_add_u64(&text, b);
    radon_buffer_add_byte(&text, ' ');
    radon_buffer_add_u64(&text, c);
    return radon_buffer_bytes(&text);
}

static bool parse(radon_bytes body, uint64_t *workers, uint64_t *darts, uint64_t *seed) {
    radon_bytes first = radon_cut(&body, ' '), second = radon_cut(&body, ' ');
    return radon_parse_u64(first, workers) && radon_parse_u64(second, darts) && radon_parse_u64(body, seed) &&
           *workers >= 1 && *workers <= MOST_WORKERS && *darts >= 1 && *darts <= MOST_DARTS &&
           *workers * *darts <= MOST_IN_ALL;
}

static radon_outcome begin(radon_message message, radon_bytes body) {
    uint64_t workers, darts, seed;
    radon_address_list crew;
    radon_buffer job = {0};
    if (!parse(body, &workers, &darts, &seed))
        return answer(message, radon_text("say: WORKERS DARTS SEED; at most 1000 workers, 100000000 darts for each, "
                                          "4000000000 in all"));
    if (radon_message_wants_reply(message) && radon_message_keep(message, CLIENT) != RADON_OK)
        return answer(message, radon_text("this one is at work; call another, such as pi/2"));

    RADON_TRY(radon_lifecycle_spawn_many(radon_text("worker"), (uint32_t)workers, (radon_bytes){0}, &crew));
    radon_store_u64(radon_buffer_extend(&job, 8), workers * darts);
    for (size_t index = 0; index < crew.len; index++) {
        RADON_TRY(radon_address_send(crew.data[index], words(index * darts, darts, seed)));
        radon_bytes sealed = radon_address_seal(crew.data[index]); /* handles die with the instance */
        radon_store_u32(radon_buffer_extend(&job, 4), (uint32_t)sealed.len);
        radon_buffer_add(&job, sealed);
        radon_address_drop(crew.data[index]);
    }
    radon_address self = radon_messaging_self();
    RADON_TRY(radon_address_send(self, radon_buffer_bytes(&job)));
    radon_address_drop(self);
    return RADON_DONE;
}

static radon_bytes digits(uint64_t inside, uint64_t darts) {
    uint64_t scaled = 4 * inside * 1000000000 / darts;
    radon_buffer text = {0};
    radon_buffer_add_u64(&text, scaled / 1000000000);
    radon_buffer_add_byte(&text, '.');
    radon_bytes fraction = radon_format_u64(scaled % 1000000000);
    for (size_t zeros = fraction.len; zeros < 9; zeros++) radon_buffer_add_byte(&text, '0');
    radon_buffer_add(&text, fraction);
    return radon_buffer_bytes(&text);
}

static radon_error print_and_stop(radon_bytes line) {
    radon_address printer;
    radon_bytes printed;
    radon_error error = radon_messaging_open(radon_text("printer"), &printer);
    if (error != RADON_OK) return error;
    error = radon_address_call(printer, line, FOREVER, &printed); /* not `send`: it is to print before it is stopped */
    if (error == RADON_OK) error = radon_lifecycle_stop(printer);
    radon_address_drop(printer);
    return error;
}

static radon_error take_worker(radon_bytes *job, radon_address *worker) {
    size_t end = 4 + radon_load_u32(job->data);
    radon_bytes sealed = radon_slice(*job, 4, end);
    *job = radon_slice(*job, end, job->len);
    return radon_messaging_unseal(sealed, worker);
}

static radon_outcome answer_client(radon_bytes text) {
    radon_message client;
    if (!radon_messaging_kept(CLIENT, &client)) return RADON_DONE;
    radon_outcome outcome = answer(client, text);
    radon_message_drop(client);
    return outcome;
}

/* The client's deadline has passed, as a rule: what a turn sends inherits it. Nobody is to work on for nobody. */
static radon_outcome give_up(radon_bytes crew, radon_error error) {
    while (crew.len > 0) {
        radon_address worker;
        RADON_TRY(take_worker(&crew, &worker));
        RADON_TRY(radon_lifecycle_stop(worker));
        radon_address_drop(worker);
    }
    return answer_client(radon_concat(radon_text("gave up: "), radon_text(radon_error_name(error))));
}

/* Suspends at each worker that has not ended. Should the process die meanwhile, the turn begins anew on the next one,
 * and the waits that were answered are answered at once with what they were answered then. */
static radon_outcome collect(radon_bytes job) {
    uint64_t darts = radon_load_u64(job.data), inside = 0;
    radon_bytes crew = radon_slice(job, 8, job.len);
    for (radon_bytes rest = crew; rest.len > 0;) {
        radon_address worker;
        uint32_t status;
        RADON_TRY(take_worker(&rest, &worker));
        radon_error error = radon_lifecycle_wait(worker, FOREVER, &status);
        if (error != RADON_OK) return give_up(crew, error);
        inside += status;
        radon_address_drop(worker);
    }
    radon_error error = print_and_stop(digits(inside, darts));
    return error == RADON_OK ? answer_client(digits(inside, darts)) : give_up(crew, error);
}

RADON_RECEIVE(message, body) {
    radon_address sender;
    if (!radon_message_sender(message, &sender)) return begin(message, body);
    radon_address_drop(sender);
    return collect(body);
}

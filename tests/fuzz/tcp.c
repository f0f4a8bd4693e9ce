/* The connections of the TCP gateway, whatever peers do and atoms say: nothing is read outside of what is there, nothing
 * is kept, and each atom hears what it is promised: it begins, has one chunk at a time, and is told once of the end.
 *
 * An input is steps of two bytes, what and to whom; what is left behind a step RAW is given as what left a domain. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connections.h"

#include "fuzz.h"

enum { MOST = 8, DOMAINS = 2 };
enum { BEGIN, WRITE, READ, HALF, CLOSE, RESET, ANSWER, FAIL, SAY, END, LOSE, SERVE, SWEEP, DRAIN, CUT, RAW, STEPS };

typedef struct Model {
    int peer; /* -1: closed */
    bool begun, busy, told, ended;
} Model;

static Model models[MOST + 1]; /* by number */
static RadonTcp *t;

static Model *model_of(Slice address) {
    uint32_t kind;
    memcpy(&kind, address.data + 8, 4);
    must(address.size == 12 + kind + 3, "a key is the prefix and a digit");
    return &models[address.data[12 + kind + 2] - '0'];
}

static void take(void) {
    for (uint32_t domain = 0; domain < DOMAINS; domain++) {
        RadonBytes inputs = radon_tcp_inputs(t, domain);
        Reader reader = reader_of(slice(inputs.data, inputs.size));
        Record r;
        while (next_record(&reader, &r)) {
            Model *m = model_of(r.v[0]);
            if (r.tag == R_CONNECT) {
                must(!m->begun, "it begins once");
                m->begun = true;
            } else if (r.tag == R_POST) {
                must(m->begun && !m->busy && !m->told && !m->ended && r.v[5].size, "a chunk comes when it may");
                m->busy = true;
            } else {
                must(r.tag == R_DISCONNECT && m->begun && !m->told, "it is told once");
                m->told = true;
            }
        }
        must(reader.error[0] == '\0', "inputs are well-formed");
        radon_tcp_taken(t, domain);
    }
}

static void give(const uint8_t *data, size_t size) {
    uint8_t *own = malloc(size + (size == 0));
    memcpy(own, data, size);
    radon_tcp_sifted(radon_tcp_sift(t, own, size, size & 1));
    free(own);
}

static void begin(void) {
    int pair[2], small = 4096;
    if (t->begun == MOST || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair)) return;
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    models[t->begun + 1].peer = pair[1];
    connection_begin(t, t->served[0], pair[0], SLICE("peer"));
}

static void leave(uint8_t what, uint64_t number) {
    char key[8] = {'p', '-', (char)('0' + number)};
    Address kind = address_new(SLICE("kind"), slice(key, 3), 0), peer = address_new(SLICE("@tcp"), slice(key, 3), 0);
    static const Address nowhere;
    Delivery *said = delivery_new(no_id, MESSAGE, NULL);
    Buffer out = {0}, cause = {0};
    static uint8_t body[20000];
    said->body = str_new(body, sizeof body);
    metadata_add(&cause, SLICE("radon.cause"), SLICE("why"));
    if (what == ANSWER) put_record(&out, R_REPLY, t->tokens + number, 0u, slice(0, 0), slice(body, number * 1000));
    if (what == FAIL) put_record(&out, R_REPLY, t->tokens + number, 6u, slice(cause.data, cause.size), slice(0, 0));
    if (what == SAY) put_record(&out, R_SENT, 0, &peer, said);
    if (what == END) put_record(&out, R_HANGUP, &kind);
    if (what == LOSE) put_record(&out, R_HANGUP, &nowhere);
    if (what == ANSWER || what == FAIL) models[number].busy = false;
    give(out.data, out.size);
    radon_tcp_settle(t);
    for (uint64_t each = 1; each <= MOST; each++) {
        models[each].ended |= models[each].begun && (what == LOSE || (what == END && each == number));
    }
    buffer_free(&out), buffer_free(&cause);
    delivery_unref(said);
    address_unref(&kind), address_unref(&peer);
}

static void from_peer(uint8_t what, Model *m, uint8_t much) {
    static uint8_t bytes[256];
    struct linger none = {.l_onoff = 1};
    if (m->peer < 0) return;
    if (what == WRITE) send(m->peer, bytes, much, MSG_NOSIGNAL);
    if (what == READ) while (recv(m->peer, bytes, sizeof bytes, 0) > 0 && much--) continue;
    if (what == HALF) shutdown(m->peer, SHUT_WR);
    if (what == RESET) setsockopt(m->peer, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    if (what == CLOSE || what == RESET) close(m->peer), m->peer = -1;
}

static void step(uint8_t what, uint8_t whom) {
    uint64_t number = 1 + whom % MOST;
    switch (what) {
    case BEGIN: begin(); break;
    case ANSWER: case FAIL: case SAY: case END: case LOSE: leave(what, number); break;
    case SERVE: radon_tcp_serve(t); break;
    case SWEEP: radon_tcp_patience(t, whom, whom), radon_tcp_sweep(t); break;
    case DRAIN: radon_tcp_drain(t); break;
    case CUT: radon_tcp_cut(t, whom % DOMAINS); break;
    default: from_peer(what, &models[number], whom);
    }
    take();
    for (uint64_t each = 1; each <= t->begun; each++) {
        const Connection *c = connection_of(t, each);
        must(c == NULL || c->sent <= c->unsent.size - c->sent, "what was sent is forgotten");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (int each = 0; each <= MOST; each++) models[each] = (Model){.peer = -1};
    t = radon_tcp_new("p-", UINT64_C(1) << 63, DOMAINS);
    must(radon_tcp_listen(t, -1, "kind") != 0, "no file can be listened to that is none");
    radon_tcp_limits(t, "kind", 200, 30000), radon_tcp_room(t, 500);
    for (; size >= 2; data += 2, size -= 2) {
        if (data[0] % STEPS != RAW) {
            step(data[0] % STEPS, data[1]);
            continue;
        }
        give(data + 2, size - 2);
        radon_tcp_settle(t);
        radon_tcp_free(t); /* what was said may have been anything, so nothing is checked */
        t = NULL;
        break;
    }
    if (t) {
        for (uint32_t domain = 0; domain < DOMAINS; domain++) radon_tcp_cut(t, domain);
        take();
        for (uint64_t each = 1; each <= t->begun; each++) {
            must(models[each].told || models[each].ended, "it was told, or had ended");
        }
        must(radon_tcp_open(t) == 0 && t->unhandled == 0 && t->timed == 0, "nothing is left");
        radon_tcp_free(t);
    }
    for (int each = 0; each <= MOST; each++) {
        if (models[each].peer >= 0) close(models[each].peer);
    }
    return 0;
}

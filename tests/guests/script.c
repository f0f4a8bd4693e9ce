/* script.c - an atom that does what its messages say: one line of script, one syscall. The language: script_machine.h.
 *
 * A verb is named as in the table of syscalls, without the interface of a resource's methods: `bucket.get`,
 * `messaging.open`, `clock.now`. What is no syscall stands below.
 *
 * `receive` runs the body and answers with the output; where nobody waits for it (any more) the output is logged, and
 * a script that is `silent` does neither. `$message` is the message. `start` runs its args. The others run the entry of
 * the bucket "scripts" that has their name, if there is one, with `$token` and, as it comes, `$error`, `$answer` and
 * `$status`. All but `receive` note in the bucket "events" what they got and, where a script ran, its output.
 */
#include "script_syscalls.h"

#define DEEPEST 8

static void run(machine *m, radon_bytes script);
static void carry_out(line *c);

/* ---- verbs that are no syscalls ---- */

VERB(say) {
    radon_bytes value = take_bytes(c);
    READY;
    give(c, value);
}

/* `fill LENGTH BYTE`; of this and of `join` only the length is shown. */
VERB(fill) {
    uint64_t length = take_number(c);
    radon_bytes byte = take_bytes(c), filled;
    READY;
    if (byte.len != 1 || length > INT32_MAX) {
        fault(c, "malformed");
        return;
    }
    filled = (radon_bytes){radon_alloc((size_t)length), (size_t)length};
    memset((void *)filled.data, byte.data[0], filled.len);
    give_word(c, radon_format_u64(length));
    set_slot(c->machine, c->target, (slot){.sort = BYTES, .value = filled});
}

VERB(join) {
    radon_buffer joined = {0};
    while (has_more(c) && c->fault == NULL) radon_buffer_add(&joined, take_bytes(c));
    READY;
    give_word(c, radon_format_u64(joined.len));
    set_slot(c->machine, c->target, (slot){.sort = BYTES, .value = radon_buffer_bytes(&joined)});
}

VERB(hex) { /* bytes as text: two digits for each */
    static const char digits[] = "0123456789abcdef";
    radon_bytes bytes = take_bytes(c);
    radon_buffer text = {0};
    READY;
    for (size_t index = 0; index < bytes.len; index++) {
        radon_buffer_add_byte(&text, (uint8_t)digits[bytes.data[index] >> 4]);
        radon_buffer_add_byte(&text, (uint8_t)digits[bytes.data[index] & 15]);
    }
    give(c, radon_buffer_bytes(&text));
}

/* `if A B LINE`: only where the bytes are equal. */
VERB(only_if) {
    radon_bytes left = take_bytes(c), right = take_bytes(c);
    READY;
    if (radon_equal(left, right)) carry_out(c);
    else fault(c, "skipped");
}

/* `repeat N LINE`: the outcome is the last one's. */
VERB(repeat) {
    uint64_t times = take_number(c);
    radon_bytes words = c->rest;
    READY;
    while (times-- > 0 && !c->machine->ended) {
        c->fault = NULL;
        c->text.len = 0;
        c->rest = words;
        carry_out(c);
    }
}

VERB(run_script) {
    radon_bytes script = take_bytes(c);
    if (c->machine->depth >= DEEPEST) fault(c, "malformed");
    READY;
    c->machine->depth++;
    run(c->machine, script);
    c->machine->depth--;
}

/* One more entry in the bucket "events", under its number in 8 bytes, big-endian. */
static radon_error note(radon_bytes text) {
    radon_bucket events;
    radon_entry_list last;
    uint8_t key[8];
    radon_error error = radon_state_open(radon_text("events"), &events);
    if (error != RADON_OK) return error;
    error = radon_bucket_scan(events, RADON_NONE, RADON_NONE, 1, true, &last);
    if (error == RADON_OK) {
        radon_store_u64_key(key, last.len == 0 ? 0 : radon_load_u64_key(last.data[0].key.data) + 1);
        error = radon_bucket_put(events, (radon_bytes){key, 8}, text);
    }
    radon_bucket_drop(events);
    return error;
}

VERB(event) {
    radon_bytes text = take_bytes(c);
    READY;
    went_well(c, note(text));
}

/* How often this instance of the module has been asked: 1 says that it is a fresh one. */
VERB(memory_count) {
    static uint64_t asked;
    give_number(c, ++asked);
}

VERB(memory_size) { give_number(c, (uint64_t)__builtin_wasm_memory_size(0)); }

VERB(memory_grow) { /* by so many pages; the size before, or -1 */
    uint64_t pages = take_number(c);
    READY;
    give(c, radon_format_s64((int32_t)__builtin_wasm_memory_grow(0, (size_t)pages)));
}

VERB(float_divide) { /* the bits of the quotient of two f64, each the bits as a decimal number */
    uint64_t bits[2] = {take_number(c), take_number(c)};
    double parts[2];
    READY;
    __builtin_memcpy(parts, bits, sizeof parts);
    parts[0] /= parts[1];
    __builtin_memcpy(bits, parts, sizeof parts);
    give_number(c, bits[0]);
}

VERB(silent) { c->machine->silent = true; }

VERB(err) {
    radon_bytes why = take_bytes(c);
    READY;
    c->machine->ended = true;
    c->machine->outcome = radon_fail_with(why);
}

VERB(trap) {
    (void)c;
    __builtin_trap();
}

VERB(spin) { /* so many rounds */
    uint64_t rounds = take_number(c);
    READY;
    for (volatile uint64_t round = 0; round < rounds; round++) {}
}

VERB(loop) {
    (void)c;
    for (volatile bool on = true; on;) {}
}

static volatile uint32_t depth; /* volatile, so that no compiler makes a loop of the calls */

static __attribute__((noinline)) void descend(uint32_t end) {
    if (depth++ != end) descend(end);
    depth--;
}

VERB(recurse) {
    (void)c;
    descend(UINT32_MAX);
}

/* ---- the table ---- */

static const struct {
    const char *name;
    void (*verb)(line *);
} verbs[] = {
    {"messaging.self", messaging_self}, {"messaging.open", messaging_open}, {"messaging.unseal", messaging_unseal},
    {"messaging.kept", messaging_kept}, {"messaging.answer-metadata", messaging_answer_metadata},
    {"address.text", address_text}, {"address.distance", address_distance},
    {"address.seal", address_seal}, {"address.send", address_send}, {"address.cast", address_cast},
    {"address.send-later", address_send_later}, {"address.request", address_request}, {"address.drop", address_drop},
    {"message.sender", message_sender}, {"message.wants-reply", message_wants_reply}, {"message.id", message_id},
    {"message.attempt", message_attempt}, {"message.deadline", message_deadline}, {"message.topic", message_topic},
    {"message.metadata", message_metadata}, {"message.reply", message_reply}, {"message.reply-with", message_reply_with},
    {"message.forward", message_forward}, {"message.keep", message_keep}, {"message.drop", message_drop},
    {"state.open", state_open}, {"bucket.get", bucket_get}, {"bucket.get-many", bucket_get_many},
    {"bucket.put", bucket_put}, {"bucket.delete", bucket_delete}, {"bucket.delete-range", bucket_delete_range},
    {"bucket.add", bucket_add}, {"bucket.scan", bucket_scan}, {"bucket.drop", bucket_drop},
    {"objects.put", objects_put}, {"objects.open", objects_open}, {"objects.pin", objects_pin},
    {"objects.unpin", objects_unpin}, {"object.name", object_name}, {"object.size", object_size},
    {"object.read", object_read}, {"object.drop", object_drop}, {"lifecycle.spawn", lifecycle_spawn},
    {"lifecycle.spawn-many", lifecycle_spawn_many}, {"lifecycle.exit", lifecycle_exit},
    {"lifecycle.stop", lifecycle_stop}, {"lifecycle.monitor", lifecycle_monitor}, {"topics.publish", topics_publish},
    {"topics.subscribe", topics_subscribe}, {"topics.unsubscribe", topics_unsubscribe}, {"clock.now", clock_now},
    {"clock.set-timer", clock_set_timer}, {"clock.cancel-timer", clock_cancel_timer}, {"random.next", random_next},
    {"random.fill", random_fill}, {"log.write", log_write}, {"log.count", log_count}, {"log.observe", log_observe},
    {"config.get", config_get},
#ifndef DIRECT
    {"address.call", address_call}, {"lifecycle.wait", lifecycle_wait}, {"clock.sleep", clock_sleep},
#endif
    {"say", say}, {"fill", fill}, {"join", join}, {"hex", hex}, {"if", only_if}, {"repeat", repeat}, {"run", run_script},
    {"event", event}, {"memory.count", memory_count}, {"memory.size", memory_size}, {"memory.grow", memory_grow},
    {"float.divide", float_divide}, {"silent", silent}, {"err", err}, {"trap", trap}, {"spin", spin}, {"loop", loop},
    {"recurse", recurse},
};

/* ---- lines ---- */

static void carry_out(line *c) {
    radon_bytes name = next_plain(c);
    size_t index = 0, count = sizeof verbs / sizeof *verbs;
    while (index < count && !radon_is(name, verbs[index].name)) index++;
    if (index == count) fault(c, "unknown");
    else verbs[index].verb(c);
    while (c->borrowed_count > 0) drop_handle(&c->borrowed[--c->borrowed_count]);
}

static void run(machine *m, radon_bytes script) {
    while (script.len != 0 && !m->ended) {
        line c = {.machine = m, .rest = radon_cut(&script, '\n')};
        if (!has_more(&c)) continue;
        if (c.rest.data[0] == '$') {
            c.target = next_plain(&c);
            c.target = radon_slice(c.target, 1, c.target.len);
            if (!radon_is(next_plain(&c), "=")) fault(&c, "malformed");
        }
        if (c.fault == NULL) carry_out(&c);
        if (m->out.len != 0) radon_buffer_add_byte(&m->out, '\n');
        radon_buffer_add_text(&m->out, c.fault != NULL ? c.fault : "ok");
        if (c.fault == NULL) radon_buffer_add(&m->out, radon_buffer_bytes(&c.text));
    }
}

/* ---- handlers ---- */

static radon_outcome finish(machine *m) {
    for (slot *left = m->slots; left != NULL; left = left->next) drop_handle(left);
    return m->outcome;
}

RADON_RECEIVE(message, body) {
    machine m = {0};
    radon_bytes out;
    set_slot(&m, radon_text("message"), (slot){.sort = MESSAGE, .lent = true, .handle = message.handle});
    run(&m, body);
    out = radon_buffer_bytes(&m.out);
    if (!m.ended && !m.silent) {
        radon_error error = radon_message_reply(message, out);
        if (error == RADON_INVALID) radon_log_write(RADON_LEVEL_DEBUG, out);
        else if (error != RADON_OK) radon_message_reply(message, radon_text(radon_error_name(error)));
    }
    return finish(&m);
}

/* Note what came, run the script, note what came of it. */
static radon_outcome handle(machine *m, radon_bytes what, radon_bytes script) {
    RADON_TRY(note(what));
    run(m, script);
    if (m->out.len != 0 && !m->ended) RADON_TRY(note(radon_buffer_bytes(&m->out)));
    return finish(m);
}

static radon_outcome handle_stored(machine *m, radon_bytes what) {
    radon_bytes rest = what, name = radon_cut(&rest, ' ');
    radon_bucket scripts;
    radon_option script;
    RADON_TRY(radon_state_open(radon_text("scripts"), &scripts));
    RADON_TRY(radon_bucket_get(scripts, name, &script));
    radon_bucket_drop(scripts);
    return handle(m, what, script.some ? script.value : radon_text(""));
}

RADON_START(args) {
    machine m = {0};
    radon_buffer what = {0};
    radon_buffer_add_text(&what, "start ");
    add_word(&what, args);
    return handle(&m, radon_buffer_bytes(&what), args);
}

RADON_REPLIED(token, error, answer) {
    machine m = {0};
    radon_buffer what = {0};
    set_bytes(&m, "token", radon_format_u64(token));
    set_bytes(&m, "error", radon_text(radon_error_name(error)));
    set_bytes(&m, "answer", answer);
    radon_buffer_add_text(&what, "replied ");
    radon_buffer_add_u64(&what, token);
    radon_buffer_add_byte(&what, ' ');
    radon_buffer_add_text(&what, radon_error_name(error));
    if (error == RADON_OK) {
        radon_buffer_add_byte(&what, ' ');
        add_word(&what, answer);
    }
    return handle_stored(&m, radon_buffer_bytes(&what));
}

RADON_FIRED(token) {
    machine m = {0};
    set_bytes(&m, "token", radon_format_u64(token));
    return handle_stored(&m, radon_concat(radon_text("fired "), radon_format_u64(token)));
}

RADON_DOWN(token, status) {
    machine m = {0};
    radon_bytes both = radon_concat(radon_concat(radon_format_u64(token), radon_text(" ")), radon_format_u64(status));
    set_bytes(&m, "token", radon_format_u64(token));
    set_bytes(&m, "status", radon_format_u64(status));
    return handle_stored(&m, radon_concat(radon_text("down "), both));
}

/* script_machine.h - the language of script.c: lines, words, registers and outcomes. Knows no syscall but the drops.
 *
 *     script = line *("\n" line)         empty lines do nothing
 *     line   = [$NAME "="] verb *word    words are divided by spaces
 *     word   = abc                       these bytes; an address or a bucket is opened by that name, for this line
 *            | "a \"quoted\" \\ line\n"  bytes with spaces
 *            | 0x00ff                    bytes in hex
 *            | $NAME                     what an earlier line put into the register: bytes or a handle
 *            | -                         none
 *     number = a word of decimal digits, perhaps followed by us, ms or s: so many ns
 *
 * Every line has an outcome, which is a line of the output: `ok` and the values, written as words; or the name of an
 * error-code; or `malformed` (a word is missing or makes no sense), `unset` (the register holds no such thing) or
 * `unknown` (there is no such verb). Whatever the bytes, nothing traps that was not told to.
 *
 * A handle that a line does not put into a register is dropped at its end, one in a register at the end of the turn or
 * when the register is set again. The register `$_` forgets: what is put there is never dropped.
 */
#ifndef SCRIPT_MACHINE_H
#define SCRIPT_MACHINE_H

#include "radon.h"

typedef enum { NOTHING, BYTES, ADDRESS, MESSAGE, BUCKET, OBJECT } sort;

typedef struct slot {
    struct slot *next;
    radon_bytes name;
    sort sort;
    bool lent; /* not ours to drop */
    int32_t handle;
    radon_bytes value;
} slot;

typedef struct {
    slot *slots;
    radon_buffer out;
    size_t depth; /* of `run` in `run` */
    bool silent, ended;
    radon_outcome outcome; /* once ended */
} machine;

/* One line under way. */
typedef struct {
    machine *machine;
    radon_bytes target; /* the register to set; empty: none */
    radon_bytes rest;   /* the words that were not read yet */
    radon_buffer text;  /* the outcome */
    const char *fault;  /* why the line cannot be carried out, or NULL */
    slot borrowed[2];   /* opened for this line */
    size_t borrowed_count;
} line;

/* ---- registers ---- */

static void drop_handle(slot *held) {
    if (held->lent) return;
    if (held->sort == ADDRESS) radon_address_drop((radon_address){held->handle});
    if (held->sort == MESSAGE) radon_message_drop((radon_message){held->handle});
    if (held->sort == BUCKET) radon_bucket_drop((radon_bucket){held->handle});
    if (held->sort == OBJECT) radon_object_drop((radon_object){held->handle});
}

static slot *find_slot(machine *m, radon_bytes name) {
    slot *found = m->slots;
    while (found != NULL && !radon_equal(found->name, name)) found = found->next;
    return found;
}

static void set_slot(machine *m, radon_bytes name, slot content) {
    slot *place;
    if (radon_is(name, "_")) return;
    if (name.len == 0) {
        drop_handle(&content);
        return;
    }
    place = find_slot(m, name);
    if (place == NULL) {
        place = radon_alloc(sizeof *place);
        place->next = m->slots;
        m->slots = place;
    } else {
        drop_handle(place);
    }
    content.next = place->next;
    content.name = name;
    *place = content;
}

static void set_bytes(machine *m, const char *name, radon_bytes value) {
    set_slot(m, radon_text(name), (slot){.sort = BYTES, .value = value});
}

/* ---- outcomes ---- */

static void add_word(radon_buffer *text, radon_bytes value) {
    static const char digits[] = "0123456789abcdef";
    bool plain = value.len != 0 && !radon_is(value, "-") && !radon_starts_with(value, radon_text("0x")), quotable = true;
    for (size_t index = 0; index < value.len; index++) {
        uint8_t byte = value.data[index], letter = byte | 32;
        plain &= (letter >= 'a' && letter <= 'z') || (byte >= '-' && byte <= ':') || byte == '_' || byte == '#';
        quotable &= (byte >= ' ' && byte <= '~') || byte == '\n';
    }
    radon_buffer_add_text(text, plain ? "" : quotable ? "\"" : "0x");
    for (size_t index = 0; index < value.len; index++) {
        uint8_t byte = value.data[index];
        if (!quotable) {
            radon_buffer_add_byte(text, (uint8_t)digits[byte >> 4]);
            radon_buffer_add_byte(text, (uint8_t)digits[byte & 15]);
        } else {
            if (byte == '"' || byte == '\\' || byte == '\n') radon_buffer_add_byte(text, '\\');
            radon_buffer_add_byte(text, byte == '\n' ? 'n' : byte);
        }
    }
    radon_buffer_add_text(text, plain || !quotable ? "" : "\"");
}

static void give_word(line *c, radon_bytes value) {
    radon_buffer_add_byte(&c->text, ' ');
    add_word(&c->text, value);
}

static void give_none(line *c) { radon_buffer_add_text(&c->text, " -"); }

/* The value of the line: shown, and put into the target. */
static void give(line *c, radon_bytes value) {
    give_word(c, value);
    set_slot(c->machine, c->target, (slot){.sort = BYTES, .value = value});
}

static void give_number(line *c, uint64_t number) { give(c, radon_format_u64(number)); }

/* The handle that the line made: put into the target, or dropped. */
static void give_handle(line *c, sort sort, int32_t handle) {
    set_slot(c->machine, c->target, (slot){.sort = sort, .handle = handle});
}

static void fault(line *c, const char *why) {
    if (c->fault == NULL) c->fault = why;
}

/* Whether the syscall went well; the outcome begins with its error, or with `ok` when the line has no fault. */
static bool went_well(line *c, radon_error error) {
    if (error != RADON_OK) fault(c, radon_error_name(error));
    return error == RADON_OK;
}

/* ---- words ---- */

static bool has_more(line *c) {
    while (c->rest.len != 0 && c->rest.data[0] == ' ') c->rest = radon_slice(c->rest, 1, c->rest.len);
    return c->rest.len != 0;
}

static radon_bytes next_plain(line *c) {
    has_more(c);
    return radon_cut(&c->rest, ' ');
}

static int digit_of(uint8_t byte) {
    uint8_t letter = byte | 32;
    return byte >= '0' && byte <= '9' ? byte - '0' : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static bool parse_hex(radon_bytes digits, radon_bytes *out) {
    radon_buffer bytes = {0};
    if (digits.len % 2 != 0) return false;
    for (size_t index = 0; index < digits.len; index += 2) {
        int high = digit_of(digits.data[index]), low = digit_of(digits.data[index + 1]);
        if (high < 0 || low < 0) return false;
        radon_buffer_add_byte(&bytes, (uint8_t)(high * 16 + low));
    }
    *out = radon_buffer_bytes(&bytes);
    return true;
}

/* `rest` begins with the first quotation mark. */
static bool parse_quoted(radon_bytes *rest, radon_bytes *out) {
    radon_buffer bytes = {0};
    for (size_t index = 1; index < rest->len; index++) {
        uint8_t byte = rest->data[index];
        if (byte == '"') {
            *rest = radon_slice(*rest, index + 1, rest->len);
            *out = radon_buffer_bytes(&bytes);
            return true;
        }
        if (byte == '\\' && ++index < rest->len) byte = rest->data[index] == 'n' ? '\n' : rest->data[index];
        radon_buffer_add_byte(&bytes, byte);
    }
    return false;
}

/* The next word as a slot without a name; NOTHING for `-`. At the end of the line, or where it is none, a fault. */
static slot next_word(line *c) {
    slot found = {.sort = BYTES};
    radon_bytes word;
    bool good = true;
    if (has_more(c) && c->rest.data[0] == '"') {
        good = parse_quoted(&c->rest, &found.value);
    } else {
        word = next_plain(c);
        if (word.len == 0) good = false;
        else if (radon_is(word, "-")) found.sort = NOTHING;
        else if (radon_starts_with(word, radon_text("0x"))) good = parse_hex(radon_slice(word, 2, word.len), &found.value);
        else if (word.data[0] == '$') {
            slot *named = find_slot(c->machine, radon_slice(word, 1, word.len));
            if (named == NULL) fault(c, "unset");
            else found = *named;
        } else found.value = word;
    }
    if (!good) fault(c, "malformed");
    return found;
}

static radon_option take_option(line *c) {
    slot word = next_word(c);
    if (word.sort == NOTHING) return RADON_NONE;
    if (word.sort != BYTES) fault(c, "unset");
    return radon_some(word.value);
}

static radon_bytes take_bytes(line *c) {
    radon_option word = take_option(c);
    if (!word.some) fault(c, "malformed");
    return word.value;
}

static uint64_t take_number(line *c) {
    static const struct { const char *unit; uint64_t factor, most; } units[] = {
        {"us", 1000, UINT64_MAX / 1000}, {"ms", 1000000, UINT64_MAX / 1000000},
        {"s", 1000000000, UINT64_MAX / 1000000000}, {"", 1, UINT64_MAX}};
    radon_bytes word = take_bytes(c);
    uint64_t number = 0;
    for (size_t index = 0; index < sizeof units / sizeof *units; index++) {
        size_t length = strlen(units[index].unit), digits = word.len - length;
        if (word.len <= length || !radon_is(radon_slice(word, digits, word.len), units[index].unit)) continue;
        if (!radon_parse_u64(radon_slice(word, 0, digits), &number) || number > units[index].most) break;
        return number * units[index].factor;
    }
    fault(c, "malformed");
    return 0;
}

static int64_t take_signed(line *c) {
    int64_t number;
    if (!radon_parse_s64(take_bytes(c), &number)) fault(c, "malformed");
    return number;
}

/* A handle from a register; 0, and a fault, where it holds none of that sort. */
static int32_t take_held(line *c, sort wanted) {
    slot word = next_word(c);
    if (word.sort == wanted) return word.handle;
    fault(c, "unset");
    return 0;
}

/* A handle from a register, or one that is opened under the name for this line. */
static int32_t take_opened(line *c, sort wanted, radon_error (*open)(radon_bytes, int32_t *)) {
    slot word = next_word(c);
    int32_t handle = 0;
    if (word.sort == wanted) return word.handle;
    if (word.sort != BYTES) fault(c, "unset");
    if (c->fault != NULL || !went_well(c, open(word.value, &handle))) return 0;
    c->borrowed[c->borrowed_count++] = (slot){.sort = wanted, .handle = handle};
    return handle;
}

/* ---- verbs: the words first; then, unless one was wrong, what is to be done with them ---- */

#define VERB(name) static void name(line *c)
#define READY                         \
    do {                              \
        if (c->fault != NULL) return; \
    } while (0)

#endif

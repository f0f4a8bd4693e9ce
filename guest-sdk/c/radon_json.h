/* radon_json.h - JSON (RFC 8259), read in place and written into a buffer.
 *
 * The reader checks a whole document once and then walks it by looking at the text; it allocates only to unescape a
 * string. The writer puts the commas. Neither knows of any schema.
 */
#ifndef RADON_JSON_H
#define RADON_JSON_H

#include "radon_bytes.h"

/* Arrays and objects may be nested so deep; deeper documents are refused. */
#define RADON_JSON_DEPTH 64

typedef enum {
    RADON_JSON_NOTHING, /* an absent member or element */
    RADON_JSON_NULL,
    RADON_JSON_BOOL,
    RADON_JSON_NUMBER,
    RADON_JSON_STRING,
    RADON_JSON_ARRAY,
    RADON_JSON_OBJECT,
} radon_json_type;

/* A value of a checked document, which it points into. {0} is RADON_JSON_NOTHING, and so is what is looked up in it. */
typedef struct {
    radon_bytes text;
} radon_json;

/* Strict: one value, valid UTF-8, no trailing commas, comments, leading zeros, lone surrogates or raw control
 * characters. False, and *out is nothing, where the document is anything else or nested too deep. */
bool radon_json_parse(radon_bytes document, radon_json *out);

radon_json_type radon_json_type_of(radon_json value);

/* The member called `name` (the first, should there be more), or nothing, also where `object` is none. */
radon_json radon_json_get(radon_json object, const char *name);

/* Element `index` from 0, or nothing. Takes time in proportion to `index`: walk with radon_json_next. */
radon_json radon_json_at(radon_json array, size_t index);

/* A walk over an array's elements or an object's members:
 *     radon_json_walk walk = radon_json_walk_of(value);
 *     while (radon_json_next(&walk)) ... walk.name, walk.value ...
 * Over anything else it ends at once. */
typedef struct {
    radon_json name; /* a string; nothing in an array */
    radon_json value;
    radon_bytes rest;
} radon_json_walk;

radon_json_walk radon_json_walk_of(radon_json value);
bool radon_json_next(radon_json_walk *walk);

/* Each answers false, and zero in *out, where the value is of another type or does not fit. */
bool radon_json_bool(radon_json value, bool *out);
bool radon_json_s64(radon_json value, int64_t *out); /* 12; neither 12.0 nor 1e3 */
bool radon_json_u64(radon_json value, uint64_t *out);
bool radon_json_number(radon_json value, radon_bytes *out); /* as it is written: "-1.5e3" */
bool radon_json_string(radon_json value, radon_bytes *out); /* unescaped: in place, or a copy where it has escapes */

/* Is it the string `text`? Allocates nothing. */
bool radon_json_is(radon_json value, const char *text);

/* ---- writing ---- */

/* {0} is one that has written nothing. The caller opens and closes in pairs and puts a name before each member; bytes
 * of a string that are not UTF-8 become U+FFFD. */
typedef struct {
    radon_buffer out;
    bool comma;
} radon_json_writer;

void radon_json_open_object(radon_json_writer *writer);
void radon_json_close_object(radon_json_writer *writer);
void radon_json_open_array(radon_json_writer *writer);
void radon_json_close_array(radon_json_writer *writer);
void radon_json_name(radon_json_writer *writer, const char *name);
void radon_json_name_bytes(radon_json_writer *writer, radon_bytes name);
void radon_json_put_null(radon_json_writer *writer);
void radon_json_put_bool(radon_json_writer *writer, bool value);
void radon_json_put_s64(radon_json_writer *writer, int64_t value);
void radon_json_put_u64(radon_json_writer *writer, uint64_t value);
void radon_json_put_string(radon_json_writer *writer, radon_bytes text);
void radon_json_put(radon_json_writer *writer, radon_json value); /* a value that was read */

/* What was written; good until more is. */
static inline radon_bytes radon_json_text(const radon_json_writer *writer) { return radon_buffer_bytes(&writer->out); }

#endif

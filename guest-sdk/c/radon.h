/* Generated from radon.wit by `python -m radon.abi.generate`; do not edit. */
/* radon.h - all that an atom written in C sees: the syscalls of radon:atom@0.1.0 and the handlers. Needs no libc.
 *
 *   - Bytes and text are both `radon_bytes`, an `option` of them `radon_option`. What you pass in is lent for the call.
 *     What comes out lies in the turn's memory: nobody frees it, and it is gone when the turn ends.
 *   - A syscall that can fail returns a `radon_error`, and its value through `out`, which is zeroed when it fails.
 *     RADON_OK is 0, the others are one above their number in the standard. One that answers an `option` of a handle
 *     returns true where there is one.
 *   - Every function but the `_drop`s borrows the handles that it is given. A handle that is yours to drop counts
 *     against the kind's limit until then, and goes with the instance at the latest. The message in RADON_RECEIVE is
 *     not yours.
 *   - Times are in nanoseconds.
 *   - Names: radon_RESOURCE_METHOD, and radon_INTERFACE_FUNCTION for what belongs to no resource.
 */
#ifndef RADON_H
#define RADON_H

#include "radon_turn.h"

#define RADON_IMPORT_(module, name) __attribute__((import_module(module), import_name(name)))
#define RADON_EXPORT_(name) __attribute__((export_name(name)))

typedef enum {
    RADON_OK,
    RADON_DENIED, /* The manifest grants this kind of atom no such thing. */
    RADON_NOT_FOUND, /* No such kind, key, object or name. */
    RADON_TOO_LARGE, /* Longer than the limit that the deployment declares. */
    RADON_EXHAUSTED, /* A quota is used up: state, outbox, memory, atoms, handles. */
    RADON_TIMEOUT, /* The deadline passed. The other side may or may not have acted. */
    RADON_CLOSED, /* The other side failed for good, ended, or left the message unanswered. */
    RADON_UNAVAILABLE, /* A backing service cannot be reached now. Trying again may help. */
    RADON_INVALID, /* An argument makes no sense. */
} radon_error;

static inline const char *radon_error_name(radon_error error) {
    static const char *const names[] = {"ok", "denied", "not-found", "too-large", "exhausted", "timeout", "closed",
        "unavailable", "invalid"};
    return names[error];
}

typedef enum {
    RADON_DISTANCE_SAME_DOMAIN,
    RADON_DISTANCE_SAME_PROCESS,
    RADON_DISTANCE_SAME_HOST,
    RADON_DISTANCE_REMOTE,
} radon_distance;

typedef enum {
    RADON_LEVEL_DEBUG,
    RADON_LEVEL_INFO,
    RADON_LEVEL_WARN,
    RADON_LEVEL_ERROR,
} radon_level;

/* Handles; none is 0. */
typedef struct { int32_t handle; } radon_address;
typedef struct { int32_t handle; } radon_message;
typedef struct { int32_t handle; } radon_bucket;
typedef struct { int32_t handle; } radon_object;

typedef struct {
    radon_bytes key;
    radon_bytes value;
} radon_entry;

typedef struct {
    radon_bytes name;
    radon_bytes value;
} radon_pair;

typedef struct {
    const radon_pair *data;
    size_t len;
} radon_pair_list;

typedef struct {
    const radon_bytes *data;
    size_t len;
} radon_bytes_list;

typedef struct {
    const radon_option *data;
    size_t len;
} radon_option_list;

typedef struct {
    const radon_entry *data;
    size_t len;
} radon_entry_list;

typedef struct {
    const radon_address *data;
    size_t len;
} radon_address_list;

/* ---- how results come back: laid out as the Canonical ABI says, read by radon_take_... ---- */

typedef struct {
    bool failed;
    uint8_t error;
} radon_result_none;

static inline radon_error radon_take_none(radon_result_none area) {
    return area.failed ? (radon_error)(area.error + 1) : RADON_OK;
}

#define RADON_RESULT_(name, type)                                                      \
    typedef struct {                                                                   \
        bool failed;                                                                   \
        union {                                                                        \
            uint8_t error;                                                             \
            type value;                                                                \
        } either;                                                                      \
    } radon_result_##name;                                                             \
    static inline radon_error radon_take_##name(radon_result_##name area, type *out) { \
        *out = area.failed ? (type){0} : area.either.value;                            \
        return area.failed ? (radon_error)(area.either.error + 1) : RADON_OK;          \
    }

RADON_RESULT_(bytes, radon_bytes)
RADON_RESULT_(address, radon_address)
RADON_RESULT_(option, radon_option)
RADON_RESULT_(option_list, radon_option_list)
RADON_RESULT_(int64, int64_t)
RADON_RESULT_(entry_list, radon_entry_list)
RADON_RESULT_(bucket, radon_bucket)
RADON_RESULT_(object, radon_object)
RADON_RESULT_(address_list, radon_address_list)
RADON_RESULT_(uint32, uint32_t)

/* ---- messaging ----
 * Naming and messages. An address is a capability: whoever holds one may send to it. */

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]address.text")
void radon_import_messaging_address_text(int32_t self, void *area);
/* "kind/key". Text carries no authority: `open` checks the grant again. */
static inline radon_bytes radon_address_text(radon_address self) {
    radon_bytes area;
    radon_import_messaging_address_text(self.handle, &area);
    return area;
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]address.distance")
int32_t radon_import_messaging_address_distance(int32_t self);
static inline radon_distance radon_address_distance(radon_address self) {
    return (radon_distance)radon_import_messaging_address_distance(self.handle);
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]address.seal")
void radon_import_messaging_address_seal(int32_t self, void *area);
/* Bytes to keep in state or to put into a message: unforgeable within the application, the same every time. */
static inline radon_bytes radon_address_seal(radon_address self) {
    radon_bytes area;
    radon_import_messaging_address_seal(self.handle, &area);
    return area;
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]address.send")
void radon_import_messaging_address_send(int32_t self, const uint8_t *body, size_t body_len, void *area);
/* Reliable: takes effect when this turn commits; then delivered once, in order per pair. */
static inline radon_error radon_address_send(radon_address self, radon_bytes body) {
    radon_result_none area;
    radon_import_messaging_address_send(self.handle, body.data, body.len, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]address.cast")
void radon_import_messaging_address_cast(int32_t self, const uint8_t *body, size_t body_len, void *area);
/* At most once. Leaves only if the turn succeeds, possibly before its commit is durable. */
static inline radon_error radon_address_cast(radon_address self, radon_bytes body) {
    radon_result_none area;
    radon_import_messaging_address_cast(self.handle, body.data, body.len, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]address.send-later")
void radon_import_messaging_address_send_later(int32_t self, const uint8_t *body, size_t body_len, uint64_t delay,
    void *area);
/* As `send`, after `delay` ns. Durable. */
static inline radon_error radon_address_send_later(radon_address self, radon_bytes body, uint64_t delay) {
    radon_result_none area;
    radon_import_messaging_address_send_later(self.handle, body.data, body.len, delay, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]address.request")
void radon_import_messaging_address_request(int32_t self, const uint8_t *body, size_t body_len, uint64_t timeout,
    uint64_t token, void *area);
/* Reliable, with the answer delivered to `replies.replied` under `token`. `timeout` in ns. */
static inline radon_error radon_address_request(radon_address self, radon_bytes body, uint64_t timeout,
    uint64_t token) {
    radon_result_none area;
    radon_import_messaging_address_request(self.handle, body.data, body.len, timeout, token, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]address.call")
void radon_import_messaging_address_call(int32_t self, const uint8_t *body, size_t body_len, uint64_t timeout,
    void *area);
/* Send and suspend this turn until the answer. The atom takes no other message meanwhile. `timeout` in ns. */
static inline radon_error radon_address_call(radon_address self, radon_bytes body, uint64_t timeout,
    radon_bytes *out) {
    radon_result_bytes area;
    radon_import_messaging_address_call(self.handle, body.data, body.len, timeout, &area);
    return radon_take_bytes(area, out);
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]message.sender")
void radon_import_messaging_message_sender(int32_t self, void *area);
/* None: from outside the application.
 * Yours to drop. */
static inline bool radon_message_sender(radon_message self, radon_address *out) {
    struct { bool some; radon_address value; } area;
    radon_import_messaging_message_sender(self.handle, &area);
    *out = area.some ? area.value : (radon_address){0};
    return area.some;
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]message.wants-reply")
int32_t radon_import_messaging_message_wants_reply(int32_t self);
static inline bool radon_message_wants_reply(radon_message self) {
    return radon_import_messaging_message_wants_reply(self.handle) != 0;
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]message.id")
void radon_import_messaging_message_id(int32_t self, void *area);
/* The same in every attempt, unique in the application. */
static inline radon_bytes radon_message_id(radon_message self) {
    radon_bytes area;
    radon_import_messaging_message_id(self.handle, &area);
    return area;
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]message.attempt")
uint32_t radon_import_messaging_message_attempt(int32_t self);
/* Attempts before this one. */
static inline uint32_t radon_message_attempt(radon_message self) {
    return (uint32_t)radon_import_messaging_message_attempt(self.handle);
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]message.deadline")
uint64_t radon_import_messaging_message_deadline(int32_t self);
/* ns since 1970 after which nobody waits for an answer; 0: none. Messages sent in this turn inherit it. */
static inline uint64_t radon_message_deadline(radon_message self) {
    return (uint64_t)radon_import_messaging_message_deadline(self.handle);
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]message.topic")
void radon_import_messaging_message_topic(int32_t self, void *area);
/* The topic that it was published to. */
static inline radon_option radon_message_topic(radon_message self) {
    radon_option area;
    radon_import_messaging_message_topic(self.handle, &area);
    return area;
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]message.metadata")
void radon_import_messaging_message_metadata(int32_t self, const uint8_t *name, size_t name_len, void *area);
/* What a gateway or a tracer attached: "traceparent", "http.method", "http.path", "content-type", ... */
static inline radon_option radon_message_metadata(radon_message self, radon_bytes name) {
    radon_option area;
    radon_import_messaging_message_metadata(self.handle, name.data, name.len, &area);
    return area;
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]message.reply")
void radon_import_messaging_message_reply(int32_t self, const uint8_t *body, size_t body_len, void *area);
static inline radon_error radon_message_reply(radon_message self, radon_bytes body) {
    radon_result_none area;
    radon_import_messaging_message_reply(self.handle, body.data, body.len, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]message.reply-with")
void radon_import_messaging_message_reply_with(int32_t self, const radon_pair *metadata, size_t metadata_len,
    const uint8_t *body, size_t body_len, void *area);
static inline radon_error radon_message_reply_with(radon_message self, radon_pair_list metadata, radon_bytes body) {
    radon_result_none area;
    radon_import_messaging_message_reply_with(self.handle, metadata.data, metadata.len, body.data, body.len, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]message.forward")
void radon_import_messaging_message_forward(int32_t self, int32_t to, void *area);
/* Hand body and duty to answer on to another atom, without copying through this one. */
static inline radon_error radon_message_forward(radon_message self, radon_address to) {
    radon_result_none area;
    radon_import_messaging_message_forward(self.handle, to.handle, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[method]message.keep")
void radon_import_messaging_message_keep(int32_t self, uint64_t token, void *area);
/* Keep the duty to answer beyond this turn, durably, under `token`. */
static inline radon_error radon_message_keep(radon_message self, uint64_t token) {
    radon_result_none area;
    radon_import_messaging_message_keep(self.handle, token, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "self")
int32_t radon_import_messaging_self(void);
/* Yours to drop. */
static inline radon_address radon_messaging_self(void) {
    return (radon_address){radon_import_messaging_self()};
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "open")
void radon_import_messaging_open(const uint8_t *name, size_t name_len, void *area);
/* "kind/key", or "kind" for the atom with the empty key, or a link name of the manifest.
 * Yours to drop. */
static inline radon_error radon_messaging_open(radon_bytes name, radon_address *out) {
    radon_result_address area;
    radon_import_messaging_open(name.data, name.len, &area);
    return radon_take_address(area, out);
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "unseal")
void radon_import_messaging_unseal(const uint8_t *sealed, size_t sealed_len, void *area);
/* What `seal` gave.
 * Yours to drop. */
static inline radon_error radon_messaging_unseal(radon_bytes sealed, radon_address *out) {
    radon_result_address area;
    radon_import_messaging_unseal(sealed.data, sealed.len, &area);
    return radon_take_address(area, out);
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "kept")
void radon_import_messaging_kept(uint64_t token, void *area);
/* A message kept by an earlier turn of this atom.
 * Yours to drop. */
static inline bool radon_messaging_kept(uint64_t token, radon_message *out) {
    struct { bool some; radon_message value; } area;
    radon_import_messaging_kept(token, &area);
    *out = area.some ? area.value : (radon_message){0};
    return area.some;
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "answer-metadata")
void radon_import_messaging_answer_metadata(const uint8_t *name, size_t name_len, void *area);
/* What came with the answer that this turn handles (`replies.replied`), or with the last one that it waited for. */
static inline radon_option radon_messaging_answer_metadata(radon_bytes name) {
    radon_option area;
    radon_import_messaging_answer_metadata(name.data, name.len, &area);
    return area;
}

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[resource-drop]address")
void radon_import_messaging_address_drop(int32_t self);
static inline void radon_address_drop(radon_address self) { radon_import_messaging_address_drop(self.handle); }

RADON_IMPORT_("radon:atom/messaging@0.1.0", "[resource-drop]message")
void radon_import_messaging_message_drop(int32_t self);
static inline void radon_message_drop(radon_message self) { radon_import_messaging_message_drop(self.handle); }

/* ---- state ----
 * This atom's own durable state. Writes take effect when the turn commits; reads see them at once.
 * Linear memory is a cache: it may be lost between turns. State is not. */

RADON_IMPORT_("radon:atom/state@0.1.0", "[method]bucket.get")
void radon_import_state_bucket_get(int32_t self, const uint8_t *key, size_t key_len, void *area);
/* An empty value is a value; absence is none. */
static inline radon_error radon_bucket_get(radon_bucket self, radon_bytes key, radon_option *out) {
    radon_result_option area;
    radon_import_state_bucket_get(self.handle, key.data, key.len, &area);
    return radon_take_option(area, out);
}

RADON_IMPORT_("radon:atom/state@0.1.0", "[method]bucket.get-many")
void radon_import_state_bucket_get_many(int32_t self, const radon_bytes *keys, size_t keys_len, void *area);
static inline radon_error radon_bucket_get_many(radon_bucket self, radon_bytes_list keys, radon_option_list *out) {
    radon_result_option_list area;
    radon_import_state_bucket_get_many(self.handle, keys.data, keys.len, &area);
    return radon_take_option_list(area, out);
}

RADON_IMPORT_("radon:atom/state@0.1.0", "[method]bucket.put")
void radon_import_state_bucket_put(int32_t self, const uint8_t *key, size_t key_len, const uint8_t *value,
    size_t value_len, void *area);
static inline radon_error radon_bucket_put(radon_bucket self, radon_bytes key, radon_bytes value) {
    radon_result_none area;
    radon_import_state_bucket_put(self.handle, key.data, key.len, value.data, value.len, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/state@0.1.0", "[method]bucket.delete")
void radon_import_state_bucket_delete(int32_t self, const uint8_t *key, size_t key_len, void *area);
/* Deleting what is absent is no error. */
static inline radon_error radon_bucket_delete(radon_bucket self, radon_bytes key) {
    radon_result_none area;
    radon_import_state_bucket_delete(self.handle, key.data, key.len, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/state@0.1.0", "[method]bucket.delete-range")
void radon_import_state_bucket_delete_range(int32_t self, int32_t start_some, const uint8_t *start, size_t start_len,
    int32_t end_some, const uint8_t *end, size_t end_len, void *area);
/* Deletes start <= key < end (none: no bound). */
static inline radon_error radon_bucket_delete_range(radon_bucket self, radon_option start, radon_option end) {
    radon_result_none area;
    radon_import_state_bucket_delete_range(self.handle, start.some, start.value.data, start.value.len, end.some,
    end.value.data, end.value.len, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/state@0.1.0", "[method]bucket.add")
void radon_import_state_bucket_add(int32_t self, const uint8_t *key, size_t key_len, int64_t delta, void *area);
/* The little-endian s64 under `key` (absent: 0) plus `delta`, wrapping; answers the new value. A value that is not
 * 8 bytes: invalid. */
static inline radon_error radon_bucket_add(radon_bucket self, radon_bytes key, int64_t delta, int64_t *out) {
    radon_result_int64 area;
    radon_import_state_bucket_add(self.handle, key.data, key.len, delta, &area);
    return radon_take_int64(area, out);
}

RADON_IMPORT_("radon:atom/state@0.1.0", "[method]bucket.scan")
void radon_import_state_bucket_scan(int32_t self, int32_t start_some, const uint8_t *start, size_t start_len,
    int32_t end_some, const uint8_t *end, size_t end_len, uint32_t limit, int32_t backwards, void *area);
/* Entries with start <= key < end in byte order, or from the end backwards; stops after `limit` entries or 256
 * KiB, at least one. */
static inline radon_error radon_bucket_scan(radon_bucket self, radon_option start, radon_option end, uint32_t limit,
    bool backwards, radon_entry_list *out) {
    radon_result_entry_list area;
    radon_import_state_bucket_scan(self.handle, start.some, start.value.data, start.value.len, end.some, end.value.data,
    end.value.len, limit, backwards, &area);
    return radon_take_entry_list(area, out);
}

RADON_IMPORT_("radon:atom/state@0.1.0", "open")
void radon_import_state_open(const uint8_t *name, size_t name_len, void *area);
/* Yours to drop. */
static inline radon_error radon_state_open(radon_bytes name, radon_bucket *out) {
    radon_result_bucket area;
    radon_import_state_open(name.data, name.len, &area);
    return radon_take_bucket(area, out);
}

RADON_IMPORT_("radon:atom/state@0.1.0", "[resource-drop]bucket")
void radon_import_state_bucket_drop(int32_t self);
static inline void radon_bucket_drop(radon_bucket self) { radon_import_state_bucket_drop(self.handle); }

/* ---- objects ----
 * Immutable bytes, named by their SHA-256 everywhere. For what is too large for a message. */

RADON_IMPORT_("radon:atom/objects@0.1.0", "[method]object.name")
void radon_import_objects_object_name(int32_t self, void *area);
static inline radon_bytes radon_object_name(radon_object self) {
    radon_bytes area;
    radon_import_objects_object_name(self.handle, &area);
    return area;
}

RADON_IMPORT_("radon:atom/objects@0.1.0", "[method]object.size")
uint64_t radon_import_objects_object_size(int32_t self);
static inline uint64_t radon_object_size(radon_object self) {
    return (uint64_t)radon_import_objects_object_size(self.handle);
}

RADON_IMPORT_("radon:atom/objects@0.1.0", "[method]object.read")
void radon_import_objects_object_read(int32_t self, uint64_t offset, uint32_t length, void *area);
static inline radon_error radon_object_read(radon_object self, uint64_t offset, uint32_t length, radon_bytes *out) {
    radon_result_bytes area;
    radon_import_objects_object_read(self.handle, offset, length, &area);
    return radon_take_bytes(area, out);
}

RADON_IMPORT_("radon:atom/objects@0.1.0", "put")
void radon_import_objects_put(const uint8_t *body, size_t body_len, void *area);
/* Lives while it is pinned, or for the retention time of the deployment.
 * Yours to drop. */
static inline radon_error radon_objects_put(radon_bytes body, radon_object *out) {
    radon_result_object area;
    radon_import_objects_put(body.data, body.len, &area);
    return radon_take_object(area, out);
}

RADON_IMPORT_("radon:atom/objects@0.1.0", "open")
void radon_import_objects_open(const uint8_t *name, size_t name_len, void *area);
/* Yours to drop. */
static inline radon_error radon_objects_open(radon_bytes name, radon_object *out) {
    radon_result_object area;
    radon_import_objects_open(name.data, name.len, &area);
    return radon_take_object(area, out);
}

RADON_IMPORT_("radon:atom/objects@0.1.0", "pin")
void radon_import_objects_pin(const uint8_t *name, size_t name_len, void *area);
static inline radon_error radon_objects_pin(radon_bytes name) {
    radon_result_none area;
    radon_import_objects_pin(name.data, name.len, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/objects@0.1.0", "unpin")
void radon_import_objects_unpin(const uint8_t *name, size_t name_len, void *area);
static inline radon_error radon_objects_unpin(radon_bytes name) {
    radon_result_none area;
    radon_import_objects_unpin(name.data, name.len, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/objects@0.1.0", "[resource-drop]object")
void radon_import_objects_object_drop(int32_t self);
static inline void radon_object_drop(radon_object self) { radon_import_objects_object_drop(self.handle); }

/* ---- lifecycle ----
 * Other atoms' lives. An atom also comes to life by being sent its first message (with empty args). */

RADON_IMPORT_("radon:atom/lifecycle@0.1.0", "spawn")
void radon_import_lifecycle_spawn(const uint8_t *kind, size_t kind_len, const uint8_t *args, size_t args_len,
    void *area);
/* A new atom of `kind` with a fresh key; `args` reach its `startup.start`. The address is bound to this life of
 * it.
 * Yours to drop. */
static inline radon_error radon_lifecycle_spawn(radon_bytes kind, radon_bytes args, radon_address *out) {
    radon_result_address area;
    radon_import_lifecycle_spawn(kind.data, kind.len, args.data, args.len, &area);
    return radon_take_address(area, out);
}

RADON_IMPORT_("radon:atom/lifecycle@0.1.0", "spawn-many")
void radon_import_lifecycle_spawn_many(const uint8_t *kind, size_t kind_len, uint32_t count, const uint8_t *args,
    size_t args_len, void *area);
/* Yours to drop. */
static inline radon_error radon_lifecycle_spawn_many(radon_bytes kind, uint32_t count, radon_bytes args,
    radon_address_list *out) {
    radon_result_address_list area;
    radon_import_lifecycle_spawn_many(kind.data, kind.len, count, args.data, args.len, &area);
    return radon_take_address_list(area, out);
}

RADON_IMPORT_("radon:atom/lifecycle@0.1.0", "exit")
void radon_import_lifecycle_exit(uint32_t status);
/* End this atom, and delete its state, when the turn commits. */
static inline void radon_lifecycle_exit(uint32_t status) {
    radon_import_lifecycle_exit(status);
}

RADON_IMPORT_("radon:atom/lifecycle@0.1.0", "stop")
void radon_import_lifecycle_stop(int32_t target, void *area);
/* End another atom. Needs a grant. */
static inline radon_error radon_lifecycle_stop(radon_address target) {
    radon_result_none area;
    radon_import_lifecycle_stop(target.handle, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/lifecycle@0.1.0", "monitor")
void radon_import_lifecycle_monitor(int32_t target, uint64_t token, void *area);
/* `watcher.down` is called once when the target exits, is stopped or fails for good. */
static inline radon_error radon_lifecycle_monitor(radon_address target, uint64_t token) {
    radon_result_none area;
    radon_import_lifecycle_monitor(target.handle, token, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/lifecycle@0.1.0", "wait")
void radon_import_lifecycle_wait(int32_t target, uint64_t timeout, void *area);
/* Suspend until the target has ended; answers its exit status. A spawned atom's status is kept for its parent.
 * `timeout` in ns. */
static inline radon_error radon_lifecycle_wait(radon_address target, uint64_t timeout, uint32_t *out) {
    radon_result_uint32 area;
    radon_import_lifecycle_wait(target.handle, timeout, &area);
    return radon_take_uint32(area, out);
}

/* ---- topics ----
 * Many to many: whoever subscribed to a topic gets what is published there, in order per publisher. */

RADON_IMPORT_("radon:atom/topics@0.1.0", "publish")
void radon_import_topics_publish(const uint8_t *topic, size_t topic_len, const uint8_t *body, size_t body_len,
    void *area);
static inline radon_error radon_topics_publish(radon_bytes topic, radon_bytes body) {
    radon_result_none area;
    radon_import_topics_publish(topic.data, topic.len, body.data, body.len, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/topics@0.1.0", "subscribe")
void radon_import_topics_subscribe(const uint8_t *topic, size_t topic_len, void *area);
static inline radon_error radon_topics_subscribe(radon_bytes topic) {
    radon_result_none area;
    radon_import_topics_subscribe(topic.data, topic.len, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/topics@0.1.0", "unsubscribe")
void radon_import_topics_unsubscribe(const uint8_t *topic, size_t topic_len, void *area);
static inline radon_error radon_topics_unsubscribe(radon_bytes topic) {
    radon_result_none area;
    radon_import_topics_unsubscribe(topic.data, topic.len, &area);
    return radon_take_none(area);
}

/* ---- clock ----
 * Time is an input: it stands still within a turn. */

RADON_IMPORT_("radon:atom/clock@0.1.0", "now")
uint64_t radon_import_clock_now(void);
/* ns since 1970-01-01 UTC, as of this turn's input. */
static inline uint64_t radon_clock_now(void) {
    return (uint64_t)radon_import_clock_now();
}

RADON_IMPORT_("radon:atom/clock@0.1.0", "set-timer")
void radon_import_clock_set_timer(uint64_t delay, uint64_t token, void *area);
/* `timers.fired` with `token` after `delay` ns. The same token again moves the timer. Durable. */
static inline radon_error radon_clock_set_timer(uint64_t delay, uint64_t token) {
    radon_result_none area;
    radon_import_clock_set_timer(delay, token, &area);
    return radon_take_none(area);
}

RADON_IMPORT_("radon:atom/clock@0.1.0", "cancel-timer")
void radon_import_clock_cancel_timer(uint64_t token);
static inline void radon_clock_cancel_timer(uint64_t token) {
    radon_import_clock_cancel_timer(token);
}

RADON_IMPORT_("radon:atom/clock@0.1.0", "sleep")
void radon_import_clock_sleep(uint64_t duration);
/* Suspend this turn. ns. */
static inline void radon_clock_sleep(uint64_t duration) {
    radon_import_clock_sleep(duration);
}

/* ---- random ---- */

RADON_IMPORT_("radon:atom/random@0.1.0", "next")
uint64_t radon_import_random_next(void);
static inline uint64_t radon_random_next(void) {
    return (uint64_t)radon_import_random_next();
}

RADON_IMPORT_("radon:atom/random@0.1.0", "fill")
void radon_import_random_fill(uint32_t length, void *area);
static inline radon_bytes radon_random_fill(uint32_t length) {
    radon_bytes area;
    radon_import_random_fill(length, &area);
    return area;
}

/* ---- log ----
 * Not transactional: what an undone turn logged stays, marked with its attempt. */

RADON_IMPORT_("radon:atom/log@0.1.0", "write")
void radon_import_log_write(int32_t level, const uint8_t *text, size_t text_len);
static inline void radon_log_write(radon_level level, radon_bytes text) {
    radon_import_log_write(level, text.data, text.len);
}

RADON_IMPORT_("radon:atom/log@0.1.0", "count")
void radon_import_log_count(const uint8_t *name, size_t name_len, uint64_t by);
/* Counter and histogram, labelled with the atom's kind by the host. */
static inline void radon_log_count(radon_bytes name, uint64_t by) {
    radon_import_log_count(name.data, name.len, by);
}

RADON_IMPORT_("radon:atom/log@0.1.0", "observe")
void radon_import_log_observe(const uint8_t *name, size_t name_len, double value);
static inline void radon_log_observe(radon_bytes name, double value) {
    radon_import_log_observe(name.data, name.len, value);
}

/* ---- config ---- */

RADON_IMPORT_("radon:atom/config@0.1.0", "get")
void radon_import_config_get(const uint8_t *name, size_t name_len, void *area);
static inline radon_option radon_config_get(radon_bytes name) {
    radon_option area;
    radon_import_config_get(name.data, name.len, &area);
    return area;
}

/* ---- handlers ----
 * Each macro heads a function body that returns a radon_outcome; call the parameters what you like:
 *     RADON_RECEIVE(message, body) { ...; return RADON_DONE; }
 * An atom has RADON_RECEIVE, and those of the others that it needs, each once.
 */

#define RADON_HANDLER_ static __attribute__((noinline)) radon_outcome /* not inlined, so that a trap shows its name */
#define RADON_UNUSED_ __attribute__((unused))

/* One turn. `err` or a trap undoes all that the turn did. */
#define RADON_RECEIVE(message, body)                                                                                   \
    RADON_HANDLER_ radon_on_receive(radon_message, radon_bytes);                                                       \
    RADON_EXPORT_("radon:atom/handler@0.1.0#receive")                                                                  \
    const radon_outcome *radon_enter_receive(int32_t radon_0, const uint8_t *radon_1, size_t radon_1_len) {            \
        radon_outcome outcome = radon_on_receive((radon_message){radon_0}, (radon_bytes){radon_1, radon_1_len});       \
        radon_message_drop((radon_message){radon_0});                                                                  \
        return radon_settle(outcome);                                                                                  \
    }                                                                                                                  \
    RADON_HANDLER_ radon_on_receive(RADON_UNUSED_ radon_message message, RADON_UNUSED_ radon_bytes body)

/* Once in an atom's life, before its first message. */
#define RADON_START(args)                                                                                              \
    RADON_HANDLER_ radon_on_start(radon_bytes);                                                                        \
    RADON_EXPORT_("radon:atom/startup@0.1.0#start")                                                                    \
    const radon_outcome *radon_enter_start(const uint8_t *radon_0, size_t radon_0_len) {                               \
        radon_outcome outcome = radon_on_start((radon_bytes){radon_0, radon_0_len});                                   \
        return radon_settle(outcome);                                                                                  \
    }                                                                                                                  \
    RADON_HANDLER_ radon_on_start(RADON_UNUSED_ radon_bytes args)

#define RADON_REPLIED(token, error, answer)                                                                            \
    RADON_HANDLER_ radon_on_replied(uint64_t, radon_error, radon_bytes);                                               \
    RADON_EXPORT_("radon:atom/replies@0.1.0#replied")                                                                  \
    const radon_outcome *radon_enter_replied(uint64_t radon_0, int32_t radon_1_failed, uintptr_t radon_1,              \
        size_t radon_1_len) {                                                                                          \
        radon_outcome outcome = radon_on_replied(radon_0, radon_1_failed ? (radon_error)(radon_1 + 1) : RADON_OK,      \
            radon_1_failed ? (radon_bytes){0} : (radon_bytes){(const uint8_t *)radon_1, radon_1_len});                 \
        return radon_settle(outcome);                                                                                  \
    }                                                                                                                  \
    RADON_HANDLER_ radon_on_replied(RADON_UNUSED_ uint64_t token, RADON_UNUSED_ radon_error error,                     \
        RADON_UNUSED_ radon_bytes answer)

#define RADON_FIRED(token)                                                                                             \
    RADON_HANDLER_ radon_on_fired(uint64_t);                                                                           \
    RADON_EXPORT_("radon:atom/timers@0.1.0#fired")                                                                     \
    const radon_outcome *radon_enter_fired(uint64_t radon_0) {                                                         \
        radon_outcome outcome = radon_on_fired(radon_0);                                                               \
        return radon_settle(outcome);                                                                                  \
    }                                                                                                                  \
    RADON_HANDLER_ radon_on_fired(RADON_UNUSED_ uint64_t token)

#define RADON_DOWN(token, status)                                                                                      \
    RADON_HANDLER_ radon_on_down(uint64_t, uint32_t);                                                                  \
    RADON_EXPORT_("radon:atom/watcher@0.1.0#down")                                                                     \
    const radon_outcome *radon_enter_down(uint64_t radon_0, uint32_t radon_1) {                                        \
        radon_outcome outcome = radon_on_down(radon_0, radon_1);                                                       \
        return radon_settle(outcome);                                                                                  \
    }                                                                                                                  \
    RADON_HANDLER_ radon_on_down(RADON_UNUSED_ uint64_t token, RADON_UNUSED_ uint32_t status)

#include "radon_json.h"

#endif

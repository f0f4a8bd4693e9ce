/* settings.c - the config of the kind, kept where a turn's end does not reach it. */
#include "settings.h"

#define NAME_MAX 63
#define PASSWORD_MAX 512
#define BULK_LENGTH 1048576 /* proto-max-bulk-len, unless the config says otherwise */
#define BULK_MAX 0xffffff   /* shards take no longer words */
#define BESIDE 65536        /* what a command may have beside its longest argument */
#define REPLIES (12 << 20)  /* what the memory that the kind has by default stands three times */

typedef struct {
    uint8_t bytes[PASSWORD_MAX];
    size_t len;
} text;

static settings known;
static bool loaded;

static radon_bytes remember(text *place, const char *name, const char *otherwise, size_t most) {
    radon_option value = radon_config_get(radon_text(name));
    radon_bytes bytes = value.some ? value.value : radon_text(otherwise);
    place->len = bytes.len < most ? bytes.len : most;
    memcpy(place->bytes, bytes.data, place->len);
    return (radon_bytes){place->bytes, place->len};
}

__attribute__((noinline)) static void load(void) { /* so that settings_get is small enough to be */
    static text password, keys, tx;
    uint64_t most = BULK_LENGTH;
    radon_option bulk = radon_config_get(radon_text("proto-max-bulk-len"));
    if (bulk.some && (!radon_parse_u64(bulk.value, &most) || most > BULK_MAX)) most = BULK_LENGTH;
    known.password = remember(&password, "requirepass", "", PASSWORD_MAX);
    known.keys = remember(&keys, "keys", "keys", NAME_MAX);
    known.tx = remember(&tx, "tx", "tx", NAME_MAX);
    known.limits = (wire_limits){.most = (size_t)most, .total = (size_t)most + BESIDE};
    known.replies = REPLIES + 2 * (size_t)most;
    loaded = true;
}

const settings *settings_get(void) {
    if (!loaded) load();
    return &known;
}

void settings_set_shards(uint32_t shards) { known.shards = shards; }

radon_error settings_open(radon_bytes kind, const char *mark, uint32_t number, radon_address *out) {
    uint8_t name[NAME_MAX + 16];
    size_t length = kind.len, digits = 1;
    memcpy(name, kind.data, kind.len);
    while (*mark != 0) name[length++] = (uint8_t)*mark++;
    for (uint32_t rest = number; rest >= 10; rest /= 10) digits++;
    for (size_t index = digits; index > 0; index--, number /= 10) name[length + index - 1] = (uint8_t)('0' + number % 10);
    return radon_messaging_open((radon_bytes){name, length + digits}, out);
}

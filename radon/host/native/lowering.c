/* lowering.c - see lowering.h */
#include "lowering.h"

/* ---- lifting ---- */

bool lift_bytes(Instance *i, uint32_t pointer, uint32_t length, Str **bytes) {
    Slice there;
    *bytes = NULL;
    if (!guest_read(i, pointer, length, &there)) return false;
    *bytes = str_new(there.data, there.size);
    return true;
}

bool read_text(Instance *i, uint32_t pointer, uint32_t length, Slice *text) {
    size_t valid;
    if (!guest_read(i, pointer, length, text)) return false;
    valid = utf8_valid(*text);
    return valid == text->size || violation(i, "a string is not UTF-8: byte %zu begins no character", valid);
}

bool lift_text(Instance *i, uint32_t pointer, uint32_t length, Str **text) {
    Slice there;
    *text = NULL;
    if (!read_text(i, pointer, length, &there)) return false;
    *text = str_new(there.data, there.size);
    return true;
}

bool lift_option(Instance *i, uint32_t some, uint32_t pointer, uint32_t length, Str **bytes) {
    *bytes = NULL;
    if (some > 1) return violation(i, "%u is no case of option", some);
    return !some || lift_bytes(i, pointer, length, bytes);
}

void free_list(Str **items, size_t count) {
    for (size_t n = 0; items && n < count; n++) str_unref(items[n]);
    free(items);
}

bool lift_list(Instance *i, uint32_t pointer, uint32_t count, bool pairs, Str ***items, Error *error) {
    size_t parts = pairs ? 2 : 1, lifted = 0;
    uint64_t bytes = (uint64_t)count * 8 * parts, most = i->kind->message, total = 0;
    Slice raw;
    uint8_t *copy;
    *items = NULL;
    *error = OK;
    if (pointer % 4) return violation(i, "a list at %u is not aligned to 4", pointer);
    if (!guest_check(i, pointer, bytes)) return false;
    if (bytes > most) {
        *error = TOO_LARGE;
        return true;
    }
    if (!turn_spend(i->turn, count * (uint64_t)SYSCALL_FUEL) || !guest_read(i, pointer, bytes, &raw)) return false;
    copy = xmalloc(raw.size);
    memcpy(copy, raw.data, raw.size);
    *items = xcalloc(count * parts, sizeof **items);
    while (lifted < count * parts) {
        uint32_t at[2];
        bool text = pairs && lifted % 2 == 0;
        memcpy(at, copy + 8 * lifted, 8);
        if (!(text ? lift_text : lift_bytes)(i, at[0], at[1], &(*items)[lifted])) break;
        total += text ? utf8_length(slice_of((*items)[lifted])) : (*items)[lifted]->size;
        lifted++;
        if (lifted % parts == 0 && total > most) {
            *error = TOO_LARGE;
            break;
        }
    }
    free(copy);
    if (lifted == count * parts && !*error) return true;
    free_list(*items, lifted);
    *items = NULL;
    return *error != OK;
}

/* ---- lowering ---- */

bool aligned(Instance *i, uint32_t at, uint32_t align) {
    return at % align == 0 || violation(i, "the return area at %u is not aligned to %u", at, align);
}

bool store_bytes(Instance *i, Slice bytes, uint32_t pair[2]) {
    pair[0] = 1, pair[1] = 0; /* null is no pointer in some languages */
    if (bytes.size == 0 && !i->kind->assembly) return true; /* a component may free what it is given */
    if (!guest_allocate(i, 1, bytes.size, &pair[0])) return false;
    pair[1] = (uint32_t)bytes.size;
    return guest_write(i, pair[0], bytes.data, bytes.size);
}

bool lower_error(Instance *i, uint32_t at, Error error) {
    uint8_t area[2] = {error != OK, error ? (uint8_t)(error - 1) : 0};
    return guest_write(i, at, area, sizeof area);
}

bool lower_failed(Instance *i, uint32_t at, Error error, size_t size, uint32_t align) {
    uint8_t area[16] = {1};
    area[align] = (uint8_t)(error - 1);
    return aligned(i, at, align) && guest_write(i, at, area, size);
}

bool lower_string(Instance *i, uint32_t at, Slice bytes) {
    uint32_t pair[2];
    return aligned(i, at, 4) && store_bytes(i, bytes, pair) && guest_write(i, at, pair, 8);
}

bool lower_drawn(Instance *i, Turn *t, size_t length, uint32_t at) {
    Str *drawn;
    bool done;
    if (!turn_spend(t, turn_draw_cost(t, length))) return false;
    drawn = str_room(length);
    turn_draw(t, drawn->data, length);
    done = lower_string(i, at, slice_of(drawn));
    str_unref(drawn);
    return done;
}

bool lower_some(Instance *i, uint32_t at, bool some, Slice bytes) {
    uint32_t area[3] = {some, 0, 0};
    return aligned(i, at, 4) && (!some || store_bytes(i, bytes, area + 1)) && guest_write(i, at, area, 12);
}

bool lower_ok_bytes(Instance *i, uint32_t at, Slice bytes) {
    uint32_t area[3] = {0};
    return aligned(i, at, 4) && store_bytes(i, bytes, area + 1) && guest_write(i, at, area, 12);
}

bool lower_ok_some(Instance *i, uint32_t at, bool some, Slice bytes) {
    uint32_t area[4] = {0, some, 0, 0};
    return aligned(i, at, 4) && (!some || store_bytes(i, bytes, area + 2)) && guest_write(i, at, area, 16);
}


bool lower_ok_handle(Instance *i, uint32_t at, Handle h) {
    uint32_t area[2] = {0};
    if (!aligned(i, at, 4)) {
        handle_forget(h);
        return false;
    }
    if (handles_room(i, h.type, 1)) {
        area[1] = handle_insert(i, h);
    } else {
        handle_forget(h);
        area[0] = 1, area[1] = EXHAUSTED - 1;
    }
    return guest_write(i, at, area, 8);
}

bool lower_option_handle(Instance *i, uint32_t at, bool some, Handle h) {
    wasmtime_val_raw_t v = {.i32 = 0};
    uint32_t area[2] = {some, 0};
    if (!aligned(i, at, 4)) {
        if (some) handle_forget(h);
        return false;
    }
    if (some && !give_handle(i, &v, h)) return false;
    area[1] = (uint32_t)v.i32;
    return guest_write(i, at, area, 8);
}

bool lower_ok_u32(Instance *i, uint32_t at, uint32_t number) {
    uint32_t area[2] = {0, number};
    return aligned(i, at, 4) && guest_write(i, at, area, 8);
}

bool lower_ok_s64(Instance *i, uint32_t at, int64_t number) {
    int64_t area[2] = {0, number};
    return aligned(i, at, 8) && guest_write(i, at, area, 16);
}

bool lower_list(Instance *i, size_t count, size_t size, uint32_t *pointer) {
    *pointer = 4;
    if (count == 0 && !i->kind->assembly) return true;
    return turn_spend(i->turn, count * (uint64_t)SYSCALL_FUEL) && guest_allocate(i, 4, count * size, pointer);
}

bool lower_ok_list(Instance *i, uint32_t at, uint32_t pointer, size_t count) {
    uint32_t area[3] = {0, pointer, (uint32_t)count};
    return guest_write(i, at, area, 12);
}

bool give_handle(Instance *i, wasmtime_val_raw_t *v, Handle h) {
    if (!handles_room(i, h.type, 1)) {
        handle_forget(h);
        return violation(
            i, "%u of %llu handles are in use; 1 more: see limits.handles", handles_of(i, h.type)->count,
            (unsigned long long)i->kind->handles);
    }
    v->i32 = (int32_t)handle_insert(i, h);
    return true;
}

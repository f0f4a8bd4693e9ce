/* requests.c - what an operation is in the Redis protocol, and whether the reply is what it must be.
 *
 * A record is a string. Scans need an order, which strings have not: so every key is also a member of one sorted set,
 * as in the Redis binding of YCSB.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

#define INDEX "load:index"

static void expect(connection *at, const load_operation *operation, pending_step step, uint64_t *ids, uint32_t found) {
    at->ring[(at->head + at->count++) % at->room] = (pending){*operation, step, ids, found};
}

/* Commands of so many arguments, whose bytes beside their heads are `size`. */
static bool reserve(connection *at, uint32_t commands, uint32_t arguments, size_t size) {
    return resp_reserve(&at->out, (size_t)(commands + arguments) * RESP_HEAD + size);
}

static bool get(connection *at, const load_operation *operation, pending_step step) {
    if (!reserve(at, 1, 2, 3 + LOAD_KEY)) return false;
    resp_array(&at->out, 2);
    resp_bulk(&at->out, "GET", 3);
    record_key(operation->id, resp_bulk(&at->out, NULL, LOAD_KEY));
    expect(at, operation, step, NULL, 0);
    return true;
}

static bool set(connection *at, const load_operation *operation, uint32_t size) {
    if (!reserve(at, 1, 3, 3 + LOAD_KEY + (size_t)size)) return false;
    resp_array(&at->out, 3);
    resp_bulk(&at->out, "SET", 3);
    record_key(operation->id, resp_bulk(&at->out, NULL, LOAD_KEY));
    record_value(operation->id, operation->number, resp_bulk(&at->out, NULL, size), size);
    expect(at, operation, STEP_WRITE, NULL, 0);
    return true;
}

static bool index_key(connection *at, const load_operation *operation) {
    if (!reserve(at, 1, 4, 5 + LOAD_KEY + sizeof INDEX)) return false;
    resp_array(&at->out, 4);
    resp_bulk(&at->out, "ZADD", 4);
    resp_bulk(&at->out, INDEX, sizeof INDEX - 1);
    resp_bulk(&at->out, "0", 1);
    record_key(operation->id, resp_bulk(&at->out, NULL, LOAD_KEY));
    expect(at, operation, STEP_INDEX, NULL, 0);
    return true;
}

static bool find(connection *at, const load_operation *operation) {
    char limit[16];
    if (!reserve(at, 1, 7, 32 + sizeof INDEX + LOAD_KEY + sizeof limit)) return false;
    resp_array(&at->out, 7);
    resp_bulk(&at->out, "ZRANGEBYLEX", 11);
    resp_bulk(&at->out, INDEX, sizeof INDEX - 1);
    uint8_t *from = resp_bulk(&at->out, NULL, 1 + LOAD_KEY);
    from[0] = '[';
    record_key(operation->id, from + 1);
    resp_bulk(&at->out, "+", 1);
    resp_bulk(&at->out, "LIMIT", 5);
    resp_bulk(&at->out, "0", 1);
    resp_bulk(&at->out, limit, (size_t)snprintf(limit, sizeof limit, "%u", operation->number));
    expect(at, operation, STEP_FIND, NULL, 0);
    return true;
}

bool client_request(load_client *client, connection *at, const load_operation *operation) {
    uint32_t size = client->source.mix.value_size;
    at->busy++;
    client->under_way++;
    switch (operation->kind) {
    case LOAD_READ: return get(at, operation, STEP_READ);
    case LOAD_MODIFY: return get(at, operation, STEP_FIRST);
    case LOAD_SCAN: return find(at, operation);
    case LOAD_INSERT:
        if (client->source.mix.indexed && !index_key(at, operation)) return false;
        return set(at, operation, size);
    default: return set(at, operation, size);
    }
}

/* ---- replies ---- */

void client_complain(load_client *client, const char *what, const uint8_t *text, size_t size) {
    if (client->why[0] != 0) return;
    int most = size < 100 ? (int)size : 100;
    snprintf(client->why, sizeof client->why, "%s%.*s", what, most, (const char *)text);
}

static void wrong(load_client *client, const load_operation *operation, const char *what) {
    uint8_t key[LOAD_KEY];
    client->tally.wrong++;
    record_key(operation->id, key);
    client_complain(client, what, key, LOAD_KEY);
}

/* It is over, well or not. */
static void finish(load_client *client, connection *at, const load_operation *operation, uint64_t now) {
    at->busy--;
    client->under_way--;
    client->tally.done[operation->kind]++;
    histogram_add(client->counts[operation->kind], now > operation->start ? now - operation->start : 0);
}

void client_give_up(load_client *client, const load_operation *operation, uint64_t now) {
    client->tally.unfinished++;
    histogram_add(client->counts[operation->kind], now > operation->start ? now - operation->start : 0);
}

static bool is_value(uint64_t id, const resp_value *value) {
    return value->kind == RESP_BULK && record_is(id, value->data, (uint32_t)value->size);
}

/* Keys that were found: in order, from where the scan starts. Their values are asked for. False: it is over. */
static bool collect(load_client *client, connection *at, const load_operation *operation, const resp_value *keys,
    const uint8_t *end) {
    const uint8_t *from = keys->data, *before = NULL;
    uint32_t found = (uint32_t)keys->size;
    if (keys->kind != RESP_ARRAY || found == 0 || found > operation->number) {
        wrong(client, operation, "a scan found too few or too many records from ");
        return false;
    }
    uint64_t *ids = malloc(found * sizeof *ids);
    if (ids == NULL || !reserve(at, 1, found + 1, 4 + (size_t)found * LOAD_KEY)) {
        free(ids);
        wrong(client, operation, "no memory for a scan from ");
        return false;
    }
    resp_value key;
    for (uint32_t n = 0; n < found; n++, before = key.data) {
        bool whole = resp_take(&from, end, &key) == 0 && key.kind == RESP_BULK && key.size == LOAD_KEY;
        ids[n] = whole ? record_id(key.data) : UINT64_MAX;
        if (ids[n] == UINT64_MAX || (n == 0 ? ids[0] != operation->id : memcmp(before, key.data, LOAD_KEY) >= 0)) {
            free(ids);
            wrong(client, operation, "a scan found other records, or in another order, from ");
            return false;
        }
    }
    resp_array(&at->out, found + 1);
    resp_bulk(&at->out, "MGET", 4);
    for (uint32_t n = 0; n < found; n++) record_key(ids[n], resp_bulk(&at->out, NULL, LOAD_KEY));
    expect(at, operation, STEP_COLLECT, ids, found);
    return true;
}

/* Of any size: a scan comes upon what earlier runs have inserted. */
static bool are_values(const pending *of, const resp_value *values, const uint8_t *end) {
    const uint8_t *from = values->data;
    resp_value value;
    if (values->kind != RESP_ARRAY || values->size != of->found) return false;
    for (uint32_t n = 0; n < of->found; n++)
        if (resp_take(&from, end, &value) != 0 || !is_value(of->ids[n], &value)) return false;
    return true;
}

void client_reply(load_client *client, connection *at, const uint8_t *reply, size_t size, uint64_t now) {
    pending of = at->ring[at->head];
    const load_operation *operation = &of.operation;
    const uint8_t *from = reply;
    resp_value value;
    at->head = (at->head + 1) % at->room;
    at->count--;
    (void)resp_take(&from, reply + size, &value);
    bool over = of.step != STEP_INDEX;
    if (value.kind == RESP_ERROR) {
        client->tally.errors++;
        client_complain(client, "", value.data, value.size);
        if (over) finish(client, at, operation, now);
        free(of.ids);
        return;
    }
    switch (of.step) {
    case STEP_READ:
    case STEP_FIRST:
        if (!is_value(operation->id, &value) || value.size != client->source.mix.value_size) {
            wrong(client, operation, value.kind == RESP_NULL ? "there is no " : "a wrong value of ");
        } else if (of.step == STEP_FIRST) {
            over = !set(at, operation, client->source.mix.value_size);
        }
        break;
    case STEP_WRITE:
        if (value.kind != RESP_TEXT || value.size != 2 || memcmp(value.data, "OK", 2) != 0)
            wrong(client, operation, "a wrong answer to a SET of ");
        else if (operation->kind == LOAD_INSERT)
            source_acknowledge(&client->source, operation->id);
        break;
    case STEP_INDEX:
        if (value.kind != RESP_NUMBER) wrong(client, operation, "a wrong answer to a ZADD of ");
        break;
    case STEP_FIND: over = !collect(client, at, operation, &value, reply + size); break;
    case STEP_COLLECT:
        if (!are_values(&of, &value, reply + size)) wrong(client, operation, "wrong values of a scan from ");
        break;
    }
    free(of.ids);
    if (over) finish(client, at, operation, now);
}

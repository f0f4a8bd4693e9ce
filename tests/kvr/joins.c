/* joins.c - answers with two states of a key joined: the function of kvr itself, alone.
 *
 * A message is whether the newest register wins (u8), and behind its length (u32) each: left cells, right cells, stamps
 * that are removed, and two vectors, both empty or what the left and the right side have seen.
 */
#include "../../radon/atoms/std/kvr/cells.h"

RADON_RECEIVE(message, body) {
    radon_bytes rest = radon_slice(body, 1, body.len), part[5];
    vector seen[2];
    for (int index = 0; index < 5; index++)
        if (!kv_take_key(&rest, &part[index])) return radon_fail("cut off");
    rule joining = {.newest = body.data[0] != 0, .removed = part[2]};
    if (part[3].len == sizeof seen[0] && part[4].len == sizeof seen[0]) {
        memcpy(&seen[0], part[3].data, sizeof seen[0]);
        memcpy(&seen[1], part[4].data, sizeof seen[1]);
        joining.left = &seen[0];
        joining.right = &seen[1];
    }
    RADON_TRY(radon_message_reply(message, cells_join(part[0], part[1], &joining)));
    return RADON_DONE;
}

/* ping.c - a connection's atom that stands in for a server of Redis' protocol: it answers +PONG to each command.
 *
 * A PING is counted by its letter G, which it has once, so that a chunk may begin and end anywhere.
 */
#include "radon.h"

RADON_RECEIVE(message, body) {
    static const char pong[] = "+PONG\r\n";
    size_t count = 0, one = sizeof pong - 1;
    uint8_t *answer;
    for (size_t at = 0; at < body.len; at++) count += body.data[at] == 'G';
    answer = radon_alloc(count * one);
    for (size_t at = 0; at < count * one; at++) answer[at] = (uint8_t)pong[at % one];
    if (count) RADON_TRY(radon_message_reply(message, (radon_bytes){answer, count * one}));
    return RADON_DONE;
}

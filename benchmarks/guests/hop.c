/* hop.c - sends what it gets on to its peer, who does the same, and so on for ever. */
#include "radon.h"

static radon_address peer; /* lives as long as this instance, as globals do */

RADON_RECEIVE(message, body) {
    if (peer.handle == 0) RADON_TRY(radon_messaging_open(radon_text("peer"), &peer));
    RADON_TRY(radon_address_send(peer, body));
    return RADON_DONE;
}

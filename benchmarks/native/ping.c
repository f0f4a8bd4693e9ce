/* ping.c - the floor of a TCP server: one epoll loop that answers +PONG to each command, and nothing else.
 *
 * Takes the port from its argument. A PING is counted by its letter G, as guests/ping.c does.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, PONG = 7 };

static char in[CHUNK], out[CHUNK * PONG];

static void accept_from(int listener, int set) {
    int one = 1, peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = peer};
    if (peer < 0) return;
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_ctl(set, EPOLL_CTL_ADD, peer, &event);
}

static void answer(int peer) {
    ssize_t got = read(peer, in, sizeof in);
    size_t size = 0;
    for (ssize_t at = 0; at < got; at++) {
        if (in[at] == 'G') memcpy(out + size, "+PONG\r\n", PONG), size += PONG;
    }
    if (got <= 0 || write(peer, out, size) != (ssize_t)size) close(peer);
}

int main(int count, char **arguments) {
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[count - 1]))};
    int one = 1, set = epoll_create1(0), listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[512];
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    inet_pton(AF_INET, "127.0.0.1", &where.sin_addr);
    if (bind(listener, (struct sockaddr *)&where, sizeof where) || listen(listener, 1024)) return perror("bind"), 1;
    epoll_ctl(set, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int n = epoll_wait(set, ready, 512, -1);
        for (int i = 0; i < n; i++) {
            if (ready[i].data.fd == listener) accept_from(listener, set);
            else answer(ready[i].data.fd);
        }
    }
}

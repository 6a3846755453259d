/* SPDX-License-Identifier: MIT */
/*
 * datagrams POOL PEER PORT COUNT: exchange COUNT datagrams each way with UDP port PORT of PEER, an
 * IPv4 address, all of them whole, in order and none lost.
 *
 * Datagram N is its number, 32 bits of big endian, and a piece of the file POOL that N chooses: of
 * SIZE_OF(N) bytes from OFFSET_OF(N) on. The peer's pieces begin PEER_SHIFT further on. It answers
 * each BATCH of datagrams with as many of its own, so that no receiver has more than two batches to
 * hold. That is less than half of what a socket takes: a quarter of its buffer may be free already
 * and not yet said to be (udp_rmem_release of Linux). Prints sent=, received= and nanoseconds=, from
 * the first to the last.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "fail.h"
#include "number.h"

enum { POOL = 1 << 16, NUMBER = 4, LARGEST = 1472, BATCH = 16, PEER_SHIFT = 17, SECONDS = 30 };

#define SIZE_OF(n) (1 + (n) * 577 % (LARGEST - NUMBER))
#define OFFSET_OF(n) ((n) * 131 % (POOL - LARGEST - PEER_SHIFT))

struct exchange {
    int socket;
    unsigned char pool[POOL];
    uint32_t count, sent, received;
};

static void load_pool(struct exchange *exchange, const char *path)
{
    FILE *file = fopen(path, "r");

    if (!file)
        fail("opening %s: %s", path, strerror(errno));
    if (fread(exchange->pool, 1, POOL, file) != POOL)
        fail("%s has not the %d bytes that datagrams are made of", path, POOL);
    fclose(file);
}

static void connect_to(struct exchange *exchange, const char *peer, uint16_t port)
{
    struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(port) };

    if (inet_pton(AF_INET, peer, &there.sin_addr) != 1)
        fail("PEER '%s' is no IPv4 address", peer);
    exchange->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (exchange->socket < 0)
        fail("making a socket: %s", strerror(errno));
    if (connect(exchange->socket, (struct sockaddr *)&there, sizeof(there)))
        fail("reaching %s: %s", peer, strerror(errno));
}

static size_t make(const struct exchange *exchange, uint32_t index, uint32_t shift,
                   unsigned char *datagram)
{
    uint32_t tag = htonl(index);

    memcpy(datagram, &tag, NUMBER);
    memcpy(datagram + NUMBER, exchange->pool + OFFSET_OF(index) + shift, SIZE_OF(index));
    return NUMBER + SIZE_OF(index);
}

static void send_batch(struct exchange *exchange)
{
    unsigned char datagram[LARGEST];

    for (int i = 0; i < BATCH && exchange->sent < exchange->count; i++) {
        size_t size = make(exchange, exchange->sent, 0, datagram);

        if (send(exchange->socket, datagram, size, 0) != (ssize_t)size)
            fail("sending datagram %" PRIu32 ": %s", exchange->sent, strerror(errno));
        exchange->sent++;
    }
}

static void receive_batch(struct exchange *exchange)
{
    unsigned char wanted[LARGEST], came[LARGEST + 1];

    for (int i = 0; i < BATCH && exchange->received < exchange->count; i++) {
        size_t size = make(exchange, exchange->received, PEER_SHIFT, wanted);
        uint32_t tag = 0;
        ssize_t got;

        if (!wait_readable(exchange->socket, deadline_in(SECONDS)))
            fail("datagram %" PRIu32 " of %" PRIu32 " did not come within %d s", exchange->received,
                 exchange->count, SECONDS);
        got = recv(exchange->socket, came, sizeof(came), 0);
        if (got < 0)
            fail("receiving datagram %" PRIu32 ": %s", exchange->received, strerror(errno));
        if (got >= NUMBER)
            memcpy(&tag, came, NUMBER);
        if ((size_t)got != size || memcmp(came, wanted, size))
            fail("datagram %" PRIu32 " of %zu bytes is not what came: %zd bytes, numbered %" PRIu32,
                 exchange->received, size, got, ntohl(tag));
        exchange->received++;
    }
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int main(int argc, char **argv)
{
    static struct exchange exchange;
    uint64_t start;

    if (argc != 5)
        fail("usage: datagrams POOL PEER PORT COUNT");
    load_pool(&exchange, argv[1]);
    exchange.count = number(argv[4], 1, 1000000, "COUNT");
    connect_to(&exchange, argv[2], number(argv[3], 1, 65535, "PORT"));

    start = now();
    send_batch(&exchange);
    while (exchange.received < exchange.count) {
        send_batch(&exchange);
        receive_batch(&exchange);
    }
    printf("sent=%" PRIu32 " received=%" PRIu32 " nanoseconds=%" PRIu64 "\n", exchange.sent,
           exchange.received, now() - start);
    return 0;
}

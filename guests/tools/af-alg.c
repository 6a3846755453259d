/* SPDX-License-Identifier: MIT */
/*
 * Run data through an algorithm of the kernel, by AF_ALG: standard input in, result on standard
 * output.
 *
 *   af-alg hash NAME [key=HEX] [piece=N] [times=N]
 *   af-alg skcipher NAME encrypt|decrypt key=HEX [iv=HEX] [times=N]
 *   af-alg aead NAME encrypt|decrypt key=HEX iv=HEX tag=N aad=N [times=N]
 *
 * NAME is an algorithm or, to choose among its implementations, a driver name of /proc/crypto.
 * A hash takes its input in pieces of N bytes, a request each. The input of aead is the associated
 * data, then the text, then, to decrypt, the tag; the result has the associated data first too.
 * With times=N the same request is made N times, and what is printed is how long all of them took,
 * as nanoseconds=.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/if_alg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fail.h"
#include "number.h"

enum { MAX_INPUT = 1 << 20, MAX_OUTPUT = MAX_INPUT + 64, MAX_KEY = 4096, MAX_IV = 64 };

struct request {
    const char *type, *name;
    int operation; /* ALG_OP_*, or -1 for a hash */
    unsigned char key[MAX_KEY], iv[MAX_IV];
    size_t key_size, iv_size, piece, tag, aad, times;
};


static size_t parse_hex(const char *text, unsigned char *out, size_t limit)
{
    size_t length = strlen(text);

    if (length % 2 || length / 2 > limit)
        fail("'%.40s' is not up to %zu bytes in hexadecimal", text, limit);
    for (size_t at = 0; at < length / 2; at++)
        if (sscanf(text + 2 * at, "%2hhx", &out[at]) != 1)
            fail("'%.40s' is not hexadecimal", text);
    return length / 2;
}

static void parse_option(struct request *request, const char *option)
{
    const char *value = strchr(option, '=');

    if (!value)
        fail("'%s' is not NAME=VALUE", option);
    value++;
    if (!strncmp(option, "key=", 4))
        request->key_size = parse_hex(value, request->key, MAX_KEY);
    else if (!strncmp(option, "iv=", 3))
        request->iv_size = parse_hex(value, request->iv, MAX_IV);
    else if (!strncmp(option, "piece=", 6))
        request->piece = number(value, 0, MAX_INPUT, "piece");
    else if (!strncmp(option, "tag=", 4))
        request->tag = number(value, 0, MAX_INPUT, "tag");
    else if (!strncmp(option, "aad=", 4))
        request->aad = number(value, 0, MAX_INPUT, "aad");
    else if (!strncmp(option, "times=", 6))
        request->times = number(value, 0, MAX_INPUT, "times");
    else
        fail("unknown option '%s'", option);
}

static struct request parse(char **argument)
{
    struct request request = { .operation = -1 };

    if (!argument[1] || !argument[2])
        fail("usage: af-alg hash|skcipher|aead NAME [encrypt|decrypt] [OPTION=VALUE...]");
    request.type = argument[1];
    request.name = argument[2];
    argument += 3;
    if (strcmp(request.type, "hash")) {
        if (*argument && !strcmp(*argument, "encrypt"))
            request.operation = ALG_OP_ENCRYPT;
        else if (*argument && !strcmp(*argument, "decrypt"))
            request.operation = ALG_OP_DECRYPT;
        else
            fail("%s needs 'encrypt' or 'decrypt'", request.type);
        argument++;
    }
    while (*argument)
        parse_option(&request, *argument++);
    return request;
}

static size_t read_input(unsigned char *input)
{
    size_t size = 0;

    for (;;) {
        ssize_t got = read(STDIN_FILENO, input + size, MAX_INPUT - size);

        if (got < 0)
            fail("reading the input: %s", strerror(errno));
        if (got == 0)
            return size;
        size += got;
        if (size == MAX_INPUT)
            fail("the input has %d bytes or more", MAX_INPUT);
    }
}

static void write_output(const unsigned char *output, size_t size)
{
    while (size) {
        ssize_t put = write(STDOUT_FILENO, output, size);

        if (put < 0)
            fail("writing the result: %s", strerror(errno));
        output += put;
        size -= put;
    }
}

static int open_algorithm(const struct request *request)
{
    struct sockaddr_alg address = { .salg_family = AF_ALG };
    int algorithm, operation;

    if (strlen(request->type) >= sizeof(address.salg_type) ||
        strlen(request->name) >= sizeof(address.salg_name))
        fail("no algorithm is called '%s'", request->name);
    strcpy((char *)address.salg_type, request->type);
    strcpy((char *)address.salg_name, request->name);
    algorithm = socket(AF_ALG, SOCK_SEQPACKET, 0);
    if (algorithm < 0)
        fail("the kernel has no AF_ALG: %s", strerror(errno));
    if (bind(algorithm, (struct sockaddr *)&address, sizeof(address)))
        fail("no %s '%s' in this kernel: %s", request->type, request->name,
             strerror(errno));
    if (request->key_size && setsockopt(algorithm, SOL_ALG, ALG_SET_KEY, request->key,
                        request->key_size))
        fail("%s refuses a key of %zu bytes: %s", request->name, request->key_size,
             strerror(errno));
    if (request->tag &&
        setsockopt(algorithm, SOL_ALG, ALG_SET_AEAD_AUTHSIZE, NULL, request->tag))
        fail("%s refuses a tag of %zu bytes: %s", request->name, request->tag,
             strerror(errno));
    operation = accept(algorithm, NULL, NULL);
    if (operation < 0)
        fail("opening %s: %s", request->name, strerror(errno));
    close(algorithm);
    return operation;
}

/* The digest goes to `output`; its size is returned. */
static size_t hash(int operation, const struct request *request, const unsigned char *input,
                   size_t size, unsigned char *output)
{
    size_t piece = request->piece ? request->piece : MAX_INPUT;
    ssize_t got;

    do {
        size_t now = size < piece ? size : piece;
        ssize_t sent = send(operation, input, now, size > now ? MSG_MORE : 0);

        if (sent < 0 || (size_t)sent != now)
            fail("%s took %zd of %zu bytes: %s", request->name, sent, now,
                 strerror(errno));
        input += now;
        size -= now;
    } while (size);
    got = recv(operation, output, MAX_OUTPUT, 0);
    if (got < 0)
        fail("%s gave no digest: %s", request->name, strerror(errno));
    return got;
}

static void *add_control(struct msghdr *message, int type, size_t size)
{
    struct cmsghdr *header = (void *)((char *)message->msg_control + message->msg_controllen);

    header->cmsg_level = SOL_ALG;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(size);
    message->msg_controllen += CMSG_SPACE(size);
    return CMSG_DATA(header);
}

/* The result goes to `output`; its size is returned. */
static size_t cipher(int operation, const struct request *request, unsigned char *input,
                     size_t size, unsigned char *output)
{
    _Alignas(struct cmsghdr) char control[256] = { 0 };
    struct iovec data = { input, size };
    struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control };
    unsigned int encrypt = request->operation, aad = request->aad;
    ssize_t moved;

    memcpy(add_control(&message, ALG_SET_OP, sizeof(encrypt)), &encrypt, sizeof(encrypt));
    if (request->iv_size) {
        struct af_alg_iv *iv = add_control(&message, ALG_SET_IV,
                           sizeof(*iv) + request->iv_size);

        iv->ivlen = request->iv_size;
        memcpy(iv->iv, request->iv, request->iv_size);
    }
    if (!strcmp(request->type, "aead"))
        memcpy(add_control(&message, ALG_SET_AEAD_ASSOCLEN, sizeof(aad)), &aad,
               sizeof(aad));
    moved = sendmsg(operation, &message, 0);
    if (moved < 0 || (size_t)moved != size)
        fail("%s took %zd of %zu bytes: %s", request->name, moved, size, strerror(errno));
    /* The kernel waits for more input until it has filled what it is given. */
    if (encrypt)
        size += request->tag;
    else if (size >= request->tag)
        size -= request->tag;
    moved = recv(operation, output, size, 0);
    if (moved < 0)
        fail("%s: %s", request->name, strerror(errno));
    return moved;
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int main(int argc, char **argv)
{
    static unsigned char input[MAX_INPUT], output[MAX_OUTPUT];
    struct request request = parse(argv);
    size_t size = read_input(input), result = 0;
    int operation = open_algorithm(&request);
    uint64_t start = now();

    (void)argc;
    for (size_t time = 0; time < (request.times ? request.times : 1); time++)
        result = request.operation < 0 ? hash(operation, &request, input, size, output)
                                       : cipher(operation, &request, input, size, output);
    if (request.times)
        printf("nanoseconds=%" PRIu64 "\n", now() - start);
    else
        write_output(output, result);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * sec-job DEVICE ALGORITHM [key=HEX] [iv=HEX] [iova=ADDRESS] [pieces=N]: let a SEC's job ring,
 * assigned to VFIO, hash, encrypt or decrypt standard input. ALGORITHM is sha256, aes-cbc-encrypt
 * or aes-cbc-decrypt. The memory for it lies at bus address ADDRESS; the message is given in N
 * pieces by a scatter/gather table when N is more than 1.
 *
 * Prints: registers=little|big, pointers=32|64, last-iova=ADDRESS (that the IOMMU takes),
 * interrupts=N, status=0x00000000 (of the job) and, when that is 0, result=HEX. Errors are one line on standard error and status 1, also for a job
 * that ends with an error of its own.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "descriptor.h"
#include "fail.h"
#include "ring.h"
#include "vfio_device.h"

enum { MAX_MESSAGE = 1 << 20, MAX_KEY = 32, MAX_PIECES = 64, PAGE = 4096, SECONDS = 60 };

/* Beyond what Arm reserves for message-signalled interrupts. */
#define DEFAULT_IOVA 0x10000000

/* What lies behind the ring's memory. */
enum {
    TABLE = RING_MEMORY,
    RESULT = TABLE + PAGE,
    MESSAGE = RESULT + MAX_MESSAGE,
    MEMORY = MESSAGE + MAX_MESSAGE + MAX_PIECES * PAGE,
};

struct options {
    unsigned char key[MAX_KEY];
    unsigned key_size;
    unsigned char iv[IV_SIZE];
    unsigned iv_size;
    uint64_t iova;
    unsigned pieces;
};

static unsigned hexadecimal(const char *name, const char *text, unsigned char *bytes,
                            unsigned limit)
{
    size_t digits = strlen(text);

    if (digits % 2 || digits / 2 > limit || strspn(text, "0123456789abcdefABCDEF") != digits)
        fail("%s=%s is not at most %u bytes in hexadecimal", name, text, limit);
    for (size_t i = 0; i < digits / 2; i++)
        sscanf(text + 2 * i, "%2hhx", &bytes[i]);
    return digits / 2;
}

static uint64_t number(const char *name, const char *text, uint64_t limit)
{
    char *end;
    uint64_t value;

    errno = 0;
    value = strtoull(text, &end, 0);
    if (errno || end == text || *end || *text == '-' || value > limit)
        fail("%s=%s is not a number up to %" PRIu64, name, text, limit);
    return value;
}

static struct options parse(char **words)
{
    struct options options = { .iova = DEFAULT_IOVA, .pieces = 1 };

    for (; *words; words++) {
        char *value = strchr(*words, '=');

        if (!value)
            fail("option '%s' has no value: NAME=VALUE is needed", *words);
        *value++ = '\0';
        if (!strcmp(*words, "key"))
            options.key_size = hexadecimal("key", value, options.key, MAX_KEY);
        else if (!strcmp(*words, "iv"))
            options.iv_size = hexadecimal("iv", value, options.iv, IV_SIZE);
        else if (!strcmp(*words, "iova"))
            options.iova = number("iova", value, UINT64_MAX);
        else if (!strcmp(*words, "pieces"))
            options.pieces = number("pieces", value, MAX_PIECES);
        else
            fail("no option '%s'", *words);
    }
    if (options.iova % PAGE)
        fail("iova=0x%" PRIx64 " is not that of a page", options.iova);
    if (!options.pieces)
        fail("pieces=0: a message is one piece or more");
    return options;
}

static uint32_t read_message(unsigned char *message)
{
    size_t size = fread(message, 1, MAX_MESSAGE, stdin);

    if (ferror(stdin))
        fail("reading the message: %s", strerror(errno));
    if (fgetc(stdin) != EOF)
        fail("the message is longer than %d bytes", MAX_MESSAGE);
    return size;
}

/* Move the pieces of the message apart, a page lies between two, and list them in the table. */
static struct sec_data scatter(const struct sec_format *format, unsigned char *memory,
                               uint64_t iova, uint32_t size, unsigned pieces)
{
    uint32_t share, left = size;

    pieces = pieces < size ? pieces : size;
    share = size / pieces;
    for (unsigned i = pieces; i-- > 0;) {
        uint32_t piece = i ? share : left;
        uint32_t from = left - piece, to = from + i * PAGE;

        memmove(memory + MESSAGE + to, memory + MESSAGE + from, piece);
        sec_put_sg_entry(format, memory + TABLE + i * SG_ENTRY_SIZE, iova + MESSAGE + to, piece,
                         i == pieces - 1);
        left = from;
    }
    return (struct sec_data){ .address = iova + TABLE, .size = size, .table = true };
}

/* Make the job; returns the size of its result. */
static uint32_t make_job(struct descriptor *descriptor, const char *algorithm,
                         const struct options *options, struct sec_data message)
{
    struct sec_data result = { .address = options->iova + RESULT, .size = message.size };
    bool encrypt = !strcmp(algorithm, "aes-cbc-encrypt");

    if (!strcmp(algorithm, "sha256")) {
        descriptor_sha256(descriptor, message, result.address);
        return DIGEST_SIZE;
    }
    if (!encrypt && strcmp(algorithm, "aes-cbc-decrypt"))
        fail("no algorithm '%s'", algorithm);
    if (options->key_size != 16 && options->key_size != 24 && options->key_size != 32)
        fail("a key of %u bytes: AES needs one of 16, 24 or 32", options->key_size);
    if (options->iv_size != IV_SIZE)
        fail("an IV of %u bytes: AES in CBC mode needs one of %d", options->iv_size, IV_SIZE);
    descriptor_aes_cbc(descriptor, encrypt, options->key, options->key_size, options->iv, message,
                       result);
    return result.size;
}

int main(int argc, char **argv)
{
    struct descriptor descriptor;
    struct options options;
    struct sec_data message;
    struct vfio_memory memory;
    uint32_t status, size;
    struct vfio vfio;
    struct ring ring;

    if (argc < 3)
        fail("usage: sec-job DEVICE ALGORITHM [key=HEX] [iv=HEX] [iova=ADDRESS] [pieces=N]");
    options = parse(argv + 3);
    vfio_open(&vfio, argv[1]);
    memory = vfio_dma_memory(&vfio, options.iova, MEMORY);
    ring_open(&ring, &vfio, &memory);
    if (ring.format.pointer_size == 4 && options.iova > UINT32_MAX - MEMORY)
        fail("iova=0x%" PRIx64 " does not fit the 32 bits of a pointer", options.iova);
    message = (struct sec_data){
        .address = options.iova + MESSAGE,
        .size = read_message(memory.at + MESSAGE),
    };
    if (options.pieces > 1 && message.size)
        message = scatter(&ring.format, memory.at, options.iova, message.size, options.pieces);

    descriptor = ring_descriptor(&ring);
    size = make_job(&descriptor, argv[2], &options, message);
    status = ring_run(&ring, SECONDS);

    printf("registers=%s\npointers=%u\nlast-iova=0x%" PRIx64 "\ninterrupts=%u\nstatus=0x%08" PRIx32
           "\n",
           ring.format.big_endian ? "big" : "little", 8 * ring.format.pointer_size,
           vfio_last_iova(&vfio), ring.interrupts, status);
    fflush(stdout);
    if (status)
        fail("the job ended with status 0x%08" PRIx32, status);
    printf("result=");
    for (uint32_t i = 0; i < size; i++)
        printf("%02x", memory.at[RESULT + i]);
    putchar('\n');
    if (fflush(stdout))
        fail("writing the result: %s", strerror(errno));
    return 0;
}

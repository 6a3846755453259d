/* SPDX-License-Identifier: MIT */
/*
 * disk-io DEVICE read|write sequential|random SIZE DEPTH MILLISECONDS [SEED]: keep DEPTH requests
 * of SIZE bytes in flight at a block device, past the page cache, for a time.
 *
 * Writes fill the device with bytes made from SEED and the offset. Prints requests=, bytes= and
 * nanoseconds=, from the first request to the answer of the last.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fail.h"
#include "number.h"

enum { MAX_DEPTH = 256, MAX_SIZE = 16 << 20, ALIGNMENT = 4096 };

struct job {
    const char *device;
    int file;
    bool write, random;
    long depth; /* as wide as a system call's argument, whatever the machine */
    uint64_t size, nanoseconds, seed, blocks;
    uint64_t issued;
};

static bool chosen(const char *word, const char *no, const char *yes)
{
    if (strcmp(word, no) && strcmp(word, yes))
        fail("'%s' is neither %s nor %s", word, no, yes);
    return !strcmp(word, yes);
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Xorshift: the next of a sequence that never repeats within a run. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void open_device(struct job *job)
{
    uint64_t bytes;

    job->file = open(job->device, (job->write ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
    if (job->file < 0)
        fail("opening %s: %s", job->device, strerror(errno));
    if (ioctl(job->file, BLKGETSIZE64, &bytes))
        fail("%s is no block device: %s", job->device, strerror(errno));
    job->blocks = bytes / job->size;
    if (job->blocks < (uint64_t)job->depth)
        fail("%s has %" PRIu64 " bytes: fewer than %ld requests of %" PRIu64, job->device, bytes,
             job->depth, job->size);
}

static void prepare(struct job *job, struct iocb *block, uint64_t *random)
{
    uint64_t at = (job->random ? next_random(random) : job->issued) % job->blocks;
    uint64_t *words = (uint64_t *)(uintptr_t)block->aio_buf;

    block->aio_offset = at * job->size;
    if (job->write) {
        words[0] = job->seed;
        words[1] = block->aio_offset;
    }
    job->issued++;
}

static void submit(struct job *job, aio_context_t context, struct iocb **blocks, long count)
{
    while (count) {
        long taken = syscall(SYS_io_submit, context, count, blocks);

        if (taken < 0)
            fail("submitting to %s: %s", job->device, strerror(errno));
        blocks += taken;
        count -= taken;
    }
}

static void run(struct job *job)
{
    static struct iocb blocks[MAX_DEPTH];
    struct iocb *ready[MAX_DEPTH];
    struct io_event events[MAX_DEPTH];
    aio_context_t context = 0;
    uint64_t random = job->seed | 1, start, elapsed, done = 0;

    if (syscall(SYS_io_setup, job->depth, &context))
        fail("asking the kernel for %ld requests in flight: %s", job->depth, strerror(errno));
    for (long i = 0; i < job->depth; i++) {
        void *buffer = aligned_alloc(ALIGNMENT, job->size);

        if (!buffer)
            fail("no memory for %ld requests of %" PRIu64 " bytes", job->depth, job->size);
        for (uint64_t at = 0; at < job->size / 8; at++)
            ((uint64_t *)buffer)[at] = next_random(&random);
        blocks[i].aio_fildes = job->file;
        blocks[i].aio_lio_opcode = job->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
        blocks[i].aio_buf = (uintptr_t)buffer;
        blocks[i].aio_nbytes = job->size;
        ready[i] = &blocks[i];
    }

    start = now();
    for (long i = 0; i < job->depth; i++)
        prepare(job, &blocks[i], &random);
    submit(job, context, ready, job->depth);
    while (done < job->issued) {
        long again = 0;
        long got = syscall(SYS_io_getevents, context, 1L, job->depth, events, NULL);

        if (got < 0 && errno != EINTR)
            fail("waiting for %s: %s", job->device, strerror(errno));
        for (long i = 0; i < got; i++) {
            struct iocb *block = (struct iocb *)(uintptr_t)events[i].obj;

            if (events[i].res != (int64_t)job->size)
                fail("%s of %" PRIu64 " bytes at %" PRId64 " of %s: %s",
                     job->write ? "write" : "read", job->size, (int64_t)block->aio_offset,
                     job->device,
                     events[i].res < 0 ? strerror(-events[i].res) : "it ended early");
            done++;
            if (now() - start >= job->nanoseconds)
                continue;
            prepare(job, block, &random);
            ready[again++] = block;
        }
        submit(job, context, ready, again);
    }
    elapsed = now() - start;
    printf("requests=%" PRIu64 "\nbytes=%" PRIu64 "\nnanoseconds=%" PRIu64 "\n", done,
           done * job->size, elapsed);
}

int main(int argc, char **argv)
{
    struct job job;

    if (argc < 7 || argc > 8)
        fail("usage: disk-io DEVICE read|write sequential|random SIZE DEPTH MILLISECONDS [SEED]");
    job = (struct job){
        .device = argv[1],
        .write = chosen(argv[2], "read", "write"),
        .random = chosen(argv[3], "sequential", "random"),
        .size = number(argv[4], 512, MAX_SIZE, "SIZE"),
        .depth = number(argv[5], 1, MAX_DEPTH, "DEPTH"),
        .nanoseconds = number(argv[6], 1, 3600000, "MILLISECONDS") * 1000000,
        .seed = argc > 7 ? number(argv[7], 0, UINT64_MAX, "SEED") : 1,
    };
    if (job.size % 512)
        fail("SIZE %" PRIu64 " is not a multiple of 512", job.size);
    open_device(&job);
    run(&job);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * disk-sector DEVICE read|write LBA COUNT: one request of COUNT sectors, past the page cache.
 *
 * What is read goes to standard output, what is written comes from standard input. When the
 * request fails the last word on standard error is the error's name. The buffer of a read holds
 * FILLER before, so that bytes that no device wrote show.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fail.h"
#include "number.h"

enum { MAX_COUNT = 2048, ALIGNMENT = 4096, FILLER = 0xa5 };

/* Move all of `size` bytes between `buffer` and standard input or output. */
static void stream(char *buffer, size_t size, bool out)
{
    size_t done = 0;

    while (done < size) {
        ssize_t moved = out ? write(STDOUT_FILENO, buffer + done, size - done)
                            : read(STDIN_FILENO, buffer + done, size - done);

        if (moved < 0 && errno == EINTR)
            continue;
        if (moved < 0)
            fail("standard %s: %s", out ? "output" : "input", strerror(errno));
        if (!moved)
            fail("standard input ended after %zu of %zu bytes", done, size);
        done += moved;
    }
}

int main(int argc, char **argv)
{
    bool writes;
    int file, sector;
    uint64_t lba, count;
    size_t size;
    ssize_t moved;
    char *buffer;

    if (argc != 5 || (strcmp(argv[2], "read") && strcmp(argv[2], "write")))
        fail("usage: disk-sector DEVICE read|write LBA COUNT");
    writes = !strcmp(argv[2], "write");
    lba = number(argv[3], 0, (uint64_t)1 << 48, "LBA");
    count = number(argv[4], 1, MAX_COUNT, "COUNT");
    file = open(argv[1], (writes ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
    if (file < 0)
        fail("opening %s: %s", argv[1], strerrorname_np(errno));
    if (ioctl(file, BLKSSZGET, &sector))
        fail("%s is no block device: %s", argv[1], strerrorname_np(errno));
    size = count * sector;
    buffer = aligned_alloc(ALIGNMENT, (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    if (!buffer)
        fail("no memory for %zu bytes", size);
    memset(buffer, FILLER, size);
    if (writes)
        stream(buffer, size, false);
    moved = writes ? pwrite(file, buffer, size, lba * sector)
                   : pread(file, buffer, size, lba * sector);
    if (moved < 0)
        fail("%s at LBA %" PRIu64 ": %s", argv[2], lba, strerrorname_np(errno));
    if ((size_t)moved != size)
        fail("%s at LBA %" PRIu64 ": %zd of %zu bytes", argv[2], lba, moved, size);
    if (!writes)
        stream(buffer, size, true);
    return 0;
}

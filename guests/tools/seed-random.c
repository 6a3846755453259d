/* SPDX-License-Identifier: MIT */
/*
 * Give the kernel what standard input has as entropy, and make it draw on it at once.
 *
 *   seed-random <SEED
 *
 * A machine that was restored has the random generator of every other one restored from the same
 * state. What is written to /dev/urandom is not used before the kernel's next reseeding.
 */
#include "lib/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEVICE "/dev/urandom"

enum { MOST = 512, LEAST = 32 };

int main(void)
{
    struct {
        struct rand_pool_info info;
        unsigned char seed[MOST];
    } pool = { 0 };
    ssize_t got = 1;
    size_t size = 0;
    int device;

    while (size < MOST && got > 0) {
        got = read(STDIN_FILENO, pool.seed + size, MOST - size);
        if (got < 0)
            fail("reading the seed: %s", strerror(errno));
        size += got;
    }
    if (size < LEAST)
        fail("a seed of %zu bytes, at least %d are needed", size, LEAST);
    device = open(DEVICE, O_RDWR | O_CLOEXEC);
    if (device < 0)
        fail("opening %s: %s", DEVICE, strerror(errno));
    pool.info.entropy_count = size * 8;
    pool.info.buf_size = size;
    if (ioctl(device, RNDADDENTROPY, &pool) || ioctl(device, RNDRESEEDCRNG))
        fail("seeding %s: %s", DEVICE, strerror(errno));
    return 0;
}

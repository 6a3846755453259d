/* SPDX-License-Identifier: MIT */
#include "deadline.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "fail.h"

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

deadline_t deadline_in(uint64_t seconds)
{
    return now() + (int64_t)(seconds < INT_MAX / 1000 ? seconds : INT_MAX / 1000) * 1000;
}

int deadline_left(deadline_t deadline)
{
    int64_t left = deadline - now();

    return left > 0 ? left : 0;
}

bool wait_readable(int fd, deadline_t deadline)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    int count;

    do
        count = poll(&ready, 1, deadline_left(deadline));
    while (count < 0 && errno == EINTR);
    if (count < 0)
        fail("waiting for an event: %s", strerror(errno));
    return count > 0;
}

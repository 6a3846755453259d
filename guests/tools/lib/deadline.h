/* SPDX-License-Identifier: MIT */
#ifndef DEADLINE_H
#define DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

/* A point in time, in milliseconds of the monotonic clock. */
typedef int64_t deadline_t;

deadline_t deadline_in(uint64_t seconds);

/* Milliseconds left, not less than 0. */
int deadline_left(deadline_t deadline);

/* Wait until `fd` can be read; false at the deadline. Fails the program when it cannot wait. */
bool wait_readable(int fd, deadline_t deadline);

#endif

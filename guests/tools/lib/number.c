/* SPDX-License-Identifier: MIT */
#include "number.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "fail.h"

uint64_t number(const char *text, uint64_t low, uint64_t high, const char *what)
{
    char *end;
    uint64_t value;

    errno = 0;
    value = strtoull(text, &end, 0);
    if (errno || end == text || *end || *text == '-' || value < low || value > high)
        fail("%s '%s' is not a number from %" PRIu64 " to %" PRIu64, what, text, low, high);
    return value;
}

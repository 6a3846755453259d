/* SPDX-License-Identifier: MIT */
#ifndef NUMBER_H
#define NUMBER_H

#include <stdint.h>

/* `text` as a number, in C's notation. Fails the program unless it is one from `low` to `high`. */
uint64_t number(const char *text, uint64_t low, uint64_t high, const char *what);

#endif

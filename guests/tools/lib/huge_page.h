/* SPDX-License-Identifier: MIT */
#ifndef HUGE_PAGE_H
#define HUGE_PAGE_H

#include <stdint.h>

/* The size of the smallest huge pages of which the kernel has one to give away; 0: of none. */
uint64_t huge_page_size(void);

/*
 * Zeroed memory of `size` bytes, whole huge pages of `page` bytes, or ordinary ones when that is 0.
 * Fails the program without.
 */
void *huge_page_memory(uint64_t size, uint64_t page);

#endif

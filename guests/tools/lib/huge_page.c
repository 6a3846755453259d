/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* MAP_HUGETLB */
#include "huge_page.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/mman.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "fail.h"

#define POOLS "/sys/kernel/mm/hugepages"

static bool has_free_page(const char *pool)
{
    uint64_t free_pages = 0;
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), POOLS "/%s/free_hugepages", pool);
    file = fopen(path, "r");
    if (!file)
        return false;
    if (fscanf(file, "%" SCNu64, &free_pages) != 1)
        free_pages = 0;
    fclose(file);
    return free_pages;
}

uint64_t huge_page_size(void)
{
    uint64_t kilobytes, smallest = 0;
    struct dirent *entry;
    DIR *pools = opendir(POOLS);

    if (!pools)
        return 0;
    while ((entry = readdir(pools))) {
        if (sscanf(entry->d_name, "hugepages-%" SCNu64 "kB", &kilobytes) != 1)
            continue;
        if ((!smallest || 1024 * kilobytes < smallest) && has_free_page(entry->d_name))
            smallest = 1024 * kilobytes;
    }
    closedir(pools);
    return smallest;
}

void *huge_page_memory(uint64_t size, uint64_t page)
{
    int huge = page ? MAP_HUGETLB | __builtin_ctzll(page) << MAP_HUGE_SHIFT : 0;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | huge, -1,
                        0);

    if (memory == MAP_FAILED)
        fail("%" PRIu64 " bytes of memory in huge pages of %" PRIu64 " (0: none): %s", size, page,
             strerror(errno));
    return memory;
}

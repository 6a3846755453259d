/* SPDX-License-Identifier: MIT */
/*
 * memory-canary PAGES SEED: hold pages of known content, and say whether it is still there.
 *
 * The pages of 4 KiB are pinned and filled with bytes made from SEED. Takes commands on standard
 * input and answers each with a line:
 *
 *   where LOW HIGH   address= of the first page whose physical address is in [LOW, HIGH)
 *   check            changed= how many pages differ, address= of the first of those
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "command.h"
#include "fail.h"
#include "number.h"

enum { PAGE = 4096, WORDS = PAGE / 8, MAX_PAGES = 1 << 19 };

#define PAGEMAP_PRESENT (1ULL << 63)
#define PAGEMAP_FRAME ((1ULL << 55) - 1)

struct canary {
    uint64_t pages, seed;
    uint64_t *memory;
    int pagemap;
};

/* The word at an index: a mix of it with the seed (the finalizer of MurmurHash3). */
static uint64_t expected(const struct canary *canary, uint64_t index)
{
    uint64_t word = index ^ canary->seed;

    word = (word ^ (word >> 33)) * 0xff51afd7ed558ccdULL;
    word = (word ^ (word >> 33)) * 0xc4ceb9fe1a85ec53ULL;
    return word ^ (word >> 33);
}

static uint64_t physical_address(const struct canary *canary, uint64_t page)
{
    uintptr_t at = (uintptr_t)canary->memory + page * PAGE;
    uint64_t entry;

    if (pread(canary->pagemap, &entry, sizeof(entry), at / PAGE * sizeof(entry)) !=
        sizeof(entry))
        fail("reading /proc/self/pagemap: %s", strerror(errno));
    if (!(entry & PAGEMAP_PRESENT) || !(entry & PAGEMAP_FRAME))
        fail("the kernel does not tell where page %" PRIu64 " is", page);
    return (entry & PAGEMAP_FRAME) * PAGE;
}

static void fill(struct canary *canary)
{
    canary->memory = mmap(NULL, canary->pages * PAGE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_LOCKED, -1, 0);
    if (canary->memory == MAP_FAILED)
        fail("no memory for %" PRIu64 " pages: %s", canary->pages, strerror(errno));
    for (uint64_t index = 0; index < canary->pages * WORDS; index++)
        canary->memory[index] = expected(canary, index);
    canary->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (canary->pagemap < 0)
        fail("opening /proc/self/pagemap: %s", strerror(errno));
}

static void where(const struct canary *canary, uint64_t low, uint64_t high)
{
    for (uint64_t page = 0; page < canary->pages; page++) {
        uint64_t address = physical_address(canary, page);

        if (address >= low && address < high) {
            answer("address=%#" PRIx64, address);
            return;
        }
    }
    answer_error(ENOENT);
}

static void check(const struct canary *canary)
{
    uint64_t changed = 0, first = 0;

    for (uint64_t page = 0; page < canary->pages; page++) {
        for (uint64_t index = page * WORDS; index < (page + 1) * WORDS; index++) {
            if (((volatile uint64_t *)canary->memory)[index] == expected(canary, index))
                continue;
            if (!changed++)
                first = physical_address(canary, page) + index % WORDS * 8;
            break;
        }
    }
    answer("changed=%" PRIu64 " address=%#" PRIx64, changed, first);
}

int main(int argc, char **argv)
{
    struct canary canary = { 0 };
    struct command command;

    if (argc != 3)
        fail("usage: memory-canary PAGES SEED");
    canary.pages = number(argv[1], 1, MAX_PAGES, "PAGES");
    canary.seed = number(argv[2], 0, UINT64_MAX, "SEED");
    fill(&canary);
    while (command_receive()) {
        while (command_next(&command)) {
            if (!command.count)
                continue;
            if (!strcmp(command.words[0], "where"))
                where(&canary, command_number(&command, 1, "LOW"),
                      command_number(&command, 2, "HIGH"));
            else if (!strcmp(command.words[0], "check"))
                check(&canary);
            else
                fail("unknown command '%s'", command.words[0]);
        }
    }
    return 0;
}

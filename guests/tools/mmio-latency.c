/* SPDX-License-Identifier: MIT */
/*
 * mmio-latency ADDRESS COUNT [WIDTH]: time COUNT reads, then COUNT writes, of one register through
 * /dev/mem. ADDRESS is physical, WIDTH 1, 2, 4 (the default) or 8 bytes. Writes put back what the
 * last read gave. Prints one JSON object, times in nanoseconds; `clock_ns` is what taking the time
 * itself costs, contained in every figure. Errors are {"error": "..."} and exit status 1.
 * A kernel with IO_STRICT_DEVMEM refuses registers that a driver has claimed (iomem=relaxed).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COUNT = 10000000 };

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...)
{
    va_list arguments;

    printf("{\"error\": \"");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\"}\n");
    exit(1);
}

static uint64_t number(const char *text, const char *what)
{
    char *end;
    uint64_t value;

    errno = 0;
    value = strtoull(text, &end, 0);
    if (errno || end == text || *end || *text == '-')
        fail("%s is not a number", what);
    return value;
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static uint64_t read_register(volatile void *at, unsigned width)
{
    switch (width) {
    case 1:
        return *(volatile uint8_t *)at;
    case 2:
        return *(volatile uint16_t *)at;
    case 4:
        return *(volatile uint32_t *)at;
    default:
        return *(volatile uint64_t *)at;
    }
}

static void write_register(volatile void *at, unsigned width, uint64_t value)
{
    switch (width) {
    case 1:
        *(volatile uint8_t *)at = value;
        break;
    case 2:
        *(volatile uint16_t *)at = value;
        break;
    case 4:
        *(volatile uint32_t *)at = value;
        break;
    default:
        *(volatile uint64_t *)at = value;
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void print_times(const char *name, uint64_t *times, size_t count)
{
    uint64_t sum = 0;

    qsort(times, count, sizeof(*times), compare);
    for (size_t i = 0; i < count; i++)
        sum += times[i];
    printf("\"%s\": {\"min\": %" PRIu64 ", \"median\": %" PRIu64 ", \"mean\": %" PRIu64 "}",
           name, times[0], times[count / 2], (sum + count / 2) / count);
}

int main(int argc, char **argv)
{
    uint64_t address, count, width, last = 0, clock_cost = UINT64_MAX, *reads, *writes;
    uint64_t page = sysconf(_SC_PAGESIZE);
    volatile unsigned char *mapped;
    volatile void *at;
    int memory;

    if (argc != 3 && argc != 4)
        fail("usage: mmio-latency ADDRESS COUNT [WIDTH]");
    address = number(argv[1], "ADDRESS");
    count = number(argv[2], "COUNT");
    width = argc == 4 ? number(argv[3], "WIDTH") : 4;
    if (!count || count > MAX_COUNT)
        fail("COUNT must be 1 to %d", MAX_COUNT);
    if (width != 1 && width != 2 && width != 4 && (width != 8 || sizeof(long) != 8))
        fail("WIDTH must be 1, 2, 4 or, on a 64-bit machine, 8");
    if (address % width)
        fail("ADDRESS must be a multiple of the width");
    reads = malloc(count * sizeof(*reads));
    writes = malloc(count * sizeof(*writes));
    if (!reads || !writes)
        fail("out of memory");
    memory = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
    if (memory < 0)
        fail("opening /dev/mem: %s", strerror(errno));
    mapped = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, memory, address & ~(page - 1));
    if (mapped == MAP_FAILED)
        fail("mapping 0x%" PRIx64 ": %s", address, strerror(errno));
    at = mapped + (address & (page - 1));

    for (int i = 0; i < 100; i++) {
        uint64_t start = now(), cost = now() - start;

        if (cost < clock_cost)
            clock_cost = cost;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t start = now();

        last = read_register(at, width);
        __sync_synchronize();
        reads[i] = now() - start;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t start = now();

        write_register(at, width, last);
        __sync_synchronize();
        writes[i] = now() - start;
    }
    printf("{\"address\": %" PRIu64 ", \"width\": %" PRIu64 ", \"count\": %" PRIu64
           ", \"clock_ns\": %" PRIu64 ", ",
           address, width, count, clock_cost);
    print_times("read_ns", reads, count);
    printf(", ");
    print_times("write_ns", writes, count);
    printf("}\n");
    return 0;
}

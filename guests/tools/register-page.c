/* SPDX-License-Identifier: MIT */
/*
 * register-page vfio DEVICE | memory ADDRESS: access one page of registers, as commands on standard
 * input say: the first page of region 0 of a device that is assigned to VFIO, or the one at a
 * physical address. Each is answered by one line. DATA are the bytes of a register, in hexadecimal,
 * as they lie in memory, whatever the byte order of CPU and device is. A command that cannot be
 * understood ends the program with one line on standard error and status 1.
 *
 *   load OFFSET WIDTH            data=11223344; one load of the mapped page, of 1, 2, 4 or 8 bytes
 *   store OFFSET DATA            stored=4; likewise (8 bytes take a 32-bit machine two)
 *   read OFFSET WIDTH            data=11223344; through VFIO's read(), not for `memory`
 *   write OFFSET DATA            written=4; through VFIO's write(), not for `memory`
 *   watch OFFSET WIDTH SECONDS   loads=1234 data=11223344; what loads find meanwhile, each value
 *                                once, with commas between
 *
 * A kernel with IO_STRICT_DEVMEM refuses registers that a driver has claimed (iomem=relaxed).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "command.h"
#include "deadline.h"
#include "fail.h"
#include "number.h"
#include "vfio_device.h"

enum { PAGE = 4096, MAX_WIDTH = 8, MAX_VALUES = 16 };

struct page {
    volatile unsigned char *mapped;
    int device; /* of VFIO, region 0 begins at its offset 0; -1: there is none */
};

struct value {
    unsigned char bytes[MAX_WIDTH];
};

/* Accesses of the register's own width, which memcpy does not promise. */
static struct value load(const volatile void *at, unsigned width)
{
    struct value value = { { 0 } };

    switch (width) {
    case 1:
        *(uint8_t *)value.bytes = *(const volatile uint8_t *)at;
        break;
    case 2:
        memcpy(value.bytes, &(uint16_t){ *(const volatile uint16_t *)at }, width);
        break;
    case 4:
        memcpy(value.bytes, &(uint32_t){ *(const volatile uint32_t *)at }, width);
        break;
    default:
        memcpy(value.bytes, &(uint64_t){ *(const volatile uint64_t *)at }, width);
    }
    return value;
}

static void store(volatile void *at, const struct value *value, unsigned width)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;

    switch (width) {
    case 1:
        *(volatile uint8_t *)at = *value->bytes;
        break;
    case 2:
        memcpy(&two, value->bytes, width);
        *(volatile uint16_t *)at = two;
        break;
    case 4:
        memcpy(&four, value->bytes, width);
        *(volatile uint32_t *)at = four;
        break;
    default:
        memcpy(&eight, value->bytes, width);
        *(volatile uint64_t *)at = eight;
    }
}

static const char *hexadecimal(const struct value *value, unsigned width)
{
    static char text[2 * MAX_WIDTH + 1];

    for (unsigned i = 0; i < width; i++)
        sprintf(text + 2 * i, "%02x", value->bytes[i]);
    return text;
}

/* Word 1 of a command, of a register of `width` bytes. */
static unsigned offset_of(const struct command *command, uint64_t width)
{
    uint64_t offset = command_number(command, 1, "OFFSET");

    if (width != 1 && width != 2 && width != 4 && width != 8)
        fail("command %s: %" PRIu64 " bytes are no register's width", command->words[0], width);
    if (offset % width || offset >= PAGE)
        fail("command %s: OFFSET %" PRIu64 " is not that of a register of %" PRIu64 " in a page",
             command->words[0], offset, width);
    return offset;
}

static int device_of(const struct page *page, const struct command *command)
{
    if (page->device < 0)
        fail("command %s: there is no VFIO device", command->words[0]);
    return page->device;
}

static void do_load(const struct page *page, const struct command *command)
{
    uint64_t width = command_number(command, 2, "WIDTH");
    struct value value = load(page->mapped + offset_of(command, width), width);

    answer("data=%s", hexadecimal(&value, width));
}

static void do_store(const struct page *page, const struct command *command)
{
    struct value value;
    size_t width = command_bytes(command, 2, "DATA", value.bytes, sizeof(value.bytes));

    store(page->mapped + offset_of(command, width), &value, width);
    answer("stored=%zu", width);
}

static void do_read(const struct page *page, const struct command *command)
{
    uint64_t width = command_number(command, 2, "WIDTH");
    unsigned offset = offset_of(command, width);
    struct value value;
    ssize_t done = pread(device_of(page, command), value.bytes, width, offset);

    if (done < 0)
        answer_error(errno);
    else
        answer("data=%s", hexadecimal(&value, done));
}

static void do_write(const struct page *page, const struct command *command)
{
    struct value value;
    size_t width = command_bytes(command, 2, "DATA", value.bytes, sizeof(value.bytes));
    unsigned offset = offset_of(command, width);
    ssize_t done = pwrite(device_of(page, command), value.bytes, width, offset);

    if (done < 0)
        answer_error(errno);
    else
        answer("written=%zd", done);
}

static void do_watch(const struct page *page, const struct command *command)
{
    uint64_t width = command_number(command, 2, "WIDTH"), loads = 0;
    const volatile unsigned char *at = page->mapped + offset_of(command, width);
    deadline_t deadline = deadline_in(command_number(command, 3, "SECONDS"));
    struct value values[MAX_VALUES];
    char list[MAX_VALUES * (2 * MAX_WIDTH + 1) + 1] = "";
    unsigned count = 0;

    do {
        struct value value = load(at, width);
        unsigned known = 0;

        while (known < count && memcmp(&values[known], &value, width))
            known++;
        if (known == MAX_VALUES)
            fail("command watch: more than %d values at 0x%" PRIxPTR, MAX_VALUES,
                 (uintptr_t)(at - page->mapped));
        if (known == count) {
            values[count++] = value;
            strcat(strcat(list, *list ? "," : ""), hexadecimal(&value, width));
        }
        loads++;
    } while (deadline_left(deadline));
    answer("loads=%" PRIu64 " data=%s", loads, list);
}

static const struct {
    const char *name;
    void (*run)(const struct page *page, const struct command *command);
} commands[] = {
    { "load", do_load },   { "store", do_store }, { "read", do_read },
    { "write", do_write }, { "watch", do_watch }, { NULL, NULL },
};

static void run(const struct page *page, const struct command *command)
{
    const char *name = command->count ? command->words[0] : "";

    for (size_t i = 0; commands[i].name; i++) {
        if (!strcmp(name, commands[i].name)) {
            commands[i].run(page, command);
            return;
        }
    }
    fail("no command '%s'", name);
}

static struct page page_of_device(const char *name)
{
    struct vfio vfio;

    vfio_open(&vfio, name);
    return (struct page){ .mapped = vfio_map_region(&vfio, 0), .device = vfio.device };
}

static struct page page_at(const char *address)
{
    uint64_t physical = number(address, 0, INT64_MAX, "ADDRESS");
    int memory = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
    void *mapped;

    if (physical % PAGE)
        fail("ADDRESS '%s' is not that of a page", address);
    if (memory < 0)
        fail("opening /dev/mem: %s", strerror(errno));
    mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, (off_t)physical);
    if (mapped == MAP_FAILED)
        fail("mapping the page at 0x%" PRIx64 ": %s", physical, strerror(errno));
    return (struct page){ .mapped = mapped, .device = -1 };
}

int main(int argc, char **argv)
{
    struct command command;
    struct page page;

    if (argc == 3 && !strcmp(argv[1], "vfio"))
        page = page_of_device(argv[2]);
    else if (argc == 3 && !strcmp(argv[1], "memory"))
        page = page_at(argv[2]);
    else
        fail("usage: register-page vfio DEVICE | memory ADDRESS");
    do {
        while (command_next(&command))
            run(&page, &command);
    } while (command_receive());
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * vfio-dma DEVICE PIECES SIZE: map and unmap memory for a device as standard input says.
 *
 * The memory is PIECES times SIZE bytes, of huge pages where SIZE is a multiple of what they are
 * here, filled with a pattern that repeats in no piece. AT is an offset in it. Each command is
 * answered with a line: what VFIO gave, or "error=EINVAL". A command that cannot be understood
 * ends the program with one line on standard error and status 1.
 *
 *   map AT SIZE IOVA PROTECTION    mapped=1; "r", "w" or "rw", what the device may do
 *   unmap IOVA SIZE                unmapped=4096, the bytes that were mapped
 *   write AT DATA                  written=4; DATA in hexadecimal
 *   read AT COUNT                  data=00000000
 *   sum AT SIZE                    sum=0x1; another one when a bit of the bytes is another
 *   last-iova                      last-iova=0xffffffff, the last that VFIO takes
 *   close                          closed=1; device, group and container, with what is mapped
 *   open                           opened=1; after close, with nothing mapped
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "command.h"
#include "fail.h"
#include "huge_page.h"
#include "number.h"
#include "vfio_device.h"

enum { PAGE = 4096, MAX_PIECES = 16, MAX_SIZE = 1 << 26, MAX_DATA = 8192 };

static struct vfio vfio;
static const char *device;
static bool opened;
static unsigned char *memory;
static uint64_t memory_size;

static void take_memory(uint64_t pieces, uint64_t size)
{
    uint64_t huge = huge_page_size();
    uint32_t *words;

    memory_size = pieces * size;
    memory = huge_page_memory(memory_size, huge && size % huge == 0 ? huge : 0);
    words = (void *)memory;
    for (uint32_t i = 0; i < memory_size / sizeof(*words); i++)
        words[i] = i * 0x9e3779b1; /* odd: no word comes twice */
}

/* The memory that words 1, AT, and `index`, a count of bytes, of a command tell. */
static unsigned char *place(const struct command *command, int index, const char *what)
{
    uint64_t at = command_number(command, 1, "AT");
    uint64_t size = command_number(command, index, what);

    if (at > memory_size || size > memory_size - at)
        fail("command %s: %" PRIu64 " bytes at 0x%" PRIx64 " are not within 0x%" PRIx64
             " of memory",
             command->words[0], size, at, memory_size);
    return memory + at;
}

static void do_map(const struct command *command)
{
    const char *protection = command->count > 4 ? command->words[4] : "";
    struct vfio_iommu_type1_dma_map map = {
        .argsz = sizeof(map),
        .flags = (strchr(protection, 'r') ? VFIO_DMA_MAP_FLAG_READ : 0) |
                 (strchr(protection, 'w') ? VFIO_DMA_MAP_FLAG_WRITE : 0),
        .vaddr = (uintptr_t)place(command, 2, "SIZE"),
        .size = command_number(command, 2, "SIZE"),
        .iova = command_number(command, 3, "IOVA"),
    };

    if (ioctl(vfio.container, VFIO_IOMMU_MAP_DMA, &map))
        answer_error(errno);
    else
        answer("mapped=1");
}

static void do_unmap(const struct command *command)
{
    struct vfio_iommu_type1_dma_unmap unmap = {
        .argsz = sizeof(unmap),
        .iova = command_number(command, 1, "IOVA"),
        .size = command_number(command, 2, "SIZE"),
    };

    if (ioctl(vfio.container, VFIO_IOMMU_UNMAP_DMA, &unmap))
        answer_error(errno);
    else
        answer("unmapped=%" PRIu64, (uint64_t)unmap.size);
}

static void do_write(const struct command *command)
{
    static unsigned char data[MAX_DATA];
    uint64_t at = command_number(command, 1, "AT");
    size_t count = command_bytes(command, 2, "DATA", data, sizeof(data));

    if (at > memory_size || count > memory_size - at)
        fail("command write: %zu bytes at 0x%" PRIx64 " are not within 0x%" PRIx64 " of memory",
             count, at, memory_size);
    memcpy(memory + at, data, count);
    answer("written=%zu", count);
}

static void do_read(const struct command *command)
{
    static char text[2 * MAX_DATA + 1];
    const unsigned char *from = place(command, 2, "COUNT");
    uint64_t count = command_number(command, 2, "COUNT");

    if (count > MAX_DATA)
        fail("command read: COUNT is %" PRIu64 ", more than %d", count, MAX_DATA);
    for (size_t i = 0; i < count; i++)
        sprintf(text + 2 * i, "%02x", from[i]);
    text[2 * count] = '\0';
    answer("data=%s", text);
}

/* FNV-1a, by words: each step can be undone, so one word that changed changes the sum. */
static void do_sum(const struct command *command)
{
    const uint32_t *words = (const void *)place(command, 2, "SIZE");
    uint64_t size = command_number(command, 2, "SIZE");
    uint32_t sum = 0x811c9dc5;

    if ((uintptr_t)words % sizeof(*words) || size % sizeof(*words))
        fail("command sum: AT and SIZE are not multiples of %zu", sizeof(*words));
    for (size_t i = 0; i < size / sizeof(*words); i++)
        sum = (sum ^ words[i]) * 0x01000193;
    answer("sum=%#" PRIx32, sum);
}

static void do_last_iova(const struct command *command)
{
    (void)command;
    answer("last-iova=%#" PRIx64, vfio_last_iova(&vfio));
}

static void do_close(const struct command *command)
{
    if (!opened)
        fail("command %s: it is closed already", command->words[0]);
    vfio_close(&vfio);
    opened = false;
    answer("closed=1");
}

static void do_open(const struct command *command)
{
    if (opened)
        fail("command %s: it is open already", command->words[0]);
    vfio_open(&vfio, device);
    opened = true;
    answer("opened=1");
}

static const struct {
    const char *name;
    bool needs_device;
    void (*run)(const struct command *command);
} commands[] = {
    { "map", true, do_map },
    { "unmap", true, do_unmap },
    { "write", false, do_write },
    { "read", false, do_read },
    { "sum", false, do_sum },
    { "last-iova", true, do_last_iova },
    { "close", false, do_close },
    { "open", false, do_open },
};

static void run(const struct command *command)
{
    const char *name = command->count ? command->words[0] : "";

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(name, commands[i].name))
            continue;
        if (commands[i].needs_device && !opened)
            fail("command %s: the device is closed; open it first", name);
        commands[i].run(command);
        return;
    }
    fail("no command '%s'", name);
}

int main(int argc, char **argv)
{
    struct command command;
    uint64_t pieces, size;

    if (argc != 4)
        fail("usage: vfio-dma DEVICE PIECES SIZE, a name as in /sys/bus/platform/devices");
    device = argv[1];
    pieces = number(argv[2], 1, MAX_PIECES, "PIECES");
    size = number(argv[3], PAGE, MAX_SIZE, "SIZE");
    if (size % PAGE)
        fail("SIZE '%s' is not a number of pages", argv[3]);
    vfio_open(&vfio, device);
    opened = true;
    take_memory(pieces, size);
    do {
        while (command_next(&command))
            run(&command);
    } while (command_receive());
    return 0;
}

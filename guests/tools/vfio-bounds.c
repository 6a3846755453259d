/* SPDX-License-Identifier: MIT */
/*
 * vfio-bounds DEVICE: pass the commands on standard input on to VFIO, however wrong they are, and
 * tell what came back: one line a command, "error=EINVAL", or what the command gives. A command
 * that cannot be understood ends the program with one line on standard error and status 1.
 *
 *   read REGION OFFSET COUNT       returned=4 data=00000000
 *   write REGION OFFSET DATA       returned=4; DATA in hexadecimal, "-" for none
 *   write-from-nowhere REGION OFFSET COUNT    as write, of a buffer that is not mapped
 *   map REGION OFFSET LENGTH PROTECTION SHARING    mapped=1; "rw" "shared", and unmapped again
 *   grow REGION OFFSET LENGTH NEW    grown=1; a mapping of LENGTH bytes, made NEW bytes long
 *   device-info ARGSZ              regions=1 interrupts=1
 *   region-info INDEX ARGSZ        size=256 flags=3
 *   irq-info INDEX ARGSZ           count=1 flags=7
 *   set-irqs INDEX START COUNT FLAGS ARGSZ DATA    ok=1; DATA as for write, or "eventfd"
 *   ioctl NUMBER                   ok=1; VFIO's request of that number, with no argument
 */
#define _GNU_SOURCE /* mremap */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "command.h"
#include "fail.h"
#include "vfio_device.h"

enum { MAX_DATA = 1 << 20 };

static struct vfio vfio;
static unsigned char data[MAX_DATA];

/* Words 1 and 2 of a command: where in the device's file an access goes. */
static off_t position(const struct command *command)
{
    uint64_t region = command_number(command, 1, "REGION");
    uint64_t offset = command_number(command, 2, "OFFSET");

    return (off_t)((region << VFIO_REGION_SHIFT) + offset);
}

/* Word `index` as a size of memory; a 32-bit machine must not take another for it. */
static size_t memory_size(const struct command *command, int index, const char *what)
{
    uint64_t value = command_number(command, index, what);

    if ((size_t)value != value)
        fail("command %s: %s is %" PRIu64 ", more than memory of this machine can have",
             command->words[0], what, value);
    return value;
}

/* Word `index` of a command, DATA, into `data`. */
static size_t take_data(const struct command *command, int index)
{
    if (index < command->count && !strcmp(command->words[index], "-"))
        return 0;
    return command_bytes(command, index, "DATA", data, sizeof(data));
}

static const char *to_hexadecimal(size_t count)
{
    static char text[2 * MAX_DATA + 1];

    for (size_t i = 0; i < count; i++)
        sprintf(text + 2 * i, "%02x", data[i]);
    text[2 * count] = '\0';
    return text;
}

static void do_read(const struct command *command)
{
    size_t count = memory_size(command, 3, "COUNT");
    ssize_t done;

    if (count > sizeof(data))
        fail("command read: COUNT is %zu, more than %zu", count, sizeof(data));
    done = pread(vfio.device, data, count, position(command));
    if (done < 0) {
        answer_error(errno);
        return;
    }
    answer("returned=%zd data=%s", done, to_hexadecimal(done));
}

static void answer_written(ssize_t done)
{
    if (done < 0)
        answer_error(errno);
    else
        answer("returned=%zd", done);
}

static void do_write(const struct command *command)
{
    size_t count = take_data(command, 3);

    answer_written(pwrite(vfio.device, data, count, position(command)));
}

static void do_write_from_nowhere(const struct command *command)
{
    size_t count = memory_size(command, 3, "COUNT");
    void *nowhere = mmap(NULL, MAX_DATA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (nowhere == MAP_FAILED)
        fail("reserving %d bytes: %s", MAX_DATA, strerror(errno));
    answer_written(pwrite(vfio.device, nowhere, count, position(command)));
    munmap(nowhere, MAX_DATA);
}

static void do_map(const struct command *command)
{
    size_t length = memory_size(command, 3, "LENGTH");
    const char *protection = command->count > 4 ? command->words[4] : "";
    const char *sharing = command->count > 5 ? command->words[5] : "";
    int bits = (strchr(protection, 'r') ? PROT_READ : PROT_NONE) |
               (strchr(protection, 'w') ? PROT_WRITE : PROT_NONE);
    int flags = strcmp(sharing, "private") ? MAP_SHARED : MAP_PRIVATE;
    void *mapped = mmap(NULL, length, bits, flags, vfio.device, position(command));

    if (mapped == MAP_FAILED) {
        answer_error(errno);
        return;
    }
    munmap(mapped, length);
    answer("mapped=1");
}

static void do_grow(const struct command *command)
{
    size_t length = memory_size(command, 3, "LENGTH");
    size_t new_length = memory_size(command, 4, "NEW");
    void *mapped, *grown;

    mapped = mmap(NULL, length, PROT_READ, MAP_SHARED, vfio.device, position(command));
    if (mapped == MAP_FAILED)
        fail("command grow: the mapping to begin with: %s", strerror(errno));
    grown = mremap(mapped, length, new_length, MREMAP_MAYMOVE);
    if (grown == MAP_FAILED) {
        answer_error(errno);
        munmap(mapped, length);
        return;
    }
    munmap(grown, new_length);
    answer("grown=1");
}

static void do_device_info(const struct command *command)
{
    struct vfio_device_info info = { .argsz = command_number(command, 1, "ARGSZ") };

    if (ioctl(vfio.device, VFIO_DEVICE_GET_INFO, &info))
        answer_error(errno);
    else
        answer("regions=%u interrupts=%u", info.num_regions, info.num_irqs);
}

static void do_region_info(const struct command *command)
{
    struct vfio_region_info info = {
        .index = command_number(command, 1, "INDEX"),
        .argsz = command_number(command, 2, "ARGSZ"),
    };

    if (ioctl(vfio.device, VFIO_DEVICE_GET_REGION_INFO, &info))
        answer_error(errno);
    else
        answer("size=%" PRIu64 " flags=%u", (uint64_t)info.size, info.flags);
}

static void do_irq_info(const struct command *command)
{
    struct vfio_irq_info info = {
        .index = command_number(command, 1, "INDEX"),
        .argsz = command_number(command, 2, "ARGSZ"),
    };

    if (ioctl(vfio.device, VFIO_DEVICE_GET_IRQ_INFO, &info))
        answer_error(errno);
    else
        answer("count=%u flags=%u", info.count, info.flags);
}

static void do_set_irqs(const struct command *command)
{
    static unsigned char request[sizeof(struct vfio_irq_set) + MAX_DATA];
    struct vfio_irq_set *set = (void *)request;
    size_t count = sizeof(int32_t);
    int32_t number = -1;
    int failed, error;

    *set = (struct vfio_irq_set){
        .index = command_number(command, 1, "INDEX"),
        .start = command_number(command, 2, "START"),
        .count = command_number(command, 3, "COUNT"),
        .flags = command_number(command, 4, "FLAGS"),
        .argsz = command_number(command, 5, "ARGSZ"),
    };
    if (command->count > 6 && !strcmp(command->words[6], "eventfd")) {
        number = eventfd(0, EFD_CLOEXEC);
        if (number < 0)
            fail("making an eventfd: %s", strerror(errno));
        memcpy(set->data, &number, sizeof(number));
    } else {
        count = take_data(command, 6);
        memcpy(set->data, data, count);
    }
    failed = ioctl(vfio.device, VFIO_DEVICE_SET_IRQS, set);
    error = errno;
    if (number >= 0)
        close(number);
    if (failed)
        answer_error(error);
    else
        answer("ok=1");
}

static void do_ioctl(const struct command *command)
{
    /* What the number becomes is the architecture's. */
    if (ioctl(vfio.device, _IO(VFIO_TYPE, command_number(command, 1, "NUMBER")), NULL))
        answer_error(errno);
    else
        answer("ok=1");
}

static const struct {
    const char *name;
    void (*run)(const struct command *command);
} commands[] = {
    { "read", do_read },
    { "write", do_write },
    { "write-from-nowhere", do_write_from_nowhere },
    { "map", do_map },
    { "grow", do_grow },
    { "device-info", do_device_info },
    { "region-info", do_region_info },
    { "irq-info", do_irq_info },
    { "set-irqs", do_set_irqs },
    { "ioctl", do_ioctl },
    { NULL, NULL },
};

static void run(const struct command *command)
{
    const char *name = command->count ? command->words[0] : "";

    for (size_t i = 0; commands[i].name; i++) {
        if (!strcmp(name, commands[i].name)) {
            commands[i].run(command);
            return;
        }
    }
    fail("no command '%s'", name);
}

int main(int argc, char **argv)
{
    struct command command;

    if (argc != 2)
        fail("usage: vfio-bounds DEVICE, a name as in /sys/bus/platform/devices");
    vfio_open(&vfio, argv[1]);
    do {
        while (command_next(&command))
            run(&command);
    } while (command_receive());
    return 0;
}

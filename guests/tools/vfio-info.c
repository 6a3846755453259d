/* SPDX-License-Identifier: MIT */
/*
 * vfio-info DEVICE: what VFIO exposes of a platform device that is bound to vfio-platform, as one
 * JSON object. Errors are one line on standard error and exit status 1.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fail.h"
#include "vfio_device.h"

struct flag {
    uint32_t bit;
    const char *name;
};

static const struct flag device_flags[] = {
    { VFIO_DEVICE_FLAGS_RESET, "reset" },       { VFIO_DEVICE_FLAGS_PCI, "pci" },
    { VFIO_DEVICE_FLAGS_PLATFORM, "platform" }, { VFIO_DEVICE_FLAGS_AMBA, "amba" },
    { VFIO_DEVICE_FLAGS_CAPS, "caps" },         { 0, NULL },
};
static const struct flag region_flags[] = {
    { VFIO_REGION_INFO_FLAG_READ, "read" },
    { VFIO_REGION_INFO_FLAG_WRITE, "write" },
    { VFIO_REGION_INFO_FLAG_MMAP, "mmap" },
    { VFIO_REGION_INFO_FLAG_CAPS, "caps" },
    { 0, NULL },
};
static const struct flag irq_flags[] = {
    { VFIO_IRQ_INFO_EVENTFD, "eventfd" },
    { VFIO_IRQ_INFO_MASKABLE, "maskable" },
    { VFIO_IRQ_INFO_AUTOMASKED, "automasked" },
    { VFIO_IRQ_INFO_NORESIZE, "noresize" },
    { 0, NULL },
};

static void print_string(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        unsigned char byte = *text;

        if (byte == '"' || byte == '\\')
            printf("\\%c", byte);
        else if (byte < 0x20 || byte > 0x7e)
            printf("\\u%04x", byte);
        else
            putchar(byte);
    }
    putchar('"');
}

static void print_flags(uint32_t flags, const struct flag *names)
{
    const char *comma = "";

    printf("\"flags\": %" PRIu32 ", \"flag_names\": [", flags);
    for (; names->name; names++) {
        if (flags & names->bit) {
            printf("%s\"%s\"", comma, names->name);
            comma = ", ";
        }
    }
    printf("]");
}

int main(int argc, char **argv)
{
    struct vfio_device_info information = { .argsz = sizeof(information) };
    struct vfio_region_info *regions;
    struct vfio_irq_info *irqs;
    struct vfio vfio;

    if (argc != 2)
        fail("usage: vfio-info DEVICE, a name as in /sys/bus/platform/devices");
    vfio_open(&vfio, argv[1]);
    if (ioctl(vfio.device, VFIO_DEVICE_GET_INFO, &information))
        fail("information on '%s': %s", argv[1], strerror(errno));
    regions = calloc(information.num_regions + 1, sizeof(*regions));
    irqs = calloc(information.num_irqs + 1, sizeof(*irqs));
    if (!regions || !irqs)
        fail("out of memory for %u regions and %u interrupts", information.num_regions,
             information.num_irqs);
    for (uint32_t i = 0; i < information.num_regions; i++)
        regions[i] = vfio_region(&vfio, i);
    for (uint32_t i = 0; i < information.num_irqs; i++) {
        irqs[i] = (struct vfio_irq_info){ .argsz = sizeof(*irqs), .index = i };
        if (ioctl(vfio.device, VFIO_DEVICE_GET_IRQ_INFO, &irqs[i]))
            fail("information on interrupt %u of '%s': %s", i, argv[1], strerror(errno));
    }

    printf("{\"device\": ");
    print_string(argv[1]);
    printf(", \"group\": %u, ", vfio.group_number);
    print_flags(information.flags, device_flags);
    printf(", \"num_regions\": %u, \"num_irqs\": %u, \"regions\": [", information.num_regions,
           information.num_irqs);
    for (uint32_t i = 0; i < information.num_regions; i++) {
        printf("%s{\"index\": %u, \"size\": %" PRIu64 ", \"offset\": %" PRIu64 ", ", i ? ", " : "",
               i, (uint64_t)regions[i].size, (uint64_t)regions[i].offset);
        print_flags(regions[i].flags, region_flags);
        printf("}");
    }
    printf("], \"irqs\": [");
    for (uint32_t i = 0; i < information.num_irqs; i++) {
        printf("%s{\"index\": %u, \"count\": %u, ", i ? ", " : "", i, irqs[i].count);
        print_flags(irqs[i].flags, irq_flags);
        printf("}");
    }
    printf("]}\n");
    return 0;
}

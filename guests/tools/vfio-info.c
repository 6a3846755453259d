/* SPDX-License-Identifier: MIT */
/*
 * vfio-info DEVICE: what VFIO exposes of a platform device that is bound to vfio-platform, as one
 * JSON object. Errors are {"error": "..."} and exit status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

/* Nothing is printed before everything is known, so this is the whole output. */
static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...)
{
    char message[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    printf("{\"error\": ");
    print_string(message);
    printf("}\n");
    exit(1);
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

static unsigned group_of(const char *device)
{
    char path[512], target[512];
    const char *number;
    ssize_t length;

    if (strchr(device, '/'))
        fail("'%s' is not a device name as in /sys/bus/platform/devices", device);
    snprintf(path, sizeof(path), "/sys/bus/platform/devices/%s", device);
    if (access(path, F_OK))
        fail("no platform device '%s'", device);
    snprintf(path, sizeof(path), "/sys/bus/platform/devices/%s/iommu_group", device);
    length = readlink(path, target, sizeof(target) - 1);
    if (length < 0)
        fail("platform device '%s' is in no IOMMU group (it joins one when a driver first takes it): %s",
             device, strerror(errno));
    target[length] = '\0';
    number = strrchr(target, '/');
    return strtoul(number ? number + 1 : target, NULL, 10);
}

static int open_device(const char *name, unsigned number, bool *viable)
{
    struct vfio_group_status status = { .argsz = sizeof(status) };
    int container, group, device;
    char path[64];

    container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
    if (container < 0)
        fail("opening /dev/vfio/vfio: %s", strerror(errno));
    if (ioctl(container, VFIO_GET_API_VERSION) != VFIO_API_VERSION)
        fail("the kernel has another version of the VFIO API");
    if (ioctl(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0)
        fail("the kernel has no VFIO type 1 version 2 IOMMU: is vfio_iommu_type1 loaded?");
    snprintf(path, sizeof(path), "/dev/vfio/%u", number);
    group = open(path, O_RDWR | O_CLOEXEC);
    if (group < 0)
        fail("opening %s: %s%s", path, strerror(errno),
             errno == ENOENT ? ": is the device bound to vfio-platform?" : "");
    if (ioctl(group, VFIO_GROUP_GET_STATUS, &status))
        fail("status of group %u: %s", number, strerror(errno));
    *viable = status.flags & VFIO_GROUP_FLAGS_VIABLE;
    if (!*viable)
        fail("group %u is not viable: another of its devices has a driver of its own", number);
    if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container))
        fail("putting group %u into a container: %s", number, strerror(errno));
    if (ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
        fail("setting the IOMMU of group %u: %s%s", number, strerror(errno),
             errno == EPERM ? ": vfio_iommu_type1 needs allow_unsafe_interrupts=1?" : "");
    device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
    if (device < 0)
        fail("getting device '%s' from group %u: %s", name, number, strerror(errno));
    return device;
}

int main(int argc, char **argv)
{
    struct vfio_device_info information = { .argsz = sizeof(information) };
    struct vfio_region_info *regions;
    struct vfio_irq_info *irqs;
    unsigned number;
    bool viable;
    int device;

    if (argc != 2)
        fail("usage: vfio-info DEVICE, a name as in /sys/bus/platform/devices");
    number = group_of(argv[1]);
    device = open_device(argv[1], number, &viable);
    if (ioctl(device, VFIO_DEVICE_GET_INFO, &information))
        fail("information on '%s': %s", argv[1], strerror(errno));
    regions = calloc(information.num_regions + 1, sizeof(*regions));
    irqs = calloc(information.num_irqs + 1, sizeof(*irqs));
    if (!regions || !irqs)
        fail("out of memory for %u regions and %u interrupts", information.num_regions,
             information.num_irqs);
    for (uint32_t i = 0; i < information.num_regions; i++) {
        regions[i] = (struct vfio_region_info){ .argsz = sizeof(*regions), .index = i };
        if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &regions[i]))
            fail("information on region %u of '%s': %s", i, argv[1], strerror(errno));
    }
    for (uint32_t i = 0; i < information.num_irqs; i++) {
        irqs[i] = (struct vfio_irq_info){ .argsz = sizeof(*irqs), .index = i };
        if (ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irqs[i]))
            fail("information on interrupt %u of '%s': %s", i, argv[1], strerror(errno));
    }

    printf("{\"device\": ");
    print_string(argv[1]);
    printf(", \"group\": %u, \"viable\": %s, ", number, viable ? "true" : "false");
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

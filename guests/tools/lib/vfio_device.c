/* SPDX-License-Identifier: MIT */
#include "vfio_device.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fail.h"
#include "huge_page.h"

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
        fail("platform device '%s' is in no IOMMU group (a driver takes it first): %s", device,
             strerror(errno));
    target[length] = '\0';
    number = strrchr(target, '/');
    return strtoul(number ? number + 1 : target, NULL, 10);
}

static void open_container(struct vfio *vfio)
{
    vfio->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
    if (vfio->container < 0)
        fail("opening /dev/vfio/vfio: %s", strerror(errno));
    if (ioctl(vfio->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION)
        fail("the kernel has another version of the VFIO API");
    if (ioctl(vfio->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0)
        fail("the kernel has no VFIO type 1 version 2 IOMMU: is vfio_iommu_type1 loaded?");
}

static void open_group(struct vfio *vfio)
{
    struct vfio_group_status status = { .argsz = sizeof(status) };
    char path[64];

    snprintf(path, sizeof(path), "/dev/vfio/%u", vfio->group_number);
    vfio->group = open(path, O_RDWR | O_CLOEXEC);
    if (vfio->group < 0)
        fail("opening %s: %s%s", path, strerror(errno),
             errno == ENOENT ? ": is the device bound to vfio-platform?" : "");
    if (ioctl(vfio->group, VFIO_GROUP_GET_STATUS, &status))
        fail("status of group %u: %s", vfio->group_number, strerror(errno));
    if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
        fail("group %u is not viable: another of its devices has a driver of its own",
             vfio->group_number);
}

void vfio_open(struct vfio *vfio, const char *name)
{
    vfio->name = name;
    vfio->group_number = group_of(name);
    open_container(vfio);
    open_group(vfio);
    if (ioctl(vfio->group, VFIO_GROUP_SET_CONTAINER, &vfio->container))
        fail("putting group %u into a container: %s", vfio->group_number, strerror(errno));
    if (ioctl(vfio->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
        fail("setting the IOMMU of group %u: %s%s", vfio->group_number, strerror(errno),
             errno == EPERM ? ": vfio_iommu_type1 needs allow_unsafe_interrupts=1?" : "");
    vfio->device = ioctl(vfio->group, VFIO_GROUP_GET_DEVICE_FD, name);
    if (vfio->device < 0)
        fail("getting device '%s' from group %u: %s", name, vfio->group_number, strerror(errno));
}

void vfio_close(struct vfio *vfio)
{
    close(vfio->device);
    close(vfio->group);
    close(vfio->container);
}

struct vfio_region_info vfio_region(const struct vfio *vfio, uint32_t index)
{
    struct vfio_region_info region = { .argsz = sizeof(region), .index = index };

    if (ioctl(vfio->device, VFIO_DEVICE_GET_REGION_INFO, &region))
        fail("information on region %u of '%s': %s", index, vfio->name, strerror(errno));
    return region;
}

volatile void *vfio_map_region(const struct vfio *vfio, uint32_t index)
{
    struct vfio_region_info region = vfio_region(vfio, index);
    void *mapped;

    if (!(region.flags & VFIO_REGION_INFO_FLAG_MMAP))
        fail("region %u of '%s' cannot be mapped: it shares its page", index, vfio->name);
    mapped = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, vfio->device,
                  region.offset);
    if (mapped == MAP_FAILED)
        fail("mapping region %u of '%s': %s", index, vfio->name, strerror(errno));
    return mapped;
}

struct vfio_memory vfio_dma_memory(const struct vfio *vfio, uint64_t iova, uint64_t size)
{
    uint64_t huge = huge_page_size();
    uint64_t page = huge ? huge : (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t before = iova % page;
    uint64_t all = (before + size + page - 1) / page * page;
    void *mapped = huge_page_memory(all, huge);
    struct vfio_iommu_type1_dma_map map = {
        .argsz = sizeof(map),
        .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
        .vaddr = (uintptr_t)mapped,
        .iova = iova - before,
        .size = all,
    };

    if (ioctl(vfio->container, VFIO_IOMMU_MAP_DMA, &map))
        fail("mapping %" PRIu64 " bytes at 0x%" PRIx64 " for '%s': %s", all, iova - before,
             vfio->name, strerror(errno));
    return (struct vfio_memory){
        .at = (unsigned char *)mapped + before,
        .iova = iova,
        .mapped = mapped,
        .mapped_size = all,
    };
}

void vfio_free_dma_memory(const struct vfio *vfio, const struct vfio_memory *memory)
{
    struct vfio_iommu_type1_dma_unmap unmap = {
        .argsz = sizeof(unmap),
        .iova = memory->iova - (memory->at - (unsigned char *)memory->mapped),
        .size = memory->mapped_size,
    };

    if (ioctl(vfio->container, VFIO_IOMMU_UNMAP_DMA, &unmap))
        fail("taking %" PRIu64 " bytes at 0x%" PRIx64 " from '%s': %s", memory->mapped_size,
             (uint64_t)unmap.iova, vfio->name, strerror(errno));
    munmap(memory->mapped, memory->mapped_size);
}

uint64_t vfio_last_iova(const struct vfio *vfio)
{
    union {
        struct vfio_iommu_type1_info info;
        unsigned char bytes[4096];
    } answer = { .info = { .argsz = sizeof(answer) } };
    uint32_t at;

    if (ioctl(vfio->container, VFIO_IOMMU_GET_INFO, &answer.info))
        fail("information on the IOMMU of '%s': %s", vfio->name, strerror(errno));
    at = answer.info.flags & VFIO_IOMMU_INFO_CAPS ? answer.info.cap_offset : 0;
    while (at && at <= sizeof(answer) - sizeof(struct vfio_iommu_type1_info_cap_iova_range)) {
        const struct vfio_iommu_type1_info_cap_iova_range *ranges = (void *)&answer.bytes[at];

        if (ranges->header.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE && ranges->nr_iovas)
            return ranges->iova_ranges[ranges->nr_iovas - 1].end;
        at = ranges->header.next;
    }
    fail("VFIO does not tell which bus addresses the IOMMU of '%s' takes", vfio->name);
}

void vfio_set_trigger(const struct vfio *vfio, uint32_t index, int eventfd)
{
    union {
        struct vfio_irq_set set;
        char space[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
    } request = { .set = {
        .argsz = sizeof(request),
        .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
        .index = index,
        .count = 1,
    } };
    int32_t number = eventfd;

    memcpy(request.set.data, &number, sizeof(number));
    if (ioctl(vfio->device, VFIO_DEVICE_SET_IRQS, &request.set))
        fail("taking interrupt %u of '%s': %s", index, vfio->name, strerror(errno));
}

void vfio_unmask(const struct vfio *vfio, uint32_t index)
{
    struct vfio_irq_set set = {
        .argsz = sizeof(set),
        .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK,
        .index = index,
        .count = 1,
    };

    if (ioctl(vfio->device, VFIO_DEVICE_SET_IRQS, &set))
        fail("unmasking interrupt %u of '%s': %s", index, vfio->name, strerror(errno));
}

/* SPDX-License-Identifier: MIT */
#ifndef VFIO_DEVICE_H
#define VFIO_DEVICE_H

#include <linux/vfio.h>
#include <stdint.h>

/* How vfio-platform lays its regions out in the device's file. */
#define VFIO_REGION_SHIFT 40

/* A platform device, opened through its group and a container with a type 1 version 2 IOMMU. */
struct vfio {
    const char *name;
    unsigned group_number;
    int container;
    int group;
    int device;
};

/*
 * Open platform device `name` (as in /sys/bus/platform/devices), which is bound to vfio-platform
 * and alone in a viable group. Fails the program when it cannot.
 */
void vfio_open(struct vfio *vfio, const char *name);

/* Let go of device, group and container; what was mapped for the device is no longer. */
void vfio_close(struct vfio *vfio);

/* Region `index`. Fails the program when the device has none of that index. */
struct vfio_region_info vfio_region(const struct vfio *vfio, uint32_t index);

/* Map all of region `index`, for reads and writes. Fails the program when it cannot be. */
volatile void *vfio_map_region(const struct vfio *vfio, uint32_t index);

/* Memory that a device sees from bus address `iova` on: it begins at `at` and is zeroed. */
struct vfio_memory {
    unsigned char *at;
    uint64_t iova;
    /* What of it was mapped: whole pages, huge ones where there are any. */
    void *mapped;
    uint64_t mapped_size;
};

/*
 * Memory of `size` bytes at `iova`. An IOMMU like the PAMU has few windows and wants the memory
 * behind each in one piece, so it is made of huge pages on a machine that has them. Fails the
 * program when there is no memory or the IOMMU refuses the address.
 */
struct vfio_memory vfio_dma_memory(const struct vfio *vfio, uint64_t iova, uint64_t size);

/* Take the memory away from the device and free it. */
void vfio_free_dma_memory(const struct vfio *vfio, const struct vfio_memory *memory);

/* The last bus address that the IOMMU takes. Fails the program when VFIO does not tell. */
uint64_t vfio_last_iova(const struct vfio *vfio);

/* Let events of interrupt `index` be counted by `eventfd`. Fails the program when they cannot. */
void vfio_set_trigger(const struct vfio *vfio, uint32_t index, int eventfd);

/* Let a level interrupt come again after an event of it. Fails the program when it cannot. */
void vfio_unmask(const struct vfio *vfio, uint32_t index);

#endif

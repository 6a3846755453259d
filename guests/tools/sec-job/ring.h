/* SPDX-License-Identifier: MIT */
#ifndef RING_H
#define RING_H

#include <stdint.h>

#include "descriptor.h"
#include "vfio_device.h"

/*
 * A SEC's job ring, driven through VFIO. The ring itself and one job descriptor lie in RING_MEMORY
 * bytes at bus address `iova`; jobs are run one at a time.
 */
struct ring {
    const struct vfio *vfio;
    volatile uint32_t *registers;
    struct sec_format format;
    unsigned char *memory;
    uint64_t iova; /* of the memory */
    int interrupt; /* eventfd */
    unsigned next;
    unsigned interrupts; /* taken for jobs */
};

enum { RING_MEMORY = 4096 };

/*
 * Reset the ring, find out its format, and set it up in the first RING_MEMORY bytes of `memory`.
 * Fails the program when it does not answer.
 */
void ring_open(struct ring *ring, const struct vfio *vfio, const struct vfio_memory *memory);

/* Where to make the descriptor of the next job. */
struct descriptor ring_descriptor(struct ring *ring);

/*
 * Run the job, and wait for its interrupt; returns its status word, 0 when all went well. Fails
 * the program after `seconds`, and when the ring reports an error of its own.
 */
uint32_t ring_run(struct ring *ring, unsigned seconds);

#endif

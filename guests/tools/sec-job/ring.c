/* SPDX-License-Identifier: MIT */
/*
 * The job ring. Registers are those of `struct caam_job_ring` in drivers/crypto/caam/regs.h of
 * Linux 6.12; the order of resetting is that of its jr.c. Little-endian parts are taken to be of
 * the Layerscape family, where the less significant half of a 64-bit register comes first.
 */
#include "ring.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "deadline.h"
#include "fail.h"

enum {
    INPUT_BASE = 0x00,
    INPUT_SIZE = 0x0c,
    JOBS_ADDED = 0x1c,
    OUTPUT_BASE = 0x20,
    OUTPUT_SIZE = 0x2c,
    JOBS_REMOVED = 0x34,
    SLOTS_FULL = 0x3c,
    INTERRUPT_STATUS = 0x4c,
    CONFIGURATION = 0x54,
    INPUT_INDEX = 0x5c,
    COMMAND = 0x6c,
    COMPILE_PARAMETERS = 0xfa8,
    STATUS = 0xfd4,
};

#define STATUS_BIG_ENDIAN (1u << 18 | 1u << 10) /* PLEND, and where it is in the other order */
#define PARAMETERS_LONG_POINTERS (1u << 17)     /* PS: pointers may be long */
#define COMMAND_RESET 1u
#define INTERRUPT_MASKED 1u
#define JOB_INTERRUPT 1u
#define RING_ERROR 2u
#define HALT (3u << 2)
#define HALTED (2u << 2)

enum {
    ENTRIES = 4,
    SECONDS = 10,
    /* in the ring's memory */
    INPUT_RING = 0,
    OUTPUT_RING = 256,
    DESCRIPTOR = 512,
};

static uint32_t read_register(const struct ring *ring, unsigned offset)
{
    uint32_t raw = ring->registers[offset / 4];

    __sync_synchronize(); /* what the SEC had written is read after this */
    return sec_get_word(&ring->format, &raw);
}

static void write_register(const struct ring *ring, unsigned offset, uint32_t value)
{
    uint32_t raw;

    sec_put_word(&ring->format, &raw, value);
    __sync_synchronize(); /* what the SEC is to read is in memory */
    ring->registers[offset / 4] = raw;
}

/* The half at the higher address completes a 64-bit register. */
static void write_long_register(const struct ring *ring, unsigned offset, uint64_t value)
{
    uint32_t high = value >> 32, low = value;

    write_register(ring, offset, ring->format.big_endian ? high : low);
    write_register(ring, offset + 4, ring->format.big_endian ? low : high);
}

static void await(const struct ring *ring, unsigned offset, uint32_t mask, uint32_t value,
                  const char *what)
{
    deadline_t deadline = deadline_in(SECONDS);
    uint32_t held;

    while (((held = read_register(ring, offset)) & mask) != value)
        if (!deadline_left(deadline))
            fail("%s: after %d s the register at 0x%x holds 0x%08" PRIx32, what, SECONDS, offset,
                 held);
}

/* The first command flushes what the ring holds, the second resets it. */
static void reset(const struct ring *ring)
{
    write_register(ring, COMMAND, COMMAND_RESET);
    await(ring, INTERRUPT_STATUS, HALT, HALTED, "flushing the job ring");
    write_register(ring, COMMAND, COMMAND_RESET);
    await(ring, COMMAND, COMMAND_RESET, 0, "resetting the job ring");
    await(ring, INTERRUPT_STATUS, HALT, 0, "resetting the job ring");
}

static void set_up(struct ring *ring)
{
    ring->next = 0;
    write_long_register(ring, INPUT_BASE, ring->iova + INPUT_RING);
    write_long_register(ring, OUTPUT_BASE, ring->iova + OUTPUT_RING);
    write_register(ring, INPUT_SIZE, ENTRIES);
    write_register(ring, OUTPUT_SIZE, ENTRIES);
    /* An interrupt for each job, at once. */
    write_register(ring, CONFIGURATION, 0);
}

/* Wait for the interrupt of a job and acknowledge it; VFIO lets the next one come. */
static void take_interrupt(struct ring *ring, unsigned seconds)
{
    uint32_t status;
    uint64_t count;

    if (!wait_readable(ring->interrupt, deadline_in(seconds)))
        fail("the job ring did not interrupt in %u s: interrupt status 0x%08" PRIx32
             ", %" PRIu32 " results",
             seconds, read_register(ring, INTERRUPT_STATUS), read_register(ring, SLOTS_FULL));
    if (read(ring->interrupt, &count, sizeof(count)) != sizeof(count))
        fail("reading the interrupt's eventfd: %s", strerror(errno));
    ring->interrupts += count;
    status = read_register(ring, INTERRUPT_STATUS);
    write_register(ring, INTERRUPT_STATUS, status);
    if (status & RING_ERROR)
        fail("the job ring reports an error: interrupt status 0x%08" PRIx32, status);
    if (!(status & JOB_INTERRUPT))
        fail("an interrupt that the job ring does not know of: status 0x%08" PRIx32, status);
    read_register(ring, INTERRUPT_STATUS); /* the line is low when this is answered */
    vfio_unmask(ring->vfio, 0);
}

static void run(struct ring *ring, unsigned seconds)
{
    write_register(ring, JOBS_ADDED, 1);
    take_interrupt(ring, seconds);
    if (!read_register(ring, SLOTS_FULL))
        fail("the job ring interrupted, and there is no result");
}

/*
 * Whether pointers are long is set by the owner of the SEC's controller page, which a ring cannot
 * see. It tells by how far the input ring's index moves: by one pointer a job. Address 0, where
 * the descriptor is for that, reads the same in any format.
 */
static void find_pointer_size(struct ring *ring)
{
    struct descriptor probe = { .format = &ring->format };
    struct vfio_memory memory;
    uint32_t moved;

    ring->format.pointer_size = 4;
    if (!(read_register(ring, COMPILE_PARAMETERS) & PARAMETERS_LONG_POINTERS))
        return;
    memory = vfio_dma_memory(ring->vfio, 0, RING_MEMORY);
    probe.memory = memory.at;
    descriptor_without_pointers(&probe);
    set_up(ring);
    run(ring, SECONDS);
    moved = read_register(ring, INPUT_INDEX);
    if (moved != 4 && moved != 8)
        fail("a job moves the input ring's index by %" PRIu32 ", not by a pointer's size", moved);
    ring->format.pointer_size = moved;
    reset(ring);
    vfio_free_dma_memory(ring->vfio, &memory);
}

void ring_open(struct ring *ring, const struct vfio *vfio, const struct vfio_memory *memory)
{
    uint32_t raw;

    memset(ring, 0, sizeof(*ring));
    ring->vfio = vfio;
    ring->registers = vfio_map_region(vfio, 0);
    ring->memory = memory->at;
    ring->iova = memory->iova;
    ring->interrupt = eventfd(0, EFD_CLOEXEC);
    if (ring->interrupt < 0)
        fail("making an eventfd: %s", strerror(errno));
    vfio_set_trigger(vfio, 0, ring->interrupt);

    raw = ring->registers[STATUS / 4];
    ring->format.big_endian = raw & STATUS_BIG_ENDIAN;
    reset(ring);
    find_pointer_size(ring);
    set_up(ring);
    ring->interrupts = 0;
}

struct descriptor ring_descriptor(struct ring *ring)
{
    return (struct descriptor){ .format = &ring->format, .memory = ring->memory + DESCRIPTOR };
}

uint32_t ring_run(struct ring *ring, unsigned seconds)
{
    const struct sec_format *format = &ring->format;
    unsigned char *job = ring->memory + INPUT_RING + ring->next * format->pointer_size;
    unsigned char *result = ring->memory + OUTPUT_RING + ring->next * (format->pointer_size + 4);
    uint64_t address;

    sec_put_pointer(format, job, ring->iova + DESCRIPTOR);
    run(ring, seconds);
    address = sec_get_pointer(format, result);
    if (address != ring->iova + DESCRIPTOR)
        fail("the result is that of a job at 0x%" PRIx64 ", the job is at 0x%" PRIx64, address,
             ring->iova + DESCRIPTOR);
    write_register(ring, JOBS_REMOVED, 1);
    ring->next = (ring->next + 1) % ENTRIES;
    return sec_get_word(format, result + format->pointer_size);
}

/*
 * Bytes received and not handled yet
 *
 * A packet is handled where it lies. Handling may receive more (a DMA access
 * may reach registers of the very same device), so bytes that are in use are
 * pinned: they are neither moved nor overwritten until the last user is done.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTBED_RXBUFFER_H
#define TESTBED_RXBUFFER_H

#include <stddef.h>
#include <stdint.h>

typedef struct RpRxBlock {
    unsigned users;
    size_t capacity;
    uint8_t bytes[];
} RpRxBlock;

typedef struct RpRxBuffer {
    RpRxBlock *block;
    size_t start, end;
} RpRxBuffer;

/* The unhandled bytes. */
static inline const uint8_t *rp_rx_bytes(const RpRxBuffer *rx)
{
    return rx->block->bytes + rx->start;
}

static inline size_t rp_rx_length(const RpRxBuffer *rx)
{
    return rx->end - rx->start;
}

/* Room for new bytes behind them: at least @wanted after rp_rx_reserve(). */
static inline uint8_t *rp_rx_room(const RpRxBuffer *rx)
{
    return rx->block->bytes + rx->end;
}

static inline size_t rp_rx_room_size(const RpRxBuffer *rx)
{
    return rx->block ? rx->block->capacity - rx->end : 0;
}

void rp_rx_reserve(RpRxBuffer *rx, size_t wanted);

/* @count bytes have been put into the room. */
static inline void rp_rx_added(RpRxBuffer *rx, size_t count)
{
    rx->end += count;
}

/*
 * Takes the first @count bytes out and pins them; they stay valid until
 * rp_rx_unpin() of the block returned.
 */
RpRxBlock *rp_rx_take(RpRxBuffer *rx, size_t count);
void rp_rx_unpin(RpRxBuffer *rx, RpRxBlock *block);

/* Takes @count bytes out from behind the first @offset, which stay. */
void rp_rx_cut(RpRxBuffer *rx, size_t offset, size_t count);

/* Forgets all bytes; frees the memory unless it is pinned. */
void rp_rx_clear(RpRxBuffer *rx);

#endif

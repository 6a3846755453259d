/*
 * Bytes received and not handled yet
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <glib.h>

#include "rxbuffer.h"

/* Holds a page of DMA data with its header several times over. */
#define RX_BLOCK_SIZE (64u << 10)

static RpRxBlock *block_new(size_t capacity)
{
    RpRxBlock *block = g_malloc(sizeof(*block) + capacity);

    block->users = 0;
    block->capacity = capacity;
    return block;
}

/* A pinned block that is not the buffer's any more belongs to its users. */
static void abandon(RpRxBuffer *rx)
{
    if (rx->block && !rx->block->users) {
        g_free(rx->block);
    }
    rx->block = NULL;
}

void rp_rx_reserve(RpRxBuffer *rx, size_t wanted)
{
    size_t length = rp_rx_length(rx);
    RpRxBlock *old = rx->block;

    if (old && !length && !old->users) {
        rx->start = rx->end = 0;
    }
    if (rp_rx_room_size(rx) >= wanted) {
        return;
    }
    if (old && !old->users && old->capacity >= length + wanted) {
        memmove(old->bytes, old->bytes + rx->start, length);
    } else {
        RpRxBlock *new = block_new(MAX(length + wanted, RX_BLOCK_SIZE));

        if (length) {
            memcpy(new->bytes, old->bytes + rx->start, length);
        }
        abandon(rx);
        rx->block = new;
    }
    rx->start = 0;
    rx->end = length;
}

RpRxBlock *rp_rx_take(RpRxBuffer *rx, size_t count)
{
    rx->start += count;
    rx->block->users++;
    return rx->block;
}

void rp_rx_unpin(RpRxBuffer *rx, RpRxBlock *block)
{
    if (!--block->users && block != rx->block) {
        g_free(block);
    }
}

void rp_rx_cut(RpRxBuffer *rx, size_t offset, size_t count)
{
    uint8_t *first = rx->block->bytes + rx->start;

    memmove(first + count, first, offset);
    rx->start += count;
}

void rp_rx_clear(RpRxBuffer *rx)
{
    abandon(rx);
    rx->start = rx->end = 0;
}

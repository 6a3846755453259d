/*
 * Bytes of a link: what goes out, what comes in, and the waits between
 *
 * For the link's own files. All functions are called with the BQL held.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTBED_STREAM_H
#define TESTBED_STREAM_H

#include "link.h"

typedef enum { RP_RX_NOTHING, RP_RX_SOME, RP_RX_LOST } RpRxResult;

/* Prepares a new socket; what was not sent to the last peer is forgotten. */
void rp_stream_begin(RpLink *link);

/* What has been put is still sent as far as the peer takes it at once. */
void rp_stream_end(RpLink *link);

/*
 * Puts bytes behind those not sent yet. They are sent by rp_stream_flush(), or
 * when they have become many.
 */
void rp_stream_put(RpLink *link, const void *head, size_t head_len,
                   const void *data, size_t data_len);
void rp_stream_flush(RpLink *link);

/* One recv() with these flags, into link->rx. */
RpRxResult rp_stream_receive(RpLink *link, int flags);

/*
 * Sends what was put and waits until something comes. RP_RX_NOTHING: the
 * deadline has passed.
 */
RpRxResult rp_stream_wait(RpLink *link, int64_t deadline_us);

/*
 * Whether something comes very soon, as it does while the peer's requests
 * follow each other. Lets go of the BQL meanwhile: a CPU may have used, or
 * lost, the link.
 */
bool rp_stream_linger(RpLink *link);

int64_t rp_stream_timeout_from_now(const RpLink *link);

#endif

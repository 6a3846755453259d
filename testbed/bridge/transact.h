/*
 * Requests to the peer and their answers; answers to what the peer asks for
 *
 * For the link's own files. The functions that do it are in link.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTBED_TRANSACT_H
#define TESTBED_TRANSACT_H

#include "link.h"

/* An answer of the peer: to READ, WRITE or SYNC */
void rp_transact_answered(RpLink *link, const RpPacket *packet);

/* Handles every complete packet in link->rx. */
void rp_link_process(RpLink *link);

/* Handles the answers among them, ahead of what else is there. */
void rp_link_process_answers(RpLink *link);

/*
 * The main loop watches an epoll descriptor that holds the socket. While a
 * request waits for its answer the socket is masked there: the answer would
 * wake the main thread too, to no purpose but to queue up for the BQL.
 */
void rp_link_watch(RpLink *link, bool on);

#endif

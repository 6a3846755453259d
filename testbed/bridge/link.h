/*
 * The connection to a model: socket, framing, requests and their deadlines
 *
 * All functions are called, and all callbacks are made, with the BQL held.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTBED_LINK_H
#define TESTBED_LINK_H

#include "qapi/error.h"
#include "qemu/timer.h"

#include "rxbuffer.h"
#include "wire.h"

typedef struct RpLinkOps {
    /* READ, WRITE or INTERRUPT that the peer asks for */
    void (*request)(void *opaque, const RpPacket *packet);
    void (*down)(void *opaque);
} RpLinkOps;

typedef enum RpLinkState {
    RP_LINK_DOWN,
    RP_LINK_GREETING,               /* connected, the peer's HELLO is awaited */
    RP_LINK_UP,
} RpLinkState;

typedef struct RpAwaited RpAwaited;

typedef struct RpLink {
    /* Set by the owner before rp_link_open() */
    const char *name;               /* for messages */
    const char *path;
    uint32_t chan;
    uint32_t timeout_ms;
    uint32_t reconnect_ms;          /* 0: a lost peer is lost for good */
    const RpLinkOps *ops;
    void *opaque;

    /* Private */
    RpLinkState state;
    int fd;
    int epoll_fd;
    uint32_t agreed;                /* capabilities both sides announced */
    uint32_t next_id;
    unsigned depth;                 /* of rp_link_transact() */
    int64_t deadline_us;            /* of the outermost one */
    unsigned spin_skip;             /* waits left without spinning */
    unsigned spin_pause;            /* how many after the next vain try */
    unsigned linger_score;          /* high: lingering has not been in vain */
    unsigned linger_waits;          /* since it was */
    bool more_expected;             /* the last packet asked for DMA */
    bool loss_reported;
    char *open_failure;
    bool opening;
    RpRxBuffer rx;
    uint8_t *tx;                    /* what is not sent yet */
    size_t tx_len;
    RpAwaited *awaited;
    QEMUTimer *timer;
} RpLink;

/* What a request brought back. */
typedef struct RpAnswer {
    unsigned status;
    uint8_t *data;                  /* where read data goes, or: */
    bool allocate;                  /* any size, data becomes the caller's */
    uint32_t len;
} RpAnswer;

/* Connects and exchanges HELLO within the link's timeout. */
bool rp_link_open(RpLink *link, Error **errp);

static inline bool rp_link_is_up(const RpLink *link)
{
    return link->state == RP_LINK_UP;
}

/* Reports why the connection is given up, and gives it up. */
void G_GNUC_PRINTF(2, 3) rp_link_fail(RpLink *link, const char *format, ...);

/*
 * Sends a READ or WRITE and serves the peer's own requests until the answer is
 * there. False: no peer, or it was lost meanwhile. @request gets its id here.
 */
bool rp_link_transact(RpLink *link, RpPacket *request, const void *data,
                      RpAnswer *answer);

/*
 * Waits until the peer has done everything that came before, what it has put
 * off included. False as above.
 */
bool rp_link_settle(RpLink *link);

/* Sends a posted WRITE or an INTERRUPT: nothing comes back. */
void rp_link_post(RpLink *link, RpPacket *packet, const void *data);

/*
 * Answers may be held back until what came with their requests is handled.
 * They go out before anything is waited for.
 */
void rp_link_flush(RpLink *link);

/* Answers a READ (with bus.len bytes of @data) or a WRITE. */
void rp_link_answer(RpLink *link, const RpPacket *request, unsigned status,
                    const void *data);

/* Answers an INTERRUPT, when its sender and the capabilities say so. */
void rp_link_acknowledge(RpLink *link, const RpPacket *request);

#endif

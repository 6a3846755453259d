/*
 * Bytes of a link: what goes out, what comes in, and the waits between
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/processor.h"
#include <poll.h>

#include "compat.h"
#include "stream.h"

/*
 * Looking for an answer before sleeping for it pays when the model does so too
 * and both have a CPU: no CPU has to be woken up. Otherwise it takes the model
 * its CPU, or keeps the scheduler from running both on one, which is the next
 * best. So a vain try is followed by waits without one, twice as many each
 * time. MMIO round trip in us, QEMU 7.2, two CPUs, model in Python:
 *
 *   bridge, model   sleep, sleep   spin, sleep   spin, spin
 *   idle                 17 - 45       18 - 48        9 - 14
 *   two busy loops       17 - 47       29 - 82       25 - 70
 *   as here, idle                      16 - 22        9 - 13
 *   as here, busy                      17 - 65       17 - 28
 */
#define RP_SPIN_US 30
#define RP_SPIN_PAUSE_MIN 16
#define RP_SPIN_PAUSE_MAX 256

/*
 * The main loop does the same while DMA requests of the model follow each
 * other outside of accesses, or each would wait for the main thread to wake
 * up. It tries as long as most tries are not in vain, and now and then to see
 * whether they still are. Medians of several runs in us, two CPUs, DMA reads
 * of 64 bytes outside of accesses:
 *
 *                                               without       with
 *   machine's CPU halted, one after another     24 - 45     13 - 25
 *     8 that begin with a doorbell             264 - 372   155 - 280
 *   machine's CPU busy, one after another       24 - 32     22 - 25
 *     8 that begin with a doorbell             193 - 252   230 - 300
 *
 * It loses where three busy threads share two CPUs.
 */
#define RP_LINGER_US 30
#define RP_LINGER_SCORE_MAX 16
#define RP_LINGER_VAIN 3
#define RP_LINGER_PROBE 16

/*
 * A receive that waits by itself saves two system calls of an access. The
 * kernel ends its wait after this long, so that deadlines are looked at.
 */
#define RP_DOZE_US 50000

/* What is taken in while the peer does not take what is sent to it. */
#define RP_MAX_BACKLOG (4 * (size_t)RP_MAX_PACKET)

#define RP_SOCKET_BUFFER (1 << 20)

/* Answers gathered for one send: those to a page each, several times over */
#define RP_TX_SIZE (64u << 10)

int64_t rp_stream_timeout_from_now(const RpLink *link)
{
    return g_get_monotonic_time() + link->timeout_ms * INT64_C(1000);
}

void rp_stream_begin(RpLink *link)
{
    const struct timeval doze = { .tv_usec = RP_DOZE_US };
    const int size = RP_SOCKET_BUFFER;

    setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &doze, sizeof(doze));
    setsockopt(link->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (!link->tx) {
        link->tx = g_malloc(RP_TX_SIZE);
    }
    link->tx_len = 0;
    link->spin_skip = 0;
    link->spin_pause = RP_SPIN_PAUSE_MIN;
}

void rp_stream_end(RpLink *link)
{
    if (link->tx_len) {
        send(link->fd, link->tx, link->tx_len, MSG_DONTWAIT | MSG_NOSIGNAL);
        link->tx_len = 0;
    }
    rp_rx_clear(&link->rx);
}

/* Sleeps until the socket is ready for @events or the deadline is near. */
static short sleep_for(RpLink *link, short events, int64_t left_us)
{
    struct pollfd p = { .fd = link->fd, .events = events };

    poll(&p, 1, MIN(DIV_ROUND_UP(left_us, 1000), INT_MAX));
    return p.revents;
}

/* An end with something unread on its way is a reset, but still an end. */
static void fail_socket(RpLink *link, const char *what, int error)
{
    if (!error || error == ECONNRESET || error == EPIPE) {
        rp_link_fail(link, "the peer closed the connection");
    } else {
        rp_link_fail(link, "%s failed: %s", what, strerror(error));
    }
}

RpRxResult rp_stream_receive(RpLink *link, int flags)
{
    ssize_t n;

    rp_rx_reserve(&link->rx, 4096);
    n = recv(link->fd, rp_rx_room(&link->rx), rp_rx_room_size(&link->rx),
             flags);
    if (n > 0) {
        rp_rx_added(&link->rx, n);
        return RP_RX_SOME;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return RP_RX_NOTHING;
    }
    fail_socket(link, "receiving", n < 0 ? errno : 0);
    return RP_RX_LOST;
}

/*
 * While the peer does not take what is sent, what it sends is taken in, so
 * that big transfers in both directions cannot block each other.
 */
static void send_all(RpLink *link, struct iovec *iov, unsigned count)
{
    struct msghdr message = { .msg_iov = iov, .msg_iovlen = count };
    int64_t deadline_us = 0;

    while (link->fd >= 0) {
        ssize_t n = sendmsg(link->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        int64_t left_us;
        short events = POLLOUT;

        if (n >= 0) {
            while (message.msg_iovlen && n >= message.msg_iov->iov_len) {
                n -= message.msg_iov->iov_len;
                message.msg_iov++;
                message.msg_iovlen--;
            }
            if (!message.msg_iovlen) {
                return;
            }
            message.msg_iov->iov_base += n;
            message.msg_iov->iov_len -= n;
            continue;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN) {
            fail_socket(link, "sending", errno);
            return;
        }
        if (!deadline_us) {
            deadline_us = link->depth ? link->deadline_us
                                      : rp_stream_timeout_from_now(link);
        }
        left_us = deadline_us - g_get_monotonic_time();
        if (left_us <= 0) {
            rp_link_fail(link, "the peer took nothing in within %u ms",
                         link->timeout_ms);
            return;
        }
        if (rp_rx_length(&link->rx) < RP_MAX_BACKLOG) {
            events |= POLLIN;
        }
        if (sleep_for(link, events, left_us) & POLLIN &&
            rp_stream_receive(link, MSG_DONTWAIT) == RP_RX_LOST) {
            return;
        }
    }
}

static void send_with_data(RpLink *link, const void *data, size_t data_len)
{
    struct iovec iov[2] = {
        { .iov_base = link->tx, .iov_len = link->tx_len },
        { .iov_base = (void *)data, .iov_len = data_len },
    };

    /* Gone with this call, even if it fails half-way. */
    link->tx_len = 0;
    send_all(link, iov, data_len ? 2 : 1);
}

void rp_stream_flush(RpLink *link)
{
    if (link->tx_len) {
        send_with_data(link, NULL, 0);
    }
}

void rp_stream_put(RpLink *link, const void *head, size_t head_len,
                   const void *data, size_t data_len)
{
    if (link->tx_len + head_len + data_len > RP_TX_SIZE) {
        rp_stream_flush(link);
    }
    if (link->fd < 0) {
        return;
    }
    memcpy(link->tx + link->tx_len, head, head_len);
    link->tx_len += head_len;
    if (head_len + data_len > RP_TX_SIZE) {
        send_with_data(link, data, data_len);
    } else if (data_len) {
        memcpy(link->tx + link->tx_len, data, data_len);
        link->tx_len += data_len;
    }
}

static bool spin_wanted(RpLink *link)
{
    if (link->spin_skip) {
        link->spin_skip--;
        return false;
    }
    return true;
}

static void spin_failed(RpLink *link)
{
    link->spin_skip = link->spin_pause;
    link->spin_pause = MIN(2 * link->spin_pause, RP_SPIN_PAUSE_MAX);
}

RpRxResult rp_stream_wait(RpLink *link, int64_t deadline_us)
{
    int64_t now, spin_until;
    bool tried = false;

    rp_stream_flush(link);
    now = g_get_monotonic_time();
    spin_until = spin_wanted(link) ? now + RP_SPIN_US : now;
    for (; link->fd >= 0; now = g_get_monotonic_time()) {
        bool spin = now < spin_until;
        bool doze = !spin && deadline_us - now > RP_DOZE_US;
        RpRxResult result;

        if (tried && !spin) {
            spin_failed(link);
        }
        tried = spin;
        result = rp_stream_receive(link, doze ? 0 : MSG_DONTWAIT);
        if (result != RP_RX_NOTHING) {
            if (spin) {
                link->spin_pause = RP_SPIN_PAUSE_MIN;
            }
            return result;
        }
        if (now >= deadline_us) {
            return RP_RX_NOTHING;
        }
        if (spin) {
            cpu_relax();
        } else if (!doze) {
            sleep_for(link, POLLIN, deadline_us - now);
        }
    }
    return RP_RX_LOST;
}

static bool linger_wanted(RpLink *link)
{
    return link->linger_score || !(link->linger_waits++ % RP_LINGER_PROBE);
}

bool rp_stream_linger(RpLink *link)
{
    struct pollfd p = { .fd = link->fd, .events = POLLIN };
    int64_t until;
    bool came;

    if (link->fd < 0 || !linger_wanted(link)) {
        return false;
    }
    rp_bql_unlock();
    until = g_get_monotonic_time() + RP_LINGER_US;
    do {
        cpu_relax();
        came = poll(&p, 1, 0) > 0;
    } while (!came && g_get_monotonic_time() < until);
    rp_bql_lock();
    if (came) {
        link->linger_score = MIN(link->linger_score + 1, RP_LINGER_SCORE_MAX);
    } else {
        link->linger_score -= MIN(link->linger_score, RP_LINGER_VAIN);
    }
    return came;
}

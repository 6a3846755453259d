/*
 * The connection to a model: opening, losing and regaining it, and what comes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include <sys/epoll.h>
#include <sys/un.h>

#include "stream.h"
#include "transact.h"

static const uint32_t capabilities[] = {
    RP_CAP_EXT_BASE,
    RP_CAP_BYTE_ENABLE,
    RP_CAP_POSTED_WIRES,
};

static uint32_t own_capabilities(void)
{
    uint32_t mask = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(capabilities); i++) {
        mask |= RP_CAP_BIT(capabilities[i]);
    }
    return mask;
}

static void retry_later(RpLink *link)
{
    timer_mod(link->timer,
              qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + link->reconnect_ms);
}

void rp_link_fail(RpLink *link, const char *format, ...)
{
    g_autofree char *reason = NULL;
    bool was_up = link->state == RP_LINK_UP;
    va_list args;

    if (link->state == RP_LINK_DOWN) {
        return;
    }
    va_start(args, format);
    reason = g_strdup_vprintf(format, args);
    va_end(args);

    rp_stream_end(link);
    close(link->fd);                    /* takes it out of the epoll set too */
    link->fd = -1;
    link->state = RP_LINK_DOWN;
    link->agreed = 0;
    timer_del(link->timer);

    if (link->opening) {
        link->open_failure = g_steal_pointer(&reason);
        return;
    }
    if (was_up || !link->loss_reported) {
        error_report("remote-port %s: %s; connection closed, registers read as "
                     "all ones", link->name, reason);
        link->loss_reported = true;
    }
    if (link->reconnect_ms) {
        retry_later(link);
    }
    if (was_up) {
        link->ops->down(link->opaque);
    }
}

void rp_link_watch(RpLink *link, bool on)
{
    struct epoll_event event = { .events = on ? EPOLLIN : 0 };

    if (link->fd >= 0) {
        epoll_ctl(link->epoll_fd, EPOLL_CTL_MOD, link->fd, &event);
    }
}

static void handle_hello(RpLink *link, const RpPacket *packet)
{
    if (link->state == RP_LINK_UP) {
        rp_link_fail(link, "HELLO: came a second time");
        return;
    }
    link->agreed = packet->hello.capabilities & own_capabilities();
    link->state = RP_LINK_UP;
    timer_del(link->timer);
    if (link->loss_reported) {
        info_report("remote-port %s: connected again", link->name);
        link->loss_reported = false;
    }
}

static void handle_sync(RpLink *link, const RpPacket *packet)
{
    uint8_t bytes[RP_SYNC_SIZE];
    RpPacket answer = *packet;

    answer.flags |= RP_FLAG_RESPONSE;
    answer.sync_timestamp = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    rp_stream_put(link, bytes, rp_encode_sync(bytes, &answer), NULL, 0);
}

static void handle(RpLink *link, const RpPacket *packet)
{
    RpReason name;

    link->more_expected = packet->cmd == RP_CMD_READ ||
                          packet->cmd == RP_CMD_WRITE;
    if (link->state == RP_LINK_GREETING && packet->cmd != RP_CMD_HELLO) {
        rp_link_fail(link, "%s: came before HELLO",
                     rp_packet_name(packet->cmd, packet->flags, &name));
        return;
    }
    switch (packet->cmd) {
    case RP_CMD_HELLO:
        handle_hello(link, packet);
        return;
    case RP_CMD_READ:
    case RP_CMD_WRITE:
        if (packet->flags & RP_FLAG_RESPONSE) {
            rp_transact_answered(link, packet);
        } else {
            link->ops->request(link->opaque, packet);
        }
        return;
    case RP_CMD_SYNC:
        if (packet->flags & RP_FLAG_RESPONSE) {
            rp_transact_answered(link, packet);
        } else {
            handle_sync(link, packet);
        }
        return;
    case RP_CMD_INTERRUPT:
        if (packet->flags & RP_FLAG_RESPONSE) {
            rp_link_fail(link, "%s: id %u answers no request",
                         rp_packet_name(packet->cmd, packet->flags, &name),
                         packet->id);
        } else {
            link->ops->request(link->opaque, packet);
        }
        return;
    default:
        return;         /* NOP, CFG, and what the peer itself calls optional */
    }
}

/*
 * Handle every complete packet: a socket that has been drained does not wake
 * the main loop again for what was left in the buffer.
 */
void rp_link_process(RpLink *link)
{
    while (link->state != RP_LINK_DOWN &&
           rp_rx_length(&link->rx) >= RP_HEADER_SIZE) {
        const uint8_t *bytes = rp_rx_bytes(&link->rx);
        RpRxBlock *block;
        RpPacket packet;
        RpReason why;
        uint32_t size;

        if (!rp_packet_size(bytes, &size, &why)) {
            rp_link_fail(link, "%s", why.text);
            return;
        }
        if (rp_rx_length(&link->rx) < size) {
            rp_rx_reserve(&link->rx, size - rp_rx_length(&link->rx));
            return;
        }
        block = rp_rx_take(&link->rx, size);
        if (rp_packet_decode(bytes, size, link->agreed, &packet, &why)) {
            handle(link, &packet);
        } else {
            rp_link_fail(link, "%s", why.text);
        }
        rp_rx_unpin(&link->rx, block);
    }
}

void rp_link_process_answers(RpLink *link)
{
    size_t offset = 0;

    while (link->state == RP_LINK_UP &&
           rp_rx_length(&link->rx) >= offset + RP_HEADER_SIZE) {
        const uint8_t *bytes = rp_rx_bytes(&link->rx) + offset;
        RpPacket packet;
        RpReason why;
        uint32_t size;

        if (!rp_packet_size(bytes, &size, &why)) {
            return;                     /* reported when its turn comes */
        }
        if (rp_rx_length(&link->rx) < offset + size) {
            rp_rx_reserve(&link->rx,
                          offset + size - rp_rx_length(&link->rx));
            return;
        }
        if (!rp_packet_decode(bytes, size, link->agreed, &packet, &why)) {
            return;
        }
        if (packet.flags & RP_FLAG_RESPONSE && packet.cmd != RP_CMD_HELLO) {
            handle(link, &packet);
            if (link->state == RP_LINK_UP) {
                rp_rx_cut(&link->rx, offset, size);
            }
        } else {
            offset += size;
        }
    }
}

/*
 * A model's requests can follow each other without end, and the main loop has
 * other things to do.
 */
#define RP_TURN_US 1000

static void readable(void *opaque)
{
    RpLink *link = opaque;
    int64_t until = g_get_monotonic_time() + RP_TURN_US;

    /* A transaction may have taken, or lost, what woke the main loop up. */
    do {
        if (link->state == RP_LINK_DOWN ||
            rp_stream_receive(link, MSG_DONTWAIT) != RP_RX_SOME) {
            return;
        }
        rp_link_process(link);
        rp_stream_flush(link);
    } while (link->more_expected && g_get_monotonic_time() < until &&
             rp_stream_linger(link));
}

/* Connects and sends HELLO; the peer's one is still to come. */
static bool greet(RpLink *link, struct timeval limit, Error **errp)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct epoll_event event = { .events = EPOLLIN };
    uint8_t hello[RP_HELLO_SIZE + sizeof(capabilities)];
    int fd;

    if (strlen(link->path) >= sizeof(address.sun_path)) {
        error_setg(errp, "remote-port %s: path '%s' is longer than the %zu "
                   "bytes a socket address holds", link->name, link->path,
                   sizeof(address.sun_path) - 1);
        return false;
    }
    strcpy(address.sun_path, link->path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_setg_errno(errp, errno, "remote-port %s: cannot make a socket",
                         link->name);
        return false;
    }
    /* connect() waits, up to this limit, while the peer's backlog is full. */
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        error_setg_errno(errp, errno, "remote-port %s: cannot connect to '%s'",
                         link->name, link->path);
        close(fd);
        return false;
    }
    link->fd = fd;
    link->state = RP_LINK_GREETING;
    epoll_ctl(link->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    rp_stream_begin(link);
    rp_stream_put(link, hello,
                  rp_encode_hello(hello, link->next_id++, link->chan,
                                  capabilities, ARRAY_SIZE(capabilities)),
                  NULL, 0);
    rp_stream_flush(link);
    return true;
}

/*
 * Unlike the first time, coming back does not wait: the machine runs on while
 * the peer's HELLO is awaited.
 */
static void on_timer(void *opaque)
{
    RpLink *link = opaque;

    if (link->state == RP_LINK_GREETING) {
        rp_link_fail(link, "no HELLO within %u ms", link->timeout_ms);
    } else if (link->state == RP_LINK_DOWN) {
        const struct timeval at_once = { .tv_usec = 1 };

        if (greet(link, at_once, NULL)) {
            if (link->state == RP_LINK_GREETING) {
                timer_mod(link->timer, link->timeout_ms +
                          qemu_clock_get_ms(QEMU_CLOCK_REALTIME));
            }
        } else {
            retry_later(link);
        }
    }
}

bool rp_link_open(RpLink *link, Error **errp)
{
    const struct timeval limit = {
        .tv_sec = link->timeout_ms / 1000,
        .tv_usec = link->timeout_ms % 1000 * 1000,
    };
    int64_t deadline_us = rp_stream_timeout_from_now(link);

    link->fd = -1;
    link->timer = timer_new_ms(QEMU_CLOCK_REALTIME, on_timer, link);
    link->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (link->epoll_fd < 0) {
        error_setg_errno(errp, errno, "remote-port %s: cannot make an epoll "
                         "descriptor", link->name);
        return false;
    }
    link->opening = true;
    if (!greet(link, limit, errp)) {
        return false;
    }
    while (link->state == RP_LINK_GREETING) {
        switch (rp_stream_wait(link, deadline_us)) {
        case RP_RX_SOME:
            rp_link_process(link);
            break;
        case RP_RX_NOTHING:
            rp_link_fail(link, "no HELLO within %u ms", link->timeout_ms);
            break;
        case RP_RX_LOST:
            break;
        }
    }
    link->opening = false;
    if (link->state != RP_LINK_UP) {
        error_setg(errp, "remote-port %s: handshake with '%s' failed: %s",
                   link->name, link->path, link->open_failure);
        return false;
    }
    qemu_set_fd_handler(link->epoll_fd, readable, NULL, link);
    return true;
}

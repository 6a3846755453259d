/*
 * The connection to a model: socket, framing, requests and their deadlines
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/processor.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/un.h>

#include "link.h"

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
 * A receive that waits by itself saves two system calls of an access. The
 * kernel ends its wait after this long, so that deadlines are looked at.
 */
#define RP_DOZE_US 50000

/*
 * A model may reach registers, its own too, from within an access to them.
 * Deeper than this it is a loop, and the stack is finite.
 */
#define RP_MAX_DEPTH 16

/* What is taken in while the peer does not take what is sent to it. */
#define RP_MAX_BACKLOG (4 * (size_t)RP_MAX_PACKET)

#define RP_SOCKET_BUFFER (1 << 20)

struct RpAwaited {
    const RpPacket *request;
    RpAnswer *answer;
    bool done;
    RpAwaited *outer;
};

typedef enum { RX_NOTHING, RX_SOME, RX_LOST } RxResult;

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

    close(link->fd);                    /* takes it out of the epoll set too */
    link->fd = -1;
    link->state = RP_LINK_DOWN;
    link->agreed = 0;
    rp_rx_clear(&link->rx);
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

/*
 * The main loop watches an epoll descriptor that holds the socket. While a
 * request waits for its answer the socket is masked there: the answer would
 * wake the main thread too, to no purpose but to queue up for the BQL.
 */
static void watch(RpLink *link, bool on)
{
    struct epoll_event event = { .events = on ? EPOLLIN : 0 };

    if (link->fd >= 0) {
        epoll_ctl(link->epoll_fd, EPOLL_CTL_MOD, link->fd, &event);
    }
}

static int64_t timeout_from_now(const RpLink *link)
{
    return g_get_monotonic_time() + link->timeout_ms * INT64_C(1000);
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

static RxResult receive(RpLink *link, int flags)
{
    ssize_t n;

    rp_rx_reserve(&link->rx, 4096);
    n = recv(link->fd, rp_rx_room(&link->rx), rp_rx_room_size(&link->rx),
             flags);
    if (n > 0) {
        rp_rx_added(&link->rx, n);
        return RX_SOME;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return RX_NOTHING;
    }
    fail_socket(link, "receiving", n < 0 ? errno : 0);
    return RX_LOST;
}

/*
 * While the peer does not take what is sent, what it sends is taken in, so
 * that big transfers in both directions cannot block each other.
 */
static void send_all(RpLink *link, const void *head, size_t head_len,
                     const void *data, size_t data_len)
{
    struct iovec iov[2] = {
        { .iov_base = (void *)head, .iov_len = head_len },
        { .iov_base = (void *)data, .iov_len = data_len },
    };
    struct msghdr message = { .msg_iov = iov, .msg_iovlen = data_len ? 2 : 1 };
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
                                      : timeout_from_now(link);
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
            receive(link, MSG_DONTWAIT) == RX_LOST) {
            return;
        }
    }
}

static bool is_response_to(const RpPacket *packet, const RpPacket *request)
{
    return packet->id == request->id && packet->cmd == request->cmd &&
           packet->dev == request->dev;
}

static void handle_answer(RpLink *link, const RpPacket *packet)
{
    const RpBusAccess *bus = &packet->bus;
    RpReason name;
    RpAwaited *awaited;
    RpAnswer *answer;

    for (awaited = link->awaited; awaited; awaited = awaited->outer) {
        if (!awaited->done && is_response_to(packet, awaited->request)) {
            break;
        }
    }
    rp_packet_name(packet->cmd, packet->flags, &name);
    if (!awaited) {
        rp_link_fail(link, "%s: id %u dev %u answers no request", name.text,
                     packet->id, packet->dev);
        return;
    }
    answer = awaited->answer;
    if (!answer->allocate && bus->len != awaited->request->bus.len) {
        rp_link_fail(link, "%s: bus len is %u, %u was asked for", name.text,
                     bus->len, awaited->request->bus.len);
        return;
    }
    answer->status = bus->status;
    if (bus->status == RP_STATUS_OK && packet->cmd == RP_CMD_READ) {
        answer->len = bus->len;
        if (answer->allocate) {
            answer->data = g_memdup2(bus->data, bus->len);
        } else {
            memcpy(answer->data, bus->data, bus->len);
        }
    }
    awaited->done = true;
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
    send_all(link, bytes, rp_encode_sync(bytes, &answer), NULL, 0);
}

static void handle(RpLink *link, const RpPacket *packet)
{
    RpReason name;

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
            handle_answer(link, packet);
        } else {
            link->ops->request(link->opaque, packet);
        }
        return;
    case RP_CMD_INTERRUPT:
    case RP_CMD_SYNC:
        if (packet->flags & RP_FLAG_RESPONSE) {
            rp_link_fail(link, "%s: id %u answers no request",
                         rp_packet_name(packet->cmd, packet->flags, &name),
                         packet->id);
        } else if (packet->cmd == RP_CMD_SYNC) {
            handle_sync(link, packet);
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
static void process(RpLink *link)
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

/*
 * Take in and handle what comes until something came. False: the connection is
 * gone, or the deadline has passed.
 */
static bool serve(RpLink *link, int64_t deadline_us)
{
    int64_t now = g_get_monotonic_time();
    int64_t spin_until = spin_wanted(link) ? now + RP_SPIN_US : now;
    bool tried = false;

    for (;; now = g_get_monotonic_time()) {
        bool spin = now < spin_until;
        bool doze = !spin && deadline_us - now > RP_DOZE_US;

        if (tried && !spin) {
            spin_failed(link);
        }
        tried = spin;
        switch (receive(link, doze ? 0 : MSG_DONTWAIT)) {
        case RX_SOME:
            if (spin) {
                link->spin_pause = RP_SPIN_PAUSE_MIN;
            }
            process(link);
            return link->state != RP_LINK_DOWN;
        case RX_LOST:
            return false;
        case RX_NOTHING:
            break;
        }
        if (now >= deadline_us) {
            return false;
        }
        if (spin) {
            cpu_relax();
        } else if (!doze) {
            sleep_for(link, POLLIN, deadline_us - now);
        }
    }
}

static size_t encode(const RpPacket *packet, uint8_t bytes[RP_BUS_SIZE])
{
    return packet->cmd == RP_CMD_INTERRUPT ? rp_encode_interrupt(bytes, packet)
                                           : rp_encode_bus(bytes, packet);
}

static void report_too_deep(RpLink *link)
{
    error_report_once("remote-port %s: %u register accesses inside each other, "
                      "one more is refused", link->name, RP_MAX_DEPTH);
}

bool rp_link_transact(RpLink *link, RpPacket *request, const void *data,
                      RpAnswer *answer)
{
    uint8_t head[RP_BUS_SIZE];
    RpAwaited awaited = { .request = request, .answer = answer };
    RpAwaited **place;

    if (link->state != RP_LINK_UP) {
        return false;
    }
    if (link->depth == RP_MAX_DEPTH) {
        report_too_deep(link);
        answer->status = RP_STATUS_GENERIC_ERROR;
        return true;
    }
    /* One deadline for all: an access does not get longer by nesting. */
    if (!link->depth++) {
        link->deadline_us = timeout_from_now(link);
        watch(link, false);
    }
    request->id = link->next_id++;
    awaited.outer = link->awaited;
    link->awaited = &awaited;

    send_all(link, head, encode(request, head), data, request->bus.data_len);
    process(link);
    while (!awaited.done && link->state == RP_LINK_UP) {
        if (!serve(link, link->deadline_us)) {
            RpReason name;

            rp_link_fail(link, "%s: dev %u addr 0x%" PRIx64 " len %u was not "
                         "answered within %u ms",
                         rp_packet_name(request->cmd, request->flags, &name),
                         request->dev, request->bus.addr, request->bus.len,
                         link->timeout_ms);
        }
    }

    place = &link->awaited;
    while (*place != &awaited) {
        place = &(*place)->outer;
    }
    *place = awaited.outer;
    if (!--link->depth) {
        watch(link, true);
    }
    return awaited.done;
}

void rp_link_post(RpLink *link, RpPacket *packet, const void *data)
{
    uint8_t head[RP_BUS_SIZE];
    size_t data_len;

    if (link->state != RP_LINK_UP) {
        return;
    }
    packet->id = link->next_id++;
    packet->flags |= RP_FLAG_POSTED;
    data_len = packet->cmd == RP_CMD_WRITE ? packet->bus.data_len : 0;
    send_all(link, head, encode(packet, head), data, data_len);
}

void rp_link_answer(RpLink *link, const RpPacket *request, unsigned status,
                    const void *data)
{
    uint8_t head[RP_BUS_SIZE];
    const RpPacket answer = {
        .cmd = request->cmd,
        .id = request->id,
        .flags = request->flags | RP_FLAG_RESPONSE,
        .dev = request->dev,
        .bus = {
            .timestamp = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL),
            .status = status,
            .addr = request->bus.addr,
            .len = request->bus.len,
            .width = request->bus.width,
            .stream_width = request->bus.stream_width,
            .master_id = request->bus.master_id,
            .data_len = request->cmd == RP_CMD_READ ? request->bus.len : 0,
        },
    };

    if (request->cmd == RP_CMD_READ || !(request->flags & RP_FLAG_POSTED)) {
        send_all(link, head, rp_encode_bus(head, &answer), data,
                 answer.bus.data_len);
    }
}

void rp_link_acknowledge(RpLink *link, const RpPacket *request)
{
    uint8_t bytes[RP_INTERRUPT_SIZE];
    RpPacket answer = *request;

    if (link->agreed & RP_CAP_BIT(RP_CAP_POSTED_WIRES) &&
        !(request->flags & RP_FLAG_POSTED)) {
        answer.flags |= RP_FLAG_RESPONSE;
        send_all(link, bytes, rp_encode_interrupt(bytes, &answer), NULL, 0);
    }
}

static void readable(void *opaque)
{
    RpLink *link = opaque;

    /* A transaction may have taken, or lost, what woke the main loop up. */
    if (link->state != RP_LINK_DOWN && receive(link, MSG_DONTWAIT) == RX_SOME) {
        process(link);
    }
}

/* Connects and sends HELLO; the peer's one is still to come. */
static bool greet(RpLink *link, struct timeval limit, Error **errp)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct epoll_event event = { .events = EPOLLIN };
    const struct timeval doze = { .tv_usec = RP_DOZE_US };
    uint8_t hello[RP_HELLO_SIZE + sizeof(capabilities)];
    int size = RP_SOCKET_BUFFER;
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
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &doze, sizeof(doze));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        error_setg_errno(errp, errno, "remote-port %s: cannot connect to '%s'",
                         link->name, link->path);
        close(fd);
        return false;
    }
    link->fd = fd;
    link->state = RP_LINK_GREETING;
    epoll_ctl(link->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    send_all(link, hello,
             rp_encode_hello(hello, link->next_id++, link->chan, capabilities,
                             ARRAY_SIZE(capabilities)), NULL, 0);
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
    int64_t deadline_us = timeout_from_now(link);

    link->fd = -1;
    link->spin_pause = RP_SPIN_PAUSE_MIN;
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
        if (!serve(link, deadline_us)) {
            rp_link_fail(link, "no HELLO within %u ms", link->timeout_ms);
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

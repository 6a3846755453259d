/*
 * Requests to the peer and their answers; answers to what the peer asks for
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"

#include "stream.h"
#include "transact.h"

/*
 * A model may reach registers, its own too, from within an access to them.
 * Deeper than this it is a loop, and the stack is finite.
 */
#define RP_MAX_DEPTH 16

/*
 * Requests that were sent in a row and reach registers would pile up the same
 * way, each inside the one before. From this depth on an access gets some time
 * to be answered before what else the model has sent is handled inside it.
 */
#define RP_PATIENT_DEPTH 8
#define RP_PATIENCE_US 5000

struct RpAwaited {
    const RpPacket *request;
    RpAnswer *answer;
    bool done;
    RpAwaited *outer;
};

static bool is_response_to(const RpPacket *packet, const RpPacket *request)
{
    return packet->id == request->id && packet->cmd == request->cmd &&
           packet->dev == request->dev;
}

void rp_transact_answered(RpLink *link, const RpPacket *packet)
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
    if (packet->cmd == RP_CMD_SYNC) {
        awaited->done = true;
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

/* Behind what was put before; @data is that of a WRITE. */
static void put_request(RpLink *link, const RpPacket *packet, const void *data)
{
    uint8_t head[RP_BUS_SIZE];

    switch (packet->cmd) {
    case RP_CMD_INTERRUPT:
        rp_stream_put(link, head, rp_encode_interrupt(head, packet), NULL, 0);
        break;
    case RP_CMD_SYNC:
        rp_stream_put(link, head, rp_encode_sync(head, packet), NULL, 0);
        break;
    default:
        rp_stream_put(link, head, rp_encode_bus(head, packet), data,
                      packet->bus.data_len);
    }
}

static void report_too_deep(RpLink *link)
{
    error_report_once("remote-port %s: %u register accesses inside each other, "
                      "one more is refused", link->name, RP_MAX_DEPTH);
}

static void fail_unanswered(RpLink *link, const RpPacket *request)
{
    RpReason name;

    rp_packet_name(request->cmd, request->flags, &name);
    if (request->cmd == RP_CMD_SYNC) {
        rp_link_fail(link, "%s: was not answered within %u ms", name.text,
                     link->timeout_ms);
    } else {
        rp_link_fail(link, "%s: dev %u addr 0x%" PRIx64 " len %u was not "
                     "answered within %u ms", name.text, request->dev,
                     request->bus.addr, request->bus.len, link->timeout_ms);
    }
}

static void await_patiently(RpLink *link, const RpAwaited *awaited)
{
    int64_t until = MIN(link->deadline_us,
                        g_get_monotonic_time() + RP_PATIENCE_US);

    rp_link_process_answers(link);
    while (!awaited->done && link->state == RP_LINK_UP &&
           rp_rx_length(&link->rx) < RP_MAX_PACKET &&
           rp_stream_wait(link, until) == RP_RX_SOME) {
        rp_link_process_answers(link);
    }
}

bool rp_link_transact(RpLink *link, RpPacket *request, const void *data,
                      RpAnswer *answer)
{
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
        link->deadline_us = rp_stream_timeout_from_now(link);
        rp_link_watch(link, false);
    }
    request->id = link->next_id++;
    awaited.outer = link->awaited;
    link->awaited = &awaited;

    put_request(link, request, data);
    if (link->depth > RP_PATIENT_DEPTH) {
        await_patiently(link, &awaited);
    }
    if (!awaited.done) {
        rp_link_process(link);
    }
    while (!awaited.done && link->state == RP_LINK_UP) {
        switch (rp_stream_wait(link, link->deadline_us)) {
        case RP_RX_SOME:
            rp_link_process(link);
            break;
        case RP_RX_NOTHING:
            fail_unanswered(link, request);
            break;
        case RP_RX_LOST:
            break;
        }
    }

    place = &link->awaited;
    while (*place != &awaited) {
        place = &(*place)->outer;
    }
    *place = awaited.outer;
    if (!--link->depth) {
        rp_stream_flush(link);
        rp_link_watch(link, true);
    }
    return awaited.done;
}

bool rp_link_settle(RpLink *link)
{
    RpPacket request = {
        .cmd = RP_CMD_SYNC,
        .dev = link->chan,
        .sync_timestamp = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL),
    };
    RpAnswer answer = { 0 };

    return rp_link_transact(link, &request, NULL, &answer);
}

void rp_link_post(RpLink *link, RpPacket *packet, const void *data)
{
    if (link->state != RP_LINK_UP) {
        return;
    }
    packet->id = link->next_id++;
    packet->flags |= RP_FLAG_POSTED;
    put_request(link, packet, data);
    rp_stream_flush(link);
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
        rp_stream_put(link, head, rp_encode_bus(head, &answer), data,
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
        rp_stream_put(link, bytes, rp_encode_interrupt(bytes, &answer), NULL,
                      0);
    }
}

void rp_link_flush(RpLink *link)
{
    rp_stream_flush(link);
}

/*
 * Remote-Port 4.3 packets: encoding, decoding, validation
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "wire.h"

static uint16_t get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint64_t get64(const uint8_t *p)
{
    return (uint64_t)get32(p) << 32 | get32(p + 4);
}

static void put16(uint8_t *p, uint16_t value)
{
    p[0] = value >> 8;
    p[1] = value;
}

static void put32(uint8_t *p, uint32_t value)
{
    put16(p, value >> 16);
    put16(p + 2, value);
}

static void put64(uint8_t *p, uint64_t value)
{
    put32(p, value >> 32);
    put32(p + 4, value);
}

const char *rp_packet_name(uint32_t cmd, uint32_t flags, RpReason *scratch)
{
    static const char *const names[] = {
        [RP_CMD_NOP] = "NOP",
        [RP_CMD_HELLO] = "HELLO",
        [RP_CMD_CFG] = "CFG",
        [RP_CMD_READ] = "READ",
        [RP_CMD_WRITE] = "WRITE",
        [RP_CMD_INTERRUPT] = "INTERRUPT",
        [RP_CMD_SYNC] = "SYNC",
        [RP_CMD_ATS_REQ] = "ATS_REQ",
        [RP_CMD_ATS_INV] = "ATS_INV",
    };
    const char *suffix = flags & RP_FLAG_RESPONSE ? " response" : "";

    if (cmd < sizeof(names) / sizeof(names[0])) {
        snprintf(scratch->text, sizeof(scratch->text), "%s%s", names[cmd],
                 suffix);
    } else {
        snprintf(scratch->text, sizeof(scratch->text), "command %" PRIu32 "%s",
                 cmd, suffix);
    }
    return scratch->text;
}

static bool __attribute__((format(printf, 4, 5)))
refuse(RpReason *why, uint32_t cmd, uint32_t flags, const char *format, ...)
{
    RpReason scratch;
    va_list args;
    int used;

    used = snprintf(why->text, sizeof(why->text), "%s: ",
                    rp_packet_name(cmd, flags, &scratch));
    va_start(args, format);
    vsnprintf(why->text + used, sizeof(why->text) - used, format, args);
    va_end(args);
    return false;
}

bool rp_packet_size(const uint8_t header[RP_HEADER_SIZE], uint32_t *size,
                    RpReason *why)
{
    uint32_t cmd = get32(header);
    uint32_t len = get32(header + 4);
    uint32_t flags = get32(header + 12);
    uint32_t min = RP_HEADER_SIZE;
    uint32_t max = min;

    switch (cmd) {
    case RP_CMD_NOP:
        break;
    case RP_CMD_HELLO:
        min = RP_HELLO_OLD_SIZE;
        max = RP_HELLO_SIZE + 4 * RP_MAX_CAPABILITIES;
        break;
    case RP_CMD_CFG:
        min = max = RP_CFG_SIZE;
        break;
    case RP_CMD_READ:
    case RP_CMD_WRITE:
        min = RP_BUS_SIZE;
        max = RP_MAX_PACKET;
        break;
    case RP_CMD_INTERRUPT:
        min = max = RP_INTERRUPT_SIZE;
        break;
    case RP_CMD_SYNC:
        min = max = RP_SYNC_SIZE;
        break;
    case RP_CMD_ATS_REQ:
    case RP_CMD_ATS_INV:
        return refuse(why, cmd, flags, "ATS was not announced in HELLO");
    default:
        if (!(flags & RP_FLAG_OPTIONAL)) {
            return refuse(why, cmd, flags, "cmd is unknown and flags do not "
                          "say optional");
        }
        max = RP_HEADER_SIZE + RP_MAX_DATA;
    }
    if (len < min - RP_HEADER_SIZE) {
        return refuse(why, cmd, flags, "len %" PRIu32 " is less than %" PRIu32,
                      len, min - RP_HEADER_SIZE);
    }
    if (len > max - RP_HEADER_SIZE) {
        return refuse(why, cmd, flags, "len %" PRIu32 " is more than %" PRIu32,
                      len, max - RP_HEADER_SIZE);
    }
    *size = RP_HEADER_SIZE + len;
    return true;
}

static bool decode_hello(const uint8_t *bytes, uint32_t size, RpPacket *packet,
                         RpReason *why)
{
    RpHello *hello = &packet->hello;
    uint32_t offset, count;

    *hello = (RpHello) {
        .major = get16(bytes + 20),
        .minor = get16(bytes + 22),
    };
    if (hello->major != RP_VERSION_MAJOR) {
        return refuse(why, packet->cmd, packet->flags,
                      "version.major is %u, only %u is understood",
                      hello->major, RP_VERSION_MAJOR);
    }
    if (size == RP_HELLO_OLD_SIZE) {
        return true;
    }
    if (size < RP_HELLO_SIZE) {
        return refuse(why, packet->cmd, packet->flags,
                      "len %" PRIu32 " cuts caps.offset",
                      size - RP_HEADER_SIZE);
    }
    offset = get32(bytes + 24);
    count = get16(bytes + 28);
    if (count && (offset < RP_HELLO_SIZE || offset > size ||
                  count > (size - offset) / 4)) {
        return refuse(why, packet->cmd, packet->flags,
                      "caps.offset %" PRIu32 " and caps.len %" PRIu32
                      " do not lie in the %" PRIu32 " bytes of the packet",
                      offset, count, size);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = get32(bytes + offset + 4 * i);

        /* A newer peer may announce what is not known here. */
        if (number <= RP_CAP_ATS) {
            hello->capabilities |= RP_CAP_BIT(number);
        }
    }
    return true;
}

/*
 * The extended layout says where data and byte enables are. Its other offset
 * leads to further extensions, which can be passed over.
 */
static bool decode_bus_ext(const uint8_t *bytes, uint32_t size, uint32_t agreed,
                           uint32_t *data_offset, RpPacket *packet,
                           RpReason *why)
{
    RpBusAccess *bus = &packet->bus;
    uint32_t offset;

    if (!(agreed & RP_CAP_BIT(RP_CAP_EXT_BASE))) {
        return refuse(why, packet->cmd, packet->flags, "attributes say extended"
                      " header, but HELLO did not announce it");
    }
    if (size < RP_BUS_EXT_SIZE) {
        return refuse(why, packet->cmd, packet->flags, "len %" PRIu32 " cuts "
                      "the extended header", size - RP_HEADER_SIZE);
    }
    bus->master_id |= (uint64_t)get16(bytes + 58) << 16 |
                      (uint64_t)get32(bytes + 60) << 32;
    *data_offset = get32(bytes + 64);
    offset = get32(bytes + 72);
    bus->byte_enable_len = get32(bytes + 76);
    if (!bus->byte_enable_len) {
        return true;
    }
    if (!(agreed & RP_CAP_BIT(RP_CAP_BYTE_ENABLE))) {
        return refuse(why, packet->cmd, packet->flags, "byte_enable_len is %"
                      PRIu32 ", but HELLO did not announce byte enables",
                      bus->byte_enable_len);
    }
    if (offset < RP_BUS_EXT_SIZE || offset > size ||
        bus->byte_enable_len > size - offset) {
        return refuse(why, packet->cmd, packet->flags, "byte_enable_offset %"
                      PRIu32 " and byte_enable_len %" PRIu32 " do not lie in "
                      "the %" PRIu32 " bytes of the packet",
                      offset, bus->byte_enable_len, size);
    }
    bus->byte_enable = bytes + offset;
    for (uint32_t i = 0; i < bus->byte_enable_len; i++) {
        if (bus->byte_enable[i] != 0 && bus->byte_enable[i] != 0xff) {
            return refuse(why, packet->cmd, packet->flags, "byte_enable[%"
                          PRIu32 "] is 0x%02x, neither 0x00 nor 0xff",
                          i, bus->byte_enable[i]);
        }
    }
    return true;
}

static bool decode_bus(const uint8_t *bytes, uint32_t size, uint32_t agreed,
                       RpPacket *packet, RpReason *why)
{
    RpBusAccess *bus = &packet->bus;
    bool response = packet->flags & RP_FLAG_RESPONSE;
    bool carries_data = (packet->cmd == RP_CMD_READ) == response;
    uint32_t data_offset = RP_BUS_SIZE;
    bool extended;

    *bus = (RpBusAccess) {
        .timestamp = get64(bytes + 20),
        .attributes = get64(bytes + 28),
        .addr = get64(bytes + 36),
        .len = get32(bytes + 44),
        .width = get32(bytes + 48),
        .stream_width = get32(bytes + 52),
        .master_id = get16(bytes + 56),
    };
    bus->status = bus->attributes >> RP_ATTR_STATUS_SHIFT & RP_ATTR_STATUS_MASK;
    extended = bus->attributes & RP_ATTR_EXT_BASE;

    if (bus->len > RP_MAX_DATA) {
        return refuse(why, packet->cmd, packet->flags, "bus len %" PRIu32
                      " is more than %u", bus->len, RP_MAX_DATA);
    }
    if (extended && !decode_bus_ext(bytes, size, agreed, &data_offset, packet,
                                    why)) {
        return false;
    }
    /* A refused read has nothing to bring, and may leave its data out. */
    if (carries_data && response && bus->status != RP_STATUS_OK &&
        size == (extended ? RP_BUS_EXT_SIZE : RP_BUS_SIZE)) {
        carries_data = false;
    }
    if (carries_data && bus->len) {
        if (data_offset < (extended ? RP_BUS_EXT_SIZE : RP_BUS_SIZE) ||
            data_offset > size || bus->len > size - data_offset) {
            return refuse(why, packet->cmd, packet->flags, "bus len %" PRIu32
                          " at offset %" PRIu32 " does not lie in the %" PRIu32
                          " bytes of the packet", bus->len, data_offset, size);
        }
        bus->data = bytes + data_offset;
        bus->data_len = bus->len;
    }
    if (!extended && size != RP_BUS_SIZE + bus->data_len) {
        return refuse(why, packet->cmd, packet->flags, "len %" PRIu32
                      " does not fit the bus len %" PRIu32,
                      size - RP_HEADER_SIZE, bus->len);
    }
    /* Zero means no streaming; a real burst to one address is not offered. */
    if (!response && bus->stream_width && bus->stream_width < bus->len) {
        return refuse(why, packet->cmd, packet->flags, "stream_width %" PRIu32
                      " is less than the bus len %" PRIu32 ": streaming is not "
                      "supported", bus->stream_width, bus->len);
    }
    return true;
}

static bool decode_interrupt(const uint8_t *bytes, RpPacket *packet,
                             RpReason *why)
{
    packet->interrupt = (RpInterrupt) {
        .timestamp = get64(bytes + 20),
        .vector = get64(bytes + 28),
        .line = get32(bytes + 36),
        .level = bytes[40],
    };
    if (bytes[40] > 1) {
        return refuse(why, packet->cmd, packet->flags,
                      "val is %u, neither 0 nor 1", bytes[40]);
    }
    return true;
}

bool rp_packet_decode(const uint8_t *bytes, uint32_t size, uint32_t agreed,
                      RpPacket *packet, RpReason *why)
{
    *packet = (RpPacket) {
        .cmd = get32(bytes),
        .id = get32(bytes + 8),
        .flags = get32(bytes + 12),
        .dev = get32(bytes + 16),
    };
    switch (packet->cmd) {
    case RP_CMD_HELLO:
        return decode_hello(bytes, size, packet, why);
    case RP_CMD_READ:
    case RP_CMD_WRITE:
        return decode_bus(bytes, size, agreed, packet, why);
    case RP_CMD_INTERRUPT:
        return decode_interrupt(bytes, packet, why);
    case RP_CMD_SYNC:
        packet->sync_timestamp = get64(bytes + 20);
        return true;
    default:
        return true;
    }
}

static void put_header(uint8_t *bytes, const RpPacket *packet, size_t size)
{
    put32(bytes, packet->cmd);
    put32(bytes + 4, size - RP_HEADER_SIZE);
    put32(bytes + 8, packet->id);
    put32(bytes + 12, packet->flags);
    put32(bytes + 16, packet->dev);
}

size_t rp_encode_hello(uint8_t bytes[], uint32_t id, uint32_t dev,
                       const uint32_t *capabilities, unsigned count)
{
    const RpPacket packet = { .cmd = RP_CMD_HELLO, .id = id, .dev = dev };
    size_t size = RP_HELLO_SIZE + 4 * count;

    put_header(bytes, &packet, size);
    put16(bytes + 20, RP_VERSION_MAJOR);
    put16(bytes + 22, RP_VERSION_MINOR);
    put32(bytes + 24, RP_HELLO_SIZE);
    put16(bytes + 28, count);
    put16(bytes + 30, 0);
    for (unsigned i = 0; i < count; i++) {
        put32(bytes + RP_HELLO_SIZE + 4 * i, capabilities[i]);
    }
    return size;
}

size_t rp_encode_bus(uint8_t bytes[RP_BUS_SIZE], const RpPacket *packet)
{
    const RpBusAccess *bus = &packet->bus;

    put_header(bytes, packet, RP_BUS_SIZE + bus->data_len);
    put64(bytes + 20, bus->timestamp);
    put64(bytes + 28, bus->attributes |
                      (uint64_t)bus->status << RP_ATTR_STATUS_SHIFT);
    put64(bytes + 36, bus->addr);
    put32(bytes + 44, bus->len);
    put32(bytes + 48, bus->width);
    put32(bytes + 52, bus->stream_width);
    put16(bytes + 56, bus->master_id);
    return RP_BUS_SIZE;
}

size_t rp_encode_interrupt(uint8_t bytes[RP_INTERRUPT_SIZE],
                           const RpPacket *packet)
{
    put_header(bytes, packet, RP_INTERRUPT_SIZE);
    put64(bytes + 20, packet->interrupt.timestamp);
    put64(bytes + 28, packet->interrupt.vector);
    put32(bytes + 36, packet->interrupt.line);
    bytes[40] = packet->interrupt.level;
    return RP_INTERRUPT_SIZE;
}

size_t rp_encode_sync(uint8_t bytes[RP_SYNC_SIZE], const RpPacket *packet)
{
    put_header(bytes, packet, RP_SYNC_SIZE);
    put64(bytes + 20, packet->sync_timestamp);
    return RP_SYNC_SIZE;
}

/*
 * Checks of testbed/bridge/wire.c and rxbuffer.c on their own, without QEMU
 *
 *   wire_check SEED COUNT
 *
 * Every packet that is encoded must decode to the same, and COUNT packets with
 * random damage must be refused or decode to something inside their bytes.
 * Meant to run under the address and undefined behaviour sanitizers: packets
 * lie in memory of exactly their size.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rxbuffer.h"
#include "wire.h"

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

static uint64_t random_state;

static uint64_t random64(void)
{
    /* xorshift64* */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

static uint32_t pick(uint32_t limit)
{
    return (random64() >> 32) % limit;
}

static bool decode(const uint8_t *bytes, uint32_t have, uint32_t agreed,
                   RpPacket *packet, RpReason *why)
{
    uint32_t size;

    return have >= RP_HEADER_SIZE && rp_packet_size(bytes, &size, why) &&
           size <= have && rp_packet_decode(bytes, size, agreed, packet, why);
}

static void check_bus_round_trip(void)
{
    static uint8_t bytes[RP_BUS_SIZE + 64];
    bool read = pick(2), response = pick(2);
    RpPacket in = {
        .cmd = read ? RP_CMD_READ : RP_CMD_WRITE,
        .id = random64(),
        .flags = (response ? RP_FLAG_RESPONSE : 0) | pick(2) * RP_FLAG_POSTED,
        .dev = random64(),
        .bus = {
            .timestamp = random64(),
            .attributes = pick(2) ? RP_ATTR_SECURE : 0,
            .addr = random64(),
            .len = pick(64),
            .width = random64(),
            .master_id = (uint16_t)random64(),
            .status = pick(3),
        },
    }, out;
    RpReason why;

    in.bus.stream_width = in.bus.len + pick(3);
    in.bus.data_len = read == response ? in.bus.len : 0;
    CHECK(rp_encode_bus(bytes, &in) == RP_BUS_SIZE);
    for (uint32_t i = 0; i < in.bus.data_len; i++) {
        bytes[RP_BUS_SIZE + i] = random64();
    }
    CHECK(decode(bytes, RP_BUS_SIZE + in.bus.data_len, 0, &out, &why));
    CHECK(out.cmd == in.cmd && out.id == in.id && out.flags == in.flags &&
          out.dev == in.dev);
    CHECK(out.bus.timestamp == in.bus.timestamp);
    CHECK(out.bus.addr == in.bus.addr && out.bus.len == in.bus.len);
    CHECK(out.bus.width == in.bus.width);
    CHECK(out.bus.stream_width == in.bus.stream_width);
    CHECK(out.bus.master_id == in.bus.master_id);
    CHECK(out.bus.status == in.bus.status);
    CHECK(!out.bus.byte_enable);
    CHECK(out.bus.data_len == in.bus.data_len);
    CHECK(!out.bus.data_len || out.bus.data == bytes + RP_BUS_SIZE);
}

static void check_small_round_trips(void)
{
    const uint32_t capabilities[] = {
        RP_CAP_EXT_BASE, RP_CAP_POSTED_WIRES, 77,
    };
    uint8_t bytes[64];
    RpPacket in = { .cmd = RP_CMD_INTERRUPT, .id = random64() }, out;
    RpReason why;
    size_t size;

    in.interrupt = (RpInterrupt) { .timestamp = random64(),
                                   .vector = random64(), .line = random64(),
                                   .level = pick(2) };
    size = rp_encode_interrupt(bytes, &in);
    CHECK(size == RP_INTERRUPT_SIZE);
    CHECK(decode(bytes, size, 0, &out, &why) && out.id == in.id);
    CHECK(out.interrupt.timestamp == in.interrupt.timestamp);
    CHECK(out.interrupt.vector == in.interrupt.vector);
    CHECK(out.interrupt.line == in.interrupt.line);
    CHECK(out.interrupt.level == in.interrupt.level);

    in = (RpPacket) { .cmd = RP_CMD_SYNC, .sync_timestamp = random64() };
    size = rp_encode_sync(bytes, &in);
    CHECK(size == RP_SYNC_SIZE);
    CHECK(decode(bytes, size, 0, &out, &why));
    CHECK(out.sync_timestamp == in.sync_timestamp);

    size = rp_encode_hello(bytes, 5, 6, capabilities, 3);
    CHECK(size == RP_HELLO_SIZE + 12);
    CHECK(decode(bytes, size, 0, &out, &why));
    CHECK(out.id == 5 && out.dev == 6 && out.hello.major == RP_VERSION_MAJOR);
    CHECK(out.hello.capabilities == (RP_CAP_BIT(RP_CAP_EXT_BASE) |
                                     RP_CAP_BIT(RP_CAP_POSTED_WIRES)));
}

/* The bytes of the specification, not those of our own encoder */
static void check_known_bytes(void)
{
    static const uint8_t write[] = {
        0, 0, 0, 4, 0, 0, 0, 42, 0, 0, 0, 9, 0, 0, 0, 4, 0, 0, 0, 2,
        0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 2,
        0, 0, 0, 0, 0x0d, 0, 0, 0x10, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 4,
        0, 0xf8, 1, 2, 3, 4,
    };
    RpPacket packet = {
        .cmd = RP_CMD_WRITE, .id = 9, .flags = RP_FLAG_POSTED, .dev = 2,
        .bus = {
            .timestamp = 1, .attributes = RP_ATTR_SECURE,
            .status = RP_STATUS_ADDRESS_ERROR, .addr = 0x0d000010, .len = 4,
            .width = 4, .stream_width = 4, .master_id = 0xf8, .data_len = 4,
        },
    };
    uint8_t bytes[RP_BUS_SIZE];

    CHECK(sizeof(write) == RP_BUS_SIZE + 4);
    rp_encode_bus(bytes, &packet);
    CHECK(!memcmp(bytes, write, sizeof(bytes)));
}

static bool inside(const uint8_t *p, uint64_t len, const uint8_t *bytes,
                   uint32_t size)
{
    return !len || (p >= bytes && len <= size && p + len <= bytes + size);
}

static uint32_t base_packet(uint8_t *bytes)
{
    const uint32_t capabilities[] = { 1, 2, 3 };
    RpPacket packet = { .cmd = pick(2) ? RP_CMD_READ : RP_CMD_WRITE,
                        .flags = pick(8) };
    uint32_t size = RP_BUS_SIZE + pick(60);

    memset(bytes, 0, 256);
    switch (pick(4)) {
    case 0:
        return rp_encode_hello(bytes, 0, 0, capabilities, 3);
    case 1:
        packet.cmd = RP_CMD_INTERRUPT;
        return rp_encode_interrupt(bytes, &packet);
    case 2:
        packet.bus.attributes = RP_ATTR_EXT_BASE;
        /* fall through */
    default:
        packet.bus.data_len = size - RP_BUS_SIZE;
        packet.bus.len = packet.bus.data_len;
        rp_encode_bus(bytes, &packet);
        if (packet.bus.attributes) {
            bytes[67] = pick(2) ? RP_BUS_EXT_SIZE : pick(256);
            bytes[75] = pick(2) ? RP_BUS_EXT_SIZE : pick(256);
            bytes[79] = pick(40);
        }
        return size;
    }
}

/* Returns whether the damaged packet was still a valid one. */
static bool check_damaged(void)
{
    uint8_t scratch[256], *bytes;
    uint32_t have = base_packet(scratch), size = 0;
    RpPacket packet;
    RpReason why;
    bool valid;

    for (uint32_t i = pick(4); i; i--) {
        uint32_t at = pick(have);

        scratch[at] = pick(2) ? scratch[at] ^ 1u << pick(8) : pick(256);
    }
    have -= pick(8) ? 0 : pick(have);
    bytes = malloc(have ? have : 1);
    memcpy(bytes, scratch, have);
    why.text[0] = 0;
    valid = decode(bytes, have, pick(16), &packet, &why);
    if (valid) {
        CHECK(rp_packet_size(bytes, &size, &why) && size <= have);
    }
    if (valid && (packet.cmd == RP_CMD_READ || packet.cmd == RP_CMD_WRITE)) {
        const RpBusAccess *bus = &packet.bus;

        CHECK(bus->len <= RP_MAX_DATA);
        CHECK(bus->data_len == 0 || bus->data_len == bus->len);
        CHECK(inside(bus->data, bus->data_len, bytes, size));
        CHECK(inside(bus->byte_enable, bus->byte_enable_len, bytes, size));
    }
    free(bytes);
    return valid;
}

/* A stream cut at random, with blocks pinned for a while. */
static void check_rxbuffer(void)
{
    RpRxBuffer rx = { 0 };
    struct {
        RpRxBlock *block;
        const uint8_t *bytes;
        size_t len;
        uint8_t first;
    } pins[8];
    unsigned count = 0;
    uint8_t in = 0, out = 0;

    for (unsigned round = 0; round < 300; round++) {
        size_t len = 1 + pick(40000);

        rp_rx_reserve(&rx, len);
        CHECK(rp_rx_room_size(&rx) >= len);
        for (size_t i = 0; i < len; i++) {
            rp_rx_room(&rx)[i] = in++;
        }
        rp_rx_added(&rx, len);
        while (rp_rx_length(&rx) && pick(4)) {
            size_t take = 1 + pick(rp_rx_length(&rx));
            const uint8_t *bytes = rp_rx_bytes(&rx);

            CHECK(bytes[0] == out);
            CHECK(bytes[take - 1] == (uint8_t)(out + take - 1));
            if (count == 8 || (count && pick(2))) {
                count--;
                for (size_t i = 0; i < pins[count].len; i++) {
                    uint8_t expected = pins[count].first + i;

                    CHECK(pins[count].bytes[i] == expected);
                }
                rp_rx_unpin(&rx, pins[count].block);
            }
            pins[count].bytes = bytes;
            pins[count].len = take;
            pins[count].first = out;
            pins[count++].block = rp_rx_take(&rx, take);
            out += take;
        }
    }
    rp_rx_clear(&rx);
    while (count--) {
        CHECK(pins[count].bytes[0] == pins[count].first);
        rp_rx_unpin(&rx, pins[count].block);
    }
}

static void check_cut(void)
{
    RpRxBuffer rx = { 0 };
    uint8_t bytes[500], *end = bytes + sizeof(bytes);
    size_t offset = pick(sizeof(bytes));
    size_t count = pick(sizeof(bytes) - offset + 1);

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = pick(256);
    }
    rp_rx_reserve(&rx, sizeof(bytes));
    memcpy(rp_rx_room(&rx), bytes, sizeof(bytes));
    rp_rx_added(&rx, sizeof(bytes));
    rp_rx_cut(&rx, offset, count);
    CHECK(rp_rx_length(&rx) == sizeof(bytes) - count);
    CHECK(!memcmp(rp_rx_bytes(&rx), bytes, offset));
    CHECK(!memcmp(rp_rx_bytes(&rx) + offset, bytes + offset + count,
                  end - (bytes + offset + count)));
    rp_rx_clear(&rx);
}

int main(int argc, char **argv)
{
    unsigned long count, valid = 0;

    CHECK(argc == 3);
    random_state = strtoull(argv[1], NULL, 0) | 1;
    count = strtoul(argv[2], NULL, 0);
    check_known_bytes();
    for (unsigned i = 0; i < 2000; i++) {
        check_bus_round_trip();
        check_small_round_trips();
    }
    for (unsigned long i = 0; i < count; i++) {
        valid += check_damaged();
    }
    for (unsigned i = 0; i < 20; i++) {
        check_rxbuffer();
        check_cut();
    }
    printf("%lu damaged packets, %lu of them still valid\n", count, valid);
    /* Damage that is always or never noticed would not be worth the name. */
    CHECK(valid > count / 100 && valid < count / 2);
    return 0;
}

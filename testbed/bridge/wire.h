/*
 * Remote-Port 4.3 packets: encoding, decoding, validation
 *
 * Pure C without QEMU's types, so that it compiles and is tested on its own.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTBED_WIRE_H
#define TESTBED_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RP_VERSION_MAJOR 4
#define RP_VERSION_MINOR 3

/* Sizes in bytes, the header included. */
#define RP_HEADER_SIZE      20
#define RP_HELLO_OLD_SIZE   24      /* up to 4.0: a version, no capabilities */
#define RP_HELLO_SIZE       32
#define RP_CFG_SIZE         25
#define RP_BUS_SIZE         58
#define RP_BUS_EXT_SIZE     80
#define RP_INTERRUPT_SIZE   41
#define RP_SYNC_SIZE        28

#define RP_MAX_DATA         (16u << 20)
#define RP_MAX_CAPABILITIES 64

/* Nothing the protocol allows is bigger: data and one byte enable for each */
#define RP_MAX_PACKET       (RP_BUS_EXT_SIZE + 2 * RP_MAX_DATA)

enum {
    RP_CMD_NOP,
    RP_CMD_HELLO,
    RP_CMD_CFG,
    RP_CMD_READ,
    RP_CMD_WRITE,
    RP_CMD_INTERRUPT,
    RP_CMD_SYNC,
    RP_CMD_ATS_REQ,
    RP_CMD_ATS_INV,
};

enum {
    RP_FLAG_OPTIONAL = 1 << 0,
    RP_FLAG_RESPONSE = 1 << 1,
    RP_FLAG_POSTED   = 1 << 2,
};

/* Capability numbers of HELLO; a set of them is a mask of RP_CAP_BIT()s. */
enum {
    RP_CAP_EXT_BASE     = 1,
    RP_CAP_BYTE_ENABLE  = 2,
    RP_CAP_POSTED_WIRES = 3,
    RP_CAP_ATS          = 4,
};
#define RP_CAP_BIT(number) (1u << (number))

enum {
    RP_ATTR_SECURE       = 1 << 1,
    RP_ATTR_EXT_BASE     = 1 << 2,
    RP_ATTR_STATUS_SHIFT = 8,
    RP_ATTR_STATUS_MASK  = 0xf,
};

enum {
    RP_STATUS_OK            = 0,
    RP_STATUS_GENERIC_ERROR = 1,
    RP_STATUS_ADDRESS_ERROR = 2,
};

typedef struct RpHello {
    uint16_t major, minor;
    uint32_t capabilities;          /* mask of the numbers known here */
} RpHello;

typedef struct RpBusAccess {
    uint64_t timestamp;
    uint64_t attributes;
    uint64_t addr;
    uint32_t len;
    uint32_t width;
    uint32_t stream_width;
    uint64_t master_id;
    unsigned status;
    const uint8_t *data;            /* in the packet; data_len is 0 or len */
    uint32_t data_len;
    const uint8_t *byte_enable;     /* NULL: all bytes are enabled */
    uint32_t byte_enable_len;
} RpBusAccess;

typedef struct RpInterrupt {
    uint64_t timestamp;
    uint64_t vector;
    uint32_t line;
    bool level;
} RpInterrupt;

typedef struct RpPacket {
    uint32_t cmd, id, flags, dev;
    union {
        RpHello hello;
        RpBusAccess bus;
        RpInterrupt interrupt;
        uint64_t sync_timestamp;
    };
} RpPacket;

/* Why a packet was refused: its name, the field and the value. */
typedef struct RpReason {
    char text[160];
} RpReason;

/* "READ", "WRITE response", "command 99" */
const char *rp_packet_name(uint32_t cmd, uint32_t flags, RpReason *scratch);

/*
 * Size of the whole packet that starts with this header. Refuses what can
 * never become a valid packet, before room is made for the rest of it.
 */
bool rp_packet_size(const uint8_t header[RP_HEADER_SIZE], uint32_t *size,
                    RpReason *why);

/*
 * Decode one whole packet of the size that rp_packet_size() told. @agreed is
 * the mask of capabilities both sides announced: a packet that uses another
 * one is refused. Pointers in @packet point into @bytes.
 */
bool rp_packet_decode(const uint8_t *bytes, uint32_t size, uint32_t agreed,
                      RpPacket *packet, RpReason *why);

/*
 * Encoders return the number of bytes written. rp_encode_bus() writes the base
 * layout without the data, which the caller sends behind it: data_len counts
 * them into the packet's length.
 */
size_t rp_encode_hello(uint8_t bytes[], uint32_t id, uint32_t dev,
                       const uint32_t *capabilities, unsigned count);
size_t rp_encode_bus(uint8_t bytes[RP_BUS_SIZE], const RpPacket *packet);
size_t rp_encode_interrupt(uint8_t bytes[RP_INTERRUPT_SIZE],
                           const RpPacket *packet);
size_t rp_encode_sync(uint8_t bytes[RP_SYNC_SIZE], const RpPacket *packet);

#endif

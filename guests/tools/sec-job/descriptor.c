/* SPDX-License-Identifier: MIT */
/*
 * Job descriptors. The commands and their fields are those of drivers/crypto/caam/desc.h of
 * Linux 6.12.
 */
#include "descriptor.h"

#include <string.h>

#define COMMAND(number) ((uint32_t)(number) << 27)
#define CLASS_1 (1u << 25)
#define CLASS_2 (2u << 25)
#define TYPE(number) ((uint32_t)(number) << 16)

#define KEY COMMAND(0x00)
#define LOAD COMMAND(0x02)
#define FIFO_LOAD COMMAND(0x04)
#define STORE COMMAND(0x0a)
#define FIFO_STORE COMMAND(0x0c)
#define OPERATION COMMAND(0x10)
#define HEADER COMMAND(0x16)

#define HEADER_ONE (1u << 23)
#define TABLE (1u << 24)     /* SGF: the pointer is that of a scatter/gather table */
#define IMMEDIATE (1u << 23) /* IMM: the data follows the command */
#define EXTENDED (1u << 22)  /* EXT: the length is in a word of its own, after the pointer */

#define CONTEXT TYPE(0x20)  /* of LOAD and STORE: the context register */
#define MESSAGE TYPE(0x10)  /* of FIFO LOAD */
#define LAST_1 TYPE(0x02)   /* of FIFO LOAD: the last data of its class */
#define LAST_2 TYPE(0x04)
#define STORED_MESSAGE TYPE(0x30) /* of FIFO STORE */

#define ALGORITHM_1 (2u << 24)
#define ALGORITHM_2 (4u << 24)
#define SHA256 TYPE(0x43)
#define AES TYPE(0x10)
#define CBC (0x10u << 4)
#define INITIALIZE_FINALIZE (3u << 2)
#define ENCRYPT 1u

#define SG_LAST 0x40000000u

void sec_put_word(const struct sec_format *format, void *memory, uint32_t value)
{
    unsigned char *bytes = memory;

    for (unsigned i = 0; i < 4; i++)
        bytes[format->big_endian ? 3 - i : i] = value >> 8 * i;
}

uint32_t sec_get_word(const struct sec_format *format, const void *memory)
{
    const unsigned char *bytes = memory;
    uint32_t value = 0;

    for (unsigned i = 0; i < 4; i++)
        value |= (uint32_t)bytes[format->big_endian ? 3 - i : i] << 8 * i;
    return value;
}

static void put_long(const struct sec_format *format, void *memory, uint64_t value)
{
    unsigned char *bytes = memory;

    sec_put_word(format, bytes + (format->big_endian ? 4 : 0), value);
    sec_put_word(format, bytes + (format->big_endian ? 0 : 4), value >> 32);
}

void sec_put_pointer(const struct sec_format *format, void *memory, uint64_t address)
{
    if (format->pointer_size == 8)
        put_long(format, memory, address);
    else
        sec_put_word(format, memory, address);
}

uint64_t sec_get_pointer(const struct sec_format *format, const void *memory)
{
    const unsigned char *bytes = memory;
    uint32_t first = sec_get_word(format, bytes), second;

    if (format->pointer_size == 4)
        return first;
    second = sec_get_word(format, bytes + 4);
    return format->big_endian ? (uint64_t)first << 32 | second : (uint64_t)second << 32 | first;
}

void sec_put_sg_entry(const struct sec_format *format, void *memory, uint64_t address,
                      uint32_t size, bool last)
{
    unsigned char *bytes = memory;

    put_long(format, bytes, address);
    sec_put_word(format, bytes + 8, size | (last ? SG_LAST : 0));
    sec_put_word(format, bytes + 12, 0);
}

static void add_word(struct descriptor *descriptor, uint32_t word)
{
    sec_put_word(descriptor->format, descriptor->memory + 4 * descriptor->words++, word);
}

static void add_pointer(struct descriptor *descriptor, uint64_t address)
{
    sec_put_pointer(descriptor->format, descriptor->memory + 4 * descriptor->words, address);
    descriptor->words += descriptor->format->pointer_size / 4;
}

static void add_immediate(struct descriptor *descriptor, uint32_t command,
                          const unsigned char *data, unsigned size)
{
    add_word(descriptor, command | IMMEDIATE | size);
    memcpy(descriptor->memory + 4 * descriptor->words, data, size);
    descriptor->words += (size + 3) / 4;
}

static void add_data(struct descriptor *descriptor, uint32_t command, struct sec_data data)
{
    add_word(descriptor, command | EXTENDED | (data.table ? TABLE : 0));
    add_pointer(descriptor, data.address);
    add_word(descriptor, data.size);
}

static void begin(struct descriptor *descriptor)
{
    descriptor->words = 1; /* the header, which counts the words */
}

static void end(struct descriptor *descriptor)
{
    sec_put_word(descriptor->format, descriptor->memory,
                 HEADER | HEADER_ONE | descriptor->words);
}

void descriptor_without_pointers(struct descriptor *descriptor)
{
    static const unsigned char zeros[IV_SIZE];

    begin(descriptor);
    add_immediate(descriptor, LOAD | CLASS_1 | CONTEXT, zeros, sizeof(zeros));
    end(descriptor);
}

void descriptor_sha256(struct descriptor *descriptor, struct sec_data message, uint64_t digest)
{
    begin(descriptor);
    add_word(descriptor, OPERATION | ALGORITHM_2 | SHA256 | INITIALIZE_FINALIZE | ENCRYPT);
    if (message.size)
        add_data(descriptor, FIFO_LOAD | CLASS_2 | MESSAGE | LAST_2, message);
    else
        add_word(descriptor, FIFO_LOAD | CLASS_2 | MESSAGE | LAST_2 | IMMEDIATE);
    add_word(descriptor, STORE | CLASS_2 | CONTEXT | DIGEST_SIZE);
    add_pointer(descriptor, digest);
    end(descriptor);
}

void descriptor_aes_cbc(struct descriptor *descriptor, bool encrypt, const unsigned char *key,
                        unsigned key_size, const unsigned char *iv, struct sec_data message,
                        struct sec_data result)
{
    begin(descriptor);
    add_immediate(descriptor, KEY | CLASS_1, key, key_size);
    add_immediate(descriptor, LOAD | CLASS_1 | CONTEXT, iv, IV_SIZE);
    add_word(descriptor, OPERATION | ALGORITHM_1 | AES | CBC | INITIALIZE_FINALIZE |
                             (encrypt ? ENCRYPT : 0));
    add_data(descriptor, FIFO_LOAD | CLASS_1 | MESSAGE | LAST_1, message);
    add_data(descriptor, FIFO_STORE | STORED_MESSAGE, result);
    end(descriptor);
}

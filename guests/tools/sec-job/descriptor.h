/* SPDX-License-Identifier: MIT */
#ifndef DESCRIPTOR_H
#define DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a SEC takes words and bus addresses from memory. */
struct sec_format {
    bool big_endian;
    unsigned pointer_size; /* of an address in descriptors and rings: 4 or 8 bytes */
};

enum { DESCRIPTOR_WORDS = 64, DIGEST_SIZE = 32, IV_SIZE = 16, SG_ENTRY_SIZE = 16 };

/* A job descriptor as it lies in memory. */
struct descriptor {
    const struct sec_format *format;
    unsigned char *memory; /* DESCRIPTOR_WORDS words */
    unsigned words;
};

/* Message data: `size` bytes at bus address `address`, or by a scatter/gather table there. */
struct sec_data {
    uint64_t address;
    uint32_t size;
    bool table;
};

/* Put a 32-bit word, and an address in its 4 or 8 bytes, into memory that the SEC reads. */
void sec_put_word(const struct sec_format *format, void *memory, uint32_t value);
void sec_put_pointer(const struct sec_format *format, void *memory, uint64_t address);
uint32_t sec_get_word(const struct sec_format *format, const void *memory);
uint64_t sec_get_pointer(const struct sec_format *format, const void *memory);

/* Entry of a scatter/gather table at `memory`: `size` bytes at bus address `address`. */
void sec_put_sg_entry(const struct sec_format *format, void *memory, uint64_t address,
                      uint32_t size, bool last);

/* A job of no effect, the same whatever the size of a pointer is. */
void descriptor_without_pointers(struct descriptor *descriptor);

/* A job that writes the SHA-256 digest of `message` at bus address `digest`. */
void descriptor_sha256(struct descriptor *descriptor, struct sec_data message, uint64_t digest);

/* A job that encrypts or decrypts whole blocks with AES in CBC mode; `key_size` is 16, 24 or 32. */
void descriptor_aes_cbc(struct descriptor *descriptor, bool encrypt, const unsigned char *key,
                        unsigned key_size, const unsigned char *iv, struct sec_data message,
                        struct sec_data result);

#endif

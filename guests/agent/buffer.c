/* SPDX-License-Identifier: MIT */
/* Byte queues, and numbers and strings in them. */
#include "agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *allocate(size_t size)
{
    void *memory = calloc(1, size ? size : 1);

    if (!memory) {
        fprintf(stderr, "testbed-agent: out of memory allocating %zu bytes\n", size);
        exit(EXIT_SYSTEM);
    }
    return memory;
}

size_t buffer_length(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    size_t held = buffer_length(buffer);

    if (!length)
        return;
    if (buffer->end + length > buffer->capacity) {
        if (held + length > buffer->capacity) {
            size_t capacity = 2 * (held + length);
            unsigned char *data = allocate(capacity);

            if (held)
                memcpy(data, buffer->data + buffer->start, held);
            free(buffer->data);
            buffer->data = data;
            buffer->capacity = capacity;
        } else {
            memmove(buffer->data, buffer->data + buffer->start, held);
        }
        buffer->start = 0;
        buffer->end = held;
    }
    memcpy(buffer->data + buffer->end, bytes, length);
    buffer->end += length;
}

void buffer_consume(struct buffer *buffer, size_t length)
{
    buffer->start += length;
    if (buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    memset(buffer, 0, sizeof(*buffer));
}

void buffer_u8(struct buffer *buffer, uint8_t value)
{
    buffer_append(buffer, &value, 1);
}

void buffer_u32(struct buffer *buffer, uint32_t value)
{
    unsigned char bytes[4] = { value >> 24, value >> 16, value >> 8, value };

    buffer_append(buffer, bytes, sizeof(bytes));
}

void buffer_string(struct buffer *buffer, const char *text)
{
    size_t length = strlen(text);

    buffer_u32(buffer, length);
    buffer_append(buffer, text, length);
}

static const unsigned char *take(struct cursor *cursor, size_t length)
{
    const unsigned char *bytes = cursor->at;

    if (cursor->bad || length > cursor->left) {
        if (!cursor->bad)
            cursor->bad = "payload too short";
        return NULL;
    }
    cursor->at += length;
    cursor->left -= length;
    return bytes;
}

uint8_t take_u8(struct cursor *cursor)
{
    const unsigned char *bytes = take(cursor, 1);

    return bytes ? bytes[0] : 0;
}

uint32_t take_u32(struct cursor *cursor)
{
    const unsigned char *bytes = take(cursor, 4);

    return bytes ? (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8
                       | bytes[3]
                 : 0;
}

char *take_string(struct cursor *cursor)
{
    uint32_t length = take_u32(cursor);
    const unsigned char *bytes = take(cursor, length);
    char *text = allocate(bytes ? (size_t)length + 1 : 1);

    if (bytes) {
        memcpy(text, bytes, length);
        if (memchr(text, '\0', length))
            cursor->bad = "a string with a NUL byte in it";
    }
    return text;
}

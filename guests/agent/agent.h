/* SPDX-License-Identifier: MIT */
/*
 * testbed-agent: runs commands and carries byte streams for the workstation, over one byte
 * channel. The protocol's other side is testbed/channel/frames.py.
 *
 * A frame is: u32 payload length, u32 stream id, u8 kind, payload. All numbers are big-endian.
 * A string in a payload is u32 length, bytes.
 */
#ifndef AGENT_H
#define AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    PROTOCOL_VERSION = 1,
    HEADER_SIZE = 9,
    MAX_PAYLOAD = 65536,
    TOKEN_SIZE = 16,
    /* Bytes that may be under way in one direction of one stream. */
    WINDOW = 65536,
    CHUNK = 32768,
    /* With this much waiting for the channel, no stream and no request is read. */
    HIGH_WATER = 262144,
    EXIT_USAGE = 1,
    EXIT_PROTOCOL = 2,
    EXIT_SYSTEM = 3,
};

/* Kinds of requests. Payloads are given after the name. */
enum request {
    REQUEST_HELLO = 0x01,       /* token; a new one ends every stream, ids start again */
    REQUEST_EXEC = 0x02,        /* u32 argc, strings; string cwd; u32 envc, strings NAME=VALUE */
    REQUEST_CONNECT = 0x03,     /* string path */
    REQUEST_OPEN_TTY = 0x04,    /* u32 baud, u8 rtscts, string path */
    REQUEST_STDIN = 0x05,       /* bytes */
    REQUEST_STDIN_CLOSE = 0x06,
    REQUEST_SIGNAL = 0x07,      /* u32 signal number */
    REQUEST_DATA = 0x08,        /* bytes */
    REQUEST_SHUTDOWN = 0x09,
    REQUEST_CLOSE = 0x0a,       /* kills the command, drops unsent bytes; nothing is answered */
    REQUEST_CREDIT = 0x0b,      /* u8 kind of event (STDOUT, STDERR, DATA), u32 bytes */
};

/* Kinds of events. */
enum event {
    EVENT_HELLO = 0x81,         /* token, u32 version, u32 window, u32 max payload, 5 strings */
    EVENT_OPENED = 0x82,        /* u32 process id, or 0 */
    EVENT_STDOUT = 0x83,        /* bytes */
    EVENT_STDERR = 0x84,        /* bytes */
    EVENT_EXIT = 0x85,          /* u8 1 if by a signal, u8 exit status or signal number */
    EVENT_DATA = 0x86,          /* bytes */
    EVENT_EOF = 0x87,           /* u8 kind of event that will not come again */
    EVENT_ERROR = 0x88,         /* u32 errno, string; the stream is gone (stream 0: the agent) */
    EVENT_CREDIT = 0x89,        /* u32 bytes of STDIN or DATA that may be sent on */
    EVENT_INPUT_CLOSED = 0x8a,  /* nothing reads what is sent on this stream any more */
};

struct buffer {
    unsigned char *data;
    size_t start, end, capacity;
};

struct stream;

struct agent {
    int channel;
    bool peer_returns;          /* a virtio-serial port outlives its peer */
    bool greeted;               /* the peer now there has said HELLO */
    bool overtaken;             /* its successor has, too, and its hang-up is still to come */
    unsigned char token[TOKEN_SIZE]; /* of the last HELLO */
    int child_signals;          /* signalfd of SIGCHLD */
    struct buffer in, out;
    uint32_t last_id;
    struct stream *streams;
};

/* A request's payload, taken apart from the front; `bad` says what was wrong with it. */
struct cursor {
    const unsigned char *at;
    size_t left;
    const char *bad;
};

/* buffer.c */
void *allocate(size_t size);
size_t buffer_length(const struct buffer *buffer);
void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_consume(struct buffer *buffer, size_t length);
void buffer_free(struct buffer *buffer);
void buffer_u8(struct buffer *buffer, uint8_t value);
void buffer_u32(struct buffer *buffer, uint32_t value);
void buffer_string(struct buffer *buffer, const char *text);
uint8_t take_u8(struct cursor *cursor);
uint32_t take_u32(struct cursor *cursor);
char *take_string(struct cursor *cursor); /* allocated; never NULL */

/* channel.c */
int channel_open(const char *name, bool *peer_returns);
bool channel_wait_for_peer(int channel, int timeout_ms); /* false: not there in time */

/* protocol.c */
bool protocol_room(const struct agent *agent);
void protocol_flush(struct agent *agent);
void protocol_hello(struct agent *agent, const void *token);
void protocol_dispatch(struct agent *agent); /* every request there is room to answer */
void protocol_fail(struct agent *agent, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));
void emit(struct agent *agent, uint32_t id, uint8_t kind, const void *payload, size_t length);
void emit_error(struct agent *agent, uint32_t id, int error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* open.c */
void open_exec(struct agent *agent, uint32_t id, struct cursor *request);
void open_connection(struct agent *agent, uint32_t id, struct cursor *request);
void open_tty(struct agent *agent, uint32_t id, struct cursor *request);
int tty_make_raw(int fd, unsigned long baud, bool rtscts); /* 0, or an errno */

/* stream.c */
struct pollfd;
void stream_add_command(struct agent *agent, uint32_t id, pid_t pid, const int pipes[3]);
void stream_add_bytes(struct agent *agent, uint32_t id, int fd, bool tty);
void stream_request(struct agent *agent, uint32_t id, uint8_t kind, struct cursor *request);
size_t streams_poll(struct agent *agent, struct pollfd **slots, size_t used);
/* Whether the rest of an ended command's output can be taken, which no descriptor may announce. */
bool streams_due(const struct agent *agent);
void streams_service(struct agent *agent, const struct pollfd *slots);
void streams_reap(struct agent *agent);
void streams_end(struct agent *agent);

#endif

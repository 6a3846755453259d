/* SPDX-License-Identifier: MIT */
/* Frames in and out of the channel. */
#include "agent.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { LAST_WORDS_MS = 1000 };

bool protocol_room(const struct agent *agent)
{
    return buffer_length(&agent->out) < HIGH_WATER;
}

void protocol_flush(struct agent *agent)
{
    while (buffer_length(&agent->out)) {
        ssize_t sent = write(agent->channel, agent->out.data + agent->out.start,
                             buffer_length(&agent->out));

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return; /* full, or the peer is gone, which reading from it tells */
        buffer_consume(&agent->out, sent);
    }
}

void emit(struct agent *agent, uint32_t id, uint8_t kind, const void *payload, size_t length)
{
    buffer_u32(&agent->out, length);
    buffer_u32(&agent->out, id);
    buffer_u8(&agent->out, kind);
    buffer_append(&agent->out, payload, length);
}

static void emit_error_text(struct agent *agent, uint32_t id, int error, const char *text)
{
    struct buffer payload = { 0 };

    buffer_u32(&payload, error);
    buffer_string(&payload, text);
    emit(agent, id, EVENT_ERROR, payload.data, buffer_length(&payload));
    buffer_free(&payload);
}

void emit_error(struct agent *agent, uint32_t id, int error, const char *format, ...)
{
    char what[1024], text[1280];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    snprintf(text, sizeof(text), "%s: %s", what, strerror(error));
    emit_error_text(agent, id, error, text);
}

void protocol_fail(struct agent *agent, const char *format, ...)
{
    struct pollfd writable = { .fd = agent->channel, .events = POLLOUT };
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fprintf(stderr, "testbed-agent: malformed request: %s\n", text);
    emit_error_text(agent, 0, EPROTO, text);
    protocol_flush(agent);
    while (buffer_length(&agent->out) && poll(&writable, 1, LAST_WORDS_MS) > 0
           && !(writable.revents & (POLLHUP | POLLERR)))
        protocol_flush(agent);
    streams_end(agent);
    exit(EXIT_PROTOCOL);
}

void protocol_hello(struct agent *agent, const void *token)
{
    struct buffer payload = { 0 };
    struct utsname machine;

    uname(&machine);
    buffer_append(&payload, token, TOKEN_SIZE);
    buffer_u32(&payload, PROTOCOL_VERSION);
    buffer_u32(&payload, WINDOW);
    buffer_u32(&payload, MAX_PAYLOAD);
    buffer_string(&payload, machine.sysname);
    buffer_string(&payload, machine.nodename);
    buffer_string(&payload, machine.release);
    buffer_string(&payload, machine.version);
    buffer_string(&payload, machine.machine);
    emit(agent, 0, EVENT_HELLO, payload.data, buffer_length(&payload));
    buffer_free(&payload);
}

static void hello_request(struct agent *agent, uint32_t id, const struct cursor *request)
{
    if (id || request->left != TOKEN_SIZE)
        protocol_fail(agent, "hello on stream %u with a token of %zu bytes, not on 0 with %d",
                      id, request->left, TOKEN_SIZE);
    if (!memcmp(agent->token, request->at, TOKEN_SIZE))
        return; /* said again because the agent's greeting crossed it */
    memcpy(agent->token, request->at, TOKEN_SIZE);
    agent->overtaken = agent->greeted;
    agent->greeted = true;
    streams_end(agent);
    agent->last_id = 0;
    protocol_hello(agent, request->at);
}

static void handle(struct agent *agent, uint32_t id, uint8_t kind, struct cursor *request)
{
    bool opens = kind == REQUEST_EXEC || kind == REQUEST_CONNECT || kind == REQUEST_OPEN_TTY;

    if (opens) {
        if (id <= agent->last_id)
            protocol_fail(agent, "stream %u opened after stream %u", id, agent->last_id);
        agent->last_id = id;
    }
    switch (kind) {
    case REQUEST_HELLO:
        hello_request(agent, id, request);
        return;
    case REQUEST_EXEC:
        open_exec(agent, id, request);
        break;
    case REQUEST_CONNECT:
        open_connection(agent, id, request);
        break;
    case REQUEST_OPEN_TTY:
        open_tty(agent, id, request);
        break;
    case REQUEST_STDIN:
    case REQUEST_STDIN_CLOSE:
    case REQUEST_SIGNAL:
    case REQUEST_DATA:
    case REQUEST_SHUTDOWN:
    case REQUEST_CLOSE:
    case REQUEST_CREDIT:
        if (!id || id > agent->last_id)
            protocol_fail(agent, "request 0x%02x for stream %u, which was never opened", kind, id);
        stream_request(agent, id, kind, request);
        break;
    default:
        protocol_fail(agent, "unknown request 0x%02x on stream %u", kind, id);
    }
    if (!request->bad && request->left)
        request->bad = "payload too long";
    if (request->bad)
        protocol_fail(agent, "request 0x%02x on stream %u: %s", kind, id, request->bad);
}

static bool dispatch_one(struct agent *agent)
{
    size_t held = buffer_length(&agent->in);
    struct cursor header = { agent->in.data + agent->in.start, HEADER_SIZE, NULL };
    struct cursor request;
    uint32_t length, id;
    uint8_t kind;

    if (held < HEADER_SIZE || !protocol_room(agent))
        return false;
    length = take_u32(&header);
    id = take_u32(&header);
    kind = take_u8(&header);
    if (length > MAX_PAYLOAD)
        protocol_fail(agent, "request 0x%02x on stream %u with %u bytes, more than %d", kind, id,
                      length, MAX_PAYLOAD);
    if (held < HEADER_SIZE + length)
        return false;
    request = (struct cursor){ header.at, length, NULL };
    handle(agent, id, kind, &request);
    buffer_consume(&agent->in, HEADER_SIZE + length);
    return true;
}

void protocol_dispatch(struct agent *agent)
{
    bool handled;

    do {
        handled = false;
        while (dispatch_one(agent))
            handled = true;
        protocol_flush(agent); /* may make room for the answers of further requests */
    } while (handled);
}

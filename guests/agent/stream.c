/* SPDX-License-Identifier: MIT */
/* Open streams: bytes to and from commands, sockets and serial lines, never waiting for one. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { NO_SLOT = -1 };

/* Where a stream's bytes come from. */
struct source {
    int fd;                 /* -1 after its end */
    uint8_t kind;           /* of the events that carry them */
    uint32_t credit;        /* bytes the workstation has room for */
    int slot;
};

struct stream {
    struct stream *next;
    uint32_t id;
    bool command, tty;
    pid_t pid;              /* of a command; its process group too */
    bool exited;
    int input;              /* takes what the workstation sends; -1 when nothing does */
    int input_slot;
    bool input_ends;        /* no more is coming: close when `pending` is empty */
    uint32_t allowance;     /* bytes the workstation may still send */
    struct buffer pending;
    struct source sources[2];
};

static struct stream *find(struct agent *agent, uint32_t id)
{
    struct stream *stream = agent->streams;

    while (stream && stream->id != id)
        stream = stream->next;
    return stream;
}

static struct stream *add(struct agent *agent, uint32_t id, int input)
{
    struct stream *stream = allocate(sizeof(*stream));

    stream->id = id;
    stream->input = input;
    stream->input_slot = NO_SLOT;
    stream->allowance = WINDOW;
    for (int i = 0; i < 2; i++) {
        stream->sources[i].slot = NO_SLOT;
        stream->sources[i].fd = -1;
        stream->sources[i].credit = WINDOW;
    }
    fcntl(input, F_SETFL, O_WRONLY | O_NONBLOCK);
    stream->next = agent->streams;
    agent->streams = stream;
    return stream;
}

static void opened(struct agent *agent, const struct stream *stream)
{
    struct buffer payload = { 0 };

    buffer_u32(&payload, stream->pid);
    emit(agent, stream->id, EVENT_OPENED, payload.data, buffer_length(&payload));
    buffer_free(&payload);
}

void stream_add_command(struct agent *agent, uint32_t id, pid_t pid, const int pipes[3])
{
    struct stream *stream = add(agent, id, pipes[0]);

    stream->command = true;
    stream->pid = pid;
    for (int i = 0; i < 2; i++) {
        stream->sources[i].fd = pipes[1 + i];
        stream->sources[i].kind = i ? EVENT_STDERR : EVENT_STDOUT;
        fcntl(pipes[1 + i], F_SETFL, O_RDONLY | O_NONBLOCK);
    }
    opened(agent, stream);
}

/* `fd` must be non-blocking: both directions share its open file. */
void stream_add_bytes(struct agent *agent, uint32_t id, int fd, bool tty)
{
    int input = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    struct stream *stream;

    if (input < 0) {
        emit_error(agent, id, errno, "opening both directions of a stream");
        close(fd);
        return;
    }
    stream = add(agent, id, input);
    stream->tty = tty;
    stream->sources[0].fd = fd;
    stream->sources[0].kind = EVENT_DATA;
    opened(agent, stream);
}

static void close_input(struct stream *stream)
{
    if (stream->input < 0)
        return;
    if (!stream->command && !stream->tty)
        shutdown(stream->input, SHUT_WR);
    close(stream->input);
    stream->input = -1;
    buffer_free(&stream->pending);
}

static void end_source(struct agent *agent, struct stream *stream, struct source *source)
{
    close(source->fd);
    source->fd = -1;
    emit(agent, stream->id, EVENT_EOF, &source->kind, 1);
}

/* Unlink and free; a command that still runs is killed, and reaped when it has died. */
static void drop(struct agent *agent, struct stream *stream)
{
    struct stream **link = &agent->streams;

    if (stream->command && !stream->exited)
        kill(-stream->pid, SIGKILL);
    /* Closing a serial line waits up to 30 s for output that a stopped peer never takes. */
    if (stream->tty)
        tcflush(stream->input >= 0 ? stream->input : stream->sources[0].fd, TCOFLUSH);
    close_input(stream);
    for (int i = 0; i < 2; i++) {
        if (stream->sources[i].fd >= 0)
            close(stream->sources[i].fd);
    }
    buffer_free(&stream->pending);
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    free(stream);
}

void streams_end(struct agent *agent)
{
    while (agent->streams)
        drop(agent, agent->streams);
}

static void write_input(struct agent *agent, struct stream *stream)
{
    unsigned char count[4];
    ssize_t taken;

    if (stream->input >= 0 && buffer_length(&stream->pending)) {
        taken = write(stream->input, stream->pending.data + stream->pending.start,
                      buffer_length(&stream->pending));
        if (taken > 0) {
            buffer_consume(&stream->pending, taken);
            stream->allowance += taken;
            for (int i = 0; i < 4; i++)
                count[i] = (uint32_t)taken >> (24 - 8 * i);
            emit(agent, stream->id, EVENT_CREDIT, count, sizeof(count));
        } else if (taken < 0 && errno != EAGAIN && errno != EINTR) {
            close_input(stream);
            emit(agent, stream->id, EVENT_INPUT_CLOSED, NULL, 0);
        }
    }
    if (stream->input_ends && !buffer_length(&stream->pending))
        close_input(stream);
}

/* Read once; true when reading on at once makes sense. */
static bool read_source(struct agent *agent, struct stream *stream, struct source *source)
{
    unsigned char bytes[CHUNK];
    size_t room = source->credit < CHUNK ? source->credit : CHUNK;
    ssize_t got;

    if (source->fd < 0 || !room || !protocol_room(agent))
        return false;
    got = read(source->fd, bytes, room);
    if (got > 0) {
        source->credit -= got;
        emit(agent, stream->id, source->kind, bytes, got);
        return true;
    }
    if (got < 0 && errno == EINTR)
        return true;
    /* What a command wrote before its exit is in the pipe; whoever else holds it has no claim. */
    if (got < 0 && errno == EAGAIN && !stream->exited)
        return false;
    end_source(agent, stream, source);
    return false;
}

static bool finished(const struct stream *stream)
{
    bool silent = stream->sources[0].fd < 0 && stream->sources[1].fd < 0;

    return silent && (stream->command ? stream->exited : stream->input < 0);
}

size_t streams_poll(struct agent *agent, struct pollfd **slots, size_t used)
{
    size_t needed = used;
    bool room = protocol_room(agent);

    for (struct stream *stream = agent->streams; stream; stream = stream->next)
        needed += 3;
    free(*slots);
    *slots = allocate(needed * sizeof(**slots));
    for (struct stream *stream = agent->streams; stream; stream = stream->next) {
        stream->input_slot = NO_SLOT;
        if (stream->input >= 0 && buffer_length(&stream->pending) && room) {
            stream->input_slot = used;
            (*slots)[used++] = (struct pollfd){ .fd = stream->input, .events = POLLOUT };
        }
        for (int i = 0; i < 2; i++) {
            struct source *source = &stream->sources[i];

            source->slot = NO_SLOT;
            if (source->fd >= 0 && source->credit && room) {
                source->slot = used;
                (*slots)[used++] = (struct pollfd){ .fd = source->fd, .events = POLLIN };
            }
        }
    }
    return used;
}

bool streams_due(const struct agent *agent)
{
    for (const struct stream *stream = agent->streams; stream; stream = stream->next) {
        for (int i = 0; i < 2; i++) {
            if (stream->exited && stream->sources[i].fd >= 0 && stream->sources[i].credit
                && protocol_room(agent))
                return true;
        }
    }
    return false;
}

void streams_service(struct agent *agent, const struct pollfd *slots)
{
    struct stream *next;

    for (struct stream *stream = agent->streams; stream; stream = next) {
        next = stream->next;
        if (stream->input_slot != NO_SLOT && slots[stream->input_slot].revents)
            write_input(agent, stream);
        for (int i = 0; i < 2; i++) {
            struct source *source = &stream->sources[i];

            if (stream->exited) {
                while (read_source(agent, stream, source))
                    ;
            } else if (source->slot != NO_SLOT && slots[source->slot].revents) {
                read_source(agent, stream, source);
            }
        }
        if (finished(stream))
            drop(agent, stream);
    }
}

void streams_reap(struct agent *agent)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct stream *stream = agent->streams;
        unsigned char payload[2];

        while (stream && (!stream->command || stream->exited || stream->pid != pid))
            stream = stream->next;
        if (!stream)
            continue; /* an orphan, or of a stream that was closed */
        stream->exited = true;
        close_input(stream);
        payload[0] = WIFSIGNALED(status);
        payload[1] = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
        emit(agent, stream->id, EVENT_EXIT, payload, sizeof(payload));
    }
}

static void add_credit(struct agent *agent, struct stream *stream, struct cursor *request)
{
    uint8_t kind = take_u8(request);
    uint32_t count = take_u32(request);

    if (request->bad)
        return;
    for (int i = 0; i < 2; i++) {
        struct source *source = &stream->sources[i];

        if (source->kind != kind)
            continue;
        if (count > WINDOW - source->credit)
            protocol_fail(agent, "credit of %u on stream %u exceeds the window", count, stream->id);
        source->credit += count;
        return;
    }
    protocol_fail(agent, "credit for event 0x%02x, which stream %u does not send", kind,
                  stream->id);
}

static void accept_bytes(struct agent *agent, struct stream *stream, struct cursor *request)
{
    if (request->left > stream->allowance)
        protocol_fail(agent, "%zu bytes on stream %u, which has room for %u", request->left,
                      stream->id, stream->allowance);
    if (stream->input_ends)
        protocol_fail(agent, "bytes on stream %u after their end", stream->id);
    stream->allowance -= request->left;
    if (stream->input >= 0) {
        buffer_append(&stream->pending, request->at, request->left);
        write_input(agent, stream);
    }
    request->left = 0;
}

/* A request for a stream that has ended meanwhile is not an error: it crossed the last event. */
void stream_request(struct agent *agent, uint32_t id, uint8_t kind, struct cursor *request)
{
    struct stream *stream = find(agent, id);
    bool for_command = kind == REQUEST_STDIN || kind == REQUEST_STDIN_CLOSE
                       || kind == REQUEST_SIGNAL;
    bool for_bytes = kind == REQUEST_DATA || kind == REQUEST_SHUTDOWN;
    uint32_t signal_number;

    if (!stream) {
        request->left = 0;
        return;
    }
    if (stream->command ? for_bytes : for_command)
        protocol_fail(agent, "request 0x%02x on stream %u, which is %s", kind, id,
                      stream->command ? "a command" : "not a command");
    switch (kind) {
    case REQUEST_STDIN:
    case REQUEST_DATA:
        accept_bytes(agent, stream, request);
        break;
    case REQUEST_STDIN_CLOSE:
    case REQUEST_SHUTDOWN:
        stream->input_ends = true;
        write_input(agent, stream);
        break;
    case REQUEST_SIGNAL:
        signal_number = take_u32(request);
        if (!signal_number || signal_number > (uint32_t)SIGRTMAX)
            request->bad = "no such signal";
        else if (!stream->exited)
            kill(-stream->pid, signal_number);
        break;
    case REQUEST_CREDIT:
        add_credit(agent, stream, request);
        break;
    case REQUEST_CLOSE:
        drop(agent, stream);
        break;
    }
}

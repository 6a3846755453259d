/* SPDX-License-Identifier: MIT */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* The token of the HELLO nobody asked for: the agent has just started. */
static const char greeting[TOKEN_SIZE + 1] = "testbed-agent up";

enum { OVERTAKEN_MS = 1000 };
enum { CHANNEL_SLOT, CHILDREN_SLOT, FIXED_SLOTS };

/* Read requests; false when the peer is gone. */
static bool read_channel(struct agent *agent)
{
    unsigned char bytes[CHUNK];
    ssize_t got = read(agent->channel, bytes, sizeof(bytes));

    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    buffer_append(&agent->in, bytes, got);
    return got > 0;
}

static void forget_peer(struct agent *agent)
{
    streams_end(agent);
    buffer_free(&agent->in);
    buffer_free(&agent->out);
    agent->last_id = 0;
    agent->greeted = false;
}

/*
 * A port's hang-up reaches us later than bytes do. The HELLO of a peer that came at once after
 * another has then been answered already: its predecessor's hang-up must not end its streams.
 */
static bool hangup_was_overtaken(struct agent *agent)
{
    bool overtaken = agent->peer_returns && agent->overtaken;

    agent->overtaken = false;
    return overtaken && channel_wait_for_peer(agent->channel, OVERTAKEN_MS);
}

static void drain(int signals)
{
    struct signalfd_siginfo information;

    while (read(signals, &information, sizeof(information)) > 0)
        ;
}

/* Serve one peer until it is gone. */
static void serve(struct agent *agent)
{
    struct pollfd *slots = NULL;
    size_t used;

    for (;;) {
        short writing = buffer_length(&agent->out) ? POLLOUT : 0;
        short reading = protocol_room(agent) ? POLLIN : 0;
        short told;
        bool gone;

        used = streams_poll(agent, &slots, FIXED_SLOTS);
        slots[CHANNEL_SLOT] = (struct pollfd){ .fd = agent->channel, .events = reading | writing };
        slots[CHILDREN_SLOT] = (struct pollfd){ .fd = agent->child_signals, .events = POLLIN };
        if (poll(slots, used, streams_due(agent) ? 0 : -1) < 0) {
            if (errno == EINTR)
                continue;
            fprintf(stderr, "testbed-agent: waiting: %s\n", strerror(errno));
            exit(EXIT_SYSTEM);
        }
        told = slots[CHANNEL_SLOT].revents;
        if (told & POLLIN)
            gone = !read_channel(agent);
        else
            gone = told & (POLLHUP | POLLERR | POLLNVAL);
        if (gone && !hangup_was_overtaken(agent))
            break;
        if (slots[CHILDREN_SLOT].revents)
            drain(agent->child_signals);
        streams_reap(agent);
        streams_service(agent, slots);
        protocol_dispatch(agent);
    }
    free(slots);
    forget_peer(agent);
}

int main(int argc, char **argv)
{
    struct agent agent = { 0 };
    sigset_t children;
    int null;

    if (argc != 2) {
        fprintf(stderr, "usage: testbed-agent PORT-NAME | DEVICE-PATH | fd:N | unix:PATH\n");
        return EXIT_USAGE;
    }
    do
        null = open("/dev/null", O_RDWR);
    while (null >= 0 && null <= 2);
    close(null);
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0);
    signal(SIGPIPE, SIG_IGN);
    /* Orphans of commands come here to be reaped, whatever process 1 is. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    agent.child_signals = signalfd(-1, &children, SFD_NONBLOCK | SFD_CLOEXEC);
    agent.channel = channel_open(argv[1], &agent.peer_returns);
    if (agent.peer_returns)
        channel_wait_for_peer(agent.channel, -1);
    protocol_hello(&agent, greeting);
    serve(&agent);
    while (agent.peer_returns) {
        channel_wait_for_peer(agent.channel, -1);
        serve(&agent);
    }
    return 0;
}

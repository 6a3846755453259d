/* SPDX-License-Identifier: MIT */
/*
 * vfio-interrupts DEVICE: take interrupt 0 of a platform device through VFIO and count its events,
 * as commands on standard input say. Each is answered by one line,
 *
 *   events=1 unmasked=0          or          error=EINVAL
 *
 * events: how often VFIO has signalled the interrupt's eventfd since the program began; unmasked:
 * how often `serve` and `cycle` have unmasked it. A command that cannot be understood ends the
 * program with one line on standard error and status 1.
 *
 *   arm | disarm                 set the eventfd as the interrupt's trigger; take it back
 *   mask HOW | unmask HOW        HOW is none, true, false (a boolean) or eventfd
 *   trigger HOW                  as if the device had interrupted; HOW is none, true or false
 *   chain                        let the trigger's own eventfd unmask the interrupt
 *   count OFFSET                 read the byte at OFFSET of region 0, then count: a level that the
 *                                device had before is told by then
 *   wait EVENTS SECONDS          until there are EVENTS; error=ETIMEDOUT after SECONDS
 *   cycle TIMES OFFSET HOW       TIMES: unmask, and count as `count` does; answers also with the
 *                                fewest and the most events that came of one unmasking
 *   serve on | off               unmask after each event from now on, between the commands
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command.h"
#include "deadline.h"
#include "fail.h"
#include "vfio_device.h"

static struct vfio vfio;
static int trigger;
static int mask_eventfd = -1;
static int unmask_eventfd = -1;
static bool serving;
static uint64_t events;
static uint64_t unmasked;

/* SET_IRQS for interrupt 0 with `size` bytes of data; 0 or the error. */
static int set_irq(uint32_t flags, uint32_t count, const void *data, size_t size)
{
    union {
        struct vfio_irq_set set;
        char space[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
    } request = { .set = { .argsz = sizeof(request.set) + size, .flags = flags, .count = count } };

    memcpy(request.set.data, data, size);
    return ioctl(vfio.device, VFIO_DEVICE_SET_IRQS, &request.set) ? errno : 0;
}

static int make_eventfd(void)
{
    int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (made < 0)
        fail("making an eventfd: %s", strerror(errno));
    return made;
}

static int set_eventfd(uint32_t action, int32_t number)
{
    return set_irq(action | VFIO_IRQ_SET_DATA_EVENTFD, 1, &number, sizeof(number));
}

/* Signal the eventfd that masks or unmasks, which VFIO is told of at its first use. */
static int signal_eventfd(uint32_t action, int *number)
{
    uint64_t one = 1;
    int error;

    if (*number < 0) {
        *number = make_eventfd();
        error = set_eventfd(action, *number);
        if (error)
            return error;
    }
    return write(*number, &one, sizeof(one)) == sizeof(one) ? 0 : errno;
}

static int act(uint32_t action, const char *how)
{
    uint8_t yes = !strcmp(how, "true");

    if (!strcmp(how, "none"))
        return set_irq(action | VFIO_IRQ_SET_DATA_NONE, 1, "", 0);
    if (yes || !strcmp(how, "false"))
        return set_irq(action | VFIO_IRQ_SET_DATA_BOOL, 1, &yes, sizeof(yes));
    if (!strcmp(how, "eventfd") && action == VFIO_IRQ_SET_ACTION_MASK)
        return signal_eventfd(action, &mask_eventfd);
    if (!strcmp(how, "eventfd") && action == VFIO_IRQ_SET_ACTION_UNMASK)
        return signal_eventfd(action, &unmask_eventfd);
    fail("'%s' is no way to mask, unmask or trigger", how);
}

static uint64_t take_events(void)
{
    uint64_t came;

    if (read(trigger, &came, sizeof(came)) != sizeof(came)) {
        if (errno != EAGAIN)
            fail("reading the interrupt's eventfd: %s", strerror(errno));
        return 0;
    }
    events += came;
    return came;
}

/* Levels reach the machine in order with what the device answers: see what it drove before. */
static uint64_t count_events(uint64_t offset)
{
    uint8_t value;

    if (pread(vfio.device, &value, sizeof(value), offset) != sizeof(value))
        fail("reading the byte at 0x%" PRIx64 " of region 0: %s", offset, strerror(errno));
    return take_events();
}

static void report(int error)
{
    if (error)
        answer_error(error);
    else
        answer("events=%" PRIu64 " unmasked=%" PRIu64, events, unmasked);
}

static int wait_for(uint64_t wanted, uint64_t seconds)
{
    deadline_t deadline = deadline_in(seconds);

    while (events < wanted) {
        if (!wait_readable(trigger, deadline))
            return ETIMEDOUT;
        take_events();
    }
    return 0;
}

static void cycle(uint64_t times, uint64_t offset, const char *how)
{
    uint64_t fewest = times ? UINT64_MAX : 0, most = 0;
    int error;

    for (uint64_t i = 0; i < times; i++) {
        uint64_t came;

        error = act(VFIO_IRQ_SET_ACTION_UNMASK, how);
        if (error) {
            answer_error(error);
            return;
        }
        unmasked++;
        came = count_events(offset);
        fewest = came < fewest ? came : fewest;
        most = came > most ? came : most;
    }
    answer("events=%" PRIu64 " unmasked=%" PRIu64 " fewest=%" PRIu64 " most=%" PRIu64, events,
           unmasked, fewest, most);
}

static void serve(void)
{
    int error;

    if (!take_events())
        return;
    error = act(VFIO_IRQ_SET_ACTION_UNMASK, "none");
    if (error)
        fail("unmasking interrupt 0 of '%s': %s", vfio.name, strerror(error));
    unmasked++;
}

static void run(const struct command *command)
{
    const char *name = command->count ? command->words[0] : "";
    const char *how = command->count > 1 ? command->words[1] : "";

    if (!strcmp(name, "arm")) {
        report(set_eventfd(VFIO_IRQ_SET_ACTION_TRIGGER, trigger));
    } else if (!strcmp(name, "disarm")) {
        report(set_irq(VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE, 0, "", 0));
    } else if (!strcmp(name, "mask")) {
        report(act(VFIO_IRQ_SET_ACTION_MASK, how));
    } else if (!strcmp(name, "unmask")) {
        report(act(VFIO_IRQ_SET_ACTION_UNMASK, how));
    } else if (!strcmp(name, "trigger")) {
        report(act(VFIO_IRQ_SET_ACTION_TRIGGER, how));
    } else if (!strcmp(name, "chain")) {
        report(set_eventfd(VFIO_IRQ_SET_ACTION_UNMASK, trigger));
    } else if (!strcmp(name, "count")) {
        count_events(command_number(command, 1, "OFFSET"));
        report(0);
    } else if (!strcmp(name, "wait")) {
        report(wait_for(command_number(command, 1, "EVENTS"),
                        command_number(command, 2, "SECONDS")));
    } else if (!strcmp(name, "cycle")) {
        cycle(command_number(command, 1, "TIMES"), command_number(command, 2, "OFFSET"),
              command->count > 3 ? command->words[3] : "");
    } else if (!strcmp(name, "serve")) {
        serving = !strcmp(how, "on");
        report(0);
    } else {
        fail("no command '%s'", name);
    }
}

int main(int argc, char **argv)
{
    enum { COMMANDS, INTERRUPT };
    struct pollfd ready[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .events = POLLIN } };
    struct command command;

    if (argc != 2)
        fail("usage: vfio-interrupts DEVICE, a name as in /sys/bus/platform/devices");
    vfio_open(&vfio, argv[1]);
    trigger = make_eventfd();
    for (;;) {
        ready[INTERRUPT].fd = serving ? trigger : -1;
        if (poll(ready, 2, -1) < 0)
            fail("waiting for commands: %s", strerror(errno));
        if (ready[INTERRUPT].revents)
            serve();
        if (!ready[COMMANDS].revents)
            continue;
        if (!command_receive())
            return 0;
        while (command_next(&command))
            run(&command);
    }
}

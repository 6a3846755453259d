/* SPDX-License-Identifier: MIT */
/* Opening the byte channel to the workstation. */
#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PORTS "/sys/class/virtio-ports"

enum { PORT_SECONDS = 30, SERIAL_BAUD = 115200 };

static void __attribute__((noreturn)) give_up(const char *what, const char *name)
{
    fprintf(stderr, "testbed-agent: %s %s: %s\n", what, name, strerror(errno));
    exit(EXIT_SYSTEM);
}

/* Find the port called `name` in sysfs; without udev nothing else knows the names. */
static bool port_device(const char *name, char *device, size_t size)
{
    DIR *ports = opendir(PORTS);
    struct dirent *entry;
    bool found = false;

    while (ports && !found && (entry = readdir(ports))) {
        char path[512], found_name[128] = "";
        FILE *file;

        snprintf(path, sizeof(path), PORTS "/%s/name", entry->d_name);
        file = fopen(path, "re");
        if (!file)
            continue;
        if (fgets(found_name, sizeof(found_name), file)) {
            found_name[strcspn(found_name, "\n")] = '\0';
            found = !strcmp(found_name, name);
        }
        fclose(file);
        if (found)
            snprintf(device, size, "/dev/%s", entry->d_name);
    }
    if (ports)
        closedir(ports);
    return found;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A port's name arrives from the device some time after the driver is there: listen for it. */
static void wait_for_port(const char *name, char *device, size_t size)
{
    struct sockaddr_nl everyone = { .nl_family = AF_NETLINK, .nl_groups = 1 };
    struct pollfd uevents = { .events = POLLIN };
    int64_t end = now_ms() + PORT_SECONDS * 1000;
    char message[8192];

    uevents.fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
    if (uevents.fd < 0 || bind(uevents.fd, (struct sockaddr *)&everyone, sizeof(everyone)))
        give_up("listening for virtio-serial port", name);
    while (!port_device(name, device, size)) {
        int64_t left = end - now_ms();

        if (left <= 0 || !poll(&uevents, 1, left)) {
            fprintf(stderr, "testbed-agent: no virtio-serial port named %s in %d s\n", name,
                    PORT_SECONDS);
            exit(EXIT_SYSTEM);
        }
        recv(uevents.fd, message, sizeof(message), MSG_DONTWAIT);
    }
    close(uevents.fd);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
        give_up("connecting to", path);
    return fd;
}

/*
 * Open the channel called `name`: a virtio-serial port by its name, a device by its path, `fd:N`
 * for an inherited descriptor, `unix:PATH` for a listening socket. Exits with a message on failure.
 */
int channel_open(const char *name, bool *peer_returns)
{
    char device[512];
    struct stat status;
    int fd;

    if (!strncmp(name, "fd:", 3)) {
        fd = atoi(name + 3);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    } else if (!strncmp(name, "unix:", 5)) {
        fd = connect_to(name + 5);
    } else {
        if (strchr(name, '/'))
            snprintf(device, sizeof(device), "%s", name);
        else
            wait_for_port(name, device, sizeof(device));
        fd = open(device, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
            give_up("opening", device);
    }
    if (fstat(fd, &status) || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK))
        give_up("using channel", name);
    if (isatty(fd) && (errno = tty_make_raw(fd, SERIAL_BAUD, false)))
        give_up("setting up serial line", name);
    *peer_returns = S_ISCHR(status.st_mode) && !isatty(fd);
    return fd;
}

/*
 * Wait until a virtio-serial port has a peer, -1 being no time limit. Level-triggered poll() would report the hang-up
 * again and again; edge-triggered epoll reports the state once and then its changes.
 */
bool channel_wait_for_peer(int channel, int timeout_ms)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
    int set = epoll_create1(EPOLL_CLOEXEC), count;

    if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, channel, &event))
        give_up("waiting for the peer of", "the channel");
    do {
        event.events = EPOLLHUP;
        count = epoll_wait(set, &event, 1, timeout_ms);
        if (count < 0 && errno != EINTR)
            give_up("waiting for the peer of", "the channel");
    } while (count && event.events & EPOLLHUP);
    close(set);
    return count > 0;
}

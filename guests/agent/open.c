/* SPDX-License-Identifier: MIT */
/* The three things a stream can be: a command, a UNIX socket, a serial line. */
#define _GNU_SOURCE /* pipe2 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

struct command {
    uint32_t argc, envc;
    char **argv, *cwd, **env;
};

/* What the child could not do, written to the parent through a close-on-exec pipe. */
struct failure {
    int error;
    enum { FAILED_CWD, FAILED_EXEC } step;
};

static char **take_strings(struct cursor *request, uint32_t *count)
{
    char **strings;

    *count = take_u32(request);
    if (*count > request->left / 4) {
        request->bad = "more strings announced than bytes";
        *count = 0;
    }
    strings = allocate(((size_t)*count + 1) * sizeof(*strings));
    for (uint32_t i = 0; i < *count; i++)
        strings[i] = take_string(request);
    return strings;
}

static void free_strings(char **strings, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free(strings[i]);
    free(strings);
}

static void __attribute__((noreturn))
run_child(const struct command *command, const int pipes[6], int report)
{
    struct failure failure = { .step = FAILED_CWD };
    sigset_t none;

    setsid();
    dup2(pipes[0], 0);
    dup2(pipes[3], 1);
    dup2(pipes[5], 2);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (!*command->cwd || !chdir(command->cwd)) {
        failure.step = FAILED_EXEC;
        for (uint32_t i = 0; i < command->envc; i++)
            putenv(command->env[i]);
        execvp(command->argv[0], command->argv);
    }
    failure.error = errno;
    if (write(report, &failure, sizeof(failure)) < 0)
        _exit(126);
    _exit(127);
}

static void start(struct agent *agent, uint32_t id, const struct command *command)
{
    int pipes[6] = { -1, -1, -1, -1, -1, -1 }, report[2] = { -1, -1 }, ours[3];
    struct failure failure;
    pid_t pid = -1;

    for (int i = 0; i < 3; i++) {
        if (pipe2(pipes + 2 * i, O_CLOEXEC))
            goto failed;
    }
    if (pipe2(report, O_CLOEXEC))
        goto failed;
    pid = fork();
    if (pid < 0)
        goto failed;
    if (!pid)
        run_child(command, pipes, report[1]);
    close(report[1]);
    report[1] = -1;
    if (read(report[0], &failure, sizeof(failure)) == sizeof(failure)) {
        waitpid(pid, NULL, 0);
        emit_error(agent, id, failure.error, "%s '%s'",
                   failure.step == FAILED_CWD ? "changing to directory" : "executing",
                   failure.step == FAILED_CWD ? command->cwd : command->argv[0]);
        goto done;
    }
    close(report[0]);
    close(pipes[0]);
    close(pipes[3]);
    close(pipes[5]);
    ours[0] = pipes[1];
    ours[1] = pipes[2];
    ours[2] = pipes[4];
    stream_add_command(agent, id, pid, ours);
    return;

failed:
    emit_error(agent, id, errno, "starting '%s'", command->argv[0]);
done:
    for (int i = 0; i < 6; i++) {
        if (pipes[i] >= 0)
            close(pipes[i]);
    }
    for (int i = 0; i < 2; i++) {
        if (report[i] >= 0)
            close(report[i]);
    }
}

void open_exec(struct agent *agent, uint32_t id, struct cursor *request)
{
    struct command command;

    command.argv = take_strings(request, &command.argc);
    command.cwd = take_string(request);
    command.env = take_strings(request, &command.envc);
    for (uint32_t i = 0; i < command.envc; i++) {
        if (!strchr(command.env[i], '='))
            request->bad = "an environment string without '='";
    }
    if (!command.argc && !request->bad)
        request->bad = "no arguments";
    if (!request->bad && !request->left)
        start(agent, id, &command);
    free_strings(command.argv, command.argc);
    free_strings(command.env, command.envc);
    free(command.cwd);
}

void open_connection(struct agent *agent, uint32_t id, struct cursor *request)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char *path = take_string(request);
    int fd = -1;

    if (request->bad || request->left)
        goto done;
    if (strlen(path) >= sizeof(address.sun_path)) {
        emit_error(agent, id, ENAMETOOLONG, "connecting to socket '%s'", path);
        goto done;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        emit_error(agent, id, errno, "connecting to socket '%s'", path);
        if (fd >= 0)
            close(fd);
        goto done;
    }
    stream_add_bytes(agent, id, fd, false);
done:
    free(path);
}

static bool baud_code(unsigned long baud, speed_t *code)
{
    static const struct { unsigned long baud; speed_t code; } known[] = {
        { 50, B50 }, { 75, B75 }, { 110, B110 }, { 134, B134 }, { 150, B150 }, { 200, B200 },
        { 300, B300 }, { 600, B600 }, { 1200, B1200 }, { 1800, B1800 }, { 2400, B2400 },
        { 4800, B4800 }, { 9600, B9600 }, { 19200, B19200 }, { 38400, B38400 },
        { 57600, B57600 }, { 115200, B115200 }, { 230400, B230400 }, { 460800, B460800 },
        { 500000, B500000 }, { 576000, B576000 }, { 921600, B921600 }, { 1000000, B1000000 },
        { 1152000, B1152000 }, { 1500000, B1500000 }, { 2000000, B2000000 },
        { 2500000, B2500000 }, { 3000000, B3000000 }, { 3500000, B3500000 },
        { 4000000, B4000000 },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].baud == baud) {
            *code = known[i].code;
            return true;
        }
    }
    return false;
}

int tty_make_raw(int fd, unsigned long baud, bool rtscts)
{
    struct termios settings;
    speed_t code;

    if (!baud_code(baud, &code))
        return EINVAL;
    if (tcgetattr(fd, &settings))
        return errno;
    cfmakeraw(&settings);
    settings.c_cflag &= ~(CSTOPB | CRTSCTS);
    settings.c_cflag |= CLOCAL | CREAD | (rtscts ? CRTSCTS : 0);
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    if (cfsetispeed(&settings, code) || cfsetospeed(&settings, code)
        || tcsetattr(fd, TCSANOW, &settings))
        return errno;
    return 0;
}

void open_tty(struct agent *agent, uint32_t id, struct cursor *request)
{
    uint32_t baud = take_u32(request);
    uint8_t rtscts = take_u8(request);
    char *path = take_string(request);
    int fd, error;

    if (rtscts > 1)
        request->bad = "rtscts neither 0 nor 1";
    if (request->bad || request->left)
        goto done;
    fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        emit_error(agent, id, errno, "opening serial line '%s'", path);
        goto done;
    }
    error = tty_make_raw(fd, baud, rtscts);
    if (error) {
        emit_error(agent, id, error, "setting '%s' to %u baud", path, baud);
        close(fd);
        goto done;
    }
    stream_add_bytes(agent, id, fd, true);
done:
    free(path);
}

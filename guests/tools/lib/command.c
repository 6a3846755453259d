/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* strerrorname_np */
#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"

static char input[32768];
static size_t held;     /* bytes in `input` */
static size_t consumed; /* of them, those of the line taken last */

bool command_next(struct command *command)
{
    char *end, *word, *rest = input;

    held -= consumed;
    memmove(input, input + consumed, held);
    consumed = 0;
    end = memchr(input, '\n', held);
    if (!end)
        return false;
    *end = '\0';
    consumed = end - input + 1;
    command->count = 0;
    while ((word = strsep(&rest, " "))) {
        if (!*word)
            continue;
        if (command->count == COMMAND_WORDS)
            fail("command of more than %d words", COMMAND_WORDS);
        command->words[command->count++] = word;
    }
    command->words[command->count] = NULL;
    return true;
}

bool command_receive(void)
{
    ssize_t length;

    if (held == sizeof(input))
        fail("command of more than %zu bytes", sizeof(input) - 1);
    do
        length = read(STDIN_FILENO, input + held, sizeof(input) - held);
    while (length < 0 && errno == EINTR);
    if (length < 0)
        fail("reading commands: %s", strerror(errno));
    held += length;
    return length > 0;
}

uint64_t command_number(const struct command *command, int index, const char *what)
{
    const char *text = index < command->count ? command->words[index] : "";
    char *end;
    uint64_t value;

    errno = 0;
    value = strtoull(text, &end, 0);
    if (errno || end == text || *end || *text == '-')
        fail("command %s: %s is '%s', not a number", command->words[0], what, text);
    return value;
}

size_t command_bytes(const struct command *command, int index, const char *what,
                     unsigned char *bytes, size_t limit)
{
    const char *text = index < command->count ? command->words[index] : "";
    size_t digits = strlen(text), count = digits / 2;

    if (!count || digits % 2 || count > limit || strspn(text, "0123456789abcdefABCDEF") != digits)
        fail("command %s: %s is '%s', not 1 to %zu bytes in hexadecimal", command->words[0], what,
             text, limit);
    for (size_t i = 0; i < count; i++)
        sscanf(text + 2 * i, "%2hhx", &bytes[i]);
    return count;
}

void answer_error(int error)
{
    const char *name = strerrorname_np(error);

    if (name)
        answer("error=%s", name);
    else
        answer("error=%d", error);
}

void answer(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    if (fflush(stdout))
        fail("writing an answer: %s", strerror(errno));
}

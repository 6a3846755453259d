/* SPDX-License-Identifier: MIT */
/*
 * Answers each command of standard input with its words; "number WORD" with the number, "bytes WORD"
 * with its bytes.
 */
#include <inttypes.h>
#include <string.h>

#include "command.h"

static void answer_bytes_of(const struct command *command)
{
    unsigned char bytes[4] = { 0 };
    size_t count = command_bytes(command, 1, "WORD", bytes, sizeof(bytes));

    answer("count=%zu bytes=%u,%u,%u,%u", count, bytes[0], bytes[1], bytes[2], bytes[3]);
}

int main(void)
{
    struct command command;

    do {
        while (command_next(&command)) {
            if (command.count && !strcmp(command.words[0], "number"))
                answer("number=%" PRIu64, command_number(&command, 1, "WORD"));
            else if (command.count && !strcmp(command.words[0], "bytes"))
                answer_bytes_of(&command);
            else if (command.count && !strcmp(command.words[0], "error"))
                answer_error(command_number(&command, 1, "ERROR"));
            else
                answer("count=%d last=%s", command.count,
                       command.count ? command.words[command.count - 1] : "");
        }
    } while (command_receive());
    return 0;
}

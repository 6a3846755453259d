/* SPDX-License-Identifier: MIT */
/* Answers each command of standard input with its words, or, for "number WORD", with the number. */
#include <inttypes.h>
#include <string.h>

#include "command.h"

int main(void)
{
    struct command command;

    do {
        while (command_next(&command)) {
            if (command.count && !strcmp(command.words[0], "number"))
                answer("number=%" PRIu64, command_number(&command, 1, "WORD"));
            else if (command.count && !strcmp(command.words[0], "error"))
                answer_error(command_number(&command, 1, "ERROR"));
            else
                answer("count=%d last=%s", command.count,
                       command.count ? command.words[command.count - 1] : "");
        }
    } while (command_receive());
    return 0;
}

/* SPDX-License-Identifier: MIT */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COMMAND_WORDS = 16 };

/* A command: one line of standard input, in words. `words` ends with NULL. */
struct command {
    int count;
    char *words[COMMAND_WORDS + 1];
};

/*
 * Take the next whole line of what standard input has given so far; false when there is none yet.
 * Its words are valid until the next call. An empty line is a command of no words.
 */
bool command_next(struct command *command);

/* Wait for input and take it; false at its end. Fails the program when a line is too long. */
bool command_receive(void);

/* Word `index` as a number, in C's notation. Fails the program when it is none or missing. */
uint64_t command_number(const struct command *command, int index, const char *what);

/*
 * Word `index` as bytes, in pairs of hexadecimal digits: 1 to `limit` of them go to `bytes`, and
 * their number is returned. Fails the program when it is none or missing.
 */
size_t command_bytes(const struct command *command, int index, const char *what,
                     unsigned char *bytes, size_t limit);

/* Answer a command: the error's name, as in "error=EINVAL". */
void answer_error(int error);

/* Answer a command: printf, with a newline added, and nothing held back. */
void __attribute__((format(printf, 1, 2))) answer(const char *format, ...);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef FAIL_H
#define FAIL_H

/* Print one line, "PROGRAM: ...", on standard error and exit with status 1. */
void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...);

#endif

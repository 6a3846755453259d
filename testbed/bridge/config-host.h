/*
 * What QEMU's configure would find out
 *
 * Only what the headers the bridge includes ask for, and of that only what
 * differs from being absent. Left out on purpose: CONFIG_MEMBARRIER, without
 * which RCU's barriers are the stronger ones, and CONFIG_LINUX_AIO and
 * CONFIG_LINUX_IO_URING, which add members to a structure not touched here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CONFIG_HOST_H
#define CONFIG_HOST_H

#define CONFIG_LINUX 1
#define CONFIG_POSIX 1
#define CONFIG_PLUGIN 1
#define CONFIG_IOVEC 1
#define HAVE_SYSTEM_FUNCTION 1

/* Decides the layout of MemoryRegion; abi.c checks it against the program. */
#define CONFIG_INT128 1
#define CONFIG_INT128_TYPE 1

#endif

/*
 * Is this the QEMU the bridge was built for?
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTBED_ABI_H
#define TESTBED_ABI_H

/* Generated: what the bridge takes from QEMU and its libraries, NULL ends it */
extern const char *const rp_qemu_symbols[];

/* Release, package and symbols. Reports what does not fit. */
bool rp_abi_program_fits(void);

/* Layout of the structures that are compiled in. Reports what does not fit. */
bool rp_abi_layout_fits(void);

#endif

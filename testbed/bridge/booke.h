/*
 * What QEMU leaves out when it saves a Book E CPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTBED_BOOKE_H
#define TESTBED_BOOKE_H

void rp_booke_init(void);

#endif

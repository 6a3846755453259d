/*
 * EL2 timers after a machine was restored
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTBED_EL2TIMERS_H
#define TESTBED_EL2TIMERS_H

void rp_el2_timers_init(void);

#endif

/*
 * ppce500's PCI in a machine that is restored
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTBED_E500PCI_H
#define TESTBED_E500PCI_H

void rp_e500_pci_init(void);

#endif

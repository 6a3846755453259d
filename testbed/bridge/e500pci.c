/*
 * ppce500's PCI in a machine that is restored
 *
 * QEMU migrates the registers that place the bridge's windows and does not
 * place them again: DMA of PCI devices then reaches nothing, and the devices,
 * which are loaded next, do not even find their queues. Writing to each
 * register what it holds places the windows. Of the device that leads back from
 * the bus to the machine, and takes messages of interrupts, it migrates nothing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "hw/sysbus.h"
#include "migration/vmstate.h"

#include "compat.h"
#include "e500pci.h"

#define HOST_TYPE "e500-pcihost"
#define BRIDGE_TYPE "e500-host-bridge"

/* Of the windows' registers in the bridge's; PCI Express controller of the
 * MPC8544E reference manual, ATMU registers. */
#define REGISTERS 0xc00
#define WINDOW_REGISTERS 4

static const hwaddr windows[] = {
    0x20, 0x40, 0x60, 0x80,             /* outbound */
    0x1a0, 0x1c0, 0x1e0,                /* inbound */
};

typedef struct E500Bridge {
    PCIDevice device;
} E500Bridge;

static hwaddr address_of(MemoryRegion *region)
{
    hwaddr address = 0;

    for (; region; region = region->container) {
        address += region->addr;
    }
    return address;
}

static void place(hwaddr window)
{
    const MemTxAttrs attributes = MEMTXATTRS_UNSPECIFIED;

    for (int i = 0; i < WINDOW_REGISTERS; i++) {
        hwaddr address = window + i * sizeof(uint32_t);
        uint8_t value[sizeof(uint32_t)];

        address_space_read(&address_space_memory, address, attributes, value,
                           sizeof(value));
        address_space_write(&address_space_memory, address, attributes, value,
                            sizeof(value));
    }
}

static int post_load(void *opaque, int version_id)
{
    hwaddr registers = address_of(sysbus_mmio_get_region(opaque, 0));

    for (unsigned i = 0; i < ARRAY_SIZE(windows); i++) {
        place(registers + REGISTERS + windows[i]);
    }
    return 0;
}

/* The device that the machine's memory is for the PCI bus: QEMU saves none of it. */
static const VMStateDescription vmstate_bridge = {
    .name = BRIDGE_TYPE,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (VMStateField[]) {
        VMSTATE_PCI_DEVICE(device, E500Bridge),
        VMSTATE_END_OF_LIST()
    },
};

void rp_e500_pci_init(void)
{
    static VMStateDescription completed;
    ObjectClass *host = object_class_by_name(HOST_TYPE);
    ObjectClass *bridge = object_class_by_name(BRIDGE_TYPE);

    if (host && DEVICE_CLASS(host)->vmsd) {
        completed = *DEVICE_CLASS(host)->vmsd;
        completed.post_load = post_load;
        DEVICE_CLASS(host)->vmsd = &completed;
    }
    if (bridge && !DEVICE_CLASS(bridge)->vmsd) {
        DEVICE_CLASS(bridge)->vmsd = &vmstate_bridge;
    }
}

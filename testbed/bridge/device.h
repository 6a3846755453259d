/*
 * remote-port-device: a device of the machine whose behaviour is a model in
 * another process
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTBED_DEVICE_H
#define TESTBED_DEVICE_H

#include "compat.h"
#include "hw/qdev-core.h"
#include "qemu/notify.h"
#include "qom/object.h"

#include "link.h"

#define TYPE_REMOTE_PORT_DEVICE "remote-port-device"
OBJECT_DECLARE_SIMPLE_TYPE(RemotePortDevice, REMOTE_PORT_DEVICE)

#define RP_MAX_REGIONS 8
#define RP_MAX_WIRES 16

/* Absent numbers of properties */
#define RP_NO_ADDR UINT64_MAX
#define RP_NO_INPUT (-1)
#define RP_NO_SID UINT32_MAX

typedef struct RpRegion {
    RemotePortDevice *device;
    unsigned index;
    uint64_t addr, size;
    MemoryRegion mr;
} RpRegion;

typedef struct RpWire {
    int32_t input;                  /* of the interrupt controller */
    qemu_irq irq;
} RpWire;

struct RemotePortDevice {
    DeviceState parent_obj;

    /* Properties; those of the link lie in it */
    char *path;
    char *intc;
    uint32_t sid;
    bool posted_writes;

    RpLink link;
    RpRegion regions[RP_MAX_REGIONS];
    RpWire wires[RP_MAX_WIRES];
    uint32_t levels;                /* of the wires, as the model last said */
    Notifier machine_complete;

    AddressSpace *dma_space;
    MemTxAttrs dma_attrs;

    /* The model's state while a snapshot is written or read */
    uint8_t *state;
    uint32_t state_len;
};

/* device.c */
void rp_device_register(void);

/* mmio.c */
bool rp_regions_map(RemotePortDevice *device, Error **errp);

/* wires.c */
bool rp_wires_connect(RemotePortDevice *device, Error **errp);
void rp_wires_handle(RemotePortDevice *device, const RpPacket *packet);
void rp_wires_redrive(RemotePortDevice *device);
void rp_wires_lower(RemotePortDevice *device);

/* dma.c */
bool rp_dma_connect(RemotePortDevice *device, Error **errp);
void rp_dma_handle(RemotePortDevice *device, const RpPacket *packet);

/* state.c */
extern const VMStateDescription rp_device_vmstate;

#endif

/*
 * remote-port-device: a device of the machine whose behaviour is a model in
 * another process
 *
 *   -plugin testbed-rp.so
 *   -device remote-port-device,path=x.sock,addr=0x0d000000,size=0x1000,irq=200
 *
 * The type maps and wires itself, since the machines have no list of devices
 * it could be on. So it is a plain device, not one of the system bus.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"

#include "device.h"

static void handle_request(void *opaque, const RpPacket *packet)
{
    if (packet->cmd == RP_CMD_INTERRUPT) {
        rp_wires_handle(opaque, packet);
    } else {
        rp_dma_handle(opaque, packet);
    }
}

static void handle_down(void *opaque)
{
    rp_wires_lower(opaque);
}

static const RpLinkOps link_ops = {
    .request = handle_request,
    .down = handle_down,
};

/*
 * Extension of the protocol: a pulse on line 0 of vector 1 says that the
 * machine was reset. The interrupt controller has forgotten the wires by now;
 * the model lowers those that its own reset lowers.
 */
static void machine_reset(void *opaque)
{
    RemotePortDevice *device = opaque;

    for (int level = 1; level >= 0; level--) {
        RpPacket packet = {
            .cmd = RP_CMD_INTERRUPT,
            .dev = device->link.chan,
            .interrupt = {
                .timestamp = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL),
                .vector = 1,
                .level = level,
            },
        };

        rp_link_post(&device->link, &packet, NULL);
    }
    rp_wires_redrive(device);
}

/*
 * What a model puts off would otherwise reach memory after memory was saved:
 * devices are, only then. A machine that is about to end has no use for it.
 */
static void machine_state_changed(void *opaque, bool running, RunState state)
{
    RemotePortDevice *device = opaque;

    if (!running && state != RUN_STATE_SHUTDOWN) {
        rp_link_settle(&device->link);
    }
}

/*
 * Devices of the machine register their reset when it is complete. Ours comes
 * behind, or the interrupt controller would forget the wires after it.
 */
static void machine_complete(Notifier *notifier, void *data)
{
    RemotePortDevice *device = container_of(notifier, RemotePortDevice,
                                            machine_complete);

    qemu_register_reset(machine_reset, device);
}

static void device_realize(DeviceState *dev, Error **errp)
{
    RemotePortDevice *device = REMOTE_PORT_DEVICE(dev);
    RpLink *link = &device->link;

    if (!device->path) {
        error_setg(errp, "remote-port: path= is missing");
        return;
    }
    link->name = dev->id ?: device->path;
    link->path = device->path;
    link->ops = &link_ops;
    link->opaque = device;
    if (!link->timeout_ms) {
        error_setg(errp, "remote-port %s: timeout-ms must not be 0",
                   link->name);
        return;
    }
    if (!device->regions[0].size) {
        error_setg(errp, "remote-port %s: addr= and size= are missing",
                   link->name);
        return;
    }
    if (!rp_dma_connect(device, errp) || !rp_wires_connect(device, errp) ||
        !rp_link_open(link, errp) || !rp_regions_map(device, errp)) {
        return;
    }
    device->machine_complete.notify = machine_complete;
    qemu_add_machine_init_done_notifier(&device->machine_complete);
    qemu_add_vm_change_state_handler(machine_state_changed, device);
}

#define ADDR_PROPERTY(n, suffix) \
    DEFINE_PROP_UINT64("addr" suffix, RemotePortDevice, regions[n].addr, \
                       RP_NO_ADDR)

#define SIZE_PROPERTY(n, suffix) \
    DEFINE_PROP_UINT64("size" suffix, RemotePortDevice, regions[n].size, 0)

#define WIRE_PROPERTY(n, suffix) \
    DEFINE_PROP_INT32("irq" suffix, RemotePortDevice, wires[n].input, \
                      RP_NO_INPUT)

static RP_PROPERTY_CONST Property device_properties[] = {
    DEFINE_PROP_STRING("path", RemotePortDevice, path),
    DEFINE_PROP_STRING("intc", RemotePortDevice, intc),
    DEFINE_PROP_UINT32("sid", RemotePortDevice, sid, RP_NO_SID),
    DEFINE_PROP_BOOL("posted-writes", RemotePortDevice, posted_writes, false),
    DEFINE_PROP_UINT32("chan", RemotePortDevice, link.chan, 0),
    DEFINE_PROP_UINT32("timeout-ms", RemotePortDevice, link.timeout_ms, 10000),
    DEFINE_PROP_UINT32("reconnect-ms", RemotePortDevice, link.reconnect_ms, 0),
    ADDR_PROPERTY(0, ""),
    SIZE_PROPERTY(0, ""),
    ADDR_PROPERTY(1, "1"),
    SIZE_PROPERTY(1, "1"),
    ADDR_PROPERTY(2, "2"),
    SIZE_PROPERTY(2, "2"),
    ADDR_PROPERTY(3, "3"),
    SIZE_PROPERTY(3, "3"),
    ADDR_PROPERTY(4, "4"),
    SIZE_PROPERTY(4, "4"),
    ADDR_PROPERTY(5, "5"),
    SIZE_PROPERTY(5, "5"),
    ADDR_PROPERTY(6, "6"),
    SIZE_PROPERTY(6, "6"),
    ADDR_PROPERTY(7, "7"),
    SIZE_PROPERTY(7, "7"),
    WIRE_PROPERTY(0, ""),
    WIRE_PROPERTY(1, "1"),
    WIRE_PROPERTY(2, "2"),
    WIRE_PROPERTY(3, "3"),
    WIRE_PROPERTY(4, "4"),
    WIRE_PROPERTY(5, "5"),
    WIRE_PROPERTY(6, "6"),
    WIRE_PROPERTY(7, "7"),
    WIRE_PROPERTY(8, "8"),
    WIRE_PROPERTY(9, "9"),
    WIRE_PROPERTY(10, "10"),
    WIRE_PROPERTY(11, "11"),
    WIRE_PROPERTY(12, "12"),
    WIRE_PROPERTY(13, "13"),
    WIRE_PROPERTY(14, "14"),
    WIRE_PROPERTY(15, "15"),
    RP_PROPERTIES_END
};

static void device_class_init(ObjectClass *klass, RpClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->desc = "device modelled in another process (Remote-Port)";
    dc->realize = device_realize;
    dc->vmsd = &rp_device_vmstate;
    dc->hotpluggable = false;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, device_properties);
}

static const TypeInfo device_info = {
    .name = TYPE_REMOTE_PORT_DEVICE,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(RemotePortDevice),
    .class_init = device_class_init,
};

void rp_device_register(void)
{
    type_register_static(&device_info);
}

/*
 * Interrupt wires from the model to the machine's interrupt controller
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qapi/error.h"
#include "hw/irq.h"

#include "device.h"

/* Controllers whose unnamed inputs are the machine's wires. */
static const char *const controller_types[] = {
    "arm-gicv3-common",
    "arm_gic_common",
    "openpic",
};

static Object *find_by_type(const char *type, bool *ambiguous)
{
    return object_class_by_name(type) ?
        object_resolve_path_type("", type, ambiguous) : NULL;
}

static DeviceState *find_controller(RemotePortDevice *device, Error **errp)
{
    bool ambiguous = false;
    Object *found = NULL;

    if (device->intc) {
        found = object_resolve_path(device->intc, NULL) ?:
                find_by_type(device->intc, &ambiguous);
    } else {
        for (unsigned i = 0; i < ARRAY_SIZE(controller_types) && !found; i++) {
            found = find_by_type(controller_types[i], &ambiguous);
        }
    }
    if (found && object_dynamic_cast(found, TYPE_DEVICE)) {
        return DEVICE(found);
    }
    if (device->intc) {
        error_setg(errp, "remote-port %s: intc '%s' is %s", device->link.name,
                   device->intc, found ? "not a device"
                   : ambiguous ? "more than one device: give its QOM path"
                   : "neither a QOM path nor the type of a device here");
    } else {
        error_setg(errp, "remote-port %s: the machine has %s interrupt "
                   "controller known here; name one with intc=",
                   device->link.name, ambiguous ? "more than one" : "no");
    }
    return NULL;
}

bool rp_wires_connect(RemotePortDevice *device, Error **errp)
{
    DeviceState *controller = NULL;

    for (unsigned i = 0; i < RP_MAX_WIRES; i++) {
        RpWire *wire = &device->wires[i];
        g_autofree char *input = NULL;

        if (wire->input == RP_NO_INPUT) {
            continue;
        }
        if (!controller) {
            controller = find_controller(device, errp);
            if (!controller) {
                return false;
            }
        }
        /* qdev_get_gpio_in() aborts for an input that does not exist. */
        input = g_strdup_printf("unnamed-gpio-in[%d]", wire->input);
        if (!object_property_find(OBJECT(controller), input)) {
            error_setg(errp, "remote-port %s: wire %u: %s has no input %d",
                       device->link.name, i,
                       object_get_typename(OBJECT(controller)), wire->input);
            return false;
        }
        wire->irq = qdev_get_gpio_in(controller, wire->input);
    }
    return true;
}

static void drive(RemotePortDevice *device, unsigned line)
{
    qemu_set_irq(device->wires[line].irq, extract32(device->levels, line, 1));
}

void rp_wires_redrive(RemotePortDevice *device)
{
    for (unsigned i = 0; i < RP_MAX_WIRES; i++) {
        drive(device, i);
    }
}

void rp_wires_lower(RemotePortDevice *device)
{
    device->levels = 0;
    rp_wires_redrive(device);
}

void rp_wires_handle(RemotePortDevice *device, const RpPacket *packet)
{
    const RpInterrupt *interrupt = &packet->interrupt;

    if (packet->dev != device->link.chan) {
        rp_link_fail(&device->link, "INTERRUPT: dev is %u, expected %u",
                     packet->dev, device->link.chan);
        return;
    }
    if (interrupt->vector != 0) {
        rp_link_fail(&device->link, "INTERRUPT: vector is %" PRIu64
                     ", expected 0", interrupt->vector);
        return;
    }
    if (interrupt->line >= RP_MAX_WIRES) {
        rp_link_fail(&device->link, "INTERRUPT: line is %u, the last one is %u",
                     interrupt->line, RP_MAX_WIRES - 1);
        return;
    }
    /* A level that is only told again must not be a second edge. */
    if (extract32(device->levels, interrupt->line, 1) != interrupt->level) {
        device->levels = deposit32(device->levels, interrupt->line, 1,
                                   interrupt->level);
        drive(device, interrupt->line);
    }
    rp_link_acknowledge(&device->link, packet);
}

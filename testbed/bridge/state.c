/*
 * The model's state inside QEMU's own snapshot or migration stream
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qapi/error.h"
#include "migration/vmstate.h"

#include "device.h"

/* Extension of the protocol: the number that stands for the model itself */
#define RP_DEV_STATE 0xffff

static void forget(RemotePortDevice *device)
{
    g_clear_pointer(&device->state, g_free);
    device->state_len = 0;
}

static int pre_save(void *opaque)
{
    RemotePortDevice *device = opaque;
    RpPacket packet = { .cmd = RP_CMD_READ, .dev = RP_DEV_STATE };
    RpAnswer answer = { .allocate = true };

    forget(device);
    if (!rp_link_transact(&device->link, &packet, NULL, &answer)) {
        error_report("remote-port %s: cannot save the machine: the model is "
                     "not connected", device->link.name);
        return -ENOTCONN;
    }
    if (answer.status != RP_STATUS_OK) {
        error_report("remote-port %s: cannot save the machine: the model "
                     "refused to give its state (status %u)",
                     device->link.name, answer.status);
        return -EINVAL;
    }
    device->state = answer.data;
    device->state_len = answer.len;
    return 0;
}

static int post_save(void *opaque)
{
    forget(opaque);
    return 0;
}

static int pre_load(void *opaque)
{
    forget(opaque);
    return 0;
}

static bool state_len_is_valid(void *opaque, int version_id)
{
    RemotePortDevice *device = opaque;

    return device->state_len <= RP_MAX_DATA;
}

/*
 * The interrupt controller's state is in already, since it belongs to the
 * machine and was registered before this. So the wires are as they were saved,
 * and the model tells what it has changed.
 */
static int post_load(void *opaque, int version_id)
{
    RemotePortDevice *device = opaque;
    RpPacket packet = {
        .cmd = RP_CMD_WRITE,
        .dev = RP_DEV_STATE,
        .bus = {
            .len = device->state_len,
            .stream_width = device->state_len,
            .data_len = device->state_len,
        },
    };
    RpAnswer answer = { 0 };
    bool answered;

    answered = rp_link_transact(&device->link, &packet, device->state, &answer);
    forget(device);
    if (!answered) {
        error_report("remote-port %s: cannot load the machine: the model is "
                     "not connected", device->link.name);
        return -ENOTCONN;
    }
    if (answer.status != RP_STATUS_OK) {
        error_report("remote-port %s: cannot load the machine: the model "
                     "refused its state (status %u)", device->link.name,
                     answer.status);
        return -EINVAL;
    }
    return 0;
}

/* Without an address the streams of several devices could be mixed up. */
const VMStateDescription rp_device_vmstate = {
    .name = TYPE_REMOTE_PORT_DEVICE,
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = pre_save,
    .post_save = post_save,
    .pre_load = pre_load,
    .post_load = post_load,
    .fields = (VMStateField[]) {
        VMSTATE_UINT64_EQUAL(regions[0].addr, RemotePortDevice,
                             "devices must be given in the same order"),
        VMSTATE_UINT32(levels, RemotePortDevice),
        VMSTATE_UINT32(state_len, RemotePortDevice),
        VMSTATE_VALIDATE("state_len", state_len_is_valid),
        VMSTATE_VBUFFER_ALLOC_UINT32(state, RemotePortDevice, 1, NULL,
                                     state_len),
        VMSTATE_END_OF_LIST()
    },
};

/*
 * Register accesses of the machine, carried to the model
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qapi/error.h"

#include "device.h"

static MemTxResult result_of(unsigned status)
{
    switch (status) {
    case RP_STATUS_OK:
        return MEMTX_OK;
    case RP_STATUS_ADDRESS_ERROR:
        return MEMTX_DECODE_ERROR;
    default:
        return MEMTX_ERROR;
    }
}

static RpPacket access_packet(const RpRegion *region, uint32_t cmd,
                              hwaddr offset, unsigned size, MemTxAttrs attrs)
{
    return (RpPacket) {
        .cmd = cmd,
        .dev = region->device->link.chan + region->index,
        .bus = {
            .timestamp = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL),
            .attributes = attrs.secure ? RP_ATTR_SECURE : 0,
            .addr = offset,
            .len = size,
            .width = size,
            .stream_width = size,
            .master_id = attrs.requester_id,
        },
    };
}

/*
 * The region is little-endian to QEMU, so the value's bytes from the lowest up
 * are those in address order, on a big-endian machine as well. That is the
 * order Remote-Port carries them in; the model knows what they mean.
 *
 * A lost peer is not an error on the bus: a driver that sees all ones goes on
 * as with a device that was pulled out.
 */
static MemTxResult region_read(void *opaque, hwaddr offset, uint64_t *value,
                               unsigned size, MemTxAttrs attrs)
{
    RpRegion *region = opaque;
    RpPacket packet = access_packet(region, RP_CMD_READ, offset, size, attrs);
    uint8_t bytes[8] = { 0 };
    RpAnswer answer = { .data = bytes };

    *value = UINT64_MAX;
    if (!rp_link_transact(&region->device->link, &packet, NULL, &answer)) {
        return MEMTX_OK;
    }
    if (answer.status == RP_STATUS_OK) {
        *value = ldq_le_p(bytes);
    }
    return result_of(answer.status);
}

static MemTxResult region_write(void *opaque, hwaddr offset, uint64_t value,
                                unsigned size, MemTxAttrs attrs)
{
    RpRegion *region = opaque;
    RpLink *link = &region->device->link;
    RpPacket packet = access_packet(region, RP_CMD_WRITE, offset, size, attrs);
    uint8_t bytes[8];
    RpAnswer answer = { 0 };

    stq_le_p(bytes, value);
    packet.bus.data_len = size;
    if (region->device->posted_writes) {
        rp_link_post(link, &packet, bytes);
        return MEMTX_OK;
    }
    if (!rp_link_transact(link, &packet, bytes, &answer)) {
        return MEMTX_OK;
    }
    return result_of(answer.status);
}

static const MemoryRegionOps region_ops = {
    .read_with_attrs = region_read,
    .write_with_attrs = region_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 8 },
};

/*
 * QEMU lets regions cover each other silently. A wrong address would hide a
 * device of the machine, so it is an error; a stand-in for what QEMU does not
 * implement may be covered, it is there for that.
 */
static bool check_free(const RpRegion *region, Error **errp)
{
    MemoryRegionSection found = memory_region_find(get_system_memory(),
                                                   region->addr, region->size);
    bool ok = true;

    if (!found.mr) {
        return true;
    }
    if (!object_dynamic_cast(memory_region_owner(found.mr),
                             "unimplemented-device")) {
        error_setg(errp, "remote-port %s: region %u at 0x%" PRIx64 " size 0x%"
                   PRIx64 " covers '%s' at 0x%" HWADDR_PRIx "; choose another "
                   "address", region->device->link.name, region->index,
                   region->addr, region->size, memory_region_name(found.mr),
                   found.offset_within_address_space);
        ok = false;
    }
    memory_region_unref(found.mr);
    return ok;
}

static bool check_properties(const RpRegion *region, Error **errp)
{
    const char *name = region->device->link.name;
    bool has_addr = region->addr != RP_NO_ADDR;

    if (has_addr != (region->size != 0)) {
        error_setg(errp, "remote-port %s: region %u has %s but no %s", name,
                   region->index, has_addr ? "an address" : "a size",
                   has_addr ? "size" : "address");
        return false;
    }
    if (has_addr && region->addr + region->size - 1 < region->addr) {
        error_setg(errp, "remote-port %s: region %u at 0x%" PRIx64 " size 0x%"
                   PRIx64 " ends beyond the address space", name, region->index,
                   region->addr, region->size);
        return false;
    }
    return true;
}

bool rp_regions_map(RemotePortDevice *device, Error **errp)
{
    for (unsigned i = 0; i < RP_MAX_REGIONS; i++) {
        RpRegion *region = &device->regions[i];
        g_autofree char *name = g_strdup_printf("%s-%u", device->link.name, i);

        region->device = device;
        region->index = i;
        if (!check_properties(region, errp)) {
            return false;
        }
        if (!region->size) {
            continue;
        }
        if (!check_free(region, errp)) {
            return false;
        }
        memory_region_init_io(&region->mr, OBJECT(device), &region_ops, region,
                              name, region->size);
        /*
         * QEMU would refuse an access to a device that is in one already. A
         * model may well reach its own registers by DMA; the link sets a limit.
         */
        region->mr.disable_reentrancy_guard = true;
        /* Above stand-ins, whose priority is negative, and empty containers */
        memory_region_add_subregion_overlap(get_system_memory(), region->addr,
                                            &region->mr, 1);
    }
    return true;
}

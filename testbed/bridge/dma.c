/*
 * DMA of the model, through the device's own address space
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "qemu/rcu.h"
#include "qapi/error.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_host.h"

#include "device.h"

/*
 * An IOMMU of the virt machine serves the PCI bus. The bus is asked for the
 * address space of a function number that no PCI device uses; on bus 0 the
 * number is the stream id.
 */
bool rp_dma_connect(RemotePortDevice *device, Error **errp)
{
    const char *name = device->link.name;
    bool ambiguous = false;
    Object *host;
    PCIBus *bus;

    if (device->sid == RP_NO_SID) {
        device->dma_space = &address_space_memory;
        device->dma_attrs = MEMTXATTRS_UNSPECIFIED;
        return true;
    }
    if (device->sid >= PCI_DEVFN_MAX) {
        error_setg(errp, "remote-port %s: sid 0x%x is not below 0x%x", name,
                   device->sid, PCI_DEVFN_MAX);
        return false;
    }
    host = object_resolve_path_type("", TYPE_PCI_HOST_BRIDGE, &ambiguous);
    bus = host ? PCI_HOST_BRIDGE(host)->bus : NULL;
    if (!bus) {
        error_setg(errp, "remote-port %s: sid needs the IOMMU of a PCI bus, "
                   "and the machine has %s PCI host bridge", name,
                   ambiguous ? "more than one" : "no");
        return false;
    }
    if (bus->devices[device->sid]) {
        error_setg(errp, "remote-port %s: sid 0x%x is that of PCI device '%s'",
                   name, device->sid,
                   object_get_typename(OBJECT(bus->devices[device->sid])));
        return false;
    }
    device->dma_space = rp_pci_iommu_address_space(bus, device->sid);
    if (!device->dma_space) {
        error_setg(errp, "remote-port %s: sid is given, but the machine has no "
                   "IOMMU (machine option iommu=smmuv3)", name);
        return false;
    }
    device->dma_attrs = (MemTxAttrs) { .requester_id = device->sid };
    return true;
}

static bool is_unassigned(MemoryRegion *mr)
{
    return !memory_region_is_ram(mr) && mr->ops == &unassigned_mem_ops;
}

/* The biggest naturally aligned access, as one would see it on a bus */
static hwaddr access_size(hwaddr addr, hwaddr len)
{
    hwaddr size = pow2floor(MIN(len, 8));

    return addr ? MIN(size, addr & -addr) : size;
}

/*
 * address_space_rw() alone would go on after a refused access, in steps of
 * four bytes: a page an IOMMU refuses would be a thousand events in its queue.
 * A bus transaction ends at the first refusal. So each piece is translated
 * first, up to the end of the IOMMU's page, and nothing follows a bad one.
 */
static MemTxResult transfer(RemotePortDevice *device, hwaddr addr,
                            uint8_t *data, hwaddr len, bool is_write)
{
    while (len) {
        hwaddr piece = len;
        MemTxResult result;
        bool is_memory;

        WITH_RCU_READ_LOCK_GUARD() {
            hwaddr offset;
            MemoryRegion *mr = address_space_translate(device->dma_space, addr,
                                                       &offset, &piece,
                                                       is_write,
                                                       device->dma_attrs);

            if (is_unassigned(mr)) {
                return MEMTX_DECODE_ERROR;
            }
            is_memory = memory_region_is_ram(mr);
        }
        if (!is_memory) {
            piece = access_size(addr, piece);
            /* What a device does may take long, or need this model to go on. */
            rp_link_flush(&device->link);
        }
        result = address_space_rw(device->dma_space, addr, device->dma_attrs,
                                  data, piece, is_write);
        if (result != MEMTX_OK) {
            return result;
        }
        addr += piece;
        data += piece;
        len -= piece;
    }
    return MEMTX_OK;
}

/* Only bytes whose enable is set are written, in runs as long as they go. */
static MemTxResult write_enabled(RemotePortDevice *device,
                                 const RpBusAccess *bus)
{
    MemTxResult result = MEMTX_OK;
    uint32_t i = 0;

    while (i < bus->len && result == MEMTX_OK) {
        uint32_t first = i;

        while (i < bus->len && bus->byte_enable[i % bus->byte_enable_len]) {
            i++;
        }
        if (i > first) {
            result = transfer(device, bus->addr + first,
                              (uint8_t *)bus->data + first, i - first, true);
        }
        while (i < bus->len && !bus->byte_enable[i % bus->byte_enable_len]) {
            i++;
        }
    }
    return result;
}

static unsigned status_of(MemTxResult result)
{
    if (result == MEMTX_OK) {
        return RP_STATUS_OK;
    }
    return result & MEMTX_DECODE_ERROR ? RP_STATUS_ADDRESS_ERROR
                                       : RP_STATUS_GENERIC_ERROR;
}

void rp_dma_handle(RemotePortDevice *device, const RpPacket *packet)
{
    const RpBusAccess *bus = &packet->bus;
    g_autofree uint8_t *data = NULL;
    MemTxResult result;

    if (packet->dev != device->link.chan) {
        RpReason name;

        rp_link_fail(&device->link, "%s: dev is %u, expected %u",
                     rp_packet_name(packet->cmd, packet->flags, &name),
                     packet->dev, device->link.chan);
        return;
    }
    if (packet->cmd == RP_CMD_READ) {
        data = g_malloc(bus->len);
        result = transfer(device, bus->addr, data, bus->len, false);
        if (result != MEMTX_OK) {
            memset(data, 0, bus->len);
        }
    } else if (bus->byte_enable) {
        result = write_enabled(device, bus);
    } else {
        result = transfer(device, bus->addr, (uint8_t *)bus->data, bus->len,
                          true);
    }
    rp_link_answer(&device->link, packet, status_of(result), data);
}

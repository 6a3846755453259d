/*
 * What differs between the QEMU releases the bridge is built for
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTBED_COMPAT_H
#define TESTBED_COMPAT_H

/* Generated: release and package string of the QEMU this is built for */
#include "built-for.h"

#define RP_QEMU_SINCE(major, minor) \
    (RP_QEMU_MAJOR > (major) || \
     (RP_QEMU_MAJOR == (major) && RP_QEMU_MINOR >= (minor)))

/* 10.0 renamed sysemu/ to system/, 10.1 moved the memory API there. */
#if RP_QEMU_SINCE(10, 0)
#include "system/reset.h"
#include "system/runstate.h"
#include "system/system.h"
#else
#include "sysemu/reset.h"
#include "sysemu/runstate.h"
#include "sysemu/sysemu.h"
#endif

#if RP_QEMU_SINCE(10, 1)
#include "system/address-spaces.h"
#include "system/memory.h"
#else
#include "exec/address-spaces.h"
#include "exec/memory.h"
#endif

/* 8.0 gave PCI devices a header of their own. */
#if RP_QEMU_SINCE(8, 0)
#include "hw/pci/pci_device.h"
#else
#include "hw/pci/pci.h"
#endif

/* 10.0 counts the properties of a class, before it a sentinel ended them. */
#if RP_QEMU_SINCE(10, 0)
#define RP_PROPERTY_CONST const
#define RP_PROPERTIES_END
#else
#define RP_PROPERTY_CONST
#define RP_PROPERTIES_END DEFINE_PROP_END_OF_LIST()
#endif

#if RP_QEMU_SINCE(10, 1)
typedef const void RpClassData;
#else
typedef void RpClassData;
#endif

/* Its header, exec/memory-internal.h, is for code built per target only. */
extern const MemoryRegionOps unassigned_mem_ops;

/* 9.0 gave the big lock its short name. */
#if RP_QEMU_SINCE(9, 0)
#define rp_bql_lock() bql_lock()
#define rp_bql_unlock() bql_unlock()
#else
#define rp_bql_lock() qemu_mutex_lock_iothread()
#define rp_bql_unlock() qemu_mutex_unlock_iothread()
#endif

/* The plugin interface of the release: QEMU refuses one that is too old. */
#if RP_QEMU_SINCE(10, 0)
#define RP_PLUGIN_API 4
#else
#define RP_PLUGIN_API 1
#endif

/* 9.0 gathered the PCI bus's IOMMU callbacks in a table. */
#if RP_QEMU_SINCE(9, 0)
#define rp_pci_iommu_address_space(bus, devfn) \
    ((bus)->iommu_ops ? \
     (bus)->iommu_ops->get_address_space(bus, (bus)->iommu_opaque, devfn) : \
     NULL)
#else
#define rp_pci_iommu_address_space(bus, devfn) \
    ((bus)->iommu_fn ? \
     (bus)->iommu_fn(bus, (bus)->iommu_opaque, devfn) : NULL)
#endif

#endif

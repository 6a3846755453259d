/*
 * Is this the QEMU the bridge was built for?
 *
 * QEMU keeps no binary interface: even a stable update moves fields of the
 * structures this object has compiled in. So everything that can tell is
 * compared before the first of them is touched.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/ctype.h"
#include "qemu/error-report.h"
#include "qapi/qapi-commands-control.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_host.h"
#include "hw/qdev-core.h"
#include <dlfcn.h>
#include <malloc.h>

#include "abi.h"
#include "compat.h"

#define MALLOC_GRANULE 16

/* A rebuild of the same source ("+b3") has the same layouts. */
static size_t length_without_rebuild(const char *package)
{
    size_t length = strlen(package);
    size_t digits = length;

    while (digits && qemu_isdigit(package[digits - 1])) {
        digits--;
    }
    if (digits < length && digits >= 2 &&
        !memcmp(package + digits - 2, "+b", 2)) {
        return digits - 2;
    }
    return length;
}

static bool same_package(const char *a, const char *b)
{
    size_t length = length_without_rebuild(a);

    return length == length_without_rebuild(b) && !memcmp(a, b, length);
}

static bool version_fits(void)
{
    VersionInfo *version = qmp_query_version(NULL);
    VersionTriple *release = version->qemu;
    bool fits = release->major == RP_QEMU_MAJOR &&
                release->minor == RP_QEMU_MINOR &&
                release->micro == RP_QEMU_MICRO &&
                same_package(version->package, RP_QEMU_PACKAGE);

    if (!fits) {
        error_report("testbed bridge: built for QEMU %d.%d.%d (%s), this is "
                     "QEMU %" PRId64 ".%" PRId64 ".%" PRId64 " (%s); run "
                     "'testbed setup' to build it for this one",
                     RP_QEMU_MAJOR, RP_QEMU_MINOR, RP_QEMU_MICRO,
                     RP_QEMU_PACKAGE, release->major, release->minor,
                     release->micro, version->package);
    }
    qapi_free_VersionInfo(version);
    return fits;
}

bool rp_abi_program_fits(void)
{
    /* The object is linked weakly: what is missing is found here, not later. */
    if (!dlsym(RTLD_DEFAULT, "qmp_query_version") ||
        !dlsym(RTLD_DEFAULT, "error_report")) {
        fprintf(stderr, "testbed bridge: this is not a QEMU system emulator\n");
        return false;
    }
    if (!version_fits()) {
        return false;
    }
    for (const char *const *name = rp_qemu_symbols; *name; name++) {
        if (!dlsym(RTLD_DEFAULT, *name)) {
            error_report("testbed bridge: this QEMU was configured without "
                         "'%s', which the bridge needs; use one with plugins "
                         "and PCI", *name);
            return false;
        }
    }
    return true;
}

/*
 * A type that names no size has its parent's, so the allocation of such an
 * object shows how big QEMU's own structure is, to malloc's granule.
 */
static bool size_fits(const char *name, const char *parent, size_t expected)
{
    const TypeInfo info = { .name = name, .parent = parent };
    Object *object;
    size_t size;

    if (!object_class_by_name(parent)) {
        return true;
    }
    type_register_static(&info);
    object = object_new(name);
    size = malloc_usable_size(object);
    object_unref(object);
    if (size >= expected && size < expected + 2 * MALLOC_GRANULE) {
        return true;
    }
    error_report("testbed bridge: '%s' has about %zu bytes in this QEMU, %zu in"
                 " the source the bridge was built from; build it from the "
                 "source of this QEMU", parent, size, expected);
    return false;
}

/*
 * Sizes do not show how 128-bit numbers are laid out, which a macro of QEMU's
 * configuration decides. QEMU fills in a region, and this side reads it.
 */
static bool memory_region_fits(void)
{
    static const MemoryRegionOps ops = { .endianness = DEVICE_LITTLE_ENDIAN };
    const uint64_t size = 0x123456789a000;
    MemoryRegion *mr = g_malloc0(2 * sizeof(*mr));
    bool fits;

    memory_region_init_io(mr, NULL, &ops, mr, NULL, size);
    fits = int128_get64(mr->size) == size && mr->ops == &ops &&
           mr->opaque == mr && !mr->disable_reentrancy_guard;
    object_unref(OBJECT(mr));
    g_free(mr);
    if (!fits) {
        error_report("testbed bridge: memory regions of this QEMU are laid out "
                     "otherwise than in the source and configuration the "
                     "bridge was built from");
    }
    return fits;
}

bool rp_abi_layout_fits(void)
{
    return size_fits("testbed-rp-probe-device", TYPE_DEVICE,
                     sizeof(DeviceState)) &&
           size_fits("testbed-rp-probe-region", TYPE_MEMORY_REGION,
                     sizeof(MemoryRegion)) &&
           size_fits("testbed-rp-probe-host", TYPE_PCI_HOST_BRIDGE,
                     sizeof(PCIHostState)) &&
           size_fits("testbed-rp-probe-bus", TYPE_PCI_BUS, sizeof(PCIBus)) &&
           memory_region_fits();
}

/*
 * Entry points of -plugin
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"

#include "abi.h"
#include "compat.h"
#include "booke.h"
#include "device.h"
#include "e500pci.h"
#include "el2timers.h"

/* qemu-plugin.h belongs to the plugins' side and does not go with QEMU's own */
typedef struct qemu_info_t qemu_info_t;

#define EXPORT __attribute__((visibility("default")))

EXPORT int qemu_plugin_version = RP_PLUGIN_API;

/*
 * QEMU looks at qemu_plugin_version first and would only say that an interface
 * number does not match. Ending here leaves one line, which says what to do.
 */
static void __attribute__((constructor)) check_program(void)
{
    if (!rp_abi_program_fits()) {
        exit(EXIT_FAILURE);
    }
}

EXPORT int qemu_plugin_install(uint64_t id, const qemu_info_t *info, int argc,
                               char **argv)
{
    bool el2_timers = true;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "el2-timers=off")) {
            error_report("testbed bridge: unknown argument '%s', the only one "
                         "is 'el2-timers=off'", argv[i]);
            return -1;
        }
        el2_timers = false;
    }
    if (!rp_abi_layout_fits()) {
        return -1;
    }
    rp_device_register();
    if (el2_timers) {
        rp_el2_timers_init();
    }
    rp_booke_init();
    rp_e500_pci_init();
    return 0;
}

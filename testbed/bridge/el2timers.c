/*
 * EL2 timers after a machine was restored
 *
 * QEMU migrates the registers of all generic timers of an Arm CPU, but arms
 * only the EL1 ones again. A host kernel at EL2 (VHE) ticks on the EL2 timer
 * and hangs after a restore. The callbacks of these timers compute from the
 * registers what has to be armed; calling them when the machine starts to run
 * changes nothing where it is right already. Argument el2-timers=off of the
 * plugin leaves it out, to show what is seen then.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "hw/core/cpu.h"
#include <dlfcn.h>

#include "compat.h"
#include "el2timers.h"

static void (*recompute[2])(void *cpu);

static void machine_state_changed(void *opaque, bool running, RunState state)
{
    CPUState *cpu;

    if (!running) {
        return;
    }
    for (int i = 0; (cpu = qemu_get_cpu(i)); i++) {
        /* A CPU that can have no EL2 may have no such timers either. */
        if (!object_property_find(OBJECT(cpu), "has_el2")) {
            continue;
        }
        for (unsigned n = 0; n < ARRAY_SIZE(recompute); n++) {
            recompute[n](cpu);
        }
    }
}

void rp_el2_timers_init(void)
{
    recompute[0] = dlsym(RTLD_DEFAULT, "arm_gt_htimer_cb");
    recompute[1] = dlsym(RTLD_DEFAULT, "arm_gt_hvtimer_cb");
    if (recompute[0] && recompute[1]) {
        qemu_add_vm_change_state_handler(machine_state_changed, NULL);
    }
}

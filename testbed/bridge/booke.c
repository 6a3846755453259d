/*
 * What QEMU leaves out when it saves a Book E CPU
 *
 * QEMU migrates the registers of such a CPU, but not what it works with
 * instead of them: the addresses of the interrupt handlers, which are kept
 * apart from IVPR and IVOR, whether the MPIC hands its interrupts over by EPR, the
 * offset of the time base, and, before 9.1, the decrementer. A restored machine would jump to address 0 at its first
 * interrupt. So the state of each CPU is completed by one of the bridge's.
 *
 * Built against the headers of target ppc, like that part of QEMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "hw/ppc/ppc.h"
#include "migration/cpu.h"
#include "migration/vmstate.h"
#include "qemu/error-report.h"
#include <dlfcn.h>
#include <malloc.h>

#include "booke.h"
#include "compat.h"

#define CPU_TYPE "powerpc-cpu"

/* malloc may give this much more than it was asked for. */
#define MOST_SLACK 64

typedef struct BookeCpu {
    PowerPCCPU *cpu;
    CPUPPCState *env;
    int64_t tb_offset;
    uint32_t decrementer;
} BookeCpu;

static target_ulong (*load_decrementer)(CPUPPCState *env);
static void (*store_decrementer)(CPUPPCState *env, target_ulong value);
static void (*store_tcr)(CPUPPCState *env, target_ulong value);

static int pre_save(void *opaque)
{
    BookeCpu *saved = opaque;

    saved->tb_offset = saved->env->tb_env->tb_offset;
    saved->decrementer = load_decrementer(saved->env);
    return 0;
}

/* The registers are in already: CPUs were registered before this. */
static int post_load(void *opaque, int version_id)
{
    BookeCpu *saved = opaque;
    CPUPPCState *env = saved->env;

    env->tb_env->tb_offset = saved->tb_offset;
    store_decrementer(env, saved->decrementer);
    store_tcr(env, env->spr[SPR_BOOKE_TCR]);
    return 0;
}

static const VMStateDescription vmstate_handlers = {
    .name = "testbed-booke-handlers",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (VMStateField[]) {
        VMSTATE_UINTTL_ARRAY(excp_vectors, CPUPPCState, POWERPC_EXCP_NB),
        VMSTATE_UINTTL(excp_prefix, CPUPPCState),
        VMSTATE_UINTTL(ivor_mask, CPUPPCState),
        VMSTATE_UINT32(pending_interrupts, CPUPPCState),
        VMSTATE_UINT32(irq_input_state, CPUPPCState),
        VMSTATE_BOOL(mpic_proxy, CPUPPCState),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_booke = {
    .name = "testbed-booke",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = pre_save,
    .post_load = post_load,
    .fields = (VMStateField[]) {
        VMSTATE_STRUCT_POINTER(env, BookeCpu, vmstate_handlers, CPUPPCState),
        VMSTATE_INT64(tb_offset, BookeCpu),
        VMSTATE_UINT32(decrementer, BookeCpu),
        VMSTATE_END_OF_LIST()
    },
};

static bool layout_fits(PowerPCCPU *cpu)
{
    size_t size = malloc_usable_size(cpu);

    return size >= sizeof(*cpu) && size < sizeof(*cpu) + MOST_SLACK;
}

static void machine_complete(Notifier *notifier, void *data)
{
    CPUState *cpu;

    for (int i = 0; (cpu = qemu_get_cpu(i)); i++) {
        PowerPCCPU *power = (PowerPCCPU *)
            object_dynamic_cast(OBJECT(cpu), CPU_TYPE);
        BookeCpu *saved;

        if (!power) {
            continue;
        }
        if (!layout_fits(power)) {
            error_report("testbed bridge: CPUs of this QEMU are laid out "
                         "otherwise than in the source the bridge was built "
                         "from; machines that it saves cannot be restored");
            return;
        }
        if (!(power->env.tb_env->flags & PPC_TIMER_BOOKE)) {
            continue;
        }
        saved = g_new0(BookeCpu, 1);
        saved->cpu = power;
        saved->env = &power->env;
        vmstate_register(NULL, i, &vmstate_booke, saved);
    }
}

void rp_booke_init(void)
{
    static Notifier complete = { .notify = machine_complete };

    load_decrementer = dlsym(RTLD_DEFAULT, "cpu_ppc_load_decr");
    store_decrementer = dlsym(RTLD_DEFAULT, "cpu_ppc_store_decr");
    store_tcr = dlsym(RTLD_DEFAULT, "store_booke_tcr");
    if (load_decrementer && store_decrementer && store_tcr) {
        qemu_add_machine_init_done_notifier(&complete);
    }
}

# SPDX-License-Identifier: MIT
"""Accesses by a running CPU: a thread of its own in QEMU, with DMA from others beside it.

The programs are a few instructions in RAM; nothing boots.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

from bridge_rig import DEADLINE, RAM, Bank, Machine, MachineFactory, device, program

from testbed.deadline import Deadline
from testbed.remoteport.server import Server

ROUNDS = 4000
_GICR_ISPENDR0 = 0x080A0000 + 0x10000 + 0x200
_HYP_TIMER = 26  # interrupt number of CNTHP

# Writes 1, 2, ... to the first register, reads each back, and ends with the last value in the
# register at 8, or with what came instead in the one at 12.
_COUNT = (
    0xD2A1A001,  # movz x1, #0x0d00, lsl #16
    0x52800002,  # movz w2, #0
    0x52800003 | ROUNDS << 5,  # movz w3, #ROUNDS
    0x11000442,  # 1: add w2, w2, #1
    0xB9000022,  # str w2, [x1]
    0xB9400024,  # ldr w4, [x1]
    0x6B04005F,  # cmp w2, w4
    0x540000A1,  # b.ne 2f
    0x6B03005F,  # cmp w2, w3
    0x54FFFF41,  # b.ne 1b
    0xB9000822,  # str w2, [x1, #8]
    0x14000002,  # b 3f
    0xB9000C24,  # 2: str w4, [x1, #12]
    0xD503207F,  # 3: wfi
    0x17FFFFFF,  # b 3b
)

# Starts the timer of EL2, to fire in 2.1 s, and says so in the first register.
_TIMER = (
    0xD2A10000,  # movz x0, #0x0800, lsl #16
    0xD51CE200,  # msr cnthp_tval_el2, x0
    0xD2800021,  # mov x1, #1
    0xD51CE221,  # msr cnthp_ctl_el2, x1
    0xD2A1A002,  # movz x2, #0x0d00, lsl #16
    0xB9000041,  # str w1, [x2]
    0xD503207F,  # 1: wfi
    0x17FFFFFF,  # b 1b
)


def counting(
    start: MachineFactory, serve: Callable[..., Server], folder: Path
) -> tuple[Bank, threading.Event, Machine]:
    """A CPU that counts in a model's register, and what is set when it has come to an end."""
    bank, ended = Bank(), threading.Event()
    for offset in (8, 12):
        bank.hooks[0, offset] = lambda value: ended.set()
    server = serve(bank)
    machine = start(device(), running=True, extra=["-cpu", "cortex-a57", *program(folder, _COUNT)])
    server.wait_connected(Deadline(DEADLINE))
    return bank, ended, machine


def check_counted(bank: Bank) -> None:
    """Every number was written once, in order, and read back as it was."""
    assert ("write", 0, 8, 4, ROUNDS) in bank.accesses, bank.accesses[-1]
    writes = [value for kind, _, at, _, value in bank.accesses if (kind, at) == ("write", 0)]
    assert writes == list(range(1, ROUNDS + 1))


def test_cpu_and_dma_side_by_side(
    start: MachineFactory, serve: Callable[..., Server], folder: Path, rng: random.Random
) -> None:
    bank, ended, machine = counting(start, serve, folder)
    deadline = Deadline(DEADLINE)
    transfers = 0
    while not ended.is_set() and not deadline.expired:
        data = rng.randbytes(rng.randrange(1, 10000))
        bank.dma.write(RAM, data)
        assert bank.dma.read(RAM, len(data)) == data
        transfers += 1
    assert ended.is_set(), machine.log
    check_counted(bank)
    assert transfers > 10, "DMA did not get through beside the CPU's accesses"


def test_cpu_and_deferred_batches_side_by_side(
    start: MachineFactory, serve: Callable[..., Server], folder: Path, rng: random.Random
) -> None:
    """A model that never stops working holds up neither the CPU's accesses nor the main loop."""
    bank, ended, machine = counting(start, serve, folder)
    batches = 0
    wrong: list[list[bytes]] = []

    def work() -> None:
        nonlocal batches
        pieces = [(RAM + 256 * n, rng.randbytes(rng.randrange(1, 256))) for n in range(32)]
        bank.dma.write_many(pieces)
        read = bank.dma.read_many([(address, len(data)) for address, data in pieces])
        if read != [data for _, data in pieces]:
            wrong.append(read)
        batches += 1
        if not ended.is_set():
            bank.defer(work)

    bank.defer(work)
    deadline = Deadline(DEADLINE)
    queries = 0
    while not ended.is_set() and not deadline.expired:
        machine.execute("query-status")
        queries += 1
    assert ended.is_set(), machine.log
    check_counted(bank)
    assert not wrong
    assert min(batches, queries) > 10, (batches, queries)


def test_el2_timer_survives_a_restore(
    start: MachineFactory, serve: Callable[..., Server], folder: Path
) -> None:
    bank = Bank()
    started = threading.Event()
    bank.hooks[0, 0] = lambda value: started.set()
    serve(bank)
    options: dict[str, object] = {"machine": "virt,virtualization=on,gic-version=3"}
    arguments = ["-cpu", "max,pauth-impdef=on", *program(folder, _TIMER)]
    machine = start(device(), running=True, extra=arguments, **options)
    assert started.wait(DEADLINE), machine.log
    machine.execute("stop")
    assert not _timer_fired(machine), "too late to save a timer that is to fire"
    machine.execute("migrate", uri="exec:cat > state")
    machine.wait_for(
        lambda: machine.execute("query-migrate")["status"] == "completed", "the machine's state"
    )
    machine.close()
    restored = start(
        device(), running=True, extra=[*arguments, "-incoming", "exec:cat state"], **options
    )
    restored.wait_for(
        lambda: restored.execute("query-status")["status"] != "inmigrate", "the state to come in"
    )
    restored.execute("cont")
    restored.wait_for(lambda: _timer_fired(restored), "the EL2 timer to fire")


def _timer_fired(machine: Machine) -> bool:
    return bool(machine.read(_GICR_ISPENDR0, 4) >> _HYP_TIMER & 1)

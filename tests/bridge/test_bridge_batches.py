# SPDX-License-Identifier: MIT
"""Many pieces of DMA at once, and work that models put off, in a real QEMU."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import peer as rp
import pytest
from bridge_rig import (
    BASE,
    DEADLINE,
    RAM,
    RAM_END,
    SIZE,
    SPI,
    WAIT,
    Bank,
    Machine,
    MachineFactory,
    device,
    program,
)
from peer import Peer
from smmu_rig import PAGE, SID, STE_ABORT, TRANSLATION, enable_pages, enable_smmu, smmu_events

from testbed.deadline import Deadline
from testbed.remoteport.device import BusError, LinkError, Response
from testbed.remoteport.server import Server

Banked = Callable[..., tuple[Machine, Bank]]


def _inside(machine: Machine, bank: Bank, work: Callable[[], None]) -> None:
    bank.hooks[0, 0] = lambda value: work()
    machine.write(BASE, 4, 1)


def _before_answer(machine: Machine, bank: Bank, work: Callable[[], None]) -> None:
    bank.hooks[0, 0] = lambda value: bank.defer(work, before_answer=True)
    machine.write(BASE, 4, 1)


def _deferred(machine: Machine, bank: Bank, work: Callable[[], None]) -> None:
    done = threading.Event()

    def last() -> None:
        done.set()

    def ring(value: int) -> None:
        bank.defer(work)
        bank.defer(last)

    bank.hooks[0, 0] = ring
    machine.write(BASE, 4, 1)
    assert done.wait(DEADLINE), machine.log


def _thread(machine: Machine, bank: Bank, work: Callable[[], None]) -> None:
    work()


WAYS = {"inside": _inside, "before": _before_answer, "deferred": _deferred, "thread": _thread}


@pytest.mark.parametrize("way", WAYS)
def test_scattered_pieces_of_every_size(banked: Banked, rng: random.Random, way: str) -> None:
    machine, bank = banked()
    at, pieces = RAM, []
    for _ in range(300):
        at += rng.choice((0, 1, 4096))
        size = rng.choice((1, 3, 64, rng.randrange(1, 9000), 4096, 4096))
        pieces.append((at, rng.randbytes(size)))
        at += size
    pieces[rng.randrange(300)] = (at, rng.randbytes(1 << 20))
    read: list[bytes] = []

    def work() -> None:
        bank.dma.write_many(pieces)
        read.extend(bank.dma.read_many([(address, len(data)) for address, data in pieces]))

    WAYS[way](machine, bank, work)
    assert read == [data for _, data in pieces]
    for address, data in rng.sample(pieces, 10):
        assert machine.memory(address, len(data)) == data


def test_a_batch_reaches_the_devices_own_registers(banked: Banked, rng: random.Random) -> None:
    """Each is an access of its own, made while the batch is under way."""
    machine, bank = banked()
    values = [rng.randbytes(8) for _ in range(50)]
    read: list[bytes] = []

    def work() -> None:
        bank.dma.write_many([(BASE + 8 * (n + 1), value) for n, value in enumerate(values)])
        read.extend(bank.dma.read_many([(BASE + 8 * (n + 1), 8) for n in range(50)]))

    _inside(machine, bank, work)
    _deferred(machine, bank, work)
    assert read == values + values


def test_answers_are_not_held_back_while_another_device_is_slow(
    start: MachineFactory, folder: Path, rng: random.Random
) -> None:
    """A batch of the first device reads RAM, then a register of the second."""
    peers = [Peer(folder / name) for name in ("a.sock", "b.sock")]
    accepting = [threading.Thread(target=peer.accept) for peer in peers]
    for thread in accepting:
        thread.start()
    try:
        other = BASE + SIZE
        machine = start(device("a.sock"), device("b.sock", addr=hex(other), irq=SPI + 1))
        for thread in accepting:
            thread.join()
        data = rng.randbytes(8)
        machine.store(RAM, data)
        first, second = peers
        first.send(rp.bus(rp.READ, RAM, 8, id=1) + rp.bus(rp.READ, other + 4, 4, id=2))
        id, _, dev, _ = second.receive_command(rp.READ)
        assert first.receive_command(rp.READ)[3][-8:] == data
        second.send(rp.bus(rp.READ, 4, 4, b"slow", id=id, flags=rp.RESPONSE, dev=dev))
        assert first.receive_command(rp.READ)[3][-4:] == b"slow"
    finally:
        for peer in peers:
            peer.close()


# Refusals


def test_a_refused_piece_is_the_only_one(banked: Banked, rng: random.Random) -> None:
    machine, bank = banked()
    good = rng.randbytes(4096)
    pieces = [(RAM, good), (0x7000000000, good), (RAM + 4096, good), (RAM_END - 4, good)]
    with pytest.raises(BusError) as caught:
        bank.dma.write_many(pieces)
    assert (caught.value.index, caught.value.status) == (1, Response.ADDRESS_ERROR)
    assert machine.memory(RAM, 8192) == good + good
    assert machine.memory(RAM_END - 4, 4) == good[:4]
    with pytest.raises(BusError) as caught:
        bank.dma.read_many([(RAM, 4096), (RAM, 4), (RAM_END, 1)])
    assert caught.value.index == 2


def test_a_translation_fault_is_that_of_its_piece(banked: Banked, rng: random.Random) -> None:
    machine, bank = banked(sid=hex(SID))
    places = {0: RAM + 0x5000, 1: RAM + 0x9000, 3: RAM + 0x7000}
    enable_pages(machine, places)
    data = [rng.randbytes(PAGE) for _ in range(4)]
    pieces = [(n * PAGE, page) for n, page in enumerate(data)]
    bank.dma.write_many([pieces[0], pieces[1]])
    assert bank.dma.read(PAGE - 8, 16) == data[0][-8:] + data[1][:8]
    assert smmu_events(machine) == []

    with pytest.raises(BusError) as caught:
        bank.dma.write_many([pieces[3], pieces[2], pieces[1]])
    assert caught.value.index == 1
    assert smmu_events(machine) == [(TRANSLATION, SID)]
    for number, place in places.items():
        assert machine.memory(place, PAGE) == data[number]

    with pytest.raises(BusError) as caught:
        bank.dma.read_many([(0, PAGE), (3 * PAGE, PAGE), (2 * PAGE, PAGE)])
    assert caught.value.index == 2
    assert smmu_events(machine) == [(TRANSLATION, SID)] * 2


def test_a_big_refused_transfer_is_one_event(banked: Banked, rng: random.Random) -> None:
    """It ends at the first page that is refused, with what came before it in place."""
    machine, bank = banked(sid=hex(SID))
    enable_pages(machine, {0: RAM + 0x5000})
    data = rng.randbytes(1 << 20)
    with pytest.raises(BusError):
        bank.dma.write(0, data)
    assert machine.memory(RAM + 0x5000, PAGE) == data[:PAGE]
    assert smmu_events(machine) == [(TRANSLATION, SID)]
    with pytest.raises(BusError) as caught:
        bank.dma.read_many([(0, PAGE), (0, 1 << 20), (0, PAGE)])
    assert caught.value.index == 1
    assert smmu_events(machine) == [(TRANSLATION, SID)] * 2


def test_a_refused_stream_is_an_event_for_each_piece(banked: Banked) -> None:
    machine, bank = banked(sid=hex(SID))
    enable_smmu(machine, STE_ABORT)
    with pytest.raises(BusError) as caught:
        bank.dma.write_many([(RAM, bytes(20000)), (RAM + 0x10000, bytes(20000))])
    assert caught.value.index == 0
    assert [sid for _, sid in smmu_events(machine)] == [SID, SID]


# Half-way


def _endless(bank: Bank, ended: list[BaseException], rounds: list[int]) -> Callable[[], None]:
    def work() -> None:
        try:
            while True:
                bank.dma.read_many([(RAM + 64 * n, 64) for n in range(16)])
                rounds[0] += 1
        except BaseException as error:
            ended.append(error)
            raise

    return work


def _running(bank: Bank, rounds: list[int], machine: Machine) -> None:
    machine.write(BASE, 4, 1)
    machine.wait_for(lambda: rounds[0] > 5, "the work to be under way")


def test_a_reset_of_the_machine_ends_work_under_way(banked: Banked, rng: random.Random) -> None:
    machine, bank = banked()
    ended: list[BaseException] = []
    rounds = [0]
    dropped: list[int] = []

    def ring(value: int) -> None:
        bank.defer(_endless(bank, ended, rounds))
        bank.defer(lambda: dropped.append(1))

    bank.hooks[0, 0] = ring
    _running(bank, rounds, machine)
    before = bank.resets
    machine.execute("system_reset")
    machine.wait_for(lambda: bool(ended), "the end of the work")
    assert isinstance(ended[0], LinkError)
    assert "the machine was reset meanwhile" in str(ended[0])
    assert bank.resets == before + 1
    read: list[bytes] = []
    content = rng.randbytes(8)
    machine.store(RAM, content)
    _deferred(machine, bank, lambda: read.extend(bank.dma.read_many([(RAM, 4), (RAM + 4, 4)])))
    assert b"".join(read) == content
    assert dropped == []


def test_a_qemu_that_dies_in_mid_batch_is_a_lost_link(
    start: MachineFactory, serve: Callable[..., Server]
) -> None:
    bank = Bank()
    ended: list[BaseException] = []
    rounds = [0]
    bank.hooks[0, 0] = lambda value: bank.defer(_endless(bank, ended, rounds))
    server = serve(bank)
    machine = start(device())
    _running(bank, rounds, machine)
    machine.close()
    server.wait_disconnected(Deadline(DEADLINE))
    assert isinstance(ended[0], LinkError)
    assert server.failure is None
    again = start(device())
    server.wait_connected(Deadline(DEADLINE))
    assert again.read(BASE + 8, 4) == 0


def test_a_machine_that_stops_is_at_rest(
    start: MachineFactory, serve: Callable[..., Server], folder: Path, rng: random.Random
) -> None:
    """What a model has put off reaches memory before `stop` is over, so also before a save."""
    bank = Bank()
    serve(bank)
    machine = start(device(), running=True, extra=["-cpu", "cortex-a57", *program(folder, WAIT)])
    go_on, begun = threading.Event(), threading.Event()
    data = rng.randbytes(4096)
    left = 50

    def work() -> None:
        nonlocal left
        begun.set()
        assert go_on.wait(DEADLINE)
        bank.dma.write(RAM + 4096 * left, data)
        left -= 1
        if left:
            bank.defer(work)

    bank.hooks[0, 0] = lambda value: bank.defer(work)
    machine.write(BASE, 4, 1)
    assert begun.wait(DEADLINE)
    stopping = threading.Thread(target=machine.execute, args=("stop",))
    stopping.start()
    stopping.join(0.3)
    assert stopping.is_alive(), "the machine has stopped with work under way"
    go_on.set()
    stopping.join(DEADLINE)
    assert left == 0
    assert machine.memory(RAM + 4096, 4096) == machine.memory(RAM + 4096 * 50, 4096) == data
    machine.execute("cont")
    machine.write(BASE + 8, 4, 77)
    assert machine.read(BASE + 8, 4) == 77
    assert "remote-port" not in machine.settled_log()


def test_work_that_waits_is_done_before_the_state_is_saved(banked: Banked) -> None:
    machine, bank = banked()
    go_on = threading.Event()

    def last() -> None:
        assert go_on.wait(DEADLINE)
        bank.bytes[0][0x40] = 0x5A

    bank.hooks[0, 0] = lambda value: [bank.defer(last), bank.defer(lambda: None)]
    machine.write(BASE, 4, 1)
    machine.execute("migrate", uri="exec:cat > state")
    go_on.set()
    machine.wait_for(
        lambda: machine.execute("query-migrate")["status"] == "completed", "the machine's state"
    )
    state = (machine.folder / "state").read_bytes()
    assert bytes(bank.bytes[0]).hex().encode() in state

# SPDX-License-Identifier: MIT
"""Work that a model puts off: when it runs, what may come in between, and what ends it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rp_rig import DOORBELL, Memory

from testbed.deadline import Deadline
from testbed.remoteport.client import Client
from testbed.remoteport.codec import (
    BusAccess,
    Flags,
    Interrupt,
    Sync,
    answer_to,
    encode,
)
from testbed.remoteport.device import BusError, LinkError, Response
from testbed.remoteport.server import Server
from testbed.remoteport.session import BEFORE_ANSWER, PACKETS_FIRST

Serve = Callable[..., Server]
Connect = Callable[..., Client]


class Worker(Memory):
    """Defers `work` when its doorbell is rung, and notes what happens in which order."""

    def __init__(self, work: Callable[[Worker], Any] = lambda _: None, **options: bool) -> None:
        super().__init__()
        self.work = work
        self.options = options
        self.log: list[Any] = []

    def on_doorbell(self, value: int) -> None:
        super().on_doorbell(value)
        self.log.append(("rung", value))
        self.defer(lambda: self.run(value), **self.options)

    def run(self, value: int) -> None:
        self.log.append(("begun", value))
        self.threads.add(threading.get_ident())
        try:
            self.work(self)
        except LinkError as error:
            self.log.append(str(error))
            raise
        self.log.append(("done", value))

    def reset(self) -> None:
        super().reset()
        self.log.append(f"reset, {self.deferred} waiting")

    def save(self) -> dict[str, Any]:
        return super().save() | {"log": [str(entry) for entry in self.log]}

    def load(self, state: dict[str, Any]) -> None:
        super().load(state)
        self.log.append("loaded")


def doorbell(value: int = 0) -> bytes:
    data = value.to_bytes(4, "little")
    return encode(BusAccess(True, DOORBELL, 4, data, flags=Flags.POSTED))


def next_dma(client: Client) -> BusAccess:
    """The model's next DMA request, unanswered; wires before it are dropped."""
    while True:
        packet = client.receive(Deadline(5))
        assert packet is not None
        if isinstance(packet, BusAccess):
            return packet
        assert isinstance(packet, Interrupt)


def test_it_runs_after_the_answer_with_the_lock_on_the_servers_thread(
    serve: Serve, connect: Connect
) -> None:
    answered = threading.Event()
    free: list[bool] = []

    def work(device: Worker) -> None:
        assert answered.wait(5)
        other = threading.Thread(target=lambda: free.append(device.lock.acquire(False)))
        other.start()
        other.join()

    device = Worker(work)
    client = connect(serve(device))
    client.write(0, DOORBELL, 4, 1)
    answered.set()
    client.sync()
    assert device.log == [("rung", 1), ("begun", 1), ("done", 1)]
    assert free == [False]
    assert len(device.threads) == 1


def test_it_runs_in_order_and_when_no_packet_waits(serve: Serve, connect: Connect) -> None:
    device = Worker()
    client = connect(serve(device))
    client.send_raw(b"".join(doorbell(value) for value in range(5)))
    client.sync()
    rung, run = device.log[:5], device.log[5:]
    assert rung == [("rung", value) for value in range(5)]
    assert run == [(word, value) for value in range(5) for word in ("begun", "done")]


@pytest.mark.parametrize("spin", [0, 50])
def test_another_threads_work_wakes_the_server(serve: Serve, connect: Connect, spin: int) -> None:
    device = Memory()
    server = serve(device, spin=spin)
    connect(server).sync()
    for _ in range(50):
        ran = threading.Event()
        begun = Deadline(5)
        device.defer(ran.set)
        assert ran.wait(5)
        assert begun.elapsed < 4


def test_it_may_defer_again_and_register_accesses_come_in_between(
    serve: Serve, connect: Connect
) -> None:
    device = Worker()
    steps: list[int] = []
    enough = threading.Event()

    def step() -> None:
        steps.append(len(device.accesses))
        if not enough.is_set():
            device.defer(step)

    device.work = lambda _: step()
    client = connect(serve(device))
    client.write(0, DOORBELL, 4, 1)
    deadline = Deadline(5)
    while len(set(steps)) < 5 and not deadline.expired:
        client.read(1, 0, 4)
    enough.set()
    client.sync()
    assert device.deferred == 0
    assert len(set(steps)) >= 5


def test_packets_in_a_row_do_not_keep_it_from_its_turn(serve: Serve, connect: Connect) -> None:
    device = Worker()
    client = connect(serve(device))
    write = encode(BusAccess(True, 0x40, 4, bytes(4), flags=Flags.POSTED))
    vars(device)["run"] = lambda value: device.log.append(len(device.accesses))
    client.send_raw(doorbell(1) + 200 * write)
    client.sync()
    assert device.log == [("rung", 1), PACKETS_FIRST]


def test_registers_are_served_while_it_awaits_dma(serve: Serve, connect: Connect) -> None:
    device = Worker(lambda device: device.dma.read_many([(0, 4), (4, 4)]))
    client = connect(serve(device))
    client.write(0, DOORBELL, 4, 1)
    asked = [next_dma(client), next_dma(client)]
    client.write(1, 0, 4, 77)
    assert client.read(1, 0, 4) == 77
    # What is deferred meanwhile has its turn when this is done.
    client.write(0, DOORBELL, 4, 2)
    for request in asked:
        client.send(answer_to(request, b"data"))
    for _ in asked:
        client.send(answer_to(next_dma(client), b"data"))
    client.sync()
    assert device.log == [
        ("rung", 1),
        ("begun", 1),
        ("rung", 2),
        ("done", 1),
        ("begun", 2),
        ("done", 2),
    ]


def test_it_is_kept_until_a_qemu_is_there_and_forgotten_when_it_leaves(
    serve: Serve, connect: Connect
) -> None:
    hold, entered = threading.Event(), threading.Event()

    def block() -> None:
        entered.set()
        assert hold.wait(5)

    device = Memory()
    ran: list[int] = []
    device.defer(lambda: ran.append(1))
    server = serve(device)
    client = connect(server)
    client.sync()
    assert ran == [1]
    device.defer(block)
    device.defer(lambda: ran.append(2))
    assert entered.wait(5)
    client.close()
    hold.set()
    server.wait_disconnected(Deadline(5))
    device.defer(lambda: ran.append(3))
    connect(server).sync()
    assert ran == [1, 3]
    assert device.deferred == 0


def test_a_rig_runs_it_by_hand() -> None:
    device = Memory()
    ran: list[int] = []

    def first() -> None:
        ran.append(1)
        device.defer(lambda: ran.append(3))

    device.defer(first)
    device.defer(lambda: ran.append(2), before_answer=True)
    assert device.deferred == 2
    assert device.run_deferred(1) == 1
    assert ran == [1]
    assert device.run_deferred() == 2
    assert ran == [1, 2, 3]
    assert device.run_deferred() == 0


# Before the answer


def test_before_the_answer(serve: Serve, connect: Connect, rng: random.Random) -> None:
    memory = bytearray(rng.randbytes(64))
    seen: list[bytes] = []
    device = Worker(lambda device: seen.extend(device.dma.read_many([(0, 32), (32, 32)])))
    device.options = {"before_answer": True}
    client = connect(serve(device), memory=memory)
    client.write(0, DOORBELL, 4, 1)
    assert device.log == [("rung", 1), ("begun", 1), ("done", 1)]
    assert b"".join(seen) == memory


def test_before_the_answer_not_ahead_of_older_work(serve: Serve, connect: Connect) -> None:
    answered = threading.Event()
    order: list[str] = []
    device = Worker()

    def older() -> None:
        assert answered.wait(5)
        order.append("older")

    def ring(_: int) -> None:
        device.defer(older)
        device.defer(lambda: order.append("newer"), before_answer=True)

    vars(device)["on_doorbell"] = ring
    client = connect(serve(device))
    client.write(0, DOORBELL, 4, 1)
    answered.set()
    client.sync()
    assert order == ["older", "newer"]


def test_before_the_answer_not_for_long(serve: Serve, connect: Connect) -> None:
    answered = threading.Event()
    order: list[str] = []
    device = Worker()

    def long() -> None:
        until = time.monotonic() + 2 * BEFORE_ANSWER
        while time.monotonic() < until:
            pass
        order.append("long")
        device.defer(rest, before_answer=True)

    def rest() -> None:
        assert answered.wait(5)
        order.append("rest")

    vars(device)["on_doorbell"] = lambda _: device.defer(long, before_answer=True)
    client = connect(serve(device))
    client.write(0, DOORBELL, 4, 1)
    assert order == ["long"]
    answered.set()
    client.sync()
    assert order == ["long", "rest"]


def test_before_the_answer_not_inside_other_work(serve: Serve, connect: Connect) -> None:
    device = Worker(lambda device: device.dma.read(0, 4), before_answer=True)
    client = connect(serve(device))
    client.send_raw(doorbell(1))
    request = next_dma(client)
    client.write(0, DOORBELL, 4, 2)
    assert device.log == [("rung", 1), ("begun", 1), ("rung", 2)]
    client.send(answer_to(request, b"data"))
    client.send(answer_to(next_dma(client), b"data"))
    client.sync()
    assert device.log[3:] == [("done", 1), ("begun", 2), ("done", 2)]


# Reset, state, end


def test_a_reset_drops_what_waits_before_the_model_is_reset(serve: Serve, connect: Connect) -> None:
    device = Worker()
    client = connect(serve(device))
    pulse = encode(Interrupt(0, 1, 1, flags=Flags.POSTED))
    client.send_raw(doorbell(1) + doorbell(2) + pulse + doorbell(3))
    client.sync()
    assert device.log == [
        ("rung", 1),
        ("rung", 2),
        "reset, 0 waiting",
        ("rung", 3),
        ("begun", 3),
        ("done", 3),
    ]


def test_a_reset_ends_the_work_that_awaits_dma(serve: Serve, connect: Connect) -> None:
    def work(device: Worker) -> None:
        try:
            device.dma.read_many([(0, 4), (4, 4)])
        except LinkError:
            device.dma.read(8, 4)  # as a model that goes on regardless
        device.dma.write(0, b"into the memory of another life")

    device = Worker(work)
    server = serve(device)
    client = connect(server)
    client.write(0, DOORBELL, 4, 1)
    asked = [next_dma(client), next_dma(client)]
    client.write(0, DOORBELL, 4, 2)
    client.reset()
    for request in asked:
        client.send(answer_to(request, b"late"))
    client.sync()
    assert client.dma == []
    assert device.log[:4] == [("rung", 1), ("begun", 1), ("rung", 2), "reset, 0 waiting"]
    assert device.log[4:] == ["DMA read of 4 bytes at 0x8: the machine was reset meanwhile"]
    # The next life has its DMA.
    client.write(0, DOORBELL, 4, 3)
    client.send(answer_to(next_dma(client), b"good"))
    client.send(answer_to(next_dma(client), b"good"))
    client.send(answer_to(next_dma(client)))
    client.sync()
    assert device.log[-1] == ("done", 3)
    assert server.failure is None


def test_a_reset_ends_the_callback_that_awaits_dma(serve: Serve, connect: Connect) -> None:
    device = Memory()

    def ring(_: int) -> None:
        device.dma.read(0, 4)
        device.dma.write(0, b"another life")

    vars(device)["on_doorbell"] = ring
    server = serve(device)
    client = connect(server)

    class Resetting(Client):
        def dma_read(self, address: int, size: int) -> bytes:
            self.reset()
            return bytes(size)

    client.close()
    server.wait_disconnected(Deadline(5))
    with Resetting.connect(server.path, timeout=5.0) as client:
        with pytest.raises(BusError) as caught:
            client.write(0, DOORBELL, 4, 1)
        assert caught.value.status is Response.GENERIC_ERROR
        assert client.dma == [("read", 0, 4)]
        assert client.sync(4) == 4
    assert server.failure is None


def test_its_dma_inside_reset_belongs_to_the_new_life(serve: Serve, connect: Connect) -> None:
    device = Worker(lambda device: device.dma.read(0, 4))
    vars(device)["reset"] = lambda: device.log.append(device.dma.read(32, 4))
    client = connect(serve(device), memory=bytearray(range(64)))
    client.send_raw(doorbell(1))
    request = next_dma(client)
    client.reset()
    client.send(answer_to(request, b"late"))
    client.sync()
    assert device.log[2] == bytes(range(32, 36))
    assert "reset meanwhile" in device.log[3]


def test_the_state_is_saved_when_all_is_done(serve: Serve, connect: Connect) -> None:
    device = Worker(lambda device: device.bytes[0].__setitem__(0x40, 0x5A))
    client = connect(serve(device))
    client.send_raw(b"".join(doorbell(value) for value in range(3)))
    state = client.model_state()
    assert state["log"][-1] == "('done', 2)"
    assert bytes.fromhex(state["control"])[0x40] == 0x5A


@pytest.mark.parametrize("how", ["state", "sync"])
def test_what_waits_for_its_time_comes_before_state_and_sync(
    serve: Serve, connect: Connect, how: str
) -> None:
    class Patient(Worker):
        def quiesce(self) -> None:
            self.defer(lambda: self.run(1))

    device = Patient()
    client = connect(serve(device))
    if how == "sync":
        client.sync()
        assert device.log == [("begun", 1), ("done", 1)]
    else:
        assert client.model_state()["log"] == ["('begun', 1)", "('done', 1)"]


@pytest.mark.parametrize("packet", [Sync(5, id=900), BusAccess(False, 0, 0, id=900, dev=0xFFFF)])
def test_state_and_sync_wait_for_the_work_in_progress(
    serve: Serve, connect: Connect, packet: Sync | BusAccess
) -> None:
    device = Worker(lambda device: device.dma.read(0, 4))
    client = connect(serve(device))
    client.send_raw(doorbell(1) + doorbell(2))
    request = next_dma(client)
    client.send(packet)
    assert client.read(1, 0, 4) == 0
    client.send(answer_to(request, b"data"))
    client.send(answer_to(next_dma(client), b"data"))
    answer = client.receive(Deadline(5))
    assert isinstance(answer, type(packet))
    assert (answer.id, answer.flags) == (900, Flags.RESPONSE)
    assert device.log[-1] == ("done", 2)


def test_work_without_end_does_not_hold_up_state_and_sync(serve: Serve, connect: Connect) -> None:
    device = Worker(lambda device: device.on_doorbell(0))
    server = serve(device, timeout=0.4)
    client = connect(server)
    client.write(0, DOORBELL, 4, 0)
    with pytest.raises(BusError):
        client.save_state()
    assert server.state_refused == "dev: 1 pieces of deferred work are left after 0.2 s"
    assert client.sync(8) == 8
    device.work = lambda _: None
    client.save_state()
    assert server.state_refused is None


def test_loading_a_state_drops_the_work_of_the_old_one(serve: Serve, connect: Connect) -> None:
    device = Worker()
    server = serve(device)
    client = connect(server)
    blob = client.save_state().replace(b'"log":[]', b'"log":["x"]')
    load = encode(BusAccess(True, 0, len(blob), blob, id=901, dev=0xFFFF))
    vars(device)["load"] = lambda state: device.defer(lambda: device.log.append("of the new"))
    client.send_raw(doorbell(1) + load)
    answer = next_dma(client)
    assert (answer.id, answer.status) == (901, Response.OK)
    client.sync()
    assert device.log == [("rung", 1), "of the new"]


def test_a_refused_state_leaves_the_work(serve: Serve, connect: Connect) -> None:
    device = Worker()
    client = connect(serve(device))
    load = encode(BusAccess(True, 0, 2, b"{}", id=901, dev=0xFFFF))
    client.send_raw(doorbell(1) + load)
    assert next_dma(client).status is Response.GENERIC_ERROR
    client.sync()
    assert device.log[-1] == ("done", 1)


@pytest.mark.parametrize("early", [False, True])
def test_work_that_fails_is_a_failure_of_the_model(
    serve: Serve, connect: Connect, early: bool
) -> None:
    def work(_: Worker) -> None:
        raise RuntimeError("wrong turn")

    device = Worker(work, before_answer=early)
    server = serve(device)
    client = connect(server)
    client.send_raw(doorbell(1))
    server.wait_disconnected(Deadline(5))
    assert server.failure is not None
    assert server.failure.message == "dev: deferred work: RuntimeError: wrong turn"
    assert "in work" in server.failure.text


@pytest.mark.parametrize("how", ["refused", "gone", "stopped"])
def test_what_its_dma_meets(tmp_path: Path, how: str) -> None:
    """A refusal that it lets through is the model's failure; a lost link is not."""
    device = Worker(lambda device: device.dma.read(0x100, 4))
    server = Server(device, tmp_path / "s", timeout=5.0)
    with server, Client.connect(server.path, timeout=5.0) as client:
        client.send_raw(doorbell(1))
        request = next_dma(client)
        if how == "refused":
            client.send(answer_to(request, b"", Response.ADDRESS_ERROR))
        elif how == "gone":
            client.close()
        else:
            server.stop()
        server.wait_disconnected(Deadline(5))
    if how == "refused":
        assert server.failure is not None
        assert "deferred work: BusError: DMA read of 4 bytes at 0x100" in server.failure.message
    else:
        assert server.failure is None
        assert device.log[2].startswith("DMA read of 4 bytes at 0x100: ")

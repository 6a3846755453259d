# SPDX-License-Identifier: MIT
"""Peers that go away, hang or never say anything: QEMU lives, and no wait is without an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import peer as rp
import pytest
from bridge_rig import (
    BASE,
    RAM,
    SPI,
    WAIT,
    Bank,
    Machine,
    MachineFactory,
    QemuExited,
    device,
    program,
)
from peer import Peer

from testbed.deadline import Deadline
from testbed.remoteport.server import Server

Raw = Callable[..., Machine]

TIMEOUT_MS = 400
ONES = 0xFFFFFFFF


def _during(access: Callable[[], None], does: Callable[[], object]) -> None:
    """Run `does` in a thread while `access` goes on in this one."""
    thread = threading.Thread(target=does)
    thread.start()
    access()
    thread.join()


def _assert_lost(machine: Machine, reason: str) -> None:
    """Registers read as ones, writes go nowhere, and it was said once."""
    for size in (1, 2, 4, 8):
        assert machine.read(BASE, size) == (1 << 8 * size) - 1
        machine.write(BASE, size, 0)
    messages = [line for line in machine.settled_log().splitlines() if "remote-port" in line]
    assert len(messages) == 1, machine.log
    assert reason in messages[0]
    assert "remote-port rp.sock: " in messages[0]


def test_peer_closes_while_idle(raw: Raw, peer: Peer) -> None:
    machine = raw()
    peer.disconnect()
    machine.execute("query-status")
    _assert_lost(machine, "the peer closed the connection")


def test_peer_closes_in_an_access(raw: Raw, peer: Peer) -> None:
    machine = raw()

    def vanish() -> None:
        peer.receive_command(rp.READ)
        peer.disconnect()

    _during(lambda: _ones(machine), vanish)
    _assert_lost(machine, "the peer closed the connection")


def test_peer_closes_in_the_middle_of_its_answer(raw: Raw, peer: Peer) -> None:
    machine = raw()

    def vanish() -> None:
        id, _, _, _ = peer.receive_command(rp.READ)
        peer.send(rp.bus(rp.READ, 0, 4, b"abcd", id=id, flags=rp.RESPONSE)[:40])
        peer.disconnect()

    _during(lambda: _ones(machine), vanish)
    _assert_lost(machine, "the peer closed the connection")


def _ones(machine: Machine) -> None:
    assert machine.read(BASE, 4) == ONES


@pytest.mark.parametrize("chatty", [False, True], ids=["silent", "chatty"])
def test_peer_that_does_not_answer(raw: Raw, peer: Peer, chatty: bool) -> None:
    """Whatever else it sends meanwhile, the access has one deadline."""
    machine = raw(timeout_ms=TIMEOUT_MS)
    given_up = threading.Event()

    def chat() -> None:
        while chatty and not given_up.is_set():
            try:
                peer.send(rp.packet(rp.NOP) + rp.bus(rp.READ, RAM, 4))
                peer.receive()
            except OSError:
                return
            except EOFError:
                return

    def access() -> None:
        start = time.monotonic()
        assert machine.read(BASE, 4) == ONES
        elapsed = time.monotonic() - start
        given_up.set()
        assert TIMEOUT_MS / 1000 <= elapsed < TIMEOUT_MS / 1000 + 10

    _during(access, chat)
    _assert_lost(machine, f"READ: dev 0 addr 0x0 len 4 was not answered within {TIMEOUT_MS} ms")


def test_write_that_is_not_answered(raw: Raw, peer: Peer) -> None:
    machine = raw(timeout_ms=TIMEOUT_MS)
    machine.write(BASE + 8, 4, 1)
    _assert_lost(machine, "WRITE: dev 0 addr 0x8 len 4 was not answered")


def test_stopping_the_machine_does_not_wait_for_ever(
    start: MachineFactory, peer: Peer, folder: Path
) -> None:
    accepting = threading.Thread(target=peer.accept)
    accepting.start()
    extra = ["-cpu", "cortex-a57", *program(folder, WAIT)]
    machine = start(device(timeout_ms=TIMEOUT_MS), running=True, extra=extra)
    accepting.join()
    machine.execute("stop")
    assert peer.receive_command(rp.SYNC)
    _assert_lost(machine, f"SYNC: was not answered within {TIMEOUT_MS} ms")
    machine.execute("cont")
    machine.execute("stop")


def test_peer_that_takes_nothing_in(raw: Raw, peer: Peer) -> None:
    machine = raw(timeout_ms=TIMEOUT_MS, posted_writes="on")
    deadline = Deadline(60)
    while not machine.log and not deadline.expired:
        machine.write(BASE, 4, 1)
    _assert_lost(machine, f"the peer took nothing in within {TIMEOUT_MS} ms")


def test_lost_peer_lowers_its_wires(raw: Raw, peer: Peer) -> None:
    machine = raw()
    peer.send(rp.interrupt(0, 1))
    machine.wait_for(machine.pending, "the wire to rise")
    peer.disconnect()
    machine.wait_for(lambda: not machine.pending(SPI), "the wire to fall")


def test_reset_without_a_peer(raw: Raw, peer: Peer) -> None:
    machine = raw()
    peer.disconnect()
    machine.execute("system_reset")
    _assert_lost(machine, "the peer closed the connection")


def test_reconnect(raw: Raw, peer: Peer, serve: Callable[..., Server]) -> None:
    machine = raw(reconnect_ms=10)
    peer.close()
    machine.execute("query-status")
    assert machine.read(BASE, 4) == ONES
    bank = Bank()
    bank.bytes[0][:4] = b"back"
    bank.set_wire(0, True)
    server = serve(bank)
    server.wait_connected(Deadline(20))
    machine.wait_for(machine.pending, "the wire's level after the reconnection")
    assert machine.read(BASE, 4) == int.from_bytes(b"back", "little")
    bank.dma.write(RAM, b"and DMA")
    assert machine.memory(RAM, 7) == b"and DMA"
    assert machine.settled_log().count("connected again") == 1


def test_reconnect_to_a_peer_that_says_nothing(raw: Raw, peer: Peer) -> None:
    """The machine goes on meanwhile: accesses do not wait for the handshake."""
    machine = raw(reconnect_ms=10, timeout_ms=6000)
    peer.accept(b"")
    start = time.monotonic()
    assert machine.read(BASE, 4) == ONES
    assert time.monotonic() - start < 5
    assert peer.closed_by_qemu()
    assert 5.5 < time.monotonic() - start < 20
    peer.accept()
    machine.wait_for(lambda: "connected again" in machine.log, "the next connection")


@pytest.mark.parametrize(
    ("greeting", "reason"),
    [
        (b"", "no HELLO within 400 ms"),
        (rp.hello(major=5), "HELLO: version.major is 5, only 4 is understood"),
        (rp.packet(rp.NOP), "NOP: came before HELLO"),
        (rp.interrupt(), "INTERRUPT: came before HELLO"),
        (b"GET / HTTP/1.1\r\n\r\n\r\n", "command 1195725856 response: cmd is unknown"),
    ],
    ids=["silent", "major", "nop", "interrupt", "http"],
)
def test_start_without_a_proper_hello(raw: Raw, peer: Peer, greeting: bytes, reason: str) -> None:
    with pytest.raises(QemuExited, match=reason):
        raw(greeting, timeout_ms=TIMEOUT_MS)


def test_hello_of_version_4_0_has_no_capabilities(raw: Raw, peer: Peer) -> None:
    machine = raw(rp.packet(rp.HELLO, bytes((0, 4, 0, 0))))
    _during(lambda: _forty_two(machine), lambda: peer.answer_read(bytes((42, 0, 0, 0))))


def _forty_two(machine: Machine) -> None:
    assert machine.read(BASE, 4) == 42


def test_start_with_nobody_listening(start: MachineFactory) -> None:
    with pytest.raises(
        QemuExited, match=r"cannot connect to 'rp\.sock': No such file or directory"
    ):
        start(device())


def test_start_with_a_peer_that_does_not_accept(start: MachineFactory, peer: Peer) -> None:
    """QEMU's connection is taken by the kernel; only the deadline shows that nobody is there."""
    with pytest.raises(QemuExited, match="no HELLO within 400 ms"):
        start(device(timeout_ms=TIMEOUT_MS))

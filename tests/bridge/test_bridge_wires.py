# SPDX-License-Identifier: MIT
"""Interrupt wires from the model to the inputs of the interrupt controller."""

from __future__ import annotations

import random
from collections.abc import Callable

import peer as rp
from bridge_rig import BASE, SPI, Bank, Machine, MachineFactory, device
from peer import Peer

from testbed.deadline import Deadline
from testbed.remoteport.server import Server

Banked = Callable[..., tuple[Machine, Bank]]


def test_level_of_a_wire_is_that_of_the_input(banked: Banked) -> None:
    machine, bank = banked()
    assert not machine.pending()
    for level in (True, False, True):
        bank.hooks[0, 0] = lambda value: bank.set_wire(0, bool(value))
        machine.write(BASE, 4, int(level))
        assert machine.pending() is level


def test_wire_from_a_thread_outside_any_access(banked: Banked) -> None:
    machine, bank = banked()
    bank.set_wire(0, True)
    machine.wait_for(machine.pending, "the wire to rise")
    bank.set_wire(0, False)
    machine.wait_for(lambda: not machine.pending(), "the wire to fall")


def test_sixteen_wires_are_told_apart(
    start: MachineFactory, serve: Callable[..., Server], rng: random.Random
) -> None:
    bank = Bank()
    server = serve(bank)
    inputs = rng.sample(range(60, 250), 16)
    machine = start(device(irq=inputs[0], **{f"irq{n}": inputs[n] for n in range(1, 16)}))
    server.wait_connected(Deadline(20))
    bank.hooks[0, 0] = lambda value: bank.set_wire(value & 0xFF, bool(value >> 8))
    for wire in rng.sample(range(16), 16):
        machine.write(BASE, 4, wire | 0x100)
        assert [n for n in range(16) if machine.pending(inputs[n])] == [wire]
        machine.write(BASE, 4, wire)
    assert not any(machine.pending(spi) for spi in inputs)


def test_unconnected_wires_do_nothing(banked: Banked) -> None:
    machine, bank = banked()
    bank.hooks[0, 0] = lambda value: bank.set_wire(9, bool(value))
    machine.write(BASE, 4, 1)
    assert not machine.pending()
    assert machine.alive


def test_wire_that_was_up_before_qemu_came(
    start: MachineFactory, serve: Callable[..., Server]
) -> None:
    bank = Bank()
    bank.set_wire(0, True)
    serve(bank)
    machine = start(device())
    machine.wait_for(machine.pending, "the level at connection")


def test_wire_stays_up_through_a_reset_that_does_not_lower_it(banked: Banked) -> None:
    machine, bank = banked()
    bank.hooks[0, 0] = lambda value: bank.set_wire(0, True)
    machine.write(BASE, 4, 1)
    machine.execute("system_reset")
    machine.execute("query-status")
    machine.read(BASE, 4)
    assert bank.resets == 2
    assert machine.pending()


def test_controller_named_by_its_type(banked: Banked) -> None:
    machine, bank = banked(intc="arm-gicv3")
    bank.hooks[0, 0] = lambda value: bank.set_wire(0, True)
    machine.write(BASE, 4, 1)
    assert machine.pending()


def test_update_that_is_not_posted_is_answered(raw: Callable[..., Machine], peer: Peer) -> None:
    machine = raw()
    peer.send(rp.interrupt(0, 1, flags=0))
    id, flags, _, body = _interrupt_answer(peer)
    assert (id, flags & rp.RESPONSE, body[-1]) == (7, rp.RESPONSE, 1)
    assert machine.pending(SPI)


def test_update_is_not_answered_without_the_capability(
    raw: Callable[..., Machine], peer: Peer
) -> None:
    machine = raw(rp.hello((1, 2)))
    peer.send(rp.interrupt(0, 1, flags=0) + rp.packet(rp.SYNC, bytes(8)))
    while (answer := peer.receive())[0] != rp.SYNC:
        assert not (answer[0] == rp.INTERRUPT and answer[2] & rp.RESPONSE)
    assert machine.pending(SPI)


def _interrupt_answer(peer: Peer) -> tuple[int, int, int, bytes]:
    """Resets of the machine are interrupts too, and no answers."""
    while True:
        id, flags, dev, body = peer.receive_command(rp.INTERRUPT)
        if flags & rp.RESPONSE:
            return id, flags, dev, body

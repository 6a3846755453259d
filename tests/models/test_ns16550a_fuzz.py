# SPDX-License-Identifier: MIT
"""The NS16550A under arbitrary accesses and line events."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uart_rig import DR, IIR, LSR, MCR, NONE, OE, RBR, TEMT, THR, THRE, Rig, seeded

from models.ns16550a import LineError
from testbed.remoteport.device import BusError, StateError

Step = Callable[[Rig], object]

_ERRORS = (LineError.NONE, LineError.PARITY, LineError.FRAMING)


def access(rig: Rig, write: bool, offset: int, size: int, value: int) -> object:
    try:
        if write:
            rig.uart.write(0, offset, size, value)
            return None
        return rig.uart.read(0, offset, size)
    except BusError as error:
        assert offset < 0 or offset + size > 0x100
        return error.status


def step(choice: random.Random) -> Step:
    """One random access or line event, the same for every rig it is applied to."""
    kind = choice.random()
    if kind < 0.80:
        write = choice.random() < 0.5
        offset = choice.randrange(8) if choice.random() < 0.95 else choice.randrange(-4, 0x108)
        size = 1 if choice.random() < 0.9 else choice.choice((2, 4, 8))
        value = choice.getrandbits(8 * size)
        return lambda rig: access(rig, write, offset, size, value)
    data = choice.randbytes(choice.choice((1, 2, 8, 16, 40)))
    errors = choice.choice(_ERRORS)
    if kind < 0.88:
        return lambda rig: rig.line.write(data, errors)
    if kind < 0.90:
        return lambda rig: rig.line.force(data, errors)
    if kind < 0.91:
        return lambda rig: rig.line.send_break()
    if kind < 0.94:
        levels = {name: choice.random() < 0.5 for name in ("cts", "dsr", "ri", "dcd")}
        return lambda rig: rig.line.set_modem(**levels)
    if kind < 0.95:
        return lambda rig: rig.line.stop()
    if kind < 0.97:
        return lambda rig: rig.line.resume()
    if kind < 0.975:
        return lambda rig: rig.line.discard_pending()
    if kind < 0.98:
        on = choice.random() < 0.5
        return lambda rig: setattr(rig.line, "flow_control", on)
    if kind < 0.982:
        return lambda rig: rig.uart.reset()
    # No whole number of characters at any divisor, so that rounding decides nothing.
    seconds = choice.choice((0.0, 1.1e-4, 1.3e-2, 31.7))
    return lambda rig: rig.advance(seconds)


def check(rig: Rig, scratch: Rig) -> None:
    """What holds in every state. Reads that have effects are made on a copy."""
    state = rig.uart.save()
    scratch.line.stop()
    scratch.uart.load(state)
    iir = scratch.read(IIR)
    assert rig.irq == (not iir & NONE)
    assert iir & 0x30 == 0
    assert (iir & 0xC0 != 0) == bool(state["fcr"])
    scratch.uart.load(state)
    lsr = scratch.read(LSR)
    assert not lsr & TEMT or lsr & THRE
    assert bool(lsr & DR) == bool(state["receiver_fifo"])
    assert len(state["receiver_fifo"]) <= (16 if state["fcr"] else 1)
    assert len(state["transmitter_fifo"]) <= (16 if state["fcr"] else 1)
    if (
        rig.line.held
        and not state["mcr"] & 0x10
        and not rig.line.flow_control
        and not rig.uart.paced
    ):
        assert len(state["receiver_fifo"]) == (16 if state["fcr"] else 1), "the line waits for room"


@pytest.mark.parametrize("paced", [False, True])
def test_invariants_hold_under_random_use(paced: bool, capsys: pytest.CaptureFixture[str]) -> None:
    choice = seeded()
    rig, scratch = Rig(paced=paced), Rig()
    steps = 30_000
    longest = 0
    for _ in range(steps):
        step(choice)(rig)
        check(rig, scratch)
        longest = max(longest, rig.line.pending)
        if rig.line.pending > 4096:
            rig.line.discard_pending()
        rig.line.read()
    assert longest > 0
    with capsys.disabled():
        print(f"\nns16550a: {steps} random steps, paced={paced}")


@pytest.mark.parametrize("paced", [False, True])
def test_restored_device_behaves_as_the_original(
    paced: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    choice = seeded()
    rounds, length = 300, 60
    for _ in range(rounds):
        first, second = Rig(paced=paced), Rig(paced=paced)
        for _ in range(choice.randrange(length)):
            step(choice)(first)
        first.line.flow_control = False
        first.line.resume()
        first.line.read()
        first.line.discard_pending()
        irq = first.irq
        second.uart.load(json.loads(json.dumps(first.uart.save())))
        # How long a device has waited is not part of its state: both begin to wait now.
        first.uart.load(first.uart.save())
        assert first.irq == second.irq == irq
        for _ in range(length):
            do = step(choice)
            assert do(first) == do(second)
            assert first.uart.save() == second.uart.save()
            assert first.irq == second.irq
            assert first.line.read() == second.line.read()
    with capsys.disabled():
        print(f"\nns16550a: {rounds} states restored, {length} steps each, paced={paced}")


def chunks(data: bytes, choice: random.Random) -> Iterator[bytes]:
    while data:
        size = choice.choice((1, 3, 16, 17, 200))
        yield data[:size]
        data = data[size:]


@pytest.mark.parametrize("fcr", [0x00, 0x01, 0x81, 0xC1])
@pytest.mark.parametrize("paced", [False, True])
def test_nothing_is_lost_or_reordered(fcr: int, paced: bool) -> None:
    """Random writes at both ends, loopback excursions included."""
    choice = seeded()
    rig = Rig(paced=paced)
    rig.program(fcr=fcr, ier=0x0F)
    inward, outward = choice.randbytes(5000), choice.randbytes(5000)
    offers, got, sent, to_send = chunks(inward, choice), bytearray(), bytearray(), list(outward)
    for _ in range(200_000):
        if len(got) >= len(inward) and len(sent) >= len(outward):
            break
        action = choice.randrange(6)
        if action == 0:
            rig.line.write(next(offers, b""))
        elif action == 1:
            for _ in range(choice.randrange(1, 40)):
                if not rig.read(LSR) & DR:
                    break
                got.append(rig.read(RBR))
        elif action == 2 and to_send and rig.read(LSR) & THRE:
            for _ in range(min(len(to_send), 16 if fcr else 1)):
                rig.write(THR, to_send.pop(0))
        elif action == 3:
            rig.advance(choice.random() * 0.002)
            sent += rig.line.read()
        elif action == 4 and rig.read(LSR) & TEMT:
            rig.write(MCR, 0x10)
            rig.advance(choice.random() * 0.002)
            rig.write(MCR, 0x00)
        elif action == 5:
            (rig.line.stop if choice.random() < 0.3 else rig.line.resume)()
    assert got == inward
    assert sent == outward
    assert not rig.read(LSR) & OE


_FIELDS = sorted(Rig().uart.save())
_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)
_tried = 0


@pytest.fixture(scope="module", autouse=True)
def _count(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\nns16550a: {_tried} mutated states")


@settings(max_examples=500)
@given(
    st.dictionaries(
        st.sampled_from(_FIELDS) | st.text(max_size=5),
        _JUNK | st.integers(0, 0xFF) | st.lists(st.integers(0, 0x1FFF), max_size=18),
        max_size=4,
    )
)
def test_any_state_is_taken_whole_or_refused_whole(change: dict[str, object]) -> None:
    global _tried
    _tried += 1
    rig = Rig()
    rig.line.stop()
    before = rig.uart.save()
    refused = load(rig, {**before, **change})
    if refused is None:
        check(rig, Rig())
        json.dumps(rig.uart.save())
    else:
        assert refused.startswith("uart: field ")
        assert rig.uart.save() == before


def load(rig: Rig, state: dict[str, object]) -> str | None:
    """The refusal, or None when the state was taken."""
    try:
        rig.uart.load(state)
    except StateError as error:
        return str(error)
    return None

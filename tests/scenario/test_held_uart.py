# SPDX-License-Identifier: MIT
"""A UART's line that is held, also in a state that was saved."""

from __future__ import annotations

import pytest

from testbed.remoteport.device import StateError
from testbed.remoteport.state import decode_state, encode_state
from testbed.scenario.held_uart import HeldUart

IER, THRE_INTERRUPT = 1, 2


def uart(*, held: bool, pending: bool) -> HeldUart:
    """One whose line is held, or asks for an interrupt itself."""
    made = HeldUart("/soc/serial@11d000")
    made.write(0, IER, 1, THRE_INTERRUPT if pending else 0)
    made.hold(held)
    return made


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("pending", [False, True])
def test_restored_line_is_high_for_the_same_reasons(*, held: bool, pending: bool) -> None:
    saved = uart(held=held, pending=pending)
    for was_held in (False, True):
        for was_pending in (False, True):
            restored = uart(held=was_held, pending=was_pending)
            decode_state(restored, encode_state(saved))
            assert restored.wire_level("interrupt") == (held or pending)
            restored.hold(False)
            assert restored.wire_level("interrupt") == pending
            restored.write(0, IER, 1, 0)
            assert not restored.wire_level("interrupt")


def test_uarts_own_reason_is_a_part_of_its_state() -> None:
    restored = uart(held=True, pending=False)
    restored.load(uart(held=True, pending=True).save())
    restored.hold(False)
    assert restored.wire_level("interrupt")


def test_wrong_state_is_refused_whole() -> None:
    held = uart(held=True, pending=False)
    state = held.save()
    for wrong in ({**state, "held": 1}, {**state, "uart": {}}, {"uart": state["uart"]}):
        with pytest.raises(StateError):
            held.load(wrong)
        assert held.save() == state

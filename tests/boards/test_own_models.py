# SPDX-License-Identifier: MIT
"""Models of a scenario's own behind a board's devices."""

from __future__ import annotations

from typing import Any

import pytest

from models.ns16550a import Ns16550a
from testbed.boards import board
from testbed.boards.own_models import with_models
from testbed.errors import TestbedError

DEVICES = board("arm-virt").devices
UART = "/soc/serial@11c500"


def test_only_the_model_is_another() -> None:
    def make(_: object) -> Ns16550a:
        return Ns16550a()

    changed = [device for device in with_models(DEVICES, {UART: make}) if device not in DEVICES]
    assert [(device.path, device.model) for device in changed] == [(UART, make)]


def test_no_such_device_is_said() -> None:
    with pytest.raises(TestbedError, match=r"^no device is at /soc/none .*/soc/serial@11c500"):
        with_models(DEVICES, {"/soc/none": lambda _: Ns16550a()})


def test_model_that_is_made_already_is_refused() -> None:
    made: Any = Ns16550a()
    with pytest.raises(TestbedError, match=r"lambda others: Ns16550a\(\.\.\.\)"):
        with_models(DEVICES, {UART: made})

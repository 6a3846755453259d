# SPDX-License-Identifier: MIT
"""A device's saved state as bytes: JSON of the model's own state and the levels of its wires."""

from __future__ import annotations

import json
from typing import Any

from testbed.remoteport.codec import MAX_DATA
from testbed.remoteport.device import Device, StateError


def encode_state(device: Device) -> bytes:
    """The state of `device`; StateError when it is more than a packet carries."""
    state = {
        "model": type(device).__name__,
        "wires": {wire: device.wire_level(wire) for wire in device.wires},
        "state": device.save(),
    }
    blob = json.dumps(state, separators=(",", ":"), allow_nan=False).encode()
    if len(blob) > MAX_DATA:
        raise StateError(f"{device.name}: the state is {len(blob)} bytes, at most {MAX_DATA} fit")
    return blob


def decode_state(device: Device, blob: bytes) -> None:
    """Load `blob`. StateError, and the device untouched, when it is no state of it."""
    try:
        content: Any = json.loads(blob.decode())
    except (ValueError, RecursionError) as error:
        raise StateError(f"{device.name}: the state is not JSON: {error}") from None
    if not isinstance(content, dict) or content.keys() != {"model", "wires", "state"}:
        raise StateError(f"{device.name}: the state is not an object of model, wires and state")
    model, wires, state = content["model"], content["wires"], content["state"]
    if model != type(device).__name__:
        raise StateError(
            f"{device.name}: field 'model' holds {model!r}, expected {type(device).__name__!r}"
        )
    if not isinstance(wires, dict) or wires.keys() != set(device.wires):
        raise StateError(f"{device.name}: field 'wires' does not name {', '.join(device.wires)}")
    for wire, level in wires.items():
        if not isinstance(level, bool):
            raise StateError(f"{device.name}: field 'wires.{wire}' holds {level!r}, not a level")
    if not isinstance(state, dict):
        raise StateError(f"{device.name}: field 'state' holds {state!r}, expected an object")
    # The levels come first: a model whose surroundings have moved on since (data waits on a line)
    # changes them while it loads.
    before = {wire: device.wire_level(wire) for wire in device.wires}
    _set_wires(device, wires)
    try:
        device.load(state)
    except StateError:
        _set_wires(device, before)
        raise


def _set_wires(device: Device, levels: dict[str, bool]) -> None:
    for wire, level in levels.items():
        device.set_wire(wire, level)

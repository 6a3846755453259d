# SPDX-License-Identifier: MIT
"""Saved states that somebody changed: a model takes each of them whole, or refuses it whole."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from testbed.remoteport.device import Device, StateError


def refusal(device: Device, state: dict[str, Any]) -> str | None:
    """Why the state was refused, or None when it was taken."""
    try:
        device.load(state)
    except StateError as error:
        return str(error)
    return None


def mutate(state: dict[str, Any], registers: Sequence[str | int], choice: random.Random) -> None:
    """Change a field, mostly one of the registers, to which these keys lead."""
    places: list[Any] = [state]
    place: Any = state
    try:
        for key in registers:
            place = place[key]
        places += [place] * 4
    except (TypeError, KeyError, IndexError):
        pass  # changed before
    place = choice.choice(places)
    if not isinstance(place, dict) or not place:
        return
    numbers = (0, 1, -1, 1 << choice.randrange(70), choice.getrandbits(choice.choice((16, 32))))
    place[choice.choice(sorted(place))] = choice.choice(
        (None, True, False, *numbers, "x", 1.5, [], {})
    )

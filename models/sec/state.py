# SPDX-License-Identifier: MIT
"""The checks that a saved state passes before a model of this package takes it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from testbed.remoteport.device import StateError

__all__ = ["Check"]


class Check:
    """A saved state of the model `name`; every method raises StateError naming the field."""

    def __init__(self, name: str, state: Any) -> None:
        self.name = name
        if not isinstance(state, dict):
            raise StateError(f"{name}: a state is an object, not {state!r}")
        self.state: dict[str, Any] = state

    def error(self, field: str, problem: str) -> StateError:
        return StateError(f"{self.name}: field {field!r} in the state: {problem}")

    def value(self, field: str) -> Any:
        try:
            return self.state[field]
        except KeyError:
            raise self.error(field, "is missing") from None

    def number(self, field: str, maximum: int) -> int:
        value = self.value(field)
        if type(value) is not int or not 0 <= value <= maximum:
            raise self.error(field, f"holds {value!r}, expected 0 to {maximum:#x}")
        return value

    def bits(self, field: str, mask: int) -> int:
        value = self.number(field, mask)
        if value & ~mask:
            raise self.error(field, f"holds {value:#x}, outside of {mask:#x}")
        return value

    def flag(self, field: str) -> bool:
        value = self.value(field)
        if type(value) is not bool:
            raise self.error(field, f"holds {value!r}, expected true or false")
        return value

    def numbers(self, field: str, count: int, maximum: int) -> list[int]:
        values = self.value(field)
        if not isinstance(values, list) or len(values) != count:
            raise self.error(field, f"holds {values!r}, expected {count} numbers")
        for value in values:
            if type(value) is not int or not 0 <= value <= maximum:
                raise self.error(field, f"holds {value!r}, expected 0 to {maximum:#x}")
        return list(values)

    def flags(self, field: str, count: int) -> list[bool]:
        values = self.value(field)
        if (
            not isinstance(values, list)
            or len(values) != count
            or any(type(value) is not bool for value in values)
        ):
            raise self.error(field, f"holds {values!r}, expected {count} times true or false")
        return list(values)

    def data(self, field: str, size: int) -> bytes:
        value = self.value(field)
        try:
            data = bytes.fromhex(value)
        except (TypeError, ValueError):
            raise self.error(field, f"holds {value!r}, expected hexadecimal digits") from None
        if len(data) != size:
            raise self.error(field, f"holds {len(data)} bytes, expected {size}")
        return data

    def nothing_else(self, fields: Collection[str]) -> None:
        for field in sorted(set(self.state) - set(fields)):
            raise self.error(field, "is not one of this model's")

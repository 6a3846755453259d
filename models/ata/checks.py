# SPDX-License-Identifier: MIT
"""Reading a saved state with suspicion: what does not fit is a StateError naming the field."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable
from typing import Any

from testbed.remoteport.device import StateError


def pack(data: bytes | bytearray | memoryview) -> str:
    """Bytes as JSON can hold them."""
    return base64.b64encode(zlib.compress(data, 1)).decode("ascii")


class Fields:
    """The fields of one level of a saved state. `path` names it in errors."""

    def __init__(self, state: Any, path: str, known: Iterable[str]) -> None:
        self.path = path
        if not isinstance(state, dict):
            raise StateError(f"{path}: {state!r:.40} where the fields of a state belong")
        self._state: dict[str, Any] = state
        known = set(known)
        for field in state:
            if field not in known:
                raise StateError(f"{path}: field {field!r:.40} of the saved state is not known")
        for field in known:
            if field not in state:
                raise StateError(f"{path}: field {field!r} is missing in the saved state")

    def error(self, field: str, problem: str) -> StateError:
        return StateError(f"{self.path}: field {field!r} of the saved state has {problem}")

    def value(self, field: str) -> Any:
        return self._state[field]

    def number(self, field: str, maximum: int, minimum: int = 0) -> int:
        value = self._state[field]
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(field, f"{value!r:.40} where a number belongs")
        if not minimum <= value <= maximum:
            raise self.error(field, f"{value}, outside {minimum} to {maximum}")
        return value

    def seconds(self, field: str) -> float:
        value = self._state[field]
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e12:
            raise self.error(field, f"{value!r:.40} where seconds belong")
        return float(value)

    def flag(self, field: str) -> bool:
        value = self._state[field]
        if not isinstance(value, bool):
            raise self.error(field, f"{value!r:.40} where true or false belongs")
        return value

    def items(self, field: str, most: int) -> list[Any]:
        value = self._state[field]
        if not isinstance(value, list):
            raise self.error(field, f"{value!r:.40} where a list belongs")
        if len(value) > most:
            raise self.error(field, f"{len(value)} entries, more than {most}")
        return value

    def numbers(self, field: str, count: int, maximum: int) -> list[int]:
        """A list of exactly `count` numbers."""
        values = self.items(field, count)
        if len(values) != count:
            raise self.error(field, f"{len(values)} entries, expected {count}")
        for value in values:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= maximum:
                raise self.error(field, f"{value!r:.40} where 0 to {maximum} belongs")
        return values

    def mapping(self, field: str, most: int) -> dict[int, Any]:
        """An object whose keys are numbers from 0 below `most`."""
        value = self._state[field]
        if not isinstance(value, dict):
            raise self.error(field, f"{value!r:.40} where an object belongs")
        result = {}
        for key, item in value.items():
            if not (isinstance(key, str) and key.isascii() and key.isdigit()) or len(key) > 20:
                raise self.error(field, f"the key {key!r:.40}")
            if int(key) >= most:
                raise self.error(field, f"the key {key}, beyond {most - 1}")
            result[int(key)] = item
        return result

    def data(self, field: str, size: int) -> bytes:
        """Bytes that `pack` packed, `size` of them."""
        return self.unpack(field, self._state[field], size)

    def unpack(self, field: str, value: Any, size: int) -> bytes:
        """As `data`, for a value inside `field`."""
        if not isinstance(value, str):
            raise self.error(field, f"{value!r:.40} where packed bytes belong")
        try:
            stream = zlib.decompressobj()
            data = stream.decompress(base64.b64decode(value, validate=True), size + 1)
        except (binascii.Error, ValueError, zlib.error) as error:
            raise self.error(field, f"packed bytes that do not unpack ({error})") from None
        if len(data) != size:
            raise self.error(field, f"{len(data)} packed bytes or more, expected {size}")
        return data

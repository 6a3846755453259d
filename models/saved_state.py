# SPDX-License-Identifier: MIT
"""Reading a saved state with suspicion: what does not fit is a StateError naming the field."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable
from typing import Any

from testbed.remoteport.device import StateError

__all__ = ["Fields", "pack"]


def pack(data: bytes | bytearray | memoryview) -> str:
    """Bytes as JSON can hold them: compressed, in base64. `Fields.packed` takes them out."""
    return base64.b64encode(zlib.compress(data, 1)).decode("ascii")


class Fields:
    """The fields of one object of the saved state of the model `name`.

    The object has the fields `known` and no others. `place` says where in the whole it lies.
    Every method raises StateError naming the field when that does not hold what is asked for.
    """

    def __init__(self, name: str, state: Any, known: Iterable[str], place: str = "") -> None:
        self.name = name
        self._prefix = f"{place}." if place else ""
        if not isinstance(state, dict):
            if not place:
                raise StateError(
                    f"{name}: the saved state holds {state!r:.60}, expected an object with fields"
                )
            raise StateError(f"{name}: field {place!r} holds {state!r:.60}, expected an object")
        self._state: dict[str, Any] = state
        expected = set(known)
        for field in sorted(expected - state.keys()):
            raise StateError(f"{name}: field {self._prefix + field!r} is missing")
        for field in sorted(map(str, state.keys() - expected)):
            raise StateError(f"{name}: field {self._prefix + field!r:.60} is not known")

    def part(self, place: str, state: Any, known: Iterable[str]) -> Fields:
        """The fields of an object that lies at `place` in this one."""
        return Fields(self.name, state, known, self._prefix + place)

    def error(self, field: str, problem: str) -> StateError:
        """What to raise about the value of `field`."""
        place, value = self._prefix + field, self._state[field]
        return StateError(f"{self.name}: field {place!r} holds {value!r:.90}, {problem}")

    def value(self, field: str) -> Any:
        """Whatever `field` holds."""
        return self._state[field]

    def number(self, field: str, maximum: int, minimum: int = 0) -> int:
        """A number from `minimum` to `maximum`, both included."""
        return self.item(field, self._state[field], maximum, minimum)

    def item(self, field: str, value: Any, maximum: int, minimum: int = 0) -> int:
        """As `number`, for a value inside `field`."""
        if type(value) is not int or not minimum <= value <= maximum:
            raise self.error(field, f"expected {minimum} to {maximum}{self._inside(field, value)}")
        return value

    def bits(self, field: str, mask: int) -> int:
        """A number that has no bits outside of `mask`."""
        return self._masked(field, self._state[field], mask)

    def bits_or_none(self, field: str, mask: int) -> int | None:
        """As `bits`, or null."""
        return None if self._state[field] is None else self.bits(field, mask)

    def one_of(self, field: str, allowed: Iterable[int]) -> int:
        """A number among `allowed`."""
        value, allowed = self._state[field], list(allowed)
        if type(value) is not int or value not in allowed:
            raise self.error(field, f"expected one of {', '.join(str(int(n)) for n in allowed)}")
        return value

    def seconds(self, field: str) -> float:
        """Seconds, less than 1e12 of them."""
        value = self._state[field]
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e12:
            raise self.error(field, "expected seconds")
        return float(value)

    def flag(self, field: str) -> bool:
        """True or false, and no number."""
        value = self._state[field]
        if not isinstance(value, bool):
            raise self.error(field, "expected true or false")
        return value

    def items(self, field: str, most: int) -> list[Any]:
        """A list of at most `most` items, whatever they are."""
        value = self._state[field]
        if not isinstance(value, list):
            raise self.error(field, "expected a list")
        if len(value) > most:
            raise self.error(field, f"{len(value)} items, expected at most {most}")
        return list(value)

    def exactly(self, field: str, count: int) -> list[Any]:
        """A list of `count` items, whatever they are."""
        values = self.items(field, count)
        if len(values) != count:
            raise self.error(field, f"{len(values)} items, expected {count}")
        return values

    def numbers(self, field: str, count: int, maximum: int) -> list[int]:
        """A list of exactly `count` numbers up to `maximum`."""
        return [self.item(field, value, maximum) for value in self.exactly(field, count)]

    def masked(self, field: str, most: int, mask: int) -> list[int]:
        """A list of at most `most` numbers without bits outside of `mask`."""
        return [self._masked(field, value, mask) for value in self.items(field, most)]

    def flags(self, field: str, count: int) -> list[bool]:
        """A list of exactly `count` flags."""
        values = self.exactly(field, count)
        if not all(isinstance(value, bool) for value in values):
            raise self.error(field, f"expected {count} times true or false")
        return values

    def pairs(self, field: str, most: int) -> list[tuple[Any, Any]]:
        """A list of at most `most` lists of two items, whatever they are."""
        result = []
        for pair in self.items(field, most):
            if not isinstance(pair, list) or len(pair) != 2:
                raise self.error(field, f"expected pairs, {pair!r:.40} is none")
            result.append((pair[0], pair[1]))
        return result

    def mapping(self, field: str, most: int) -> dict[int, Any]:
        """An object whose keys are numbers from 0 below `most`."""
        value = self._state[field]
        if not isinstance(value, dict):
            raise self.error(field, "expected an object")
        result = {}
        for key, item in value.items():
            digits = isinstance(key, str) and key.isascii() and key.isdigit() and len(key) <= 20
            if not digits or int(key) >= most:
                raise self.error(field, f"expected keys from 0 to {most - 1}, not {key!r:.40}")
            result[int(key)] = item
        return result

    def packed(self, field: str, size: int) -> bytes:
        """The bytes that `pack` packed, `size` of them."""
        return self.unpack(field, self._state[field], size)

    def unpack(self, field: str, value: Any, size: int) -> bytes:
        """As `packed`, for a value inside `field`."""
        if not isinstance(value, str):
            raise self.error(field, f"expected packed bytes{self._inside(field, value)}")
        try:
            stream = zlib.decompressobj()
            data = stream.decompress(base64.b64decode(value, validate=True), size + 1)
        except (binascii.Error, ValueError, zlib.error) as error:
            raise self.error(field, f"packed bytes that do not unpack ({error})") from None
        if len(data) != size:
            raise self.error(field, f"{len(data)} packed bytes or more, expected {size}")
        return data

    def hexadecimal(self, field: str, size: int) -> bytes:
        """The bytes that hexadecimal digits give, `size` of them."""
        value = self._state[field]
        try:
            data = bytes.fromhex(value)
        except (TypeError, ValueError):
            raise self.error(field, "expected hexadecimal digits") from None
        if len(data) != size:
            raise self.error(field, f"{len(data)} bytes, expected {size}")
        return data

    def _masked(self, field: str, value: Any, mask: int) -> int:
        if type(value) is not int or value < 0 or value & ~mask:
            raise self.error(field, f"expected bits of {mask:#x}{self._inside(field, value)}")
        return value

    def _inside(self, field: str, value: Any) -> str:
        return "" if value is self._state[field] else f", not {value!r:.40}"

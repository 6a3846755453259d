# SPDX-License-Identifier: MIT
"""How a device's model is made, as data: by what function, and of what."""

from __future__ import annotations

import dataclasses
import json
import re
import stat
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from testbed.artifacts.digest import file_sha256, json_sha256
from testbed.paths import PROJECT
from testbed.remoteport.device import Device

_SOURCES = (
    "models",
    "testbed/boards",
    "testbed/devicetree",
    "testbed/machine",
    "testbed/remoteport",
)
"""What makes a host, its tree and its models, and saves them."""
_DATA = (bytes, int, float, Enum, range, re.Pattern, type(None))
"""What is all in its repr."""
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class Indescribable(Exception):
    """A host that no digest can stand for, for the reason in the message."""


def model_content(make: Callable[..., Device]) -> list[Any]:
    """The function that makes a model, as JSON: where it stands, what it was made with and names.

    Of a class that it names, or a function, the files are looked at, and those of the classes it is
    derived from; not what these import. Raises Indescribable, and OSError when one is gone.
    """
    return _function(make, ())


def plain(text: str) -> str:
    """A repr that says what an object is, and not where. Raises Indescribable."""
    if _ADDRESS.search(text):
        raise Indescribable(f"the scenario's devices are made with {text:.60}")
    return text


@cache
def sources() -> str:
    """Digest of the sources of machine and models."""
    files = sorted(file for place in _SOURCES for file in (PROJECT / place).rglob("*.py"))
    return json_sha256([[str(file.relative_to(PROJECT)), _source(file)] for file in files])


def _function(make: Callable[..., Any], outer: tuple[Callable[..., Any], ...]) -> list[Any]:
    """`outer` are the functions it is looked at for."""
    if not isinstance(make, FunctionType):
        raise Indescribable(f"its models are made by {type(make).__name__}s")
    if make in outer:
        return [make.__qualname__]
    outer = (*outer, make)
    cells = [cell.cell_contents for cell in make.__closure__ or ()]
    defaults = (*(make.__defaults__ or ()), *(make.__kwdefaults__ or {}).values())
    given = [_value(value, outer) for value in (*cells, *defaults)]
    source = Path(make.__code__.co_filename)
    names = [] if _is_ours(source) else _named(make, outer)
    return [make.__qualname__, make.__code__.co_firstlineno, _source(source), given, names]


def _named(make: FunctionType, outer: tuple[Callable[..., Any], ...]) -> list[Any]:
    """The globals that a function names; those of our own sources are in the digest of these."""
    known = make.__globals__
    names = sorted({name for name in _names(make.__code__) if name in known})
    return [[name, _value(known[name], outer)] for name in names]


def _names(code: CodeType) -> Iterator[str]:
    """What a function names, and what functions inside it do."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _value(value: object, outer: tuple[Callable[..., Any], ...]) -> Any:
    """What a function uses: other functions, classes and records are looked into."""
    if isinstance(value, FunctionType):
        return _function(value, outer)
    if isinstance(value, type):
        return [value.__qualname__, [_file_of(base.__module__) for base in value.__mro__]]
    if isinstance(value, ModuleType):
        return _file_of(value.__name__)
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return [type(value).__name__, *(_value(getattr(value, f.name), outer) for f in fields)]
    if isinstance(value, tuple | list):
        return [_value(item, outer) for item in value]
    if isinstance(value, dict):
        return [[_value(key, outer), _value(item, outer)] for key, item in value.items()]
    if isinstance(value, set | frozenset):
        return sorted(json.dumps(_value(item, outer)) for item in value)
    if isinstance(value, str | Path):
        return [str(value), *_stamp(Path(value))]
    if not isinstance(value, _DATA):
        raise Indescribable(f"the scenario's models are made with {value!r:.60}")
    return repr(value)


def _stamp(path: Path) -> list[int]:
    """Size and time of the file that a path names, such as a disk's; nothing of any other text."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # too long for a path, or with a NUL in it
        return []
    return [status.st_size, status.st_mtime_ns] if stat.S_ISREG(status.st_mode) else []


def _file_of(module: str) -> str:
    """The module's name, and the digest of its file where it has one that is not ours."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or _is_ours(Path(file)):
        return module
    return f"{module} {_source(Path(file))}"


@cache
def _is_ours(file: Path) -> bool:
    return any(file.is_relative_to(PROJECT / place) for place in _SOURCES)


@cache
def _source(file: Path) -> str:
    return file_sha256(file)

# SPDX-License-Identifier: MIT
"""Everything that goes into a template, as data whose digest names it.

A host that would boot to another state has to have another digest; nothing else may be in it, or
no two runs would share a template.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

from testbed.artifacts import BoardArtifacts
from testbed.artifacts.digest import file_sha256, json_sha256
from testbed.artifacts.identity import content_sha256
from testbed.boards.board import Board, ChildNode, PlatformDevice
from testbed.machine.command import HostCommand
from testbed.paths import PROJECT
from testbed.remoteport.device import Device

_FORMAT = 1
_SOURCES = (
    "models",
    "testbed/boards",
    "testbed/devicetree",
    "testbed/machine",
    "testbed/remoteport",
)
"""What makes a host, its tree and its models, and saves them."""
_FACTORIES = ("model", "idle", "stand_in")
"""Of a device, what does not describe the machine; `model` is looked at by itself."""
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class Indescribable(Exception):
    """A host that no digest can stand for, for the reason in the message."""


def template_content(
    board: Board,
    artifacts: BoardArtifacts,
    devices: Sequence[PlatformDevice],
    *,
    state: Sequence[str] = (),
    models: Mapping[str, Device] | None = None,
    nodes: Sequence[ChildNode] = (),
    append: str = "",
    guest_qemu: Path | None = None,
    extra: Sequence[str] = (),
) -> dict[str, Any]:
    """What goes into a template, as a JSON object.

    `state` are the paths of devices that VFIO has in it, the rest is as `Host` takes it. Raises
    Indescribable, and OSError when a part cannot be read.
    """
    if models:
        raise Indescribable(f"the scenario has a model of its own behind {', '.join(models)}")
    if extra:
        raise Indescribable("the scenario has arguments of its own for QEMU")
    brought = {} if guest_qemu is None else {"guest-qemu": guest_qemu}
    parts = {
        "bridge": artifacts.bridge,
        "kernel": artifacts.host_kernel,
        "initramfs": artifacts.host_initramfs,
        "root": artifacts.root,
        "payload": artifacts.payload,
        **brought,
    }
    command = HostCommand(
        board, artifacts, tuple(devices), "host.dtb", append=append, guest_qemu=guest_qemu
    )
    places = {str(path): f"<{name}>" for name, path in parts.items()}
    return {
        "format": _FORMAT,
        "board": board.name,
        "bound": list(state),
        "qemu": _program(artifacts),
        "parts": {name: content_sha256(path) for name, path in parts.items()},
        "command": [_placed(word, places) for word in command.script_argv()[1:]],
        "devices": [_described(device) for device in devices],
        "models": {device.path: _factory(device.model) for device in devices},
        "nodes": [_plain(repr(node)) for node in nodes],
        "sources": _sources(),
    }


def _program(artifacts: BoardArtifacts) -> list[Any]:
    """The QEMU of the host; its package's files are not read for each run."""
    status = artifacts.qemu.stat()
    version = artifacts.manifest["qemu"]
    return [version["version"], version["package"], status.st_size, status.st_mtime_ns]


def _placed(word: str, places: Mapping[str, str]) -> str:
    """A word of the command line with names of parts, wherever they lie."""
    for path, name in places.items():
        word = word.replace(path.replace(",", ",,"), name)
    return word


def _described(device: PlatformDevice) -> dict[str, str]:
    return {
        field.name: _plain(repr(getattr(device, field.name)))
        for field in dataclasses.fields(device)
        if field.name not in _FACTORIES
    }


def _factory(make: Callable[..., Device]) -> list[Any]:
    """The function that makes a device's model: where it stands, and what it was made with."""
    if not isinstance(make, FunctionType):
        raise Indescribable(f"its models are made by {type(make).__name__}s")
    cells = [cell.cell_contents for cell in make.__closure__ or ()]
    given = [_given(value) for value in (*cells, *(make.__defaults__ or ()))]
    source = Path(make.__code__.co_filename)
    return [make.__qualname__, make.__code__.co_firstlineno, _source(source), given]


def _given(value: object) -> Any:
    """What a factory was made with: functions and records are looked into."""
    if isinstance(value, FunctionType):
        return _factory(value)
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return [type(value).__name__, *(_given(getattr(value, field.name)) for field in fields)]
    if isinstance(value, tuple | list):
        return [_given(item) for item in value]
    if isinstance(value, dict):
        return [[_given(key), _given(item)] for key, item in value.items()]
    return _plain(repr(value))


def _plain(text: str) -> str:
    """A repr that says what an object is, and not where."""
    if _ADDRESS.search(text):
        raise Indescribable(f"the scenario's devices are made with {text:.60}")
    return text


@cache
def _sources() -> str:
    """Digest of the sources of machine and models."""
    files = sorted(file for place in _SOURCES for file in (PROJECT / place).rglob("*.py"))
    return json_sha256([[str(file.relative_to(PROJECT)), _source(file)] for file in files])


@cache
def _source(file: Path) -> str:
    return file_sha256(file)

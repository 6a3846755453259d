# SPDX-License-Identifier: MIT
"""Everything that goes into a template, as data whose digest names it.

A host that would boot to another state has to have another digest; nothing else may be in it, or
no two runs would share a template.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from testbed.artifacts import BoardArtifacts
from testbed.artifacts.identity import content_sha256
from testbed.boards.board import Board, ChildNode, PlatformDevice
from testbed.machine.command import HostCommand
from testbed.machine.model_content import Indescribable, model_content, plain, sources

_FORMAT = 2
_FACTORIES = ("model", "idle", "stand_in")
"""Of a device, what does not describe the machine; `model` is looked at by itself."""


def template_content(
    board: Board,
    artifacts: BoardArtifacts,
    devices: Sequence[PlatformDevice],
    *,
    state: Sequence[str] = (),
    nodes: Sequence[ChildNode] = (),
    append: str = "",
    guest_qemu: Path | None = None,
    extra: Sequence[str] = (),
) -> dict[str, Any]:
    """What goes into a template, as a JSON object.

    `state` are the paths of devices that VFIO has in it, the rest is as `Host` takes it. Raises
    Indescribable, and OSError when a part cannot be read.
    """
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
        "models": {device.path: model_content(device.model) for device in devices},
        "nodes": [plain(repr(node)) for node in nodes],
        "sources": sources(),
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
        field.name: plain(repr(getattr(device, field.name)))
        for field in dataclasses.fields(device)
        if field.name not in _FACTORIES
    }

# SPDX-License-Identifier: MIT
"""Unpacks a bundle, which may come from anybody."""

from __future__ import annotations

import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.artifacts.digest import file_sha256
from testbed.bundle.format import INDEX, OWN, RUN, Index
from testbed.errors import Stage, TestbedError
from testbed.options import Options
from testbed.scenario.verdict import Verdict


@dataclass(frozen=True)
class Bundle:
    """An unpacked one. `options` are those of the run, with its seed and parts."""

    scenario: Path
    options: Options
    revision: str
    verdict: Verdict


def read_index(file: Path) -> Index:
    """What a bundle says of itself, without unpacking it. TestbedError when it is none."""
    try:
        with tarfile.open(file) as archive:
            first = archive.next()
            stream = archive.extractfile(first) if first and first.name == INDEX else None
            if stream is None:
                raise ValueError(f"it does not begin with {INDEX}")
            return Index.from_json(stream.read().decode())
    except _BROKEN as error:
        raise _broken(file, error) from None


def unpack(file: Path, folder: Path) -> Bundle:
    """Unpack a bundle below `folder`, and nowhere else. TestbedError when it is broken."""
    index = read_index(file)
    try:
        with tarfile.open(file) as archive:
            for member in archive:
                if member.name != INDEX and (member.name not in index.files or not member.isreg()):
                    raise ValueError(f"it has {member.name!r}, of which its {INDEX} does not know")
                archive.extract(member, folder, filter="data")
        for name, digest in index.files.items():
            if file_sha256(folder / name) != digest:
                raise ValueError(f"{name} in it is damaged")
        verdict = Verdict.read(folder / RUN)
        if verdict is None:
            raise ValueError("it has no verdict")
        return Bundle(folder / index.scenario, _options(index, folder), index.revision, verdict)
    except _BROKEN as error:
        raise _broken(file, error) from None


_BROKEN = (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, KeyError, TypeError)


def _options(index: Index, folder: Path) -> Options:
    fields: dict[str, Any] = {
        name: str(folder / value)
        if isinstance(value, str) and value.startswith(f"{OWN}/")
        else value
        for name, value in index.options.items()
    }
    fields["seed"] = index.seed
    fields["results"] = None
    manifest = f"{RUN}/manifest.json"
    fields["manifest"] = str(folder / manifest) if manifest in index.files else None
    return Options.from_fields(fields)


def _broken(file: Path, error: Exception) -> TestbedError:
    said = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
    return TestbedError(
        Stage.INFRASTRUCTURE, f"{file} is not a bundle that can be replayed: {said}"
    )

# SPDX-License-Identifier: MIT
"""Makes a bundle of a run."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from testbed.artifacts.digest import file_sha256
from testbed.bridge.build import SOURCE_SUBSET
from testbed.bundle.companions import companions
from testbed.bundle.format import INDEX, OWN, RUN, SCENARIO, Index
from testbed.errors import Stage, TestbedError
from testbed.options import Options
from testbed.runner.invocation import Invocation
from testbed.scenario.verdict import Verdict

_BROUGHT = ("kernel", "guest_kernel", "qemu", "qemu_source", "guest_qemu")
"""Options that name what the person running brought."""


def pack(run: Path, out: Path) -> int:
    """Write the bundle of the run in folder `run` to `out`, whole or not at all; its size in bytes.

    TestbedError when the run has not ended, or when what was brought for it is gone or different.
    """
    invocation = Invocation.read(run)
    verdict = Verdict.read(run)
    if verdict is None:
        raise _error(f"{run} has no verdict: the run goes on or was killed; bundle one that ended")
    options: dict[str, Any] = json.loads(invocation.options.to_json())
    contents: dict[str, Path] = {}
    for path in sorted(run.rglob("*")):
        if path.is_file() and not path.is_symlink():
            contents[f"{RUN}/{path.relative_to(run)}"] = path
    if not invocation.scenario.is_file():
        raise _error(f"the scenario of {run} is gone: {invocation.scenario}")
    for path in (invocation.scenario, *companions(invocation.scenario)):
        contents[f"{SCENARIO}/{path.name}"] = path
    _check_brought(run, invocation.options)
    for option in _BROUGHT:
        brought: Path | None = getattr(invocation.options, option)
        if isinstance(brought, Path):
            options[option], files = _brought(option, brought)
            contents.update(files)
    try:
        digests = {name: file_sha256(path) for name, path in contents.items()}
        index = Index(
            revision=invocation.revision,
            seed=verdict.seed,
            scenario=f"{SCENARIO}/{invocation.scenario.name}",
            options=options,
            files=digests,
        )
        return _write(out, index, contents)
    except OSError as error:
        raise _error(f"cannot write {out}: {error}") from None


def _brought(option: str, path: Path) -> tuple[str, dict[str, Path]]:
    """Its place in the bundle, and its files by their names there."""
    place = f"{OWN}/{option}/{path.name}"
    if path.is_file():
        return place, {place: path}
    if option != "qemu_source":
        raise _error(
            f"{path} is a folder, of which no bundle can be made; run with the image in it"
        )
    return place, {f"{place}/{file.relative_to(path)}": file for file in _headers(path)}


def _headers(source: Path) -> Iterator[Path]:
    """What of a QEMU's source the bridge is built from."""
    for part in SOURCE_SUBSET:
        for path in sorted([source / part, *(source / part).rglob("*")]):
            if path.is_file():
                yield path


def _check_brought(run: Path, options: Options) -> None:
    """TestbedError when a file is not the one that the run had."""
    try:
        digests = json.loads((run / "manifest.json").read_text())["overrides"]
    except (OSError, ValueError, KeyError):
        digests = {}  # the run did not come so far
    for option in _BROUGHT:
        path: Path | None = getattr(options, option)
        if not isinstance(path, Path):
            continue
        if not path.exists():
            raise _error(f"what the run was given is gone: {path}")
        was = digests.get(option.replace("_", " "))
        if was is not None and path.is_file() and file_sha256(path) != was:
            raise _error(f"{path} is not what it was in the run; a bundle would replay another")


def _write(out: Path, index: Index, contents: dict[str, Path]) -> int:
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        with tarfile.open(unfinished, "w:gz", format=tarfile.PAX_FORMAT) as archive:
            text = index.to_json().encode()
            about = tarfile.TarInfo(INDEX)
            about.size = len(text)
            archive.addfile(about, io.BytesIO(text))
            for name, path in contents.items():
                archive.add(path, name, recursive=False, filter=_nobodys)
        size = unfinished.stat().st_size
        unfinished.rename(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return size


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Users of this machine mean nothing on another; nor do hard links."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _error(message: str) -> TestbedError:
    return TestbedError(Stage.INFRASTRUCTURE, message)

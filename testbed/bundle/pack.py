# SPDX-License-Identifier: MIT
"""Makes a bundle of a run."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from testbed.artifacts import taken_from_tree
from testbed.artifacts.digest import file_sha256
from testbed.bridge.build import SOURCE_SUBSET
from testbed.bundle.companions import with_companions
from testbed.bundle.format import INDEX, OWN, RUN, SCENARIO, Index
from testbed.errors import Stage, TestbedError
from testbed.runner.invocation import Invocation
from testbed.scenario.verdict import Verdict

_BROUGHT = ("kernel", "guest_kernel", "qemu", "qemu_source", "guest_qemu")
"""Options that name what the person running brought."""

_KERNELS = {"kernel": "host", "guest_kernel": "guest"}
"""Those that may name a tree, of which a bundle has what the run took; and for which machine."""

_Content = Path | bytes


def pack(run: Path, out: Path) -> int:
    """Write the bundle of the run in folder `run` to `out`, whole or not at all; its size in bytes.

    TestbedError when the run has not ended, or when what was brought for it is gone or different.
    """
    invocation = Invocation.read(run)
    verdict = Verdict.read(run)
    if verdict is None:
        raise _error(f"{run} has no verdict: the run goes on or was killed; bundle one that ended")
    options: dict[str, Any] = json.loads(invocation.options.to_json())
    contents: dict[str, _Content] = {}
    for path in sorted(run.rglob("*")):
        if path.is_file() and not path.is_symlink():
            contents[f"{RUN}/{path.relative_to(run)}"] = path
    if not invocation.scenario.is_file():
        raise _error(f"the scenario of {run} is gone: {invocation.scenario}")
    for name in with_companions(invocation.scenario):
        contents[f"{SCENARIO}/{name}"] = invocation.scenario.parent / name
    manifest = _manifest(run)
    for option in _BROUGHT:
        brought: Path | None = getattr(invocation.options, option)
        if brought is not None:
            options[option], files = _brought(manifest, option, brought)
            contents.update(files)
    try:
        digests = {name: _sha256(content) for name, content in contents.items()}
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


def _manifest(run: Path) -> dict[str, Any]:
    """The run's; one without parts when it did not come so far."""
    try:
        return {"objects": {}, **json.loads((run / "manifest.json").read_text())}
    except (OSError, ValueError, TypeError):
        return {"objects": {}}


def _brought(manifest: dict[str, Any], option: str, path: Path) -> tuple[str, dict[str, _Content]]:
    """Its place in the bundle, and its files by their names there."""
    place = f"{OWN}/{option}/{path.name}"
    if option in _KERNELS:
        tree = taken_from_tree(manifest, _KERNELS[option])
        if tree is not None:
            return place, {f"{place}/{name}": content for name, content in tree.items()}
        if path.is_dir():
            raise _error(
                f"the run took no kernel from {path}, it ended before; bundle one that came so far"
            )
    if not path.exists():
        raise _error(f"what the run was given is gone: {path}")
    if path.is_dir():
        return place, {f"{place}/{file.relative_to(path)}": file for file in _headers(path)}
    was = manifest.get("overrides", {}).get(option.replace("_", " "))
    if was is not None and file_sha256(path) != was:
        raise _error(f"{path} is not what it was in the run; a bundle would replay another")
    return place, {place: path}


def _headers(source: Path) -> Iterator[Path]:
    """What of a QEMU's source the bridge is built from."""
    for part in SOURCE_SUBSET:
        for path in sorted([source / part, *(source / part).rglob("*")]):
            if path.is_file():
                yield path


def _write(out: Path, index: Index, contents: dict[str, _Content]) -> int:
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        # Links, hard ones too, are packed as the files that they lead to: others are refused.
        with tarfile.open(
            unfinished, "w:gz", format=tarfile.PAX_FORMAT, dereference=True
        ) as archive:
            for name, content in {INDEX: index.to_json().encode(), **contents}.items():
                if isinstance(content, Path):
                    archive.add(content, name, recursive=False, filter=_nobodys)
                else:
                    about = tarfile.TarInfo(name)
                    about.size = len(content)
                    archive.addfile(about, io.BytesIO(content))
        size = unfinished.stat().st_size
        unfinished.rename(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return size


def _sha256(content: _Content) -> str:
    return file_sha256(content) if isinstance(content, Path) else sha256(content).hexdigest()


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Users of this machine mean nothing on another."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _error(message: str) -> TestbedError:
    return TestbedError(Stage.INFRASTRUCTURE, message)

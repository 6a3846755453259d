# SPDX-License-Identifier: MIT
"""The QEMU that emulates the host, its source, and the bridge built for exactly that QEMU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from testbed.artifacts import lists
from testbed.artifacts.commands import Commands
from testbed.artifacts.digest import file_sha256
from testbed.artifacts.failure import failure
from testbed.artifacts.selection import Selection
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import unpack_source
from testbed.bridge import build as bridge
from testbed.errors import TestbedError


@dataclass(frozen=True)
class Distributed:
    """A system emulator of the distribution: its program, and the package that brings it."""

    program: Path
    package: str


@dataclass(frozen=True)
class Qemu:
    """`source_version` is the Debian source package it was built from, None when `source` is
    a tree that the user named.
    """

    program: Path
    version_output: str
    """What `--version` prints."""
    source_version: str | None
    source: Path | None

    @property
    def version(self) -> bridge.QemuVersion:
        return bridge.QemuVersion.parse(self.version_output)


def find_qemu(
    commands: Commands, distributed: Distributed, program: Path | None, source: Path | None
) -> Qemu:
    """The QEMU to use: the distribution's, or `program` with its `source`. Raises TestbedError.

    A `program` without `source` must be of the distribution's very version.
    """
    if program is None and source is not None:
        raise failure(
            f"a QEMU source tree was named ({source}) without its program; name both, or neither"
        )
    output = _version_output(commands, program or distributed.program, brought=program is not None)
    if source is not None:
        if not (source / "VERSION").is_file():
            raise failure(f"{source} is not a QEMU source tree: it has no file VERSION")
        return Qemu(program or distributed.program, output, None, source.resolve())
    if program is not None and output != _version_output(commands, distributed.program):
        first = output.splitlines()[0]
        raise failure(
            f"{program} is {first}, which is not the distribution's; name its source tree too, "
            "because the bridge is built for one exact QEMU"
        )
    version = commands.run(
        ["dpkg-query", "-W", "-f", "${source:Version}", distributed.package],
        what=f"find the version of the installed {distributed.package}",
    )
    return Qemu(program or distributed.program, output, version.strip(), None)


def _version_output(commands: Commands, program: Path, *, brought: bool = False) -> str:
    if not program.is_file():
        advice = "" if brought else "; run 'testbed doctor'"
        raise failure(f"the QEMU of the emulated host is not there: {program}{advice}")
    output = commands.run([program, "--version"], what=f"ask {program} for its version")
    try:
        bridge.QemuVersion.parse(output)
    except TestbedError:
        first = (output.splitlines() or ["nothing"])[0]
        raise failure(
            f"{program} is not a QEMU system emulator: asked for its version, it says {first!r}"
        ) from None
    return output


def qemu_source_target(selection: Selection) -> Target:
    """Outputs: what the bridge reads of QEMU's source, with the distribution's patches applied,
    because they carry the stable updates.
    """

    def build(work: Workspace) -> None:
        tree = work.scratch / "source"
        unpack_source(work, selection.packages, tree)
        for name in bridge.SOURCE_SUBSET:
            if (tree / name).exists():
                (work.out / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).rename(work.out / name)

    return Target(
        "QEMU source",
        build,
        packages=selection.packages,
        inputs={"subset": " ".join(bridge.SOURCE_SUBSET)},
        sources=(Path(__file__),),
    )


def bridge_target(qemu: Qemu, source: Target | None) -> Target:
    """Output: testbed-rp.so. `source` is the source of a distribution's QEMU."""
    if source is not None:
        inputs = {"qemu": qemu.version_output}
    else:
        inputs = {"qemu": file_sha256(qemu.program), "source": str(qemu.source)}

    def build(work: Workspace) -> None:
        tree = work.need("QEMU source") if source is not None else qemu.source
        assert tree is not None
        bridge.build(tree, qemu.version_output, work.out / "testbed-rp.so")

    return Target(
        "bridge",
        build,
        needs=() if source is None else (source,),
        inputs=inputs,
        sources=lists.files_below(bridge.HERE, suffixes=(".c", ".h", ".py")),
    )

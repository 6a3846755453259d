# SPDX-License-Identifier: MIT
"""The bridge is built for one QEMU, says so, and refuses every other."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from bridge_rig import BASE, Bank, Machine, QemuExited, device, version_of

from testbed.bridge.build import SOURCE_SUBSET, QemuVersion, build
from testbed.errors import Stage, TestbedError
from testbed.remoteport.server import Server


def test_version_is_read_as_qemu_prints_it() -> None:
    text = (
        "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\n"
        "Copyright (c) 2003-2022 Fabrice Bellard and the QEMU Project developers\n"
    )
    assert QemuVersion.parse(text) == QemuVersion(7, 2, 22, "Debian 1:7.2+dfsg-7+deb12u18+b3")
    assert QemuVersion.parse("QEMU emulator version 10.1.0") == QemuVersion(10, 1, 0, "")


@pytest.mark.parametrize("text", ["", "GNU ld 2.40", "qemu-img version 7.2.22"])
def test_other_programs_are_not_qemu(text: str) -> None:
    with pytest.raises(TestbedError, match="cannot read the version of QEMU") as error:
        QemuVersion.parse(text)
    assert error.value.stage is Stage.ARTIFACTS


def test_source_of_another_release(qemu_source: Path, folder: Path) -> None:
    with pytest.raises(TestbedError, match=r"is the source of QEMU .*, the program is 1\.2\.3"):
        build(qemu_source, "QEMU emulator version 1.2.3 (x)", folder / "bridge.so")


def test_folder_that_is_no_source(folder: Path) -> None:
    with pytest.raises(TestbedError, match="is not a QEMU source tree"):
        build(folder, "QEMU emulator version 1.2.3 (x)", folder / "bridge.so")


def test_compiler_errors_are_shown(qemu: Path, qemu_source: Path, folder: Path) -> None:
    with pytest.raises(TestbedError, match=r"compiling .*error: not-there\.h") as error:
        build(
            qemu_source,
            version_of(qemu),
            folder / "bridge.so",
            cc="gcc -include not-there.h",
        )
    assert error.value.excerpt
    assert list(folder.iterdir()) == []


def test_missing_compiler(qemu: Path, qemu_source: Path, folder: Path) -> None:
    with pytest.raises(TestbedError, match="there is no program 'no-such-compiler'"):
        build(qemu_source, version_of(qemu), folder / "bridge.so", cc="no-such-compiler")


def test_subset_is_enough_and_the_result_reproducible(
    qemu: Path, qemu_source: Path, bridge_so: Path, folder: Path
) -> None:
    subset = folder / "elsewhere"
    for name in SOURCE_SUBSET:
        if (qemu_source / name).exists():
            (subset / name).parent.mkdir(parents=True, exist_ok=True)
            (subset / name).symlink_to((qemu_source / name).resolve())
    build(subset, version_of(qemu), folder / "out" / "bridge.so")
    data = (folder / "out" / "bridge.so").read_bytes()
    assert data == bridge_so.read_bytes()
    assert str(folder).encode() not in data
    assert str(Path(__file__).parents[2]).encode() not in data


Start = Callable[[Path], Machine]


@pytest.fixture
def start_with(qemu: Path, folder: Path, serve: Callable[..., Server], cleanup: ExitStack) -> Start:
    """Starts a machine with another bridge."""

    def start_with(bridge: Path) -> Machine:
        serve(Bank())
        machine = Machine(qemu, bridge, folder, [device()])
        cleanup.callback(machine.close)
        return machine

    return start_with


def test_another_package_is_refused(
    qemu: Path, qemu_source: Path, folder: Path, start_with: Start, rng: random.Random
) -> None:
    """The same release with other patches is another QEMU."""
    own = version_of(qemu)
    other = f"{own.split(' (')[0]} (Debian 1:{rng.randrange(100)}.0-1)"
    build(qemu_source, other, folder / "bridge.so")
    with pytest.raises(QemuExited) as exited:
        start_with(folder / "bridge.so")
    line = str(exited.value)
    assert line.count("\n") == 1
    match = re.search(r"built for QEMU (.*), this is QEMU (.*); run 'testbed setup'", line)
    assert match, line
    assert match.groups() == tuple(
        text.split("QEMU emulator version ")[1].split("\n")[0] for text in (other, own)
    )


def test_rebuild_of_the_same_package_is_accepted(
    qemu: Path, qemu_source: Path, folder: Path, start_with: Start, rng: random.Random
) -> None:
    own = version_of(qemu)
    stem = re.sub(r"(\+b\d+)?\)$", "", own.splitlines()[0])
    build(qemu_source, f"{stem}+b{rng.randrange(10, 1000)})", folder / "bridge.so")
    machine = start_with(folder / "bridge.so")
    machine.write(BASE, 4, 5)
    assert machine.read(BASE, 4) == 5

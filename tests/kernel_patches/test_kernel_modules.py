# SPDX-License-Identifier: MIT
"""build_vfio_modules: the modules fit the kernel, and each thing that can break says so in a line.

The error paths run against a small stand-in for the kernel's build that compiles with the real
cross compiler; test_modules_fit_the_kernel runs the kernel's own.
"""

from __future__ import annotations

import errno
import random
import re
import shutil
import time
from pathlib import Path

import pytest

from testbed.artifacts.kernel_modules import build_vfio_modules
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError

SERIES = Path(__file__).resolve().parents[2] / "kernel-patches/vfio-platform"

STAND_IN = """\
modules:
\t@echo 'make leaves a line that is no error'
\t@for name in $(M)/*.c $(M)/reset/*.c; do $(CC) $(KCFLAGS) -c -o $${name%.c}.o $$name || exit; done
"""


@pytest.fixture
def rng() -> random.Random:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    return random.Random(seed)


@pytest.fixture
def headers(tmp_path: Path) -> Path:
    """A folder shaped like unpacked headers packages, with STAND_IN as the kernel's Makefile."""
    sources = tmp_path / "headers/usr/src"
    (sources / "linux-headers-6.12.0-common").mkdir(parents=True)
    (sources / "linux-headers-6.12.0-common/Makefile").write_text(STAND_IN)
    (sources / "linux-headers-6.12.0-arm64/scripts/mod").mkdir(parents=True)
    (sources / "linux-headers-6.12.0-arm64/scripts/mod/modpost").touch()
    (sources / "linux-headers-6.12.0-arm64/.config").touch()
    return tmp_path / "headers"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A drivers/vfio/platform of two files."""
    folder = tmp_path / "source"
    (folder / "reset").mkdir(parents=True)
    (folder / "Makefile").touch()
    (folder / "one.c").write_text("int one;\n")
    (folder / "reset/two.c").write_text("int two;\n")
    return folder


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A series without patches."""
    folder = tmp_path / "subject"
    folder.mkdir()
    (folder / "series").touch()
    return folder


def add_patch(series: Path, name: str, path: str, before: str, after: str) -> None:
    """A patch that replaces the one-line file `path`."""
    with (series / "series").open("a") as listing:
        listing.write(f"{name}\n")
    (series / name).write_text(f"--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-{before}\n+{after}\n")


def fail(source: Path, headers: Path, out: Path, series: Path, **options: object) -> TestbedError:
    """The error of a build, with the rules that hold for every one of them."""
    with pytest.raises(TestbedError) as caught:
        build_vfio_modules(source, headers, out, series=series, **options)  # type: ignore[arg-type]
    assert caught.value.stage is Stage.ARTIFACTS
    assert "\n" not in caught.value.message
    assert not list(out.glob("*.ko"))
    assert not (out / "source").exists()
    return caught.value


def test_patch_that_does_not_apply(
    source: Path, headers: Path, series: Path, tmp_path: Path
) -> None:
    add_patch(series, "0001-good.patch", "drivers/vfio/platform/one.c", "int one;", "int uno;")
    add_patch(series, "0002-stale.patch", "drivers/vfio/platform/one.c", "int one;", "int un;")
    error = fail(source, headers, tmp_path / "out", series)
    assert "subject/0002-stale.patch" in error.message
    assert "drivers/vfio/platform/one.c" in error.message
    assert (source / "one.c").read_text() == "int one;\n"


def test_compile_error_is_the_first_one(
    source: Path, headers: Path, series: Path, tmp_path: Path, rng: random.Random
) -> None:
    name, line = f"absent_{rng.getrandbits(64):x}", rng.randrange(2, 400)
    text = "\n" * (line - 1) + f"int two = {name};\nint three = {name}_again;\n"
    (source / "reset/two.c").write_text(text)
    error = fail(source, headers, tmp_path / "out", series)
    place = f"drivers/vfio/platform/reset/two.c:{line}:"
    assert re.search(rf" {re.escape(place)}\d+: error: .*{name}\W", error.message)
    assert f"{name}_again" not in error.message
    assert any(f"{name}_again" in excerpt for excerpt in error.excerpt)


def test_compiler_that_is_not_there(
    source: Path, headers: Path, series: Path, tmp_path: Path
) -> None:
    error = fail(source, headers, tmp_path / "out", series, cross="no-such-machine-")
    assert "no-such-machine-gcc is not installed" in error.message


def test_build_that_hangs(source: Path, headers: Path, series: Path, tmp_path: Path) -> None:
    (headers / "usr/src/linux-headers-6.12.0-common/Makefile").write_text(
        f"modules:\n\t@echo $$$$ > {tmp_path}/pid; trap '' TERM; while :; do sleep 1000; done\n"
    )
    start = time.monotonic()
    error = fail(source, headers, tmp_path / "out", series, deadline=Deadline(1.0))
    assert "not done after 1 s" in error.message
    assert time.monotonic() - start < 20
    shell = int((tmp_path / "pid").read_text())
    state = Path(f"/proc/{shell}/stat")
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() - start < 20, "the hung command outlived the build"


@pytest.mark.parametrize(
    ("absent", "complaint"),
    [
        ("linux-headers-6.12.0-common", "one -common and one flavour package"),
        ("linux-headers-6.12.0-arm64", "one -common and one flavour package"),
        ("linux-headers-6.12.0-arm64/scripts/mod/modpost", "linux-kbuild package"),
    ],
)
def test_incomplete_headers(
    source: Path, headers: Path, series: Path, tmp_path: Path, absent: str, complaint: str
) -> None:
    path = headers / "usr/src" / absent
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    assert complaint in fail(source, headers, tmp_path / "out", series).message


def test_two_kernels_in_one_folder(
    source: Path, headers: Path, series: Path, tmp_path: Path
) -> None:
    flavour = headers / "usr/src/linux-headers-6.12.0-arm64"
    shutil.copytree(flavour, flavour.with_name("linux-headers-6.12.1-arm64"))
    message = fail(source, headers, tmp_path / "out", series).message
    assert (
        "linux-headers-6.12.0-arm64, linux-headers-6.12.0-common, linux-headers-6.12.1" in message
    )


def test_full_disk_is_told_apart(source: Path, headers: Path, series: Path, tmp_path: Path) -> None:
    """The cache knows what to say about it, and needs the error number for that."""
    (headers / "usr/src/linux-headers-6.12.0-common/Makefile").write_text(
        "modules:\n\t@/bin/echo all of it > /dev/full\n"
    )
    with pytest.raises(OSError, match="No space left") as caught:
        build_vfio_modules(source, headers, tmp_path / "out", series=series)
    assert caught.value.errno == errno.ENOSPC
    assert not (tmp_path / "out/source").exists()


def test_surroundings_do_not_reach_the_build(
    source: Path, headers: Path, series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build inside `make check` must not take its flags, nor the caller's kernel settings."""
    monkeypatch.setenv("MAKEFLAGS", "-n")
    monkeypatch.setenv("KCFLAGS", "-DBROKEN")
    monkeypatch.setenv("KBUILD_OUTPUT", "/nowhere")
    (headers / "usr/src/linux-headers-6.12.0-common/Makefile").write_text(
        "modules:\n\t@env | grep -e BROKEN -e KBUILD_OUTPUT; echo 'x.c:1:1: error: reached' >&2;"
        " false\n"
    )
    assert "x.c:1:1: error: reached" in fail(source, headers, tmp_path / "out", series).message


def test_path_that_make_cannot_take(
    source: Path, headers: Path, series: Path, tmp_path: Path
) -> None:
    message = fail(source, headers, tmp_path / "out put", series).message
    assert "out put" in message
    assert "TESTBED_CACHE" in message


def test_modules_fit_the_kernel(linux_source: Path, linux_headers: Path, tmp_path: Path) -> None:
    (flavour,) = (linux_headers / "usr/src").glob("linux-headers-*/.config")
    release = flavour.parent.name.removeprefix("linux-headers-")
    source = linux_source / "drivers/vfio/platform"
    built = {}
    for out in (tmp_path / "a", tmp_path / "another/place"):
        modules = build_vfio_modules(source, linux_headers, out, series=SERIES)
        built[out] = {module.name: module.read_bytes() for module in modules}
        assert all(module.parent == out for module in modules)
    first, second = built.values()
    assert list(first) == [
        "vfio-platform-base.ko",
        "vfio-platform-ns16550a.ko",
        "vfio-platform.ko",
    ]
    assert first == second, "the result depends on where it was built"
    for content in first.values():
        assert f"\0vermagic={release} ".encode() in content
        assert str(tmp_path).encode() not in content
    assert b"alias=vfio-reset:ns16550a\0" in first["vfio-platform-ns16550a.ko"]

# SPDX-License-Identifier: MIT
"""build_modules: the modules fit the kernel, and each thing that can break says so in a line.

The error paths run against a small stand-in for the kernel's build that compiles with the real
cross compiler; test_modules_fit_the_kernel runs the kernel's own.
"""

from __future__ import annotations

import errno
import random
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from testbed.artifacts.arm_virt import TOOLS
from testbed.artifacts.kernel_modules import build_modules
from testbed.artifacts.module_sets import PLAIN_JOB_RING, VFIO_PLATFORM, ModuleSet
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError

FOLDER = VFIO_PLATFORM.subtree

STAND_IN = """\
modules:
\t@echo 'make leaves a line that is no error'
\t@for name in $(M)/*.c $(M)/reset/*.c; do $(CC) $(KCFLAGS) -c -o $${name%.c}.o $$name || exit; done
"""

CONFIG = "# Linux/arm64 6.12.0 Kernel Configuration\n"


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
    (sources / "linux-headers-6.12.0-arm64/.config").write_text(CONFIG)
    return tmp_path / "headers"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source with a drivers/vfio/platform of two files, and a third beside it."""
    source = tmp_path / "source"
    folder = source / FOLDER
    (folder / "reset").mkdir(parents=True)
    (source / "drivers/else").mkdir()
    (source / "drivers/else/three.c").write_text("int three;\n")
    (folder / "Makefile").touch()
    (folder / "one.c").write_text("int one;\n")
    (folder / "reset/two.c").write_text("int two;\n")
    return source


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
    wanted = replace(VFIO_PLATFORM, series=series)
    with pytest.raises(TestbedError) as caught:
        build_modules(wanted, source, headers, out, **{"cross": TOOLS.prefix, **options})  # type: ignore[arg-type]
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
    assert (source / FOLDER / "one.c").read_text() == "int one;\n"


def test_patch_may_reach_outside_the_folder(
    source: Path, headers: Path, series: Path, tmp_path: Path
) -> None:
    """It is applied there, to the one file it touches, and the source stays as it was."""
    add_patch(series, "0001-good.patch", "drivers/else/three.c", "int three;", "int tre;")
    add_patch(series, "0002-stale.patch", "drivers/else/three.c", "int three;", "int trois;")
    error = fail(source, headers, tmp_path / "out", series)
    assert "subject/0002-stale.patch" in error.message
    assert "patch failed: drivers/else/three.c:1" in error.message
    assert (source / "drivers/else/three.c").read_text() == "int three;\n"


def test_compile_error_is_the_first_one(
    source: Path, headers: Path, series: Path, tmp_path: Path, rng: random.Random
) -> None:
    name, line = f"absent_{rng.getrandbits(64):x}", rng.randrange(2, 400)
    text = "\n" * (line - 1) + f"int two = {name};\nint three = {name}_again;\n"
    (source / FOLDER / "reset/two.c").write_text(text)
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
    error = fail(source, headers, tmp_path / "out", series, deadline=Deadline(3.0))
    assert "not done after 3 s" in error.message
    assert time.monotonic() - start < 20
    shell = int((tmp_path / "pid").read_text())
    state = Path(f"/proc/{shell}/stat")
    with suppress(FileNotFoundError, ProcessLookupError):  # it is gone
        while state.read_text().rpartition(")")[2].split()[0] != "Z":
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


def test_a_build_tree_is_one_folder(source: Path, series: Path, tmp_path: Path) -> None:
    """What a kernel that was built here leaves for its modules, whatever its architecture."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / ".config").write_text(CONFIG.replace("arm64", "powerpc"))
    (tree / "Makefile").write_text(
        'modules:\n\t@echo "$(ARCH) $(CURDIR) $(M)" > $(CURDIR)/said\n'
        "\t@cp $(M)/one.c $(M)/one.ko\n"
    )
    wanted = replace(VFIO_PLATFORM, series=series, modules=("one.ko",))
    out = tmp_path / "out"
    assert build_modules(wanted, source, tree, out, cross="") == [out / "one.ko"]
    assert (tree / "said").read_text() == f"powerpc {tree} {out}/source/{FOLDER}\n"


@pytest.mark.parametrize(
    ("config", "told"),
    [("", "none -traced"), ("CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=y\n", " ")],
)
def test_a_newer_compilers_kernel_is_told_of_the_workstations(
    source: Path, series: Path, headers: Path, tmp_path: Path, config: str, told: str
) -> None:
    """And where its configuration lies, which since Linux 6.13 is not where make is run."""
    common = headers / "usr/src/linux-headers-6.12.0-common"
    flavour = headers / "usr/src/linux-headers-6.12.0-arm64"
    (flavour / ".config").write_text(CONFIG + config)
    (common / "Makefile").write_text(
        "CC_FLAGS_FTRACE := -traced\nCONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT := none\n"
        'modules:\n\t@echo "$(O) $(CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT) $(CC_FLAGS_FTRACE)"'
        f" > {tmp_path}/said\n\t@cp $(M)/one.c $(M)/one.ko\n"
    )
    wanted = replace(VFIO_PLATFORM, series=series, modules=("one.ko",))
    build_modules(wanted, source, headers, tmp_path / "out", cross=TOOLS.prefix)
    assert (tmp_path / "said").read_text() == f"{flavour} {told}\n"


def test_what_a_kernel_needs_first_is_applied_first(
    source: Path, headers: Path, series: Path, tmp_path: Path
) -> None:
    first = tmp_path / "subject-6.1"
    first.mkdir()
    add_patch(first, "0001-first.patch", "drivers/vfio/platform/one.c", "int one;", "int uno;")
    add_patch(series, "0001-then.patch", "drivers/vfio/platform/one.c", "int uno;", "int un;")
    (headers / "usr/src/linux-headers-6.12.0-common/Makefile").write_text(
        "modules:\n\t@cp $(M)/one.c $(M)/one.ko\n"
    )
    wanted = replace(VFIO_PLATFORM, before=(first,), series=series, modules=("one.ko",))
    (built,) = build_modules(wanted, source, headers, tmp_path / "out", cross=TOOLS.prefix)
    assert built.read_text() == "int un;\n"


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
        build_modules(
            replace(VFIO_PLATFORM, series=series),
            source,
            headers,
            tmp_path / "out",
            cross=TOOLS.prefix,
        )
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


@pytest.fixture(scope="module")
def built(
    linux_source: Path, linux_headers: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[ModuleSet], list[Path]]:
    """The modules of a set, as runs use them, built once."""

    @cache
    def build(wanted: ModuleSet) -> list[Path]:
        out = tmp_path_factory.mktemp("built")
        return build_modules(wanted, linux_source, linux_headers, out, cross=TOOLS.prefix)

    return build


@pytest.mark.parametrize("wanted", [VFIO_PLATFORM, PLAIN_JOB_RING], ids=lambda wanted: wanted.name)
def test_modules_fit_the_kernel(
    wanted: ModuleSet, linux_headers: Path, built: Callable[[ModuleSet], list[Path]]
) -> None:
    (flavour,) = (linux_headers / "usr/src").glob("linux-headers-*/.config")
    release = flavour.parent.name.removeprefix("linux-headers-")
    modules = built(wanted)
    assert [path.name for path in modules] == [Path(name).name for name in wanted.modules]
    for module in modules:
        content = module.read_bytes()
        assert f"\0vermagic={release} ".encode() in content
        assert str(module.parent).encode() not in content


def test_result_does_not_depend_on_the_place(
    linux_source: Path,
    linux_headers: Path,
    tmp_path: Path,
    built: Callable[[ModuleSet], list[Path]],
) -> None:
    out = tmp_path / "another/place"
    here = build_modules(VFIO_PLATFORM, linux_source, linux_headers, out, cross=TOOLS.prefix)
    there = built(VFIO_PLATFORM)
    assert [path.read_bytes() for path in here] == [path.read_bytes() for path in there]


@pytest.mark.parametrize(
    ("module", "compatible"),
    [
        ("vfio-platform-ns16550a.ko", "ns16550a"),
        ("vfio-platform-ahci.ko", "generic-ahci"),
        ("vfio-platform-ahci.ko", "fsl,ls1021a-ahci"),
        ("vfio-platform-caam-jr.ko", "fsl,sec-v4.0-job-ring"),
        ("vfio-platform-caam-jr.ko", "fsl,sec-v5.0-job-ring"),
        ("vfio-platform-caam-jr.ko", "fsl,sec-v5.4-job-ring"),
        ("vfio-platform-fsl-sata.ko", "fsl,pq-sata"),
        ("vfio-platform-fsl-sata.ko", "fsl,pq-sata-v2"),
    ],
)
def test_reset_handler_is_found(
    module: str, compatible: str, built: Callable[[ModuleSet], list[Path]]
) -> None:
    """vfio-platform asks for it by an alias with the device's first compatible string."""
    (path,) = [path for path in built(VFIO_PLATFORM) if path.name == module]
    content = path.read_bytes()
    assert re.search(rb"\0?alias=vfio-reset:%s\0" % compatible.encode(), content)
    assert content.count(compatible.encode() + b"\0") >= 2, "the alias leads to no handler"

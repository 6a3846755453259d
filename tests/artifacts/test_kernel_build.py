# SPDX-License-Identifier: MIT
"""A kernel built here: all its parts, going on after a kill, and one line for what goes wrong.

The source is a small stand-in with a Makefile of its own; the workstation's compiler is real.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tarfile
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest
from artifact_rig import Steps, has_ended, tree
from kernel_rig import MAKEFILE, source_selection

from testbed.artifacts import commands as commands_module
from testbed.artifacts import kernel_build
from testbed.artifacts import make as make_module
from testbed.artifacts.cache import Cache
from testbed.artifacts.commands import Commands
from testbed.artifacts.download import Downloader
from testbed.artifacts.kernel_build import (
    KernelRecipe,
    built_headers_target,
    built_kernel_target,
)
from testbed.artifacts.mirrors import Mirrors
from testbed.artifacts.targets import Target, Workshop
from testbed.deadline import Deadline
from testbed.errors import TestbedError

SPAWN = multiprocessing.get_context("spawn")
KernelOf = Callable[..., Target]


@pytest.fixture
def fragment(tmp_path: Path) -> Path:
    path = tmp_path / "small.config"
    path.write_text("# Why\nCONFIG_ONE=y\nCONFIG_TWO=m\n")
    return path


@pytest.fixture
def kernel_of(cache: Cache, tmp_path: Path, fragment: Path) -> KernelOf:
    def make(makefile: str = MAKEFILE, *series: Path) -> Target:
        folder = tmp_path / "source"
        shutil.rmtree(folder, ignore_errors=True)
        return kernel(cache, folder, fragment, makefile, *series)

    return make


def kernel(cache: Cache, folder: Path, fragment: Path, makefile: str, *series: Path) -> Target:
    recipe = KernelRecipe("powerpc", "", fragment, series)
    return built_kernel_target(recipe, source_selection(cache, folder, makefile))


def workshop(cache: Cache, progress: Steps) -> Workshop:
    mirrors = Mirrors(main="http://archive.invalid", security=None, suites=())
    commands = Commands()
    return Workshop(
        cache, commands, Downloader(cache, lambda: mirrors, commands, progress), progress
    )


def made(cache: Cache, target: Target, progress: Steps | None = None) -> Path:
    shop = workshop(cache, progress or Steps())
    shop.make([target])
    return shop.objects.folder(target.recipe)


def broken(cache: Cache, target: Target) -> TestbedError:
    with pytest.raises(TestbedError) as caught:
        made(cache, target)
    assert "\n" not in caught.value.message
    assert tree(cache.unfinished) == [], "the next build would fail in it again"
    return caught.value


def test_all_parts_are_there(cache: Cache, kernel_of: KernelOf, progress: Steps) -> None:
    target = kernel_of()
    out = made(cache, target, progress)
    assert tree(out) == [
        *("Image", "System.map", "config", "headers.tar"),
        *("modules", "modules/6.12.0-small", "modules/6.12.0-small/modules.order"),
    ]
    assert (out / "Image").read_bytes().startswith(b"\x7fELF")
    assert "CONFIG_TWO=m" in (out / "config").read_text()
    assert progress.parts == sorted(progress.parts)
    assert progress.parts[0] == 0
    assert tree(cache.unfinished) == []

    headers = made(cache, built_headers_target(target))
    assert (headers / "scripts/said").read_text() == "powerpc cc cc\n"
    assert (headers / ".config").read_bytes() == (out / "config").read_bytes()
    assert (headers / "arch/powerpc/lib/crtsavres.o").is_file()


def test_an_image_that_the_build_makes_of_it_stays_as_it_is(
    cache: Cache, tmp_path: Path, fragment: Path
) -> None:
    makefile = MAKEFILE + "small.img: vmlinux\n\t@mkdir -p boot\n\t@echo packed > boot/$@\n"
    recipe = KernelRecipe("powerpc", "", fragment, (), image="boot/small.img")
    selection = source_selection(cache, tmp_path / "source", makefile)
    target = built_kernel_target(recipe, selection, "small kernel")
    assert target.name == "small kernel"
    assert (made(cache, target) / "Image").read_text() == "packed\n"


@pytest.mark.parametrize("drivers", [(), ("usb",)])
def test_drivers_are_unpacked_for_who_is_built_from_them(
    cache: Cache, tmp_path: Path, fragment: Path, drivers: tuple[str, ...]
) -> None:
    test = "test -e" if drivers else "! test -e"
    makefile = MAKEFILE.replace("modules:\n", f"modules:\n\t@{test} drivers/usb/core/usb.c\n")
    recipe = KernelRecipe("powerpc", "", fragment, (), drivers=drivers)
    made(cache, built_kernel_target(recipe, source_selection(cache, tmp_path / "s", makefile)))


def test_the_same_twice(cache: Cache, kernel_of: KernelOf, tmp_path: Path) -> None:
    """Whenever, wherever and by whomever it is built."""
    target = kernel_of()
    out = made(cache, target)
    first = {name: (out / name).read_bytes() for name in tree(out) if (out / name).is_file()}
    other = Cache(tmp_path / "elsewhere/cache")
    other.create()
    shutil.copytree(cache.blobs, other.blobs, dirs_exist_ok=True)
    out = made(other, target)
    assert first == {name: (out / name).read_bytes() for name in first}
    with tarfile.open(out / "headers.tar") as packed:
        assert {(member.mtime, member.uid, member.uname) for member in packed} == {(0, 0, "")}


def test_surroundings_do_not_reach_the_build(
    cache: Cache, kernel_of: KernelOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEFLAGS", "-n")
    monkeypatch.setenv("KBUILD_BUILD_USER", "somebody")
    monkeypatch.setenv("ARCH", "vax")
    out = made(cache, kernel_of())
    assert (out / "System.map").read_text() == "testbed\n"
    assert "Linux/powerpc " in (out / "config").read_text()


def test_what_no_kernel_reads_is_not_unpacked(cache: Cache, kernel_of: KernelOf) -> None:
    check = "modules:\n\t@! find . -name 'left-out*' | grep . >&2\n"
    made(cache, kernel_of(MAKEFILE.replace("modules:\n", check)))


def test_patches_apply_in_the_order_given(
    cache: Cache, kernel_of: KernelOf, tmp_path: Path
) -> None:
    series = []
    for name, before, after in (("first", "one", "uno"), ("second", "uno", "eins")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "series").write_text("0001-change.patch\n")
        (folder / "0001-change.patch").write_text(
            f"--- a/one.c\n+++ b/one.c\n@@ -1 +1 @@\n-int {before};\n+int {after};\n"
        )
        series.append(folder)
    makefile = MAKEFILE.replace("modules:\n", "modules:\n\t@grep -q eins one.c\n")
    made(cache, kernel_of(makefile, *series))
    assert "second/0001-change.patch" in broken(cache, kernel_of(makefile, *series[::-1])).message


def test_a_symbol_that_is_dropped_is_named(
    cache: Cache, kernel_of: KernelOf, fragment: Path
) -> None:
    fragment.write_text("CONFIG_ONE=y\nCONFIG_LOST=m\n# CONFIG_LOST_TOO=y\n")
    error = broken(cache, kernel_of())
    assert "small.config asks: CONFIG_LOST=m became n;" in error.message
    assert error.excerpt == ("CONFIG_LOST=m became n",)


def test_a_compile_error_is_one_line(cache: Cache, kernel_of: KernelOf, tmp_path: Path) -> None:
    folder = tmp_path / "breaks"
    folder.mkdir()
    (folder / "series").write_text("0001-break.patch\n")
    (folder / "0001-break.patch").write_text(
        "--- a/two.c\n+++ b/two.c\n@@ -1 +1 @@\n-int two;\n+int two = absent;\n"
    )
    message = broken(cache, kernel_of(MAKEFILE, folder)).message
    assert message.startswith("cannot build the kernel with gcc: two.c:1:11: error: ")


def test_compiler_that_is_not_there(cache: Cache, tmp_path: Path, fragment: Path) -> None:
    recipe = KernelRecipe("powerpc", "no-such-machine-", fragment, ())
    target = built_kernel_target(recipe, source_selection(cache, tmp_path / "source"))
    assert "no-such-machine-gcc is not installed" in broken(cache, target).message


@pytest.mark.parametrize("there", [True, False])
def test_ccache_is_used_when_it_is_there(
    cache: Cache,
    kernel_of: KernelOf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
) -> None:
    used = tmp_path / "used"
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("sh", *_PROGRAMS):
        found = shutil.which(program)
        assert found is not None, program
        (programs / program).symlink_to(found)
    if there:
        (programs / "ccache").write_text(f'#!/bin/sh\necho "$CCACHE_DIR" >> {used}\nexec "$@"\n')
        (programs / "ccache").chmod(0o755)
    for module in (commands_module, make_module, kernel_build):
        monkeypatch.setattr(module, "SEARCH_PATH", str(programs))
    monkeypatch.setenv("CCACHE_DIR", "/its/place")
    made(cache, kernel_of())
    assert used.exists() == there
    if there:
        assert set(used.read_text().split()) == {"/its/place"}


_PROGRAMS = (
    *("as", "cc", "dpkg-deb", "echo", "env", "gcc", "git", "grep", "ld", "ln", "make", "mkdir"),
    *("setpriv", "setsid", "sleep", "strip", "tar", "touch", "xz"),
)

# Stops in the second file, deaf to everything but a kill, after having said where it is.
HANGING = MAKEFILE.replace(
    "\t@$(CC) -c -o $@ $<\n",
    "\t@echo $@ >> ../../../compiled\n"
    "\t@if [ $@ = two.o ] && [ -p ../../../here ]; then"
    " trap '' PIPE TERM HUP INT; echo $$$$ > ../../../here; exec sleep 600; fi\n"
    "\t@$(CC) -c -o $@ $<\n",
).replace("vmlinux: one.o two.o three.o\n", "two.o: one.o\nthree.o: two.o\nvmlinux: three.o\n")


def _build(root: Path, folder: Path, fragment: Path) -> None:
    made(Cache(root), kernel(Cache(root), folder, fragment, HANGING))


def start_and_hang(cache: Cache, tmp_path: Path, fragment: Path) -> tuple[SpawnProcess, int]:
    """A run of another process that hangs in the second file, and the process that hangs."""
    here = cache.root / "here"
    os.mkfifo(here)
    run = SPAWN.Process(target=_build, args=(cache.root, tmp_path / "first", fragment))
    run.start()
    with here.open() as said:
        return run, int(said.read())


def test_a_killed_build_goes_on_where_it_was(
    cache: Cache, tmp_path: Path, fragment: Path, progress: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_build, "_OBJECTS", 3)
    run, hanging = start_and_hang(cache, tmp_path, fragment)
    os.kill(run.pid or 0, signal.SIGKILL)
    run.join(60)
    (cache.root / "here").unlink()
    assert Path(f"/proc/{hanging}").exists()

    made(cache, kernel(cache, tmp_path / "again", fragment, HANGING), progress)
    assert (cache.root / "compiled").read_text().split() == ["one.o", "two.o", "two.o", "three.o"]
    deadline = Deadline(20)
    while not has_ended(hanging):
        assert not deadline.expired, "what the killed run left is still at work"
    done = kernel_build._READY + (kernel_build._COMPILED - kernel_build._READY) / 3
    assert progress.parts[0] == pytest.approx(done)
    assert progress.parts == sorted(progress.parts)
    assert tree(cache.unfinished) == []


def test_what_was_not_prepared_to_its_end_is_prepared_anew(
    cache: Cache, kernel_of: KernelOf
) -> None:
    target = kernel_of()
    half = cache.unfinished / target.recipe.digest / "linux"
    half.mkdir(parents=True)
    (half / "one.c").write_text("int half")
    made(cache, target)

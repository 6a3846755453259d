# SPDX-License-Identifier: MIT
"""Programs of a root file system that are built here: what their builds are told, what comes out.

The sources are small stand-ins, each with the part of the real one that the recipe deals with, and
the workstation's compiler builds them.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from artifact_rig import Steps, make_workshop, tree
from source_rig import NATIVE, binary_package, source_package

from testbed.artifacts.busybox import built_busybox_target
from testbed.artifacts.cache import Cache
from testbed.artifacts.kernel_config import symbols
from testbed.artifacts.lists import GUESTS
from testbed.artifacts.selection import Selection, Wish
from testbed.artifacts.targets import Target
from testbed.artifacts.userland import e2fsprogs_target, modprobe_target, sfdisk_target
from testbed.errors import TestbedError

# Its programs print what configure was told.
CONFIGURE = """#!/bin/sh
for word; do
    echo "$word"
    case $word in CC=* | LDFLAGS=*) echo "${word%%=*} = ${word#*=}" >>config.mk ;; esac
done >said
[ -z "$CFLAGS$LIBS$MAKEFLAGS" ] || echo "the caller's CFLAGS, LIBS or MAKEFLAGS are here" >>said
sed 's/.*/"&\\\\n"/' said >said.h
"""
PROGRAM = (
    '#include <stdio.h>\nint main(void)\n{\n    fputs(\n#include "said.h"\n    , stdout);\n}\n'
)
E2FSPROGS = {
    "configure": CONFIGURE,
    "main.c": PROGRAM,
    "Makefile": "libs:\n\ttouch libs.done\n",
    "misc/Makefile": "include ../config.mk\n"
    "mke2fs: ../libs.done\n\t$(CC) -I.. $(LDFLAGS) -o $@ ../main.c\n",
    "e2fsck/Makefile": "include ../config.mk\n"
    "e2fsck: ../libs.done\n\t$(CC) -I.. $(LDFLAGS) -o $@ ../main.c\n",
}
UTIL_LINUX = {
    "configure": CONFIGURE,
    "main.c": PROGRAM,
    # As after a patch: make finds that its own tools ought to run.
    "Makefile": "include config.mk\nAUTOMAKE = exit 1; automake\n"
    "sfdisk.static: made\n\t$(CC) $(LDFLAGS) -static -o $@ main.c\nmade:\n\t$(AUTOMAKE)\n",
}
MESON = """
import pathlib, sys
command, folder, source, *options = sys.argv[1:]
folder = pathlib.Path(folder)
folder.mkdir()
(folder / "said.h").write_text("".join(f'"{option}\\\\n"\\n' for option in options))
(folder / "build.ninja").write_text(f'''
rule program
  command = gcc -static -I. -o $out {source}/main.c
build kmod: program
''')
"""
# Of two values the first counts, as in busybox; SYMBOL is one that it does not know.
BUSYBOX = """
allnoconfig:
\tprintf 'CONFIG_ONLY_HERE="x"\\nCONFIG_ASH=n\\nCONFIG_FEATURE_COPYBUF_KB=4\\n' >.config
oldconfig:
\tgrep ^CONFIG_ .config | grep -v '^SYMBOL=' | awk -F= '!seen[$$1]++' >sorted && mv sorted .config
busybox:
\tgrep -x CONFIG_ONLY_HERE=.x. .config
\t(echo "$(BB_EXTRA_VERSION)"; cat .config) >busybox
"""


def build(cache: Cache, progress: Steps, target: Target) -> Path:
    workshop = make_workshop(cache, progress)
    workshop.make([target])
    return workshop.objects.folder(target.recipe)


def sources(cache: Cache, folder: Path, name: str, files: dict[str, str]) -> Selection:
    return Selection(Wish("sources", {}), (source_package(cache, folder, name, files),))


def said(program: Path) -> list[str]:
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()


def is_static(program: Path) -> bool:
    done = subprocess.run(["readelf", "-l", "-S", program], capture_output=True, text=True)
    return "INTERP" not in done.stdout and ".symtab" not in done.stdout


@pytest.fixture(autouse=True)
def caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CFLAGS", "LIBS", "MAKEFLAGS"):
        monkeypatch.setenv(name, "--the-callers")


def test_e2fsprogs(cache: Cache, progress: Steps, tmp_path: Path) -> None:
    selection = sources(cache, tmp_path, "e2fsprogs", E2FSPROGS)
    out = build(cache, progress, e2fsprogs_target(selection, NATIVE))
    sbin = out / "usr/sbin"
    assert tree(sbin) == ["e2fsck", "mke2fs", "mkfs.ext4"]
    assert (sbin / "mkfs.ext4").readlink() == Path("mke2fs")
    for name in ("e2fsck", "mke2fs"):
        assert is_static(sbin / name)
        told = said(sbin / name)
        assert "--disable-nls" in told
        assert not [line for line in told if "the caller" in line]


def test_sfdisk(cache: Cache, progress: Steps, tmp_path: Path) -> None:
    selection = sources(cache, tmp_path, "util-linux", UTIL_LINUX)
    out = build(cache, progress, sfdisk_target(selection, NATIVE))
    assert tree(out) == ["usr", "usr/sbin", "usr/sbin/sfdisk"]
    assert is_static(out / "usr/sbin/sfdisk")
    assert "--enable-fdisks=check" in said(out / "usr/sbin/sfdisk")


def test_modprobe(cache: Cache, progress: Steps, tmp_path: Path) -> None:
    selection = sources(cache, tmp_path, "kmod", {"main.c": PROGRAM})
    place = "usr/lib/python3/dist-packages/mesonbuild"
    files = {f"{place}/__init__.py": "", f"{place}/mesonmain.py": MESON}
    meson = binary_package(cache, tmp_path, "meson", files)
    target = modprobe_target(selection, Selection(Wish("tools", {}), (meson,)), NATIVE)
    out = build(cache, progress, target)
    assert is_static(out / "usr/sbin/modprobe")
    assert {"-Dxz=disabled", "-Dmanpages=false"} <= set(said(out / "usr/sbin/modprobe"))


def test_busybox_has_what_is_asked_for(cache: Cache, progress: Steps, tmp_path: Path) -> None:
    selection = sources(cache, tmp_path, "busybox", {"Makefile": BUSYBOX})
    out = build(cache, progress, built_busybox_target(selection, NATIVE))
    version, *config = (out / "busybox").read_text().splitlines()
    assert version == selection.packages[0].version
    asked = symbols((GUESTS / "busybox/busybox.config").read_text())
    assert symbols("\n".join(config)) == {"CONFIG_ONLY_HERE": '"x"', **asked}


def test_a_symbol_that_busybox_does_not_know(cache: Cache, progress: Steps, tmp_path: Path) -> None:
    makefile = BUSYBOX.replace("SYMBOL", "CONFIG_AWK")
    selection = sources(cache, tmp_path, "busybox", {"Makefile": makefile})
    with pytest.raises(TestbedError, match=r"cannot configure busybox .* CONFIG_AWK=y became n"):
        build(cache, progress, built_busybox_target(selection, NATIVE))

# SPDX-License-Identifier: MIT
"""Nested QEMU: what its configure is told and given, what comes out, and its patches.

GLib, meson and QEMU are small stand-ins here, each with the part of the real one that the recipe
deals with.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from artifact_rig import Steps, make_workshop
from source_rig import NATIVE, binary_package, source_package

from testbed.artifacts import archive, lists, nested_qemu
from testbed.artifacts.cache import Cache
from testbed.artifacts.commands import Commands
from testbed.artifacts.download import Downloader
from testbed.artifacts.mirrors import find_mirrors
from testbed.artifacts.nested_qemu import (
    ARM,
    PATCHES,
    POWER,
    Flavour,
    nested_qemu_target,
    unpack_qemu,
)
from testbed.artifacts.patch_series import apply_series, read_series, touched_files
from testbed.artifacts.progress import progress_for
from testbed.artifacts.resolver import Resolver
from testbed.artifacts.selection import Selection, Wish
from testbed.artifacts.static_library import LIBFDT, PCRE2, ZLIB
from testbed.artifacts.targets import Target, Workshop, Workspace
from testbed.artifacts.unpack import authors_source
from testbed.errors import TestbedError
from tests.patch_form import check_listing, check_message, check_numbers, check_reasons

# meson, as far as `setup FOLDER SOURCE OPTION...` goes, for the GLib below.
MESON = '''
import pathlib, sys
command, folder, source, *options = sys.argv[1:]
folder = pathlib.Path(folder)
(folder / "glib").mkdir(parents=True)
(folder / "glib/glibconfig.h").touch()
(folder / "said").write_text("\\n".join(options))
(folder / "build.ninja").write_text(f"""
rule ar
  command = gcc -c -o glib.o {source}/glib/gone.c && ar rcsD $out glib.o
rule touch
  command = touch $out
build glib/libglib-2.0.a: ar
build glib/glib-visibility.h glib/gversionmacros.h gmodule/gmodule-visibility.h: touch
""")
'''
GLIB = {
    "glib/glib.h": "",
    "glib/glib-object.h": "",
    "glib/glib-unix.h": "",
    "glib/gone.h": "int g_one(void);\n",
    "glib/gone.c": "int g_one(void) { return 1; }\n",
    "glib/deprecated/gold.h": "",
    "glib/tests/left-out.h": "",
    "gmodule/gmodule.h": "",
}
# QEMU is a program of one file, which the series and the list of devices have a say in.
CONFIGURE = """#!/bin/sh -e
top=$(dirname "$0")
for option; do
    case $option in
    --cc=*) cc=${option#*=} ;;
    --extra-cflags=*) cflags=${option#*=} ;;
    --extra-ldflags=*) ldflags=${option#*=} ;;
    --with-devices-ppc=*) devices=${option#*=} ;;
    esac
done
test -s "$top/configs/devices/ppc-softmmu/$devices.mak"
test -z "$CALLERS"
test ! -e "$top/roms"
test -e "$top/pc-bios/roms/needed"
test "$(cat "$top/pc-bios/meson.build")" = "roms = []"
libs=$($PKG_CONFIG --libs glib-2.0 zlib libfdt libpcre2-8)
cat > build.ninja <<END
rule cc
  command = $cc $cflags -o \\$out $top/main.c $ldflags $libs
build qemu-system-ppc: cc
END
"""
QEMU = {
    "configure": CONFIGURE,
    "main.c": "#include <glib-2.0/glib/gone.h>\nint main(void)\n{\n\treturn 0;\n}\n",
    "configs/devices/ppc-softmmu/default.mak": "",
    "roms/left-out": "",
    "pc-bios/roms/needed": "",
    "pc-bios/meson.build": "roms = files('gone.fd.bz2')\n",
}
PATCH = """\
--- a/main.c
+++ b/main.c
@@ -1,5 +1,6 @@
 #include <glib-2.0/glib/gone.h>
+char patched[] = "by the series" __FILE__;
 int main(void)
 {
 \\treturn 0;
 }
"""


def libraries() -> dict[str, dict[str, str]]:
    """Sources with every file that the recipes of the plain libraries name."""
    sources = {}
    for library in (ZLIB, PCRE2, LIBFDT):
        files = dict.fromkeys((*library.headers, *library.copies), "")
        files |= {
            unit.replace("*", "one"): f"int {library.archive.replace('-', '_')}_{number};\n"
            for number, unit in enumerate(library.units)
        }
        sources[library.source] = files
    return sources


@pytest.fixture
def series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A series for the small QEMU, instead of the real one."""
    folder = tmp_path / "patches"
    folder.mkdir()
    (folder / "series").write_text("0001-main.patch\n")
    (folder / "0001-main.patch").write_text(PATCH.replace("\\t", "\t"))
    monkeypatch.setattr(nested_qemu, "PATCHES", folder)
    return folder


def make(cache: Cache, progress: Steps, folder: Path) -> Path:
    """Build it all in `cache` and return the program."""
    return outputs(cache, progress, folder, "nested QEMU") / "bin/qemu-system-ppc"


def outputs(cache: Cache, progress: Steps, folder: Path, name: str) -> Path:
    """Build it all and return the outputs of the target `name`."""
    files = {**libraries(), "glib2.0": GLIB, "qemu": QEMU}
    sources = [source_package(cache, folder, name, content) for name, content in files.items()]
    python = "usr/lib/python3/dist-packages/mesonbuild"
    meson = {f"{python}/__init__.py": "", f"{python}/mesonmain.py": MESON}
    package = binary_package(cache, folder, "meson", meson)
    target = nested_qemu_target(
        POWER,
        Selection(Wish("sources", {}), tuple(sources)),
        Selection(Wish("tools", {}), (package,)),
        NATIVE,
    )
    workshop = make_workshop(cache, progress)
    workshop.make([target])
    (found,) = (part for part in (target, *target.needs) if part.name == name)
    return workshop.objects.folder(found.recipe)


def test_program_is_static_stripped_and_patched(
    cache: Cache,
    progress: Steps,
    commands: Commands,
    tmp_path: Path,
    series: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CFLAGS", "CALLERS", "PKG_CONFIG_PATH"):
        monkeypatch.setenv(name, "-from-the-caller")
    program = make(cache, progress, tmp_path)
    content = program.read_bytes()
    assert b"by the series" in content
    assert bytes(tmp_path) not in content
    headers = commands.run(["readelf", "-lS", program], what="read the program")
    assert "INTERP" not in headers
    assert ".symtab" not in headers
    assert progress.parts[-1] == pytest.approx(1.0)
    names = ("meson", "GLib", "zlib", "libfdt", "libpcre2-8", "nested QEMU")
    assert {f"build {name}" for name in names} == set(progress.steps)


def test_headers_of_glib_are_where_users_look(
    cache: Cache, progress: Steps, tmp_path: Path, series: Path
) -> None:
    include = outputs(cache, progress, tmp_path, "GLib") / "include/glib-2.0"
    assert {str(path.relative_to(include)) for path in include.rglob("*.h")} == {
        *("glib.h", "glib-object.h", "glib-unix.h", "glibconfig.h", "gmodule.h"),
        *("glib/gone.h", "glib/deprecated/gold.h"),
        *("glib/glib-visibility.h", "glib/gversionmacros.h", "gmodule/gmodule-visibility.h"),
    }


def test_bytes_do_not_depend_on_the_place(progress: Steps, tmp_path: Path, series: Path) -> None:
    programs = []
    for name in ("one", "a-longer-name"):
        cache = Cache(tmp_path / name / "cache")
        cache.create()
        programs.append(make(cache, progress, tmp_path / name))
    assert programs[0].read_bytes() == programs[1].read_bytes()


def test_stale_patch_is_named(cache: Cache, progress: Steps, tmp_path: Path, series: Path) -> None:
    (series / "0001-main.patch").write_text(PATCH.replace("int main", "int mein"))
    with pytest.raises(TestbedError, match=r"^cannot apply patches/0001-main\.patch: .*main\.c"):
        make(cache, progress, tmp_path)


def test_new_series_is_another_object(tmp_path: Path, series: Path, cache: Cache) -> None:
    """And its libraries are the same as before."""
    steps = Steps()
    make(cache, steps, tmp_path)
    again = Steps()
    (series / "0001-main.patch").write_text(PATCH.replace("\\t", "\t").replace("by the", "by a"))
    assert b"by a series" in make(cache, again, tmp_path).read_bytes()
    assert again.steps == ["build nested QEMU"]


@pytest.mark.parametrize("flavour", [ARM, POWER], ids=lambda flavour: flavour.target)
def test_devices_are_those_that_guests_need(flavour: Flavour) -> None:
    devices = lists.read_list(flavour.devices)
    assert devices == sorted(set(devices), key=devices.index)
    assert all(re.fullmatch(r"CONFIG_[A-Z0-9_]+=y", device) for device in devices)
    assert "CONFIG_VFIO_PLATFORM=y" in devices


def test_series_has_the_form_for_upstream() -> None:
    check_listing(PATCHES)
    check_numbers(PATCHES)
    for patch in read_series(PATCHES):
        check_message(patch)
        check_reasons(patch)


@pytest.fixture(scope="module")
def pristine() -> Path:
    """What the series touches, of the source package that nested QEMU is built from."""
    cache, commands, progress = Cache.default(), Commands(), progress_for()
    cache.create()
    mirrors = partial(find_mirrors, commands)
    wish = archive.sources_wish(["qemu"])
    (selection,) = Resolver(cache, commands, progress, mirrors).resolve(
        [(wish, partial(archive.take_sources, progress))]
    )
    packages = authors_source(selection.packages, "qemu")
    touched = touched_files(PATCHES)

    def build(work: Workspace) -> None:
        unpack_qemu(work, packages, work.scratch / "source")
        for name in (*touched, "scripts/checkpatch.pl"):
            (work.out / name).parent.mkdir(parents=True, exist_ok=True)
            if (work.scratch / "source" / name).exists():  # the series adds the others
                (work.scratch / "source" / name).rename(work.out / name)

    target = Target(
        "nested QEMU's pristine source",
        build,
        packages=packages,
        inputs={"touched": " ".join(touched)},
    )
    workshop = Workshop(cache, commands, Downloader(cache, mirrors, commands, progress), progress)
    workshop.make([target])
    return workshop.objects.folder(target.recipe)


def test_series_applies_to_the_pristine_source(pristine: Path, tmp_path: Path) -> None:
    touched = touched_files(PATCHES)
    assert touched
    before = {name: _content(pristine / name) for name in touched}
    for name, content in before.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            (tmp_path / name).write_bytes(content)
    apply_series(PATCHES, tmp_path)
    assert [name for name in touched if _content(tmp_path / name) == before[name]] == []


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def test_checkpatch_is_silent(pristine: Path, commands: Commands) -> None:
    checkpatch = pristine / "scripts/checkpatch.pl"
    for patch in read_series(PATCHES):
        # It fails on warnings too.
        commands.run(
            ["perl", checkpatch, "--strict", "--no-signoff", "--no-tree", "--terse", patch],
            what=f"check {patch.name}",
        )

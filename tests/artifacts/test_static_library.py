# SPDX-License-Identifier: MIT
"""Static libraries: compiled from their files alone, found through pkg-config, and reproducible."""

from __future__ import annotations

import subprocess
from pathlib import Path
from random import Random

import pytest
from artifact_rig import Steps, make_workshop
from source_rig import NATIVE, source_package

from testbed.artifacts.cache import Cache
from testbed.artifacts.selection import Selection, Wish
from testbed.artifacts.static_library import LIBFDT, PCRE2, ZLIB, Library, library_target
from testbed.errors import TestbedError

LIBRARY = Library(
    name="small",
    archive="sm",
    source="small-source",
    units=("src/*.c",),
    headers=("src/small.h",),
    flags=("-DHAVE_ANSWER",),
    users_flags="-DUSES_SMALL",
    copies={"src/config.h.generic": "src/config.h"},
)
USER = """
#include <small.h>
#ifndef USES_SMALL
#error "the user's flags are missing"
#endif
int main(void) { return answer() + other(); }
"""


def make(cache: Cache, progress: Steps, folder: Path, answer: int, unit: str = "") -> Path:
    """Build LIBRARY, whose answer() is `answer` and other() its line's file name's length."""
    files = {
        "src/config.h.generic": f"#define ANSWER {answer}\n",
        "src/small.h": "int answer(void);\nint other(void);\n",
        "src/answer.c": '#include "config.h"\n#ifdef HAVE_ANSWER\n'
        "int answer(void) { return ANSWER; }\n#endif\n",
        "src/other.c": f"{unit}\nint other(void) {{ return sizeof(__FILE__); }}\n",
        "test/main.c": "int main(void) { return 0; }\n",
    }
    package = source_package(cache, folder, LIBRARY.source, files)
    target = library_target(LIBRARY, Selection(Wish("sources", {}), (package,)), NATIVE)
    workshop = make_workshop(cache, progress)
    workshop.make([target])
    return workshop.objects.folder(target.recipe)


def test_program_links_with_it(
    cache: Cache, progress: Steps, tmp_path: Path, random: Random
) -> None:
    answer = random.randrange(100)
    place = make(cache, progress, tmp_path, answer)
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "small"],
        env={"PKG_CONFIG_LIBDIR": str(place / "lib/pkgconfig")},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    ).stdout.split()
    (tmp_path / "user.c").write_text(USER)
    program = tmp_path / "user"
    subprocess.run(
        ["gcc", "-o", program, tmp_path / "user.c", *flags],
        check=True,
        timeout=60,
        capture_output=True,
    )
    status = subprocess.run([program], timeout=60, check=False).returncode
    assert status == answer + len("src/other.c") + 1
    assert progress.parts == [0.0, 0.5, 1.0]


def test_bytes_do_not_depend_on_the_place(progress: Steps, tmp_path: Path) -> None:
    archives = []
    for name in ("one", "another"):
        cache = Cache(tmp_path / name / "cache")
        cache.create()
        archives.append(make(cache, progress, tmp_path / name, 1) / "lib/libsm.a")
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_compile_error_is_told(cache: Cache, progress: Steps, tmp_path: Path) -> None:
    with pytest.raises(
        TestbedError, match=r"^cannot build small: .*src/other\.c:1:2: error: #error absent$"
    ):
        make(cache, progress, tmp_path, 1, unit="#error absent")


@pytest.mark.parametrize("library", [ZLIB, PCRE2, LIBFDT], ids=lambda library: library.name)
def test_users_find_what_they_include(library: Library) -> None:
    assert library.units
    assert all(Path(header).suffix == ".h" for header in library.headers)
    assert all(unit.endswith(".c") for unit in library.units)

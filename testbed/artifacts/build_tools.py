# SPDX-License-Identifier: MIT
"""Programs that come with a kernel's headers, from a newer release than the workstation's.

They are the workstation's programs, and want the C library of the release they come from.
"""

from __future__ import annotations

import os
from pathlib import Path

from testbed.artifacts.failure import failure

_LOADER = "ld-linux-x86-64.so.2"
# One of the programs finds another by the name that it was called by.
_WRAPPER = """\
#!/bin/sh
# Run with the C library of its own release, wherever both lie.
here=$(dirname "$(readlink -f "$0")")
exec "$here/{loader}" --argv0 "$0" --library-path "$here/{libraries}" "$here/{program}" "$@"
"""


def run_with_library(folder: Path, library: Path) -> None:
    """Make all programs below `folder` run with the unpacked libc6 in `library`, from where it is.

    Each becomes NAME.elf, and NAME a script. Both folders may be moved together. Raises
    TestbedError when there is no loader in `library`, OSError.
    """
    loaders = [path for path in library.rglob(_LOADER) if not path.is_symlink()]
    if not loaders:
        raise failure(f"the C library in {library} has no {_LOADER}; the package is another one")
    for program in [path for path in folder.rglob("*") if _is_program(path)]:
        real = program.rename(program.with_name(f"{program.name}.elf"))
        program.write_text(
            _WRAPPER.format(
                loader=os.path.relpath(loaders[0], program.parent),
                libraries=os.path.relpath(loaders[0].parent, program.parent),
                program=real.name,
            )
        )
        program.chmod(0o755)


def _is_program(path: Path) -> bool:
    if path.is_symlink() or not path.is_file() or not os.access(path, os.X_OK):
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"

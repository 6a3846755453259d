# SPDX-License-Identifier: MIT
"""Building programs for an emulated machine that Debian has no packages for: static and small."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.artifacts.alone import alone
from testbed.artifacts.commands import SEARCH_PATH
from testbed.artifacts.failure import failure
from testbed.artifacts.make import Make
from testbed.artifacts.targets import Workspace
from testbed.deadline import Deadline

_SECONDS = 1800.0


@dataclass(frozen=True)
class CrossTools:
    """Compiler and binutils for a machine."""

    prefix: str
    """Begins the tools' names, such as "powerpc-linux-gnu-"."""
    flags: tuple[str, ...]
    """What the compiler is told of the CPU."""
    family: str
    """The CPU as meson calls it."""
    endian: str
    """"big" or "little"."""
    atomics: str = ""
    """What atomic operations wider than a word are linked with, where the CPU has none."""

    @property
    def inputs(self) -> dict[str, str]:
        """For the recipe of what is built with these tools."""
        return {"cross": self.prefix, "flags": " ".join(self.flags)}

    @property
    def host(self) -> str:
        """What configure scripts call the machine."""
        return self.prefix.rstrip("-")

    def compiler(self, what: str) -> str:
        """The C compiler, behind ccache where there is one. TestbedError when it is not there."""
        program = f"{self.prefix}gcc"
        if shutil.which(program, path=SEARCH_PATH) is None:
            raise failure(f"cannot {what}: {program} is not installed; run 'testbed doctor'")
        return f"ccache {program}" if shutil.which("ccache", path=SEARCH_PATH) else program

    def compiler_flags(self, tree: Path) -> tuple[str, ...]:
        """For small programs, whose bytes do not depend on where their source `tree` is."""
        return (
            *self.flags,
            *("-Os", "-ffunction-sections", "-fdata-sections"),
            f"-ffile-prefix-map={tree}=.",
        )

    def make(self, work: Workspace, what: str, tree: Path) -> Make:
        """`what` completes "cannot ..."; `tree` is the source."""
        return Make(what, tree, self.prefix, work.commands, Deadline(_SECONDS), environment(work))

    def configure(self, work: Workspace, tree: Path, options: Sequence[str], what: str) -> None:
        """Run the configure script of `tree` in place."""
        work.commands.run(
            alone(
                [
                    "./configure",
                    f"--host={self.host}",
                    f"CC={self.compiler(what)}",
                    f"CFLAGS={' '.join(self.compiler_flags(tree))}",
                    *options,
                ],
                environment(work),
            ),
            what=what,
            cwd=tree,
        )

    def meson_file(self, work: Workspace) -> Path:
        """A cross file for meson, in the scratch folder."""
        program = self.compiler("build with meson").split()
        path = work.scratch / "cross.ini"
        path.write_text(
            f"[binaries]\nc = {program}\nar = '{self.prefix}ar'\nstrip = '{self.prefix}strip'\n"
            f"[host_machine]\nsystem = 'linux'\ncpu_family = '{self.family}'\n"
            f"cpu = '{self.family}'\nendian = '{self.endian}'\n"
        )
        return path

    def strip(self, work: Workspace, program: Path, place: Path) -> None:
        """Put `program` at `place` without symbols, in a folder that is made."""
        place.parent.mkdir(parents=True, exist_ok=True)
        work.commands.run(
            [f"{self.prefix}strip", "-o", place, program], what=f"strip {program.name}"
        )


def environment(work: Workspace) -> dict[str, str]:
    """All that builds find in their environment beside the search path."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("CCACHE_")}
    return {**kept, "HOME": os.environ.get("HOME", "/"), "TMPDIR": str(work.scratch)}

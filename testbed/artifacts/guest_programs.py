# SPDX-License-Identifier: MIT
"""The testbed's own programs for the emulated machines: static cross builds of guests/."""

from __future__ import annotations

from pathlib import Path

from testbed.artifacts import lists
from testbed.artifacts.targets import Target, Workspace

AGENT = "testbed-agent"
_AGENT_SOURCE = lists.GUESTS / "agent"
_TOOLS_SOURCE = lists.GUESTS / "tools"
_SHARED_SOURCE = _TOOLS_SOURCE / "lib"
_FLAGS = (
    *("-std=gnu11", "-O2", "-static", "-s", "-Wall", "-Wextra"),
    # Regions of a VFIO device begin at multiples of 1 TiB in its file, on 32-bit machines too.
    "-D_FILE_OFFSET_BITS=64",
)


def guest_programs_target(cross: str) -> Target:
    """Outputs: testbed-agent, and a program for each C file or folder of guests/tools.

    guests/tools/lib is no program: its units are part of every tool. `cross` is the prefix of the
    cross tools, such as "aarch64-linux-gnu-".
    """

    def build(work: Workspace) -> None:
        places = [f"-I{_SHARED_SOURCE}", f"-ffile-prefix-map={lists.GUESTS}=."]
        for name, units in guest_programs().items():
            work.commands.run(
                [f"{cross}gcc", *_FLAGS, *places, "-o", work.out / name, *units],
                what=f"build {name} for the emulated machine",
                env={"TMPDIR": str(work.scratch)},
            )

    sources = lists.files_below(_AGENT_SOURCE, _TOOLS_SOURCE, suffixes=(".c", ".h"))
    return Target(
        "guest programs", build, inputs={"cross": cross}, sources=(Path(__file__), *sources)
    )


def guest_programs() -> dict[str, list[Path]]:
    """The C units of each program, by its name."""
    shared = sorted(_SHARED_SOURCE.glob("*.c"))
    tools = {unit.stem: [unit, *shared] for unit in sorted(_TOOLS_SOURCE.glob("*.c"))}
    for folder in sorted(_TOOLS_SOURCE.iterdir()):
        if folder.is_dir() and folder != _SHARED_SOURCE:
            tools[folder.name] = [*sorted(folder.glob("*.c")), *shared]
    return {AGENT: sorted(_AGENT_SOURCE.glob("*.c")), **tools}

# SPDX-License-Identifier: MIT
"""What a run was asked to do, kept in its folder, so that it can be done again."""

from __future__ import annotations

import functools
import json
import shlex
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from testbed.errors import Stage, TestbedError
from testbed.options import Options
from testbed.paths import PROJECT, SCENARIOS, scenario_name

FILE = "run.json"


@dataclass(frozen=True)
class Invocation:
    """`revision` is the testbed's commit, with "-dirty" if files differed from it."""

    scenario: Path
    options: Options
    revision: str

    def write(self, directory: Path) -> None:
        # What belongs to one process or folder means nothing in another; and where the project is
        # nothing on another machine.
        options = replace(self.options, directory=None, events=None)
        own = self.scenario.is_relative_to(SCENARIOS)
        document = {
            "scenario": str(self.scenario.relative_to(PROJECT) if own else self.scenario),
            "revision": self.revision,
            "options": json.loads(options.to_json()),
        }
        (directory / FILE).write_text(json.dumps(document, indent=2) + "\n")

    @classmethod
    def read(cls, directory: Path) -> Invocation:
        """Of the run in a folder. TestbedError when that is not one."""
        path = directory / FILE
        try:
            document = json.loads(path.read_text())
            return cls(
                PROJECT / document["scenario"],
                Options.from_json(json.dumps(document["options"])),
                str(document["revision"]),
            )
        except OSError as error:
            why = error.strerror or str(error)
        except (ValueError, KeyError, TypeError) as error:
            why = f"it is not what a run leaves there: {error!r}"
        raise TestbedError(
            Stage.INFRASTRUCTURE,
            f"cannot read {path}: {why}; name the folder of a run, such as testbed-results/...",
        )

    def command(self, seed: int) -> str:
        """The command that runs the scenario again as it was run, with the same random content."""
        own = self.scenario.is_relative_to(SCENARIOS)
        scenario = scenario_name(self.scenario) if own else str(self.scenario)
        words = ["testbed", "run", scenario, "--board", self.options.board, "--seed", str(seed)]
        return shlex.join([*words, *choosing(self.options)])


def choosing(options: Options) -> list[str]:
    """What `testbed run` is told of the parts of a board, and of the host's boot."""
    words = []
    for option, values in {
        "--kernel": (options.kernel, options.kernel_series),
        "--qemu": (options.qemu,),
        "--qemu-source": (options.qemu_source,),
        "--guest-kernel": (
            options.guest_kernel,
            options.guest_kernel_series,
            options.nested_kernel,
        ),
        "--guest-qemu": (options.guest_qemu, options.nested_qemu),
    }.items():
        words += [word for value in values if value for word in (option, str(value))]
    if options.guest_tree != Options().guest_tree:
        words += ["--guest-tree", options.guest_tree]
    return [*words, *(["--cold"] if options.cold else [])]


@functools.cache
def revision() -> str:
    """The commit of this testbed; "unknown" where it is no checkout."""
    try:
        commit = _git("rev-parse", "HEAD")
        return f"{commit}-dirty" if _git("status", "--porcelain") else commit
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "--no-optional-locks", "-C", str(PROJECT), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout.strip()

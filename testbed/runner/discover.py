# SPDX-License-Identifier: MIT
"""Finding scenario files by path or by name."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from testbed.paths import SCENARIOS, scenario_name


class UsageError(Exception):
    """The command line asks for something that is not there. One line for the user."""


@dataclass(frozen=True)
class ScenarioFile:
    name: str
    path: Path

    def summary(self) -> str:
        """The first line of the file's documentation, read without running it."""
        try:
            module = ast.parse(self.path.read_text())
        except (OSError, SyntaxError, ValueError) as error:
            return f"cannot be read: {error}"
        return (ast.get_docstring(module) or "").partition("\n")[0]


def all_scenarios(folder: Path = SCENARIOS) -> list[ScenarioFile]:
    """Every scenario of the project, by name."""
    files = [path for path in folder.rglob("*.py") if not path.name.startswith("_")]
    return sorted(
        (ScenarioFile(scenario_name(path), path) for path in files), key=lambda file: file.name
    )


def find(wanted: Iterable[str]) -> list[ScenarioFile]:
    """The scenarios that names and paths (a file, or a folder of them) mean, in that order."""
    known = {file.name: file for file in all_scenarios()}
    found = []
    for word in wanted:
        path = Path(word)
        if word in known:
            found.append(known[word])
        elif path.is_dir():
            inside = all_scenarios(path.resolve())
            if not inside:
                raise UsageError(f"no scenario files in {word}")
            found += inside
        elif path.is_file():
            found.append(ScenarioFile(scenario_name(path), path.resolve()))
        else:
            raise UsageError(
                f"no scenario {word!r}: neither a file nor one of {', '.join(known) or 'none'};"
                " see 'testbed list'"
            )
    return found

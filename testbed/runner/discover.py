# SPDX-License-Identifier: MIT
"""Finding scenario files by path or by name."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from testbed.options import TreeMaker
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
            return (ast.get_docstring(self._module()) or "").partition("\n")[0]
        except (OSError, SyntaxError, ValueError) as error:
            return f"cannot be read: {error}"

    def boards(self) -> tuple[str, ...]:
        """The boards it is for, as its class says without running it; none named: for every one."""
        value = self._assigned("boards")
        if not isinstance(value, ast.Tuple):
            return ()
        try:
            return tuple(str(ast.literal_eval(item)) for item in value.elts)
        except ValueError:
            return ()  # running it will tell

    def guest_tree(self) -> TreeMaker | None:
        """Who makes its guests' trees, as its class says; None: the person running says."""
        value = self._assigned("guest_tree")
        said = value.value if isinstance(value, ast.Constant) else None
        return next((maker for maker in get_args(TreeMaker) if maker == said), None)

    def _assigned(self, name: str) -> ast.expr | None:
        """What its class sets `name` to."""
        try:
            module = self._module()
        except (OSError, SyntaxError, ValueError):
            return None  # running it will tell
        classes = (node for node in module.body if isinstance(node, ast.ClassDef))
        for node in (statement for each in classes for statement in each.body):
            if isinstance(node, ast.Assign):
                if [ast.unparse(target) for target in node.targets] == [name]:
                    return node.value
            elif isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name:
                return node.value
        return None

    def runs_on(self, board: str) -> bool:
        boards = self.boards()
        return not boards or board in boards

    def _module(self) -> ast.Module:
        return ast.parse(self.path.read_text())


def all_scenarios(folder: Path = SCENARIOS) -> list[ScenarioFile]:
    """Every scenario of the project, by name."""
    files = [path for path in folder.rglob("*.py") if not path.name.startswith("_")]
    return sorted(
        (ScenarioFile(scenario_name(path), path) for path in files), key=lambda file: file.name
    )


def find(wanted: Iterable[str], board: str) -> list[ScenarioFile]:
    """The scenarios that names and paths (a file, or a folder of them) mean, in that order.

    Of a folder, those for `board`. UsageError when one is not there, or not for it.
    """
    known = {file.name: file for file in all_scenarios()}
    found = []
    for word in wanted:
        path = Path(word)
        if word in known:
            found.append(known[word])
        elif _is(Path.is_dir, path):
            inside = all_scenarios(path.resolve())
            if not inside:
                raise UsageError(f"no scenario files in {word}")
            for_board = [file for file in inside if file.runs_on(board)]
            if not for_board:
                raise UsageError(f"no scenario in {word} is for {board}")
            found += for_board
            continue
        elif _is(Path.is_file, path):
            found.append(ScenarioFile(scenario_name(path), path.resolve()))
        else:
            raise UsageError(
                f"no scenario {word!r}: neither a file nor one of {', '.join(known) or 'none'};"
                " see 'testbed list'"
            )
        if not found[-1].runs_on(board):
            boards = " and ".join(found[-1].boards())
            raise UsageError(f"scenario {found[-1].name} is for {boards}, not for {board}")
    return found


def _is(what: Callable[[Path], bool], path: Path) -> bool:
    try:
        return what(path)
    except OSError as error:  # a name too long, or below a folder that is somebody else's
        raise UsageError(f"cannot look at {path}: {error.strerror}") from None

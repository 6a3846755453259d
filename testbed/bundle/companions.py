# SPDX-License-Identifier: MIT
"""What a scenario needs that lies beside it: files it names, modules and packages it imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from testbed.paths import PROJECT


def with_companions(scenario: Path) -> list[str]:
    """The scenario and its companions, as paths from its folder on."""
    files = (scenario, *companions(scenario))
    return [str(path.relative_to(scenario.parent)) for path in files]


def companions(scenario: Path) -> list[Path]:
    """Files below the scenario's folder that it, or one of them, needs; without the scenario."""
    found: dict[Path, None] = {}
    waiting = [scenario]
    while waiting:
        for path in _needed_by(waiting.pop(), scenario.parent):
            if path != scenario and path not in found:
                found[path] = None
                waiting.append(path)
    return sorted(found)


def _needed_by(file: Path, folder: Path) -> Iterator[Path]:
    """Files beside `file` that it names, and what it imports from `folder`."""
    if file.suffix != ".py":
        return
    try:
        module = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return  # it says so itself when it is run
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _is_name(node.value) and _is_file(path := file.with_name(node.value)):
                yield path
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from _imported(node.module, folder)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield from _imported(alias.name, folder)


def _is_name(text: str) -> bool:
    """Text that mentions a file is not meant, nor is another folder."""
    return text not in ("", ".", "..") and "/" not in text and "\0" not in text


def _imported(module: str, folder: Path) -> Iterator[Path]:
    """The file of a module in `folder`, or all files of the package that it belongs to."""
    name = module.partition(".")[0]
    if (PROJECT / name).is_dir():
        return  # it comes first, and is there
    if _is_file(path := folder / f"{name}.py"):
        yield path
    elif any((folder / name).glob("*.py")):
        for path in (folder / name).rglob("*"):
            if path.suffix != ".pyc" and _is_file(path):
                yield path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # text that is too long for a name
        return False

# SPDX-License-Identifier: MIT
"""What a scenario file needs that lies beside it: files it names and modules it imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def companions(scenario: Path) -> list[Path]:
    """Files in the scenario's folder that it, or one of them, names; without the scenario's own."""
    found: dict[Path, None] = {}
    waiting = [scenario]
    while waiting:
        for path in _named_in(waiting.pop()):
            if path != scenario and path not in found:
                found[path] = None
                waiting.append(path)
    return sorted(found)


def _named_in(file: Path) -> Iterator[Path]:
    if file.suffix != ".py":
        return
    try:
        module = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return  # it says so itself when it is run
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.py"]
        elif isinstance(node, ast.Import):
            names = [f"{alias.name}.py" for alias in node.names]
        else:
            continue
        for name in names:
            # A name is one word: text that mentions a file is not meant, nor is another folder.
            if name and "/" not in name and "\0" not in name and name not in (".", ".."):
                path = file.with_name(name)
                if path != file and _is_file(path):
                    yield path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # text that is too long for a name
        return False

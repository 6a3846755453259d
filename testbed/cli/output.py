# SPDX-License-Identifier: MIT
"""What commands give to people and to programs: tables, and files of figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from testbed.errors import Stage, TestbedError

_FILE_WIDTH = 120
"""Columns of a table that goes into a file."""


def table_console() -> Console:
    """Standard output, wide enough for tables wherever it goes."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_FILE_WIDTH)


def write_figures(path: Path, document: dict[str, Any]) -> None:
    """Write the file that --json names. Raises TestbedError."""
    try:
        path.write_text(json.dumps(document, indent=2) + "\n")
    except OSError as error:
        raise TestbedError(
            Stage.INFRASTRUCTURE,
            f"cannot write the figures {path}: {error.strerror}; choose another file with --json",
        ) from None

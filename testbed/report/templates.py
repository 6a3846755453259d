# SPDX-License-Identifier: MIT
"""Templates of pages: whatever is put into one is escaped, and nothing may be missing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from testbed.report.console_file import plain


@cache
def templates(folder: Path) -> Environment:
    """Those in a folder. They can call `source` and filter by `plain`."""

    def source(*names: str) -> Markup:
        """Style sheets or programs in the folder, to stand in the page as they are."""
        return Markup("\n".join((folder / name).read_text() for name in names))

    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals["source"] = source
    made.filters["plain"] = plain
    return made

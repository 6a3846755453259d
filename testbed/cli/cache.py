# SPDX-License-Identifier: MIT
"""`testbed cache`: what is kept, how big it is, and removing what is not wanted."""

from __future__ import annotations

import argparse

from rich.table import Table

from testbed.artifacts.cache import Cache
from testbed.artifacts.contents import Entry, Kind, chosen, entries, remove
from testbed.artifacts.progress import size_text
from testbed.cli.output import table_console
from testbed.runner.discover import UsageError

_LISTED = (Kind.TEMPLATE, Kind.PART)


def main(parsed: argparse.Namespace) -> int:
    cache = Cache.default()
    cache.create()
    match parsed.request:
        case "prune":
            _prune(cache, parsed)
        case "size":
            _size(cache)
        case _:
            _list(cache)
    return 0


def _list(cache: Cache) -> None:
    """One line a template and part; downloads and guest trees are many, and only in the sum."""
    found = entries(cache)
    table = Table(box=None, pad_edge=False)
    for title in ("kind", "name", "size", "last used", ""):
        table.add_column(title, justify="right" if title == "size" else "left")
    for entry in found:
        if entry.kind in _LISTED:
            used = f"{entry.days:.0f} days ago" if entry.days >= 1 else "today"
            state = "in use" if entry.in_use else ""
            table.add_row(entry.kind, entry.name, size_text(entry.size), used, state)
    table_console().print(table)
    print(_total(found))
    print(f"in {cache.root}")


def _size(cache: Cache) -> None:
    print(_total(entries(cache)))


def _total(found: list[Entry]) -> str:
    """How much of each kind there is, and in all."""
    parts = []
    for kind in Kind:
        these = [entry for entry in found if entry.kind is kind]
        plural = "" if len(these) == 1 else "s"
        size = size_text(sum(entry.size for entry in these))
        parts.append(f"{len(these)} {kind}{plural} {size}")
    return f"{', '.join(parts)}; {size_text(sum(entry.size for entry in found))} in all"


def _prune(cache: Cache, parsed: argparse.Namespace) -> None:
    limited = parsed.older_than is not None or parsed.to_size is not None
    if not (limited or parsed.templates or parsed.all):
        raise UsageError(
            "cache prune: what is to go? Give --older-than DAYS, --to-size GB, --templates or --all"
        )
    if parsed.all and (limited or parsed.templates):
        raise UsageError("cache prune: --all leaves nothing to choose by another option")
    gone = chosen(
        entries(cache),
        older_than=parsed.older_than,
        to_size=None if parsed.to_size is None else int(parsed.to_size * 1e9),
        templates_only=parsed.templates,
    )
    went, stay = remove(cache, gone)
    for entry in went:
        if entry.kind in _LISTED:
            print(f"removed {entry.kind} {entry.name}, {size_text(entry.size)}")
    if stay:
        print(f"{len(stay)} stay, because runs that go on use them: {_total(stay)}")
    print(f"removed {_total(went)}")

# SPDX-License-Identifier: MIT
"""`testbed checklist`: what VFIO needs for each device of a real board's tree, tested."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.text import Text

from testbed.artifacts import (
    Progress,
    prepare_board_trees,
    prepare_driver_sources,
    progress_for,
)
from testbed.boards import board
from testbed.checklist.choose import board_of, kernel_tree, named_file
from testbed.checklist.drivers import Drivers
from testbed.checklist.markdown import to_markdown
from testbed.checklist.page import to_html
from testbed.checklist.result import Checklist, Outcome, groups
from testbed.checklist.survey import STATIC, survey
from testbed.checklist.testing import run_battery
from testbed.cli.given import options_of
from testbed.devicetree.source import read_tree
from testbed.errors import Stage, TestbedError
from testbed.parts import parts_for
from testbed.runner.live import report_for

_LISTINGS = {"arm-virt": "guests/modules/payload.txt", "e500": "guests/kernel/e500.config"}
_COLOUR = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.ERROR: "yellow"}


def main(parsed: argparse.Namespace) -> int:
    progress = progress_for()
    path = _tree_file(parsed.tree, progress)
    tree = read_tree(path)
    parsed.board = parsed.board or board_of(tree)
    options = options_of(parsed)
    sources = prepare_driver_sources(parsed.board, progress=progress)
    found = survey(tree, board(parsed.board), Drivers(sources, _LISTINGS[parsed.board]))
    model = tree.root.strings("model")[0] if tree.root.get("model") is not None else path.stem
    checklist = Checklist(
        tree=path.name,
        model=model,
        board=parsed.board,
        entries=found.entries,
        excused=found.excused,
        columns=STATIC,
    )
    console = Console(highlight=False)
    try:
        if not parsed.static and any(entry.place for entry in checklist.entries):
            parts_for(options, progress)
            report = report_for(console, several=False)
            checklist = run_battery(checklist, tree, path.stem, options, report)
    finally:
        _write(checklist, parsed)
    _print(checklist, console)
    return checklist.exit_status()


def _tree_file(wanted: str, progress: Progress) -> Path:
    """A file that was named, or a tree of the kernel's, whose source is fetched for it."""
    return named_file(wanted) or kernel_tree(wanted, prepare_board_trees(progress=progress))


def _write(checklist: Checklist, parsed: argparse.Namespace) -> None:
    for path, render in (
        (parsed.html, to_html),
        (parsed.markdown, to_markdown),
        (parsed.json, Checklist.to_json),
    ):
        if path is not None:
            try:
                Path(path).write_text(render(checklist), encoding="utf-8")
            except OSError as error:
                raise TestbedError(
                    Stage.INFRASTRUCTURE, f"cannot write the checklist {path}: {error.strerror}"
                ) from None


def _print(checklist: Checklist, console: Console) -> None:
    """A line for each device, and for each kind of them that there is no model of."""
    console.print(Text.assemble((checklist.model, "bold"), f" on {checklist.board}"))
    for entry in checklist.entries:
        if entry.kind:
            wrong = [c for c in entry.checks if c.outcome is not Outcome.PASS]
            said = f"  {wrong[0].name}: {wrong[0].text}" if wrong else ""
            _line(console, entry.worst(), f"{entry.path}  {entry.kind}{said}")
    for group in groups(checklist.entries):
        lacking = [check.name for check in group[0].checks if check.outcome is Outcome.MISSING]
        what = f"{len(group)} {group[0].compatible[0]}: no {', '.join(lacking)}"
        _line(console, Outcome.MISSING, what)
    counts = [f"{count} {outcome}" for outcome, count in checklist.counts().items() if count]
    console.print(Text(", ".join(counts), "bold"))


def _line(console: Console, outcome: Outcome, text: str) -> None:
    mark = Text(f"  {outcome:<7}  ", _COLOUR.get(outcome, "dim"))
    console.print(Text.assemble(mark, text), soft_wrap=True)

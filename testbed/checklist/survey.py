# SPDX-License-Identifier: MIT
"""What there is for each device of a tree, and what to write where there is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from testbed.boards.board import Board
from testbed.checklist.board_nodes import BoardNode, board_nodes
from testbed.checklist.drivers import Driver, Drivers
from testbed.checklist.kinds import Kind, kind_of
from testbed.checklist.placed import load_fragments, place_devices
from testbed.checklist.placing import fits
from testbed.checklist.result import Check, Entry, Excused, Outcome
from testbed.checklist.writing import file_name, proposal
from testbed.devicetree.fragment import Fragment
from testbed.devicetree.tree import Tree

STATIC = ("model", "host driver", "reset handler", "guest fragment")
"""The checks that need no machine, in order."""


@dataclass(frozen=True)
class Survey:
    """`entries` and `excused` as in a checklist."""

    entries: tuple[Entry, ...]
    excused: tuple[Excused, ...]


def survey(tree: Tree, board: Board, drivers: Drivers) -> Survey:
    """Look at every device; TestbedError when the emulated host has no room for some."""
    fragments = load_fragments()
    nodes = board_nodes(tree)
    places = {device.node: device.place for device in place_devices(tree, board).assignable}
    entries, excused = [], []
    for node in nodes:
        kind = kind_of(node.compatible, board.name)
        reason = node.reason or _reason(node, kind, drivers)
        if reason:
            excused.append(Excused(node.path, node.compatible, reason))
            continue
        entries.append(_entry(node, kind, places.get(node.path, ""), fragments, drivers))
    return Survey(tuple(entries), tuple(excused))


def _reason(node: BoardNode, kind: Kind | None, drivers: Drivers) -> str:
    if kind is not None and not kind.assignable:
        share = f", of which guests are given a {kind.part}" if kind.part else ""
        return f"the host's own{share}; its model is {kind.model}"
    if kind is None and node.above is not None:
        return f"a part of {node.above.name}, whose driver has it"
    if kind is None and drivers.of(node.compatible) is None:
        return "no driver of this kernel's source takes it"
    return ""


def _entry(
    node: BoardNode,
    kind: Kind | None,
    place: str,
    fragments: Sequence[Fragment],
    drivers: Drivers,
) -> Entry:
    checks = [_model(node, kind, place), *_kernel(node, drivers)]
    fragment = next((f for n in node.compatible for f in fragments if n in f.compatible), None)
    if fragment is not None:
        checks.append(Check(STATIC[3], Outcome.PASS, f"guests/fragments/{fragment.path.name}"))
    else:
        text = f"write guests/fragments/{file_name(node)}.dts: a proposal is below"
        checks.append(Check(STATIC[3], Outcome.MISSING, text))
    return Entry(
        path=node.path,
        compatible=node.compatible,
        address=node.windows[0][0],
        kind=kind.name if kind is not None else "",
        place=place,
        notes=node.notes,
        checks=tuple(checks),
        writing="" if fragment is not None else proposal(node),
    )


def _model(node: BoardNode, kind: Kind | None, place: str) -> Check:
    if kind is None:
        text = (
            f"write models/{file_name(node)}.py, a subclass of Device, and an entry in"
            " testbed/checklist/kinds.py"
        )
        return Check(STATIC[0], Outcome.MISSING, text)
    if kind.make is not None and not fits(kind, node):
        shape = f"{len(node.windows)} windows of registers and {len(node.lines)} interrupts"
        return Check(STATIC[0], Outcome.MISSING, f"{kind.model} stands for none with {shape}")
    if not place:
        text = f"{kind.model}; testbed/checklist/kinds.py cannot place one of another board yet"
        return Check(STATIC[0], Outcome.MISSING, text)
    return Check(STATIC[0], Outcome.PASS, kind.model)


def _kernel(node: BoardNode, drivers: Drivers) -> list[Check]:
    driver = drivers.of(node.compatible) or Driver(
        False, "no driver of this kernel's source takes it"
    )
    there = Check(STATIC[1], Outcome.PASS if driver.there else Outcome.MISSING, driver.text)
    module = drivers.reset_of(node.compatible)
    if module is not None:
        return [there, Check(STATIC[2], Outcome.PASS, module)]
    text = (
        f'write a handler for "{node.compatible[0]}", as kernel-patches/vfio-platform has them in'
        " drivers/vfio/platform/reset"
    )
    return [there, Check(STATIC[2], Outcome.MISSING, text)]

# SPDX-License-Identifier: MIT
"""In what two device trees differ, property by property."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from testbed.devicetree.guest_nodes import show
from testbed.devicetree.tree import Node, Tree

_PHANDLES = frozenset({"phandle", "linux,phandle"})


@dataclass(frozen=True)
class _Entry:
    """How many cells an entry of a property has before its phandle and after it.

    Numbers, or the properties that give them: of its own node before, of the one it leads to after.
    """

    before: tuple[str | int, ...] = ()
    after: tuple[str | int, ...] = ()


_PLAIN = _Entry()
_LEADING = {
    **dict.fromkeys(("interrupt-parent", "phy-handle", "tbi-handle", "fsl,msi"), _PLAIN),
    **dict.fromkeys(("cpu", "msi-parent"), _PLAIN),
    "clocks": _Entry(after=("#clock-cells",)),
    "gpios": _Entry(after=("#gpio-cells",)),
    "interrupt-map": _Entry(
        before=("#address-cells", "#interrupt-cells"),
        after=("#address-cells", "#interrupt-cells"),
    ),
    "msi-map": _Entry(before=(1,), after=(2,)),
}
"""Properties with phandles that the trees of the boards' guests have."""
_SHOWN = 200
"""Characters of a property in a message."""


@dataclass(frozen=True)
class Difference:
    """A node (no `name`) or a property of `path` that two trees do not have alike.

    `ours` and `theirs` are the property as device-tree source has it, or "there"; "" where it is
    not. Where a phandle leads to is written as the path there.
    """

    path: str
    name: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        what = f"{self.name} of {self.path}" if self.name else self.path
        ours, theirs = (_shortened(text or "not there") for text in (self.ours, self.theirs))
        return f"{what}: {ours}, {theirs}"


def differences(
    ours: Tree,
    theirs: Tree,
    *,
    without: Collection[str] = (),
    moved: Mapping[str, str] | None = None,
) -> list[Difference]:
    """All of them, by the paths of `ours` where it has the node.

    A phandle is compared by the node it leads to: its number is a tree's own business. `without`
    names properties that are not compared; `moved` has paths of nodes that lie elsewhere in
    `theirs`, with what is below them.
    """
    mine = {_moved(node.path, moved or {}): node for node in ours.root.walk()}
    yours = {node.path: node for node in theirs.root.walk()}
    found = []
    for path in (*mine, *(path for path in yours if path not in mine)):
        one, other = mine.get(path), yours.get(path)
        if one is None or other is None:
            found.append(
                Difference(
                    one.path if one else path, "", "there" if one else "", "there" if other else ""
                )
            )
            continue
        left, right = shown(ours, one, moved), shown(theirs, other)
        found += [
            Difference(one.path, name, left.get(name, ""), right.get(name, ""))
            for name in sorted({*left, *right} - {*without})
            if left.get(name) != right.get(name)
        ]
    return found


def _moved(path: str, moved: Mapping[str, str]) -> str:
    for before, after in moved.items():
        if path == before or path.startswith(f"{before}/"):
            return after + path[len(before) :]
    return path


def shown(tree: Tree, node: Node, moved: Mapping[str, str] | None = None) -> dict[str, str]:
    """A node's properties as source has them, without its phandle, by their names.

    Where a phandle leads to is written as the path there, by `moved` where that is another.
    """
    return {
        name: _led(tree, node, name, moved or {}) if name in _LEADING else show(name, raw)
        for name, raw in node.properties().items()
        if name not in _PHANDLES
    }


def _led(tree: Tree, node: Node, name: str, moved: Mapping[str, str]) -> str:
    """The property as source has it, each phandle as a path."""
    targets = {n.cell("phandle"): n for n in tree.root.walk() if n.get("phandle")}
    entry = _LEADING[name]
    before = _count(node, entry.before)
    cells = list(node.cells(name))
    words = []
    while cells:
        words += [f"{cell:#x}" for cell in cells[:before]]
        del cells[:before]
        target = targets.get(cells[0]) if cells else None
        if target is None:
            words += [f"{cell:#x}" for cell in cells]  # to nowhere: the rest cannot be told apart
            break
        words.append(f"&{{{_moved(target.path, moved)}}}")
        after = 1 + _count(target, entry.after)
        words += [f"{cell:#x}" for cell in cells[1:after]]
        del cells[:after]
    return f"{name} = <{' '.join(words)}>"


def _count(node: Node, counts: Collection[str | int]) -> int:
    """Cells, of which a node that says nothing has none."""
    return sum(
        count if isinstance(count, int) else node.cell(count) if node.get(count) else 0
        for count in counts
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."

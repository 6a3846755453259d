# SPDX-License-Identifier: MIT
"""Rules for making the guest's device node from the host's, as data.

A fragment (`guests/fragments/*.dts`) says for one binding which properties of the host's node the
guest gets unchanged (`guest,copy`), which are given anew for the guest (`guest,rewrite`) and
which are the host's own business (`guest,drop`). What it provides besides stands in a node called
`provide`. A node called `children` has such rules for each kind of child node, by the child's name
before its '@'. A property or a child that no rule names is left out and reported.

Of the properties that are rewritten, `reg` and `interrupts` are given by the guest's bus, `clocks`
are copies of fixed clocks, and any other is a list of phandles, of nodes that the guest has too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from testbed.devicetree.tree import Node, Tree, TreeError

_LISTS = ("copy", "rewrite", "drop")


@dataclass(frozen=True)
class Rules:
    """What becomes of the properties of one node, and of its children by their kind."""

    copy: frozenset[str]
    rewrite: frozenset[str]
    drop: frozenset[str]
    provide: dict[str, bytes]
    children: dict[str, Rules]


@dataclass(frozen=True)
class Fragment:
    """The rules for one binding; `path` is the file they come from."""

    path: Path
    compatible: tuple[str, ...]
    rules: Rules

    @classmethod
    def load(cls, path: Path) -> Fragment:
        """Read a fragment; TreeError when it is malformed or names a property twice."""
        root = Tree.compile(path).root
        try:
            return cls(path, root.strings("guest,compatible"), _rules(root))
        except TreeError as error:
            raise TreeError(f"fragment {path}: {error}") from None


def _rules(node: Node) -> Rules:
    lists = {name: node.strings(f"guest,{name}") for name in _LISTS}
    names = [*lists["copy"], *lists["rewrite"], *lists["drop"]]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise TreeError(f"{node.path} names {', '.join(twice)} in more than one rule")
    provide, children = node.child("provide"), node.child("children")
    return Rules(
        copy=frozenset(lists["copy"]),
        rewrite=frozenset(lists["rewrite"]),
        drop=frozenset(lists["drop"]),
        provide=provide.properties() if provide is not None else {},
        children={kind.name: _rules(kind) for kind in children.children()} if children else {},
    )


def find(folder: Path, host_node: Node, chosen: Path | None = None) -> Fragment:
    """The fragment for the first of the node's compatibles that has one, or TreeError.

    `chosen` is taken instead of those in the folder, if it is for the node.
    """
    if chosen is not None:
        return _fitting(Fragment.load(chosen), host_node)
    fragments = [Fragment.load(path) for path in sorted(folder.glob("*.dts"))]
    for name in host_node.strings("compatible"):
        for fragment in fragments:
            if name in fragment.compatible:
                return fragment
    raise TreeError(
        f"no fragment in {folder} is for {host_node.path}"
        f" (compatible {', '.join(host_node.strings('compatible'))}); write one"
    )


def _fitting(fragment: Fragment, host_node: Node) -> Fragment:
    if not set(fragment.compatible) & set(host_node.strings("compatible")):
        raise TreeError(
            f"fragment {fragment.path} is for {', '.join(fragment.compatible)}, not for"
            f" {host_node.path} (compatible {', '.join(host_node.strings('compatible'))});"
            " choose another"
        )
    return fragment

# SPDX-License-Identifier: MIT
"""Making the guest's device node from the host's, by rules that are data.

A fragment (`guests/fragments/*.dts`) says for one binding which properties of the host's node the
guest gets unchanged (`guest,copy`), which the guest's bus gives anew (`guest,rewrite`) and
which are the host's own business (`guest,drop`). What it provides besides stands in a node called
`provide`. A property that no rule names is left out and reported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from testbed.devicetree.address import register_windows
from testbed.devicetree.tree import Node, Tree, TreeError, Value, encode

_CLOCK_PROPERTIES = ("compatible", "#clock-cells", "clock-frequency", "clock-output-names")


@dataclass(frozen=True)
class Placement:
    """Where the guest's platform bus put a device: offsets in its window, interrupt specifiers."""

    offsets: tuple[int, ...]
    interrupts: tuple[tuple[int, ...], ...]


@dataclass
class NodeReport:
    """What became of each property of the host's node, one line each."""

    host_path: str
    guest_path: str
    lines: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)

    def text(self) -> str:
        return "\n".join((f"{self.host_path} -> {self.guest_path}", *self.lines, ""))


@dataclass(frozen=True)
class Fragment:
    """The rules for one binding; `path` is the file they come from."""

    path: Path
    compatible: tuple[str, ...]
    copy: frozenset[str]
    rewrite: frozenset[str]
    drop: frozenset[str]
    provide: dict[str, bytes]

    @classmethod
    def load(cls, path: Path) -> Fragment:
        """Read a fragment; TreeError when it is malformed or names a property twice."""
        root = Tree.compile(path).root
        try:
            rules = {
                name: root.strings(f"guest,{name}")
                for name in ("compatible", "copy", "rewrite", "drop")
            }
        except TreeError as error:
            raise TreeError(f"fragment {path}: {error}") from None
        names = [*rules["copy"], *rules["rewrite"], *rules["drop"]]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise TreeError(f"fragment {path} names {', '.join(twice)} in more than one rule")
        provide = root.child("provide")
        return cls(
            path,
            rules["compatible"],
            frozenset(rules["copy"]),
            frozenset(rules["rewrite"]),
            frozenset(rules["drop"]),
            provide.properties() if provide is not None else {},
        )


def find(folder: Path, host_node: Node) -> Fragment:
    """The fragment for the first of the node's compatibles that has one, or TreeError."""
    fragments = [Fragment.load(path) for path in sorted(folder.glob("*.dts"))]
    for name in host_node.strings("compatible"):
        for fragment in fragments:
            if name in fragment.compatible:
                return fragment
    raise TreeError(
        f"no fragment in {folder} is for {host_node.path}"
        f" (compatible {', '.join(host_node.strings('compatible'))}); write one"
    )


def add_guest_node(
    fragment: Fragment,
    host: Tree,
    host_node: Node,
    guest: Tree,
    bus: Node,
    placement: Placement,
) -> NodeReport:
    """Add the guest's node for `host_node` below the guest's platform `bus`."""
    base = host_node.name.partition("@")[0]
    node = bus.add(f"{base}@{placement.offsets[0]:x}")
    windows = register_windows(host, host_node)

    def rewrite(name: str) -> Value:
        return _rewrite(name, host, host_node, guest, windows, placement)

    return _apply(fragment, host_node, node, rewrite)


def fill(fragment: Fragment, host_node: Node, node: Node) -> NodeReport:
    """Give `node`, which has the rewritten properties already, the others of `host_node`."""
    return _apply(fragment, host_node, node, lambda name: node.require(name))


def _apply(
    fragment: Fragment, host_node: Node, node: Node, rewrite: Callable[[str], Value]
) -> NodeReport:
    report = NodeReport(host_node.path, node.path)
    for name, raw in host_node.properties().items():
        if name in fragment.copy:
            node.set(name, raw)
            report.lines.append(f"  kept      {_show(name, raw)}")
        elif name in fragment.rewrite:
            value = rewrite(name)
            node.set(name, value)
            report.lines.append(f"  rewritten {_show(name, raw)} -> {_show(name, encode(value))}")
        elif name in fragment.drop:
            report.lines.append(f"  dropped   {_show(name, raw)}")
        else:
            report.unmatched.append(name)
            report.lines.append(
                f"  dropped   {_show(name, raw)}   <- no rule in {fragment.path.name} names it"
            )
    for name, raw in fragment.provide.items():
        node.set(name, raw)
        report.lines.append(f"  provided  {_show(name, raw)}")
    return report


def _rewrite(
    name: str,
    host: Tree,
    host_node: Node,
    guest: Tree,
    windows: Sequence[tuple[int, int]],
    placement: Placement,
) -> Value:
    if name == "reg":
        pairs = zip(placement.offsets, windows, strict=True)
        return tuple(cell for offset, (_, size) in pairs for cell in (offset, size))
    if name == "interrupts":
        return tuple(cell for specifier in placement.interrupts for cell in specifier)
    if name == "clocks":
        return _guest_clocks(host, host_node, guest)
    raise TreeError(f"fragment rule: property {name!r} of {host_node.path} cannot be rewritten")


def _guest_clocks(host: Tree, host_node: Node, guest: Tree) -> tuple[int, ...]:
    """Copies of the fixed clocks the node uses; any other clock is the host's to gate."""
    by_phandle = {
        node.cell("phandle"): node for node in host.root.walk() if node.get("phandle") is not None
    }
    phandles = []
    for cell in host_node.cells("clocks"):
        clock = by_phandle.get(cell)
        if clock is None or "fixed-clock" not in clock.strings("compatible"):
            what = f"phandle {cell:#x}" if clock is None else clock.path
            raise TreeError(
                f"{host_node.path} uses clock {what}, which is not a fixed-clock:"
                " a guest must not gate a clock of the host"
            )
        phandles.append(guest.phandle(_guest_clock(clock, guest)))
    return tuple(phandles)


def _guest_clock(clock: Node, guest: Tree) -> Node:
    """The guest's node that is the same clock: one that is there, or a copy."""
    wanted = _clock_properties(clock)
    there = {node.name: node for node in guest.root.children()}
    for name in (clock.name, f"host-{clock.name}"):
        if name not in there:
            return guest.root.add(name, wanted)
        if _clock_properties(there[name]) == wanted:
            return there[name]
    raise TreeError(f"the guest's tree has other clocks of the name of {clock.path} already")


def _clock_properties(clock: Node) -> dict[str, Value]:
    return {key: raw for key, raw in clock.properties().items() if key in _CLOCK_PROPERTIES}


def _show(name: str, raw: bytes) -> str:
    if not raw:
        return name
    text = raw[:-1].split(b"\0") if raw.endswith(b"\0") else []
    if text and all(part and part.isascii() and part.decode().isprintable() for part in text):
        return f"{name} = " + ", ".join(f'"{part.decode()}"' for part in text)
    if len(raw) % 4 == 0:
        cells = (int.from_bytes(raw[at : at + 4]) for at in range(0, len(raw), 4))
        return f"{name} = <{' '.join(f'{cell:#x}' for cell in cells)}>"
    return f"{name} = [{raw.hex(' ')}]"

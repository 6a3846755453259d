# SPDX-License-Identifier: MIT
"""Making the nodes of a guest's devices from the host's, by the rules of fragments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from testbed.devicetree.address import bus_address, parent, register_windows
from testbed.devicetree.fragment import Fragment, Rules
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
class _Later:
    """In place of a value that is known when all nodes are there."""


@dataclass(frozen=True)
class _Device:
    """A device whose nodes are made: the host's, and where the guest has it."""

    node: Node
    rules_from: str
    placement: Placement
    report: NodeReport


@dataclass(frozen=True)
class _Phandles:
    """A property of a guest's node that waits for the nodes it leads to."""

    host_node: Node
    node: Node
    name: str
    report: NodeReport


class GuestNodes:
    """The nodes of one guest's devices, made in its tree `guest` from those of `host`."""

    def __init__(self, host: Tree, guest: Tree) -> None:
        self._host = host
        self._guest = guest
        self._made: dict[str, Node] = {}
        self._pending: list[_Phandles] = []

    def add(
        self, fragment: Fragment, host_node: Node, bus: Node, placement: Placement
    ) -> NodeReport:
        """Add the guest's node for `host_node`, and its children's, below the guest's `bus`.

        What the report says of phandles is known when `finish` was called.
        """
        base = host_node.name.partition("@")[0]
        node = bus.add(f"{base}@{placement.offsets[0]:x}")
        report = NodeReport(host_node.path, node.path)
        device = _Device(host_node, fragment.path.name, placement, report)
        self._make(device, fragment.rules, host_node, node)
        return report

    def finish(self) -> None:
        """Let phandles lead to the nodes, now that all are there; TreeError for one that is not."""
        by_phandle = _by_phandle(self._host)
        for pending in self._pending:
            targets = []
            for phandle in pending.host_node.cells(pending.name):
                target = by_phandle.get(phandle)
                made = None if target is None else self._made.get(target.path)
                if made is None:
                    raise TreeError(_lost(pending, target, phandle))
                targets.append(self._guest.phandle(made))
            pending.node.set(pending.name, tuple(targets))
            before = _rewritten(pending.name, pending.host_node.require(pending.name))
            lines = pending.report.lines
            lines[lines.index(before)] = f"{before} -> {show(pending.name, encode(tuple(targets)))}"

    def _make(self, device: _Device, rules: Rules, host_node: Node, node: Node) -> None:
        def rewrite(name: str) -> Value | _Later:
            return self._rewrite(device, name, host_node, node)

        self._made[host_node.path] = node
        _apply(rules, device.rules_from, host_node, node, rewrite, device.report)
        for child in host_node.children():
            kind = child.name.partition("@")[0]
            if kind not in rules.children:
                device.report.unmatched.append(child.name)
                device.report.lines.append(
                    f"  dropped   {child.name} {{ }}   <- no rule in {device.rules_from} names it"
                )
                continue
            below = rules.children[kind]
            name = child.name
            if "reg" in below.rewrite:
                name = f"{kind}@{self._registers(device, child)[0]:x}"
            device.report.lines.append(f"{child.path} -> {node.path}/{name}")
            self._make(device, below, child, node.add(name))

    def _rewrite(self, device: _Device, name: str, host_node: Node, node: Node) -> Value | _Later:
        if name == "reg":
            return self._registers(device, host_node)
        if name == "interrupts":
            return self._interrupts(device, host_node)
        if name == "clocks":
            return self._clocks(host_node)
        self._pending.append(_Phandles(host_node, node, name, device.report))
        return _Later()

    def _registers(self, device: _Device, host_node: Node) -> tuple[int, ...]:
        """The guest's place of what is, or is within, the device's registers."""
        bus = parent(self._host, device.node)
        windows = register_windows(self._host, device.node)
        cells: list[int] = []
        for address, size in register_windows(self._host, host_node):
            address = bus_address(self._host, host_node, address, bus)
            for (start, length), offset in zip(windows, device.placement.offsets, strict=True):
                if start <= address < start + length:
                    cells += (offset + address - start, size)
                    break
            else:
                raise TreeError(
                    f"reg of {host_node.path} leads to no registers of {device.node.path}"
                )
        return tuple(cells)

    def _interrupts(self, device: _Device, host_node: Node) -> tuple[int, ...]:
        """The guest's specifiers of what are, or are among, the device's interrupts."""
        lines = device.placement.interrupts
        own, wanted = device.node.cells("interrupts"), host_node.cells("interrupts")
        width = len(own) // len(lines) if lines else 0
        host_lines = [own[at : at + width] for at in range(0, len(own), width or 1)]
        cells: list[int] = []
        for at in range(0, len(wanted), width or 1):
            specifier = wanted[at : at + width]
            if specifier not in host_lines:
                raise TreeError(f"interrupts of {host_node.path} are not {device.node.path}'s")
            cells += lines[host_lines.index(specifier)]
        return tuple(cells)

    def _clocks(self, host_node: Node) -> tuple[int, ...]:
        """Copies of the fixed clocks the node uses; any other clock is the host's to gate."""
        by_phandle = _by_phandle(self._host)
        phandles = []
        for cell in host_node.cells("clocks"):
            clock = by_phandle.get(cell)
            if clock is None or "fixed-clock" not in clock.strings("compatible"):
                what = f"phandle {cell:#x}" if clock is None else clock.path
                raise TreeError(
                    f"{host_node.path} uses clock {what}, which is not a fixed-clock:"
                    " a guest must not gate a clock of the host"
                )
            phandles.append(self._guest.phandle(_guest_clock(clock, self._guest)))
        return tuple(phandles)


def fill(fragment: Fragment, host_node: Node, node: Node) -> NodeReport:
    """Give `node`, which has the rewritten properties already, the others of `host_node`."""
    report = NodeReport(host_node.path, node.path)
    _apply(fragment.rules, fragment.path.name, host_node, node, node.require, report)
    return report


def _apply(
    rules: Rules,
    rules_from: str,
    host_node: Node,
    node: Node,
    rewrite: Callable[[str], Value | _Later],
    report: NodeReport,
) -> None:
    for name, raw in host_node.properties().items():
        if name in rules.copy:
            node.set(name, raw)
            report.lines.append(f"  kept      {show(name, raw)}")
        elif name in rules.rewrite:
            value = rewrite(name)
            line = _rewritten(name, raw)
            if not isinstance(value, _Later):
                node.set(name, value)
                line += f" -> {show(name, encode(value))}"
            report.lines.append(line)
        elif name in rules.drop:
            report.lines.append(f"  dropped   {show(name, raw)}")
        else:
            report.unmatched.append(name)
            report.lines.append(
                f"  dropped   {show(name, raw)}   <- no rule in {rules_from} names it"
            )
    for name, raw in rules.provide.items():
        node.set(name, raw)
        report.lines.append(f"  provided  {show(name, raw)}")


def _rewritten(name: str, raw: bytes) -> str:
    return f"  rewritten {show(name, raw)}"


def _lost(pending: _Phandles, target: Node | None, phandle: int) -> str:
    what = f"{pending.name} of {pending.host_node.path}"
    if target is None:
        return f"{what} leads to phandle {phandle:#x}, which no node of the host has"
    return (
        f"{what} leads to {target.path}, which the guest does not get:"
        " assign the device it belongs to as well"
    )


def _by_phandle(tree: Tree) -> dict[int, Node]:
    return {node.cell("phandle"): node for node in tree.root.walk() if node.get("phandle")}


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


def show(name: str, raw: bytes) -> str:
    """A property as device-tree source has it."""
    if not raw:
        return name
    text = raw[:-1].split(b"\0") if raw.endswith(b"\0") else []
    if text and all(part and part.isascii() and part.decode().isprintable() for part in text):
        return f"{name} = " + ", ".join(f'"{part.decode()}"' for part in text)
    if len(raw) % 4 == 0:
        cells = (int.from_bytes(raw[at : at + 4]) for at in range(0, len(raw), 4))
        return f"{name} = <{' '.join(f'{cell:#x}' for cell in cells)}>"
    return f"{name} = [{raw.hex(' ')}]"

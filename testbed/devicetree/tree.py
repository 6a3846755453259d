# SPDX-License-Identifier: MIT
"""A typed view of a flattened device tree (pyfdt underneath)."""

from __future__ import annotations

import io
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pyfdt.pyfdt import (
    FdtBlobParse,
    FdtNode,
    FdtProperty,
    FdtPropertyBytes,
    FdtPropertyStrings,
    FdtPropertyWords,
)

from testbed.devicetree import blob as flattened
from testbed.errors import Stage, TestbedError

Value = int | str | bytes | None | tuple[int, ...] | tuple[str, ...]


class TreeError(TestbedError):
    """A device tree that cannot be read, or has not what was asked of it."""

    def __init__(self, message: str) -> None:
        super().__init__(Stage.INFRASTRUCTURE, message)


def encode(value: Value) -> bytes:
    """The bytes of a property: cells for integers, NUL-terminated strings, raw bytes, or empty."""
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value
    items = value if isinstance(value, tuple) else (value,)
    return b"".join(
        item.encode() + b"\0" if isinstance(item, str) else struct.pack(">I", item)
        for item in items
    )


class Node:
    """One node of a tree, known by its `path`."""

    def __init__(self, raw: Any, path: str) -> None:
        self._raw = raw
        self.path = path

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def children(self) -> Iterator[Node]:
        for item in self._raw:
            if isinstance(item, FdtNode):
                yield Node(item, f"{self.path.rstrip('/')}/{item.get_name()}")

    def child(self, name: str) -> Node | None:
        """The child called `name`, or, as in device-tree paths, the only one of that base name."""
        children = list(self.children())
        exact = [child for child in children if child.name == name]
        if exact or "@" in name:
            return exact[0] if exact else None
        based = [child for child in children if child.name.partition("@")[0] == name]
        return based[0] if len(based) == 1 else None

    def properties(self) -> dict[str, bytes]:
        """Every property with its raw bytes, in the order of the tree."""
        return {
            item.get_name(): _raw_bytes(item) for item in self._raw if isinstance(item, FdtProperty)
        }

    def get(self, name: str) -> bytes | None:
        return self.properties().get(name)

    def require(self, name: str) -> bytes:
        """The raw bytes of property `name`; TreeError when it is absent."""
        value = self.get(name)
        if value is None:
            raise TreeError(f"device-tree node {self.path} has no property {name!r}")
        return value

    def cells(self, name: str) -> tuple[int, ...]:
        """Property `name` as 32-bit cells; TreeError when it is absent or has an odd size."""
        value = self.require(name)
        if len(value) % 4:
            raise TreeError(
                f"property {name!r} of {self.path} has {len(value)} bytes: not a list of cells"
            )
        return struct.unpack(f">{len(value) // 4}I", value)

    def cell(self, name: str) -> int:
        """Property `name`, which is one 32-bit cell; TreeError when it is anything else."""
        cells = self.cells(name)
        if len(cells) != 1:
            raise TreeError(f"property {name!r} of {self.path} has {len(cells)} cells, not one")
        return cells[0]

    def strings(self, name: str) -> tuple[str, ...]:
        """Property `name` as a list of strings; TreeError when it is absent or not text."""
        value = self.require(name)
        if not value.endswith(b"\0"):
            raise TreeError(f"property {name!r} of {self.path} is not a list of strings")
        return tuple(part.decode(errors="replace") for part in value[:-1].split(b"\0"))

    def set(self, name: str, value: Value) -> None:
        """Set or replace a property; None makes it an empty (boolean) one."""
        self.delete(name)
        # Properties come before subnodes in a blob.
        nodes = (at for at, item in enumerate(self._raw) if isinstance(item, FdtNode))
        position = next(nodes, len(self._raw))
        self._raw.insert(position, FdtProperty.new_raw_property(name, encode(value)))

    def delete(self, name: str) -> None:
        """Remove property `name` if it is there."""
        if name in self.properties():
            self._raw.remove(name)

    def add(self, name: str, properties: Mapping[str, Value] | None = None) -> Node:
        """Add a child node with `properties`; TreeError when it exists."""
        if any(child.name == name for child in self.children()):
            raise TreeError(f"device-tree node {self.path} already has a child {name!r}")
        raw = FdtNode(name)
        raw.set_parent_node(self._raw)
        self._raw.append(raw)
        node = Node(raw, f"{self.path.rstrip('/')}/{name}")
        for key, value in (properties or {}).items():
            node.set(key, value)
        return node

    def walk(self) -> Iterator[Node]:
        """This node and all below it, parents first."""
        yield self
        for child in self.children():
            yield from child.walk()


class Tree:
    """A whole tree. `source` is the file it came from, for messages."""

    def __init__(self, fdt: Any, source: str) -> None:
        self._fdt = fdt
        self.source = source
        self.root = Node(fdt.get_rootnode(), "/")

    @classmethod
    def parse(cls, blob: bytes, source: str = "device tree") -> Tree:
        """Read a flattened tree; TreeError when it is not one."""
        try:
            flattened.check(blob)
            return cls(FdtBlobParse(io.BytesIO(blob)).to_fdt(), source)
        except Exception as error:  # pyfdt raises bare Exception, struct.error, IndexError ...
            raise TreeError(f"{source} is not a flattened device tree: {error}") from None

    @classmethod
    def load(cls, path: Path) -> Tree:
        try:
            return cls.parse(path.read_bytes(), str(path))
        except OSError as error:
            raise TreeError(f"cannot read device tree {path}: {error.strerror}") from None

    @classmethod
    def compile(
        cls, path: Path, *, text: bytes | None = None, folders: Sequence[Path] = ()
    ) -> Tree:
        """Compile a device-tree source file with dtc, or `text` that was made of it.

        `folders` are where it looks for files that it includes.
        """
        search = [word for folder in folders for word in ("-i", str(folder))]
        source = str(path) if text is None else "-"
        done = _dtc("-I", "dts", "-O", "dtb", "-q", *search, source, text=text)
        if done.returncode:
            reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["dtc failed"])[
                0
            ]
            raise TreeError(f"cannot compile device-tree source {path}: {reason}")
        return cls.parse(done.stdout, str(path))

    def node(self, path: str) -> Node:
        """The node at an absolute path; TreeError naming the part that does not exist."""
        node = self.root
        for part in path.strip("/").split("/"):
            if not part:
                continue
            child = node.child(part)
            if child is None:
                there = ", ".join(sorted(child.name for child in node.children())) or "no nodes"
                raise TreeError(
                    f"no device-tree node {path} in {self.source}: {node.path} has no {part!r},"
                    f" it has {there}"
                )
            node = child
        return node

    def compatible(self, name: str) -> Node:
        """The first node that is `compatible` with `name`."""
        for node in self.root.walk():
            value = node.get("compatible")
            if value is not None and name.encode() in value.split(b"\0"):
                return node
        raise TreeError(f"no node compatible with {name!r} in {self.source}")

    def phandle(self, node: Node) -> int:
        """The phandle of `node`, given one when it has none."""
        if node.get("phandle") is not None:
            return node.cell("phandle")
        used = {n.cell("phandle") for n in self.root.walk() if n.get("phandle") is not None}
        value = next(number for number in range(1, len(used) + 2) if number not in used)
        node.set("phandle", value)
        return value

    def to_blob(self) -> bytes:
        blob: bytes = self._fdt.to_dtb()
        return blob

    def save(self, dtb: Path) -> None:
        """Write the blob to `dtb` and its source text beside it as .dts."""
        dtb.write_bytes(self.to_blob())
        done = _dtc("-I", "dtb", "-O", "dts", "-q", str(dtb))
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip()
            raise TreeError(f"dtc refuses the device tree {dtb}: {reason}")
        dtb.with_suffix(".dts").write_bytes(done.stdout)


def _raw_bytes(item: Any) -> bytes:
    # pyfdt's own to_raw() joins text with bytes under Python 3.
    match item:
        case FdtPropertyWords():
            return encode(tuple(item.words))
        case FdtPropertyStrings():
            return encode(tuple(item.strings))
        case FdtPropertyBytes():
            return bytes(byte & 0xFF for byte in item.bytes)
        case _:
            return b""


def _dtc(*arguments: str, text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["dtc", *arguments], input=text, capture_output=True, check=False)
    except FileNotFoundError:
        raise TreeError(
            "dtc is not installed (package device-tree-compiler); see 'testbed doctor'"
        ) from None

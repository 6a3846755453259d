# SPDX-License-Identifier: MIT
"""Device trees as plain data, which can be made at random and compared."""

from __future__ import annotations

import struct
from random import Random
from typing import Any

from hypothesis import strategies as st

from testbed.devicetree import Node, Tree

# Properties by name, then children by name.
Spec = tuple[dict[str, bytes], dict[str, Any]]

TRIED: list[str] = []
"""Lines about mutated input for the summary of the test run."""


def empty_tree() -> Tree:
    """A tree of nothing but a root node."""
    structure = struct.pack(">4I", 1, 0, 2, 9)
    offsets = (56, 72, 40)  # of structure, strings and reservations
    header = struct.pack(">10I", 0xD00DFEED, 72, *offsets, 17, 16, 0, 0, len(structure))
    return Tree.parse(header + bytes(16) + structure)


def build(spec: Spec) -> Tree:
    tree = empty_tree()
    _fill(tree.root, spec)
    return tree


def _fill(node: Node, spec: Spec) -> None:
    properties, children = spec
    # Children first: properties have to find their place before them.
    for name, child in children.items():
        _fill(node.add(name), child)
    for name, value in properties.items():
        node.set(name, value)


def spec_of(node: Node) -> Spec:
    return node.properties(), {child.name: spec_of(child) for child in node.children()}


def _specs() -> st.SearchStrategy[Spec]:
    letters = st.text("abcxyz0189,._+-", min_size=1, max_size=8)
    text = st.lists(st.text(st.characters(max_codepoint=127, exclude_characters="\0"), max_size=6))
    values = st.binary(max_size=24) | text.map(lambda parts: "".join(f"{p}\0" for p in parts))
    properties = st.dictionaries(
        letters.map("#x-{}".format),
        values.map(lambda value: value.encode() if isinstance(value, str) else value),
        max_size=4,
    )
    units = st.sampled_from(["", "@0", "@11c500", "@1,0"])
    names = st.builds("n{}{}".format, letters, units)
    return st.recursive(
        st.tuples(properties, st.just({})),
        lambda below: st.tuples(properties, st.dictionaries(names, below, max_size=3)),
        max_leaves=8,
    )


SPECS = _specs()


def mutated(random: Random, blob: bytes) -> bytes:
    """`blob` with one to three of the things that happen to data."""
    data = bytearray(blob)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(data) + 1)
        match random.randrange(6):
            case 0:
                del data[at:]
            case 1:
                data[at : at + 1] = random.randbytes(1)
            case 2:  # a word, where words are
                word = random.choice([0, 1, 2, 3, 4, 9, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF, len(data)])
                data[at & ~3 : (at & ~3) + 4] = struct.pack(">I", word)
            case 3:
                data[at:at] = random.randbytes(random.randint(1, 8))
            case 4:
                del data[at : at + random.randint(1, 8)]
            case 5:
                other = random.randrange(len(data) + 1)
                data[at : at + 16] = data[other : other + 16]
    return bytes(data)

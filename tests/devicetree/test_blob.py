# SPDX-License-Identifier: MIT
"""Blobs that are damaged or hostile: TreeError or a tree that can be used, nothing else."""

from __future__ import annotations

import contextlib
import secrets
import struct
from random import Random

import pytest
from tree_rig import TRIED, build, empty_tree, mutated, spec_of

from testbed.devicetree import Tree, TreeError
from testbed.devicetree.address import linux_name
from testbed.machine.exposure import expected_exposure

BEGIN, END_NODE, PROPERTY, NOP, END = (struct.pack(">I", tag) for tag in (1, 2, 3, 4, 9))
ROOT = BEGIN + bytes(4)
CHILD = BEGIN + b"a\0\0\0"
MUTATIONS = 600


def blob_of(structure: bytes, strings: bytes = b"x\0", /, **changed: int) -> bytes:
    header = {
        "magic": 0xD00DFEED,
        "total": 56 + len(structure) + len(strings),
        "structure": 56,
        "strings": 56 + len(structure),
        "reservations": 40,
        "version": 17,
        "oldest": 16,
        "cpu": 0,
        "strings_size": len(strings),
        "structure_size": len(structure),
    }
    words = struct.pack(">10I", *(header | changed).values())
    return words + bytes(16) + structure + strings


def some_property(length: int, name: int = 0) -> bytes:
    return PROPERTY + struct.pack(">2I", length, name) + bytes(4)


WHOLE = ROOT + some_property(4) + CHILD + NOP + END_NODE + END_NODE + END


def test_the_blob_the_others_are_damaged_from_is_whole() -> None:
    assert spec_of(Tree.parse(blob_of(WHOLE)).root) == ({"x": bytes(4)}, {"a": ({}, {})})


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"", "0 bytes are less than a header"),
        (blob_of(WHOLE, magic=0xEDFE0DD0), "begins with 0xedfe0dd0, not 0xd00dfeed"),
        (blob_of(WHOLE, version=16), "of version 16, not 17"),
        (
            blob_of(WHOLE)[:-1],
            f"cut: there are {len(blob_of(WHOLE)) - 1} of {len(blob_of(WHOLE))} bytes",
        ),
        (blob_of(WHOLE, structure=0xFFFFFFF0), "it is cut"),
        (blob_of(WHOLE, strings_size=3), "it is cut"),
        (blob_of(END), "token 0x9 .* out of place"),
        (blob_of(ROOT + END_NODE), "no end"),
        (blob_of(ROOT + END), "token 0x9 .* out of place"),
        (blob_of(ROOT + END_NODE + ROOT + END_NODE + END), "token 0x9 .* out of place"),
        (blob_of(END_NODE + END), "do not nest"),
        (blob_of(ROOT + struct.pack(">I", 5) + END_NODE + END), "token 0x5 .* out of place"),
        (blob_of(CHILD + END_NODE + END), "wrong name"),
        (blob_of(ROOT + ROOT + END_NODE + END_NODE + END), "wrong name"),
        (blob_of(ROOT + BEGIN + b"abcd"), "no end"),
        (blob_of(some_property(4) + WHOLE), "no node or name"),
        (blob_of(ROOT + some_property(4, name=2) + END_NODE + END), "no node or name"),
        (blob_of(ROOT + some_property(400) + END_NODE + END), "no end"),
        (blob_of(ROOT + PROPERTY), "no node or name"),
        (blob_of(ROOT + CHILD * 64 + END_NODE * 65 + END), "do not nest"),
        (blob_of(ROOT + CHILD + END_NODE + CHILD + END_NODE + END_NODE + END), "already exists"),
        (blob_of(ROOT + BEGIN + b"\xff\0\0\0" + END_NODE + END_NODE + END), "codec can't decode"),
        (blob_of(WHOLE, b"x"), "not a flattened device tree"),
        (blob_of(WHOLE, reservations=0xFFFFFFF0), "not a flattened device tree"),
    ],
)
def test_a_malformed_blob_is_refused_with_the_reason(blob: bytes, reason: str) -> None:
    with pytest.raises(
        TreeError, match=f"some.dtb is not a flattened device tree: .*{reason}|some.dtb is {reason}"
    ):
        Tree.parse(blob, "some.dtb")


def test_what_follows_a_tree_in_its_file_does_not_matter() -> None:
    assert spec_of(Tree.parse(blob_of(WHOLE) + bytes(4096)).root)[1] == {"a": ({}, {})}


def test_mutated_blobs_raise_nothing_but_tree_errors() -> None:
    seed = secrets.randbits(32)
    random = Random(seed)
    print(f"seed {seed}")
    board = {"#address-cells": bytes([0, 0, 0, 1]), "#size-cells": bytes([0, 0, 0, 1])}
    serial = {"reg": bytes(8), "interrupts": bytes(12), "compatible": b"ns16550a\0"}
    soc = ({**board, "ranges": b""}, {"serial@0": (serial, {})})
    gic = {"compatible": b"arm,gic-v3\0", "#interrupt-cells": b"\0\0\0\3", "phandle": b"\0\0\0\1"}
    whole = build(({**board, "interrupt-parent": b"\0\0\0\1"}, {"soc": soc, "gic": (gic, {})}))
    assert linux_name(whole, whole.node("/soc/serial")) == "0.serial"
    assert expected_exposure(whole, whole.node("/soc/serial")).interrupts
    blob = whole.to_blob()
    refused = 0
    for _ in range(MUTATIONS):
        try:
            tree = Tree.parse(mutated(random, blob))
        except TreeError:
            refused += 1
            continue
        assert spec_of(Tree.parse(tree.to_blob()).root) == spec_of(tree.root)
        for node in tree.root.walk():
            with contextlib.suppress(TreeError):
                expected_exposure(tree, node)
            with contextlib.suppress(TreeError):
                linux_name(tree, node)
    TRIED.append(f"device trees: {MUTATIONS} mutated, {refused} refused, seed {seed}")
    assert 0 < refused < MUTATIONS


def test_random_bytes_are_no_tree(random: Random) -> None:
    head = empty_tree().to_blob()[:4]
    for size in (3, 4, 40, 500):
        with pytest.raises(TreeError):
            Tree.parse(head + random.randbytes(size))

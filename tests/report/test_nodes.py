# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import pytest
from report_rig import leave_run

from testbed.devicetree.tree import TreeError
from testbed.report.nodes import read_nodes


def test_a_node_is_told_property_by_property(tmp_path: Path) -> None:
    mdio, phy, lost = read_nodes(leave_run(tmp_path), "guest0")
    assert (mdio.guest, mdio.host_path, mdio.guest_path) == (
        "guest0",
        "/soc/mdio@1000",
        "/platform/mdio@0",
    )
    changes = {each.name: (each.change, each.host, each.guest) for each in mdio.properties}
    assert changes["compatible"][0] == "kept"
    assert changes["reg"] == ("rewritten", "reg = <0x1000 0x100>", "reg = <0x0 0x100>")
    assert changes["status"] == ("dropped", 'status = "okay"', "")
    assert changes["dma-coherent"] == ("provided", "", "dma-coherent")
    # The phandles differ, the nodes they lead to do not.
    assert changes["clocks"] == ("kept", "clocks = <&{/clock}>", "clocks = <&{/clock}>")
    assert (phy.host_path, phy.guest_path) == ("/soc/mdio@1000/phy@3", "/platform/mdio@0/phy@3")
    assert (lost.host_path, lost.guest_path) == ("/soc/mdio@1000/lost@4", "")
    assert [each.change for each in lost.properties] == ["dropped"]


def test_a_guest_without_a_tree_has_no_nodes(tmp_path: Path) -> None:
    assert read_nodes(tmp_path, "guest0") == []


@pytest.mark.parametrize("text", ["", "[]", '{"/soc/none": "/platform"}', '{"/soc": 3}'])
def test_nodes_that_are_none_are_an_error_of_one_line(tmp_path: Path, text: str) -> None:
    run = leave_run(tmp_path)
    (run / "guest0" / "nodes.json").write_text(text)
    with pytest.raises(TreeError) as caught:
        read_nodes(run, "guest0")
    assert "\n" not in caught.value.message

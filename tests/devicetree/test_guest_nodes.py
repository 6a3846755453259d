# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.devicetree import Tree, TreeError, fragment
from testbed.devicetree.fragment import Fragment
from testbed.devicetree.guest_nodes import GuestNodes, NodeReport, Placement
from testbed.paths import FRAGMENTS

Compiled = Callable[[str], Tree]

FIXED_CLOCK = """
    clk: clock-uart {
        compatible = "fixed-clock"; #clock-cells = <0>; clock-frequency = <150000000>;
        clock-output-names = "uart"; phandle = <9>; status = "okay";
    };"""
GATEABLE_CLOCK = 'gate { compatible = "fsl,qoriq-clockgen"; #clock-cells = <1>; phandle = <9>; };'
GUEST = "platform-bus@c000000 { #address-cells = <1>; #size-cells = <1>; };"


def host_source(properties: str, clock: str = "") -> str:
    return f"""
        {clock}
        soc {{
            #address-cells = <1>; #size-cells = <1>; ranges;
            serial@11c500 {{
                compatible = "fsl,ns16550", "ns16550a"; reg = <0x11c500 0x100>; {properties}
            }};
        }};"""


RULES = {
    "compatible": '"ns16550a"',
    "copy": '"compatible", "clock-frequency", "auto-flow-control"',
    "rewrite": '"reg", "interrupts", "clocks"',
    "drop": '"iommus", "phandle"',
}


def write_rules(path: Path, inside: str = "", **changed: str) -> Path:
    rules = "\n".join(f"guest,{name} = {v};" for name, v in (RULES | changed).items() if v)
    path.write_text(f"/dts-v1/;\n/ {{ {rules} {inside} }};\n")
    return path


@pytest.fixture
def rules(tmp_path: Path) -> Fragment:
    return Fragment.load(write_rules(tmp_path / "uart.dts"))


def add(rules: Fragment, host: Tree, guest: Tree, placement: Placement | None = None) -> NodeReport:
    nodes = GuestNodes(host, guest)
    report = nodes.add(
        rules,
        host.node("/soc/serial"),
        guest.node("/platform-bus@c000000"),
        placement or Placement((0x1000,), ((0, 112, 4),)),
    )
    nodes.finish()
    return report


def test_each_property_is_kept_rewritten_or_dropped_as_the_rules_say(
    compiled: Compiled, rules: Fragment
) -> None:
    host = compiled(
        host_source(
            "clock-frequency = <150000000>; auto-flow-control; interrupts = <0 180 4>;"
            " iommus = <&{/soc} 0xf8>; phandle = <77>;"
        )
    )
    guest = compiled(GUEST)
    report = add(rules, host, guest)

    assert report.guest_path == "/platform-bus@c000000/serial@1000"
    assert guest.node(report.guest_path).properties() == {
        "compatible": b"fsl,ns16550\0ns16550a\0",
        "reg": bytes.fromhex("00001000 00000100"),
        "clock-frequency": (150_000_000).to_bytes(4),
        "auto-flow-control": b"",
        "interrupts": bytes.fromhex("00000000 00000070 00000004"),
    }
    assert report.unmatched == []
    assert [line.split()[:2] for line in report.lines] == [
        ["kept", "compatible"],
        ["rewritten", "reg"],
        ["kept", "clock-frequency"],
        ["kept", "auto-flow-control"],
        ["rewritten", "interrupts"],
        ["dropped", "iommus"],
        ["dropped", "phandle"],
    ]
    assert "  rewritten reg = <0x11c500 0x100> -> reg = <0x1000 0x100>" in report.lines
    assert '  kept      compatible = "fsl,ns16550", "ns16550a"' in report.lines


def test_a_property_without_a_rule_is_left_out_and_reported(
    compiled: Compiled, rules: Fragment
) -> None:
    guest = compiled(GUEST)
    report = add(rules, compiled(host_source("odd,thing = [01 02 03];")), guest)
    assert report.unmatched == ["odd,thing"]
    assert guest.node(report.guest_path).get("odd,thing") is None
    assert "dropped   odd,thing = [01 02 03]   <- no rule in uart.dts names it" in report.text()


def test_each_window_and_line_gets_its_own_place(compiled: Compiled, rules: Fragment) -> None:
    two = "reg = <0x11c500 0x100>, <0x11d000 0x1000>; interrupts = <0 1 4>, <0 2 4>;"
    source = host_source("").replace("reg = <0x11c500 0x100>;", two)
    guest = compiled(GUEST)
    report = add(
        rules, compiled(source), guest, Placement((0x2000, 0x3000), ((0, 112, 4), (0, 113, 4)))
    )
    node = guest.node(report.guest_path)
    assert node.cells("reg") == (0x2000, 0x100, 0x3000, 0x1000)
    assert node.cells("interrupts") == (0, 112, 4, 0, 113, 4)


def test_what_a_fragment_provides_is_added(compiled: Compiled, tmp_path: Path) -> None:
    provide = 'provide { status = "okay"; current-speed = <115200>; };'
    rules = Fragment.load(write_rules(tmp_path / "uart.dts", provide))
    guest = compiled(GUEST)
    report = add(rules, compiled(host_source("")), guest)
    node = guest.node(report.guest_path)
    assert node.strings("status") == ("okay",)
    assert node.cell("current-speed") == 115200
    assert "  provided  current-speed = <0x1c200>" in report.lines


def test_a_fixed_clock_is_copied_into_the_guest(compiled: Compiled, rules: Fragment) -> None:
    host = compiled(host_source("clocks = <9>;", FIXED_CLOCK))
    guest = compiled("taken { phandle = <1>; };" + GUEST)
    report = add(rules, host, guest)
    copied = guest.node("/clock-uart")
    assert copied.properties() == {
        "compatible": b"fixed-clock\0",
        "#clock-cells": bytes(4),
        "clock-frequency": (150_000_000).to_bytes(4),
        "clock-output-names": b"uart\0",
        "phandle": b"\0\0\0\2",
    }
    assert guest.node(report.guest_path).cells("clocks") == (copied.cell("phandle"),)


def test_a_clock_the_guest_has_already_is_used_again(compiled: Compiled, rules: Fragment) -> None:
    host = compiled(host_source("clocks = <9 9>;", FIXED_CLOCK))
    guest = compiled(GUEST)
    report = add(rules, host, guest)
    assert guest.node(report.guest_path).cells("clocks") == (1, 1)
    assert [node.name for node in guest.root.children()] == ["platform-bus@c000000", "clock-uart"]


def test_another_clock_of_the_same_name_is_not_mistaken_for_it(
    compiled: Compiled, rules: Fragment
) -> None:
    host = compiled(host_source("clocks = <9 9>;", FIXED_CLOCK))
    guest = compiled(FIXED_CLOCK.replace("150000000", "24000000") + GUEST)
    report = add(rules, host, guest)
    copied = guest.node("/host-clock-uart")
    assert copied.cell("clock-frequency") == 150_000_000
    assert guest.node(report.guest_path).cells("clocks") == (copied.cell("phandle"),) * 2


@pytest.mark.parametrize(
    ("clocks", "name"), [("<9 3>", "/gate"), ("<5>", "phandle 0x5")], ids=["gateable", "dangling"]
)
def test_a_clock_that_can_be_gated_is_refused(
    compiled: Compiled, rules: Fragment, clocks: str, name: str
) -> None:
    host = compiled(host_source(f"clocks = {clocks};", GATEABLE_CLOCK))
    with pytest.raises(
        TreeError,
        match=f"/soc/serial@11c500 uses clock {name}, which is not a fixed-clock: a guest must not",
    ):
        add(rules, host, compiled(GUEST))


def test_a_property_named_in_two_rules_is_refused(tmp_path: Path) -> None:
    path = write_rules(tmp_path / "uart.dts", drop='"iommus", "reg", "compatible"')
    with pytest.raises(TreeError, match=r"uart.dts: / names compatible, reg in more than one rule"):
        Fragment.load(path)


def test_a_missing_rule_is_named_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match=r"uart.dts: .* no property 'guest,drop'"):
        Fragment.load(write_rules(tmp_path / "uart.dts", drop=""))


def test_the_fragment_for_the_first_compatible_wins(compiled: Compiled, tmp_path: Path) -> None:
    folder = tmp_path / "fragments"
    folder.mkdir()
    write_rules(folder / "a.dts")
    write_rules(folder / "b.dts", compatible='"other", "fsl,ns16550"')
    host = compiled(host_source(""))
    assert fragment.find(folder, host.node("/soc/serial")).path.name == "b.dts"


def test_a_chosen_fragment_is_taken_if_it_is_for_the_node(
    compiled: Compiled, tmp_path: Path
) -> None:
    host = compiled(host_source(""))
    mine = write_rules(tmp_path / "mine.dts")
    assert fragment.find(FRAGMENTS, host.node("/soc/serial"), mine).path == mine
    other = write_rules(tmp_path / "other.dts", compatible='"fsl,etsec2"')
    with pytest.raises(
        TreeError, match=r"other.dts is for fsl,etsec2, not for /soc/serial@11c500 \(compatible"
    ):
        fragment.find(FRAGMENTS, host.node("/soc/serial"), other)


def test_a_binding_without_a_fragment_is_refused(compiled: Compiled) -> None:
    host = compiled('mmc@1 { compatible = "fsl,p2041-esdhc", "fsl,esdhc"; };')
    with pytest.raises(
        TreeError, match=r"is for /mmc@1 \(compatible fsl,p2041-esdhc, fsl,esdhc\); write one"
    ):
        fragment.find(FRAGMENTS, host.node("/mmc"))


def test_the_uart_fragment_has_a_rule_for_everything_a_uart_node_has(compiled: Compiled) -> None:
    host = compiled(
        host_source(
            "interrupts = <0 180 4>; clock-frequency = <150000000>; current-speed = <115200>;"
            " iommus = <&{/soc} 0xf8>; dma-coherent; fifo-size = <64>; reg-shift = <2>;"
            ' reg-io-width = <4>; big-endian; status = "okay"; clocks = <9>; phandle = <5>;',
            FIXED_CLOCK,
        )
    )
    rules = fragment.find(FRAGMENTS, host.node("/soc/serial"))
    guest = compiled(GUEST)
    report = add(rules, host, guest)
    assert report.unmatched == []
    kept = guest.node(report.guest_path).properties()
    assert {"big-endian", "reg-shift", "reg-io-width", "clocks", "interrupts"} <= kept.keys()
    assert not {"iommus", "phandle", "dma-coherent", "status"} & kept.keys()


def test_the_sata_fragment_has_a_rule_for_everything_a_sata_node_has(compiled: Compiled) -> None:
    """What Linux's device trees of QorIQ parts and U-Boot put into one."""
    host = compiled(
        "soc { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0x1000000>;"
        ' sata@221000 { compatible = "fsl,pq-sata-v2"; reg = <0x221000 0x1000>;'
        " interrupts = <69 2>; interrupt-parent = <1>; cell-index = <2>; fsl,liodn = <12>;"
        ' fsl,iommu-parent = <2>; status = "okay"; phandle = <5>; }; };'
    )
    node = host.node("/soc/sata")
    guest = compiled(GUEST)
    bus = guest.node("/platform-bus@c000000")
    rules = fragment.find(FRAGMENTS, node)
    report = GuestNodes(host, guest).add(rules, node, bus, Placement((0x1000,), ((5, 2),)))
    assert report.unmatched == []
    kept = guest.node(report.guest_path).properties()
    assert {"compatible", "reg", "interrupts", "cell-index"} <= kept.keys()
    assert not {"fsl,liodn", "fsl,iommu-parent", "phandle", "status"} & kept.keys()


def test_the_etsec_fragments_have_a_rule_for_everything_their_nodes_have(
    compiled: Compiled,
) -> None:
    """What Linux's device trees of QorIQ parts and boards and U-Boot put into them."""
    host = compiled(
        "soc { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0x1000000>;"
        " mdio@24000 { #address-cells = <1>; #size-cells = <0>;"
        ' compatible = "fsl,etsec2-mdio"; reg = <0x24000 0x1000 0xb0030 4>; fsl,liodn = <3>;'
        " phy: ethernet-phy@1 { reg = <1>; interrupts = <3 1>; phandle = <7>; };"
        ' tbi: tbi-phy@11 { device_type = "tbi-phy"; reg = <0x1f>; phandle = <8>; }; };'
        ' ethernet@b0000 { #address-cells = <1>; #size-cells = <1>; device_type = "network";'
        ' model = "eTSEC"; compatible = "fsl,etsec2"; fsl,num_rx_queues = <8>;'
        " fsl,num_tx_queues = <8>; fsl,magic-packet; ranges; reg = <0xb0000 0x1000>;"
        " local-mac-address = [00 00 00 00 00 00]; interrupts = <29 2 30 2 34 2>;"
        ' phy-handle = <&phy>; tbi-handle = <&tbi>; phy-connection-type = "sgmii";'
        " fsl,pmc-handle = <9>; fsl,liodn = <4>; queue-group@b0000 { #address-cells = <1>;"
        " #size-cells = <1>; reg = <0xb0000 0x1000>; interrupts = <29 2 30 2 34 2>; }; }; };"
    )
    guest = compiled(GUEST)
    bus = guest.node("/platform-bus@c000000")
    nodes = GuestNodes(host, guest)
    made = {}
    for name, place in (
        ("mdio", Placement((0x1000, 0x2000), ())),
        ("ethernet", Placement((0x3000,), ((5, 2), (6, 2), (7, 2)))),
    ):
        node = host.node(f"/soc/{name}")
        report = nodes.add(fragment.find(FRAGMENTS, node), node, bus, place)
        assert report.unmatched == []
        made[name] = guest.node(report.guest_path)
    nodes.finish()

    phy = guest.node(f"{made['mdio'].path}/ethernet-phy@1")
    assert phy.properties().keys() == {"reg", "phandle"}
    assert made["ethernet"].cell("phy-handle") == phy.cell("phandle")
    tbi = guest.node(f"{made['mdio'].path}/tbi-phy@11")
    assert made["ethernet"].cell("tbi-handle") == tbi.cell("phandle")
    assert not {"fsl,liodn", "fsl,magic-packet"} & made["ethernet"].properties().keys()
    assert guest.node(f"{made['ethernet'].path}/queue-group@3000").cells("interrupts") == (
        *(5, 2, 6, 2, 7, 2),
    )


ETHERNET = """
    soc {
        #address-cells = <1>; #size-cells = <1>; ranges = <0 0xfe000000 0x1000000>;
        mdio@24000 {
            compatible = "mdio"; reg = <0x24000 0x1000>; #address-cells = <1>; #size-cells = <0>;
            phy: ethernet-phy@1 { reg = <1>; phandle = <7>; };
            other@3 { reg = <3>; };
        };
        ethernet@b0000 {
            compatible = "ethernet"; reg = <0xb0000 0x2000>; phy-handle = <&phy>;
            interrupts = <29 2 30 2 34 2>; #address-cells = <1>; #size-cells = <1>; ranges;
            queue-group@b1000 { reg = <0xb1000 0x1000>; interrupts = <34 2 29 2>; };
        };
    };"""
CHILD = 'guest,copy = {copy}; guest,rewrite = {rewrite}; guest,drop = "phandle";'


@pytest.fixture
def ethernet(tmp_path: Path) -> dict[str, Fragment]:
    """Fragments for the two devices of ETHERNET."""
    phy = CHILD.format(copy='"reg"', rewrite='""')
    group = CHILD.format(copy='""', rewrite='"reg", "interrupts"')
    return {
        "mdio": Fragment.load(
            write_rules(
                tmp_path / "mdio.dts",
                f"children {{ ethernet-phy {{ {phy} }}; }};",
                copy='"compatible", "#address-cells", "#size-cells"',
            )
        ),
        "ethernet": Fragment.load(
            write_rules(
                tmp_path / "ethernet.dts",
                f"children {{ queue-group {{ {group} }}; }};",
                copy='"compatible", "#address-cells", "#size-cells", "ranges"',
                rewrite='"reg", "interrupts", "phy-handle"',
            )
        ),
    }


PLACES = {
    "mdio": Placement((0x4000,), ()),
    "ethernet": Placement((0x2000,), ((5, 2), (6, 2), (7, 2))),
}


def test_children_and_what_phandles_lead_to_go_with_their_devices(
    compiled: Compiled, ethernet: dict[str, Fragment]
) -> None:
    host, guest = compiled(ETHERNET), compiled(GUEST)
    bus = guest.node("/platform-bus@c000000")
    nodes = GuestNodes(host, guest)
    # The phandle leads to a node that is made later.
    reports = {
        name: nodes.add(ethernet[name], host.node(f"/soc/{name}"), bus, PLACES[name])
        for name in ("ethernet", "mdio")
    }
    nodes.finish()

    made = guest.node(reports["ethernet"].guest_path)
    group = guest.node(f"{made.path}/queue-group@3000")
    assert group.cells("reg") == (0x3000, 0x1000)
    assert group.cells("interrupts") == (7, 2, 5, 2)
    phy = guest.node(f"{reports['mdio'].guest_path}/ethernet-phy@1")
    assert phy.cells("reg") == (1,)
    assert made.cells("phy-handle") == (phy.cell("phandle"),)
    assert "  rewritten phy-handle = <0x7> -> phy-handle = <0x1>" in reports["ethernet"].lines
    assert reports["mdio"].unmatched == ["other@3"]
    assert "other@3 { }   <- no rule in mdio.dts names it" in reports["mdio"].text()


def test_a_phandle_to_what_the_guest_does_not_get_is_refused(
    compiled: Compiled, ethernet: dict[str, Fragment]
) -> None:
    host, guest = compiled(ETHERNET), compiled(GUEST)
    nodes = GuestNodes(host, guest)
    nodes.add(
        ethernet["ethernet"],
        host.node("/soc/ethernet"),
        guest.node("/platform-bus@c000000"),
        PLACES["ethernet"],
    )
    with pytest.raises(
        TreeError,
        match="phy-handle of /soc/ethernet@b0000 leads to /soc/mdio@24000/ethernet-phy@1, which",
    ):
        nodes.finish()


def test_a_phandle_to_nothing_is_refused(compiled: Compiled, tmp_path: Path) -> None:
    rules = Fragment.load(write_rules(tmp_path / "uart.dts", rewrite='"reg", "dmas"'))
    with pytest.raises(TreeError, match="dmas of /soc/serial@11c500 leads to phandle 0x51, which"):
        add(rules, compiled(host_source("dmas = <0x51>;")), compiled(GUEST))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("0xb1000", "0xc1000", "reg of /soc/ethernet@b0000/queue-group@c1000 leads to no reg"),
        ("<34 2 29 2>", "<35 2>", "interrupts of /soc/ethernet@b0000/queue-group@b1000 are not"),
    ],
    ids=["registers", "interrupts"],
)
def test_a_child_with_what_is_not_the_devices_is_refused(
    compiled: Compiled, ethernet: dict[str, Fragment], before: str, after: str, message: str
) -> None:
    host = compiled(
        ETHERNET.replace(before, after).replace(
            "group@b1000", f"group@{'c' if after == '0xc1000' else 'b'}1000"
        )
    )
    guest = compiled(GUEST)
    with pytest.raises(TreeError, match=message):
        GuestNodes(host, guest).add(
            ethernet["ethernet"],
            host.node("/soc/ethernet"),
            guest.node("/platform-bus@c000000"),
            PLACES["ethernet"],
        )


def test_a_childs_missing_rule_is_named(tmp_path: Path) -> None:
    path = write_rules(tmp_path / "a.dts", 'children { phy { guest,copy = "reg"; }; };')
    with pytest.raises(TreeError, match=r"a.dts: .*/children/phy has no property 'guest,rewrite'"):
        Fragment.load(path)

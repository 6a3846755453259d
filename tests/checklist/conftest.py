# SPDX-License-Identifier: MIT
"""A made-up board with something of every sort on it."""

from __future__ import annotations

import pytest

from testbed.devicetree import Tree

_BOARD = """/dts-v1/;
/ {
	model = "Acme <board>"; compatible = "acme,board";
	#address-cells = <2>; #size-cells = <2>; interrupt-parent = <&pic>;
	cpus {
		#address-cells = <1>; #size-cells = <0>;
		cpu@0 { compatible = "acme,cpu"; reg = <0>; };
	};
	soc@ffe000000 {
		compatible = "simple-bus"; #address-cells = <1>; #size-cells = <1>;
		ranges = <0 0xf 0xfe000000 0x1000000>;
		pic: pic@40000 {
			compatible = "fsl,mpic"; reg = <0x40000 0x40000>;
			interrupt-controller; #interrupt-cells = <4>;
		};
		serial@11c500 {
			compatible = "fsl,ns16550", "ns16550"; reg = <0x11c500 0x100>;
			interrupts = <36 2 0 0>; clock-frequency = <0>; acme,colour = <7>;
			clocks = <&pic 1>; fsl,liodn = <3>;
		};
		serial@11c600 {
			compatible = "fsl,ns16550", "ns16550"; reg = <0x11c600 0x100>;
			interrupts = <36 2 0 0>;
		};
		serial@11d500 {
			compatible = "fsl,ns16550", "ns16550"; reg = <0x11d500 0x100>;
			interrupts = <37 2 0 0>; status = "disabled";
		};
		i2c@118000 {
			compatible = "fsl-i2c"; reg = <0x118000 0x100>; interrupts = <38 2 0 0>;
			#address-cells = <1>; #size-cells = <0>;
			eeprom@50 { compatible = "atmel,24c64"; reg = <0x50>; };
		};
		crypto@300000 {
			compatible = "fsl,sec-v4.0"; reg = <0x300000 0x10000>; interrupts = <92 2 0 0>;
			#address-cells = <1>; #size-cells = <1>; ranges = <0 0x300000 0x10000>;
			fsl,iommu-parent = <&pic>;
			jr@1000 {
				compatible = "fsl,sec-v4.0-job-ring"; reg = <0x1000 0x1000>;
				interrupts = <88 2 0 0>;
			};
			rtic@6000 { compatible = "fsl,sec-v4.0-rtic"; reg = <0x6000 0x100>; };
		};
		unheard-of@500000 { compatible = "acme,unheard-of"; reg = <0x500000 0x100>; };
	};
};
"""


@pytest.fixture(scope="session")
def board_tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    path = tmp_path_factory.mktemp("tree") / "board.dts"
    path.write_text(_BOARD)
    return Tree.compile(path)

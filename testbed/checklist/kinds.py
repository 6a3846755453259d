# SPDX-License-Identifier: MIT
"""The kinds of device that there are models of, and how one of a real board is made of a model.

A new model gets an entry here: its bindings, and the devices of the emulated host that stand for a
node of the board's tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from models.ahci import Ahci
from models.ata import AtaDisk, Media
from models.fsl_sata import FslSata
from models.ns16550a import Ns16550a
from models.sec import PRESETS, SecConfig
from testbed.boards.board import PlatformDevice
from testbed.boards.sec import sec_devices
from testbed.devicetree.tree import Value

_CLOCK = 150_000_000
"""Hz: where firmware fills in what a UART runs from, or its clock is not in the emulated host."""
_DISK_SIZE = 64 << 20

# A SEC 4.2 as P3041 and P5020 have it; identity by the table of eras in caam/ctrl.c.
_SEC_4_2 = replace(PRESETS["P4080"], name="SEC 4.2", era=3, ip_id=0x0A12, major=1)
_SECS: Mapping[tuple[str, str], SecConfig] = {
    ("e500", "fsl,sec-v4.0"): PRESETS["P4080"],
    ("e500", "fsl,sec-v4.2"): _SEC_4_2,
    ("e500", "fsl,sec-v5.0"): PRESETS["T4240"],
    ("arm-virt", "fsl,sec-v5.0"): PRESETS["LS1021A"],
    ("arm-virt", "fsl,sec-v5.4"): PRESETS["LS1046A"],
}
"""The units of a SEC by board and first compatible."""


@dataclass(frozen=True)
class Place:
    """Where the emulated host has a device: its name, registers and interrupts within `/soc`.

    `parts` are the places of what belongs to it, registers relative to its own.
    """

    board: str
    name: str
    compatible: tuple[str, ...]
    registers: tuple[tuple[int, int], ...]
    interrupts: tuple[int, ...]
    stream_id: int
    properties: Mapping[str, Value]
    parts: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Kind:
    """Devices that one model stands for. `fragment` and `model` are where the project has them.

    `make` gives what the emulated host gets for one at a place, None where only the board's own
    entry can. `part` names the kind of its children that a guest is given.
    """

    name: str
    model: str
    compatible: tuple[str, ...]
    boards: tuple[str, ...]
    make: Callable[[Place], tuple[PlatformDevice, ...]] | None
    windows: tuple[int, ...] = (1,)
    """How many windows of registers the model can stand for; it has one interrupt."""
    sizes: tuple[int, ...] = ()
    """How big a window may be, where that is the model's to say."""
    part: str = ""
    assignable: bool = True
    """A guest can be given it, or only its parts."""

    def fits(self, sizes: Sequence[int], lines: int) -> bool:
        """Whether the model can stand for a node of windows of such sizes and so many lines."""
        known = not self.sizes or set(sizes) <= set(self.sizes)
        return len(sizes) in self.windows and known and lines == 1


def _uart(place: Place) -> tuple[PlatformDevice, ...]:
    given = place.properties.get("clock-frequency", bytes(4))
    clock = int.from_bytes(given) if isinstance(given, bytes) else 0
    clock = clock or _CLOCK
    ((_, size),) = place.registers
    return (
        _device(
            place,
            lambda _: Ns16550a(name=place.name, clock_frequency=clock, size=size),
            {"clock-frequency": clock},
        ),
    )


def _ahci(place: Place) -> tuple[PlatformDevice, ...]:
    disk = AtaDisk(Media(_DISK_SIZE))
    return (_device(place, lambda _: Ahci(place.name, ports=(disk,))),)


def _fsl_sata(place: Place) -> tuple[PlatformDevice, ...]:
    disk = AtaDisk(Media(_DISK_SIZE))
    return (_device(place, lambda _: FslSata(place.name, disk)),)


def _device(
    place: Place,
    model: Callable[[Mapping[str, object]], Ns16550a | Ahci | FslSata],
    own: Mapping[str, Value] | None = None,
) -> PlatformDevice:
    return PlatformDevice(
        name=place.name,
        compatible=place.compatible,
        registers=place.registers,
        interrupts=place.interrupts,
        model=model,
        stream_id=place.stream_id,
        properties={**place.properties, **(own or {})},
    )


def _sec(place: Place) -> tuple[PlatformDevice, ...]:
    ((offset, size),) = place.registers
    ((_, page),) = place.parts[0].registers
    config = _SECS.get((place.board, place.compatible[0]), PRESETS["P4080"])
    own = {"fsl,sec-era", "#address-cells", "#size-cells", "ranges"}
    era = place.properties.get("fsl,sec-era")
    properties = {name: value for name, value in place.properties.items() if name not in own}
    if era is not None:
        properties["fsl,sec-era"] = era
    return sec_devices(
        replace(config, page_size=page, long_pointers=True),
        compatible=place.compatible,
        interrupt=place.interrupts[0],
        rings=[(part.interrupts[0], part.stream_id) for part in place.parts],
        properties=properties,
        ring_compatible=place.parts[0].compatible,
        offset=offset,
        size=size,
    )


_BOTH = ("arm-virt", "e500")
UART = Kind(
    "UART",
    "models/ns16550a",
    ("ns16550a", "ns16550", "fsl,ns16550", "fsl,16550-FIFO64"),
    _BOTH,
    _uart,
)
AHCI = Kind(
    "SATA",
    "models/ahci",
    ("fsl,ls1021a-ahci", "fsl,ls1043a-ahci", "fsl,ls1046a-ahci", "generic-ahci"),
    ("arm-virt",),
    _ahci,
    windows=(1, 2),
)
FSL_SATA = Kind("SATA", "models/fsl_sata", ("fsl,pq-sata-v2", "fsl,pq-sata"), ("e500",), _fsl_sata)
RING = Kind(
    "job ring",
    "models/sec",
    (
        *("fsl,sec-v4.0-job-ring", "fsl,sec-v4.2-job-ring", "fsl,sec-v5.0-job-ring"),
        "fsl,sec-v5.4-job-ring",
    ),
    _BOTH,
    None,
    sizes=(0x1000, 0x10000),
)
SEC = Kind(
    "SEC",
    "models/sec",
    ("fsl,sec-v4.0", "fsl,sec-v4.2", "fsl,sec-v5.0", "fsl,sec-v5.4"),
    _BOTH,
    _sec,
    part=RING.name,
    assignable=False,
)
ETSEC = Kind("Ethernet", "models/etsec", ("fsl,etsec2",), ("e500",), None)
ETSEC_MDIO = Kind("MDIO bus", "models/etsec", ("fsl,etsec2-mdio",), ("e500",), None)

GUTS = Kind(
    "device configuration",
    "models/device_config",
    ("fsl,qoriq-device-config-1.0",),
    ("e500",),
    None,
    assignable=False,
)

KINDS = (UART, AHCI, FSL_SATA, SEC, RING, ETSEC, ETSEC_MDIO, GUTS)


def kind_of(compatible: Sequence[str], board: str) -> Kind | None:
    """The kind of a node on an emulated board, by the first of its compatibles that has one."""
    for name in compatible:
        for kind in KINDS:
            if name in kind.compatible and board in kind.boards:
                return kind
    return None

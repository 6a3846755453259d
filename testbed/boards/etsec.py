# SPDX-License-Identifier: MIT
"""An eTSEC 2 among a board's devices: an Ethernet controller, and the MDIO bus with its PHY."""

from __future__ import annotations

from collections.abc import Mapping

from models.etsec import Etsec, EtsecMdio, Phy
from testbed.boards.board import ChildNode, PlatformDevice, Reference
from testbed.remoteport.device import Device

_MDIO = 0x24000
_ETHERNET = 0xB0000
_PAGE = 0x1000
_MDIO_NAME = f"mdio@{_MDIO:x}"
_NAME = f"ethernet@{_ETHERNET:x}"
_PHY = 1


def etsec_devices(
    *, mac: bytes, interrupts: tuple[int, int, int], stream_id: int, mdio_stream_id: int
) -> tuple[PlatformDevice, ...]:
    """The first eTSEC of QorIQ parts that have this kind: its interrupts are tx, rx, errors.

    Trees of parts have `reg` and `interrupts` in the queue group only, which is where gianfar looks
    for them. VFIO knows of what the device's own node has: so they are in both here.
    """
    queues = ChildNode(
        name=f"queue-group@{_ETHERNET:x}",
        registers=((_ETHERNET, _PAGE),),
        interrupts=interrupts,
        properties={"#address-cells": 1, "#size-cells": 1},
    )
    phy = ChildNode(name=f"ethernet-phy@{_PHY:x}", properties={"reg": _PHY})
    return (
        PlatformDevice(
            name=_MDIO_NAME,
            compatible=("fsl,etsec2-mdio",),
            registers=((_MDIO, _PAGE),),
            interrupts=(),
            model=lambda _: EtsecMdio(_MDIO_NAME, phys={_PHY: Phy()}),
            # It does no DMA, but without an IOMMU group nobody can assign it.
            stream_id=mdio_stream_id,
            properties={"#address-cells": 1, "#size-cells": 0},
            children=(phy,),
        ),
        PlatformDevice(
            name=_NAME,
            compatible=("fsl,etsec2",),
            registers=((_ETHERNET, _PAGE),),
            interrupts=interrupts,
            model=_etsec,
            stream_id=stream_id,
            properties={
                "device_type": "network",
                "model": "eTSEC",
                "fsl,num_rx_queues": 8,
                "fsl,num_tx_queues": 8,
                "local-mac-address": mac,
                "phy-connection-type": "rgmii-id",
                "phy-handle": Reference(f"{_MDIO_NAME}/{phy.name}"),
                "#address-cells": 1,
                "#size-cells": 1,
                "ranges": None,
            },
            children=(queues,),
        ),
    )


def _etsec(made: Mapping[str, Device]) -> Device:
    mdio = made[f"/soc/{_MDIO_NAME}"]
    assert isinstance(mdio, EtsecMdio)
    ethernet = Etsec(_NAME)
    mdio.phys[_PHY].follow(ethernet.line)
    return ethernet

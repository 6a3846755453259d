# SPDX-License-Identifier: MIT
"""Freescale eTSEC 2.0 Ethernet controller, its MDIO block, a PHY and the far end of the cable."""

from models.etsec.controller import Etsec
from models.etsec.line import Counts, EthernetLine, LineFull, LineTimeout
from models.etsec.mdio import EtsecMdio
from models.etsec.phy import PHY_ID, Phy

__all__ = [
    "PHY_ID",
    "Counts",
    "EthernetLine",
    "Etsec",
    "EtsecMdio",
    "LineFull",
    "LineTimeout",
    "Phy",
]

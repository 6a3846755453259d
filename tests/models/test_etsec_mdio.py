# SPDX-License-Identifier: MIT
"""eTSEC: the MDIO block as fsl_pq_mdio drives it, and the PHY on its bus."""

from __future__ import annotations

import json

import pytest
from etsec_rig import Rig
from sata_rig import seeded
from state_rig import mutate, refusal

from models.etsec import PHY_ID, EtsecMdio, Phy
from testbed.errors import TestbedError
from testbed.remoteport.device import StateError

IEVENTM, IMASKM, MIIMCFG, MIIMCOM, MIIMADD, MIIMCON, MIIMSTAT, MIIMIND = (
    0x10, 0x14, 0x520, 0x524, 0x528, 0x52C, 0x530, 0x534,
)  # fmt: skip
BMCR, BMSR, ID1, ID2, ADVERTISE, LPA, CTRL1000, STAT1000, ESTATUS = 0, 1, 2, 3, 4, 5, 9, 10, 15
RESET, ANENABLE, PDOWN, ANRESTART = 0x8000, 0x1000, 0x0800, 0x0200
COMPLETE, LINK = 0x20, 0x04


class Bus:
    """A block with a PHY at address 1, whose cable is that of an eTSEC."""

    def __init__(self) -> None:
        self.line = Rig().line
        self.phy = Phy(self.line)
        self.mdio = EtsecMdio("mdio", phys={1: self.phy})

    def get(self, register: int, address: int = 1) -> int:
        """As fsl_pq_mdio_read does it."""
        self.mdio.write(0, MIIMADD, 4, address << 8 | register)
        self.mdio.write(0, MIIMCOM, 4, 0)
        self.mdio.write(0, MIIMCOM, 4, 1)
        assert not self.mdio.read(0, MIIMIND, 4) & 5
        return self.mdio.read(0, MIIMSTAT, 4)

    def put(self, register: int, value: int, address: int = 1) -> None:
        self.mdio.write(0, MIIMADD, 4, address << 8 | register)
        self.mdio.write(0, MIIMCON, 4, value)
        assert not self.mdio.read(0, MIIMIND, 4) & 1


@pytest.fixture
def bus() -> Bus:
    bus = Bus()
    bus.mdio.write(0, MIIMCFG, 4, 0x80000000)
    bus.mdio.write(0, MIIMCFG, 4, 7)
    return bus


def test_who_is_on_the_bus(bus: Bus) -> None:
    found = [address for address in range(32) if bus.get(ID1, address) != 0xFFFF]
    assert found == [1]
    assert bus.get(ID1) << 16 | bus.get(ID2) == PHY_ID


def test_negotiated_gigabit_link(bus: Bus) -> None:
    bus.get(BMSR)
    assert bus.get(BMSR) & (COMPLETE | LINK) == COMPLETE | LINK
    assert bus.get(BMCR) == 0x1140
    assert bus.get(LPA) & 0x4000
    assert bus.get(CTRL1000) == 0x300
    assert bus.get(STAT1000) & 0x0C00
    assert bus.get(ESTATUS) == 0x3000


def test_a_lost_link_is_seen_once_though_it_be_back(bus: Bus) -> None:
    bus.get(BMSR)
    bus.line.disconnect()
    assert not bus.get(BMSR) & (COMPLETE | LINK)
    assert not bus.get(BMSR) & LINK
    assert bus.get(LPA) == bus.get(STAT1000) == 0
    bus.line.connect()
    assert not bus.get(BMSR) & LINK
    assert bus.get(BMSR) & LINK
    bus.line.disconnect()
    bus.line.connect()
    assert not bus.get(BMSR) & LINK
    assert bus.get(BMSR) & LINK


def test_control_register(bus: Bus) -> None:
    bus.put(BMCR, ANENABLE | ANRESTART | 0x40)
    assert bus.get(BMCR) == ANENABLE | 0x40
    bus.put(BMCR, PDOWN)
    bus.get(BMSR)
    assert not bus.get(BMSR) & LINK
    bus.put(BMCR, 0x2100)
    bus.get(BMSR)
    assert bus.get(BMSR) & (COMPLETE | LINK) == LINK, "forced, not negotiated"
    bus.put(ADVERTISE, 0x0DE1)
    assert bus.get(ADVERTISE) == 0x0DE1
    bus.put(BMCR, RESET)
    assert bus.get(BMCR) == 0x1140
    assert bus.get(ADVERTISE) == 0x01E1
    for register in (BMSR, ID1, LPA, STAT1000, ESTATUS, 13, 14, 31):
        before = bus.get(register), bus.get(register)
        bus.put(register, 0x5555)
        assert bus.get(register) == before[1]


def test_scan_reads_over_and_over(bus: Bus) -> None:
    bus.get(BMSR)
    bus.mdio.write(0, MIIMADD, 4, 0x101)
    bus.mdio.write(0, MIIMCOM, 4, 2)
    assert bus.mdio.read(0, MIIMIND, 4) == 2
    assert bus.mdio.read(0, MIIMSTAT, 4) & LINK
    bus.line.disconnect()
    assert not bus.mdio.read(0, MIIMSTAT, 4) & LINK


def test_events_and_a_block_in_reset(bus: Bus) -> None:
    bus.get(ID1)
    bus.put(BMCR, ANENABLE)
    assert bus.mdio.read(0, IEVENTM, 4) == 0x600
    bus.mdio.write(0, IEVENTM, 4, 0x200)
    assert bus.mdio.read(0, IEVENTM, 4) == 0x400
    bus.mdio.write(0, MIIMCFG, 4, 0x80000007)
    bus.put(BMCR, 0)
    assert bus.get(BMCR) == 0
    bus.mdio.write(0, MIIMCFG, 4, 7)
    assert bus.get(BMCR) == ANENABLE


def test_phy_with_a_cable_of_its_own() -> None:
    phy = Phy()
    assert phy.link
    phy.link = False
    assert not phy.read(BMSR) & LINK
    phy.link = True
    assert not phy.read(BMSR) & LINK
    assert phy.read(BMSR) & LINK


def test_address_that_is_none() -> None:
    with pytest.raises(TestbedError, match="an address is 0 to 31"):
        EtsecMdio("mdio", phys={32: Phy()})


def test_state_comes_back(bus: Bus) -> None:
    bus.put(ADVERTISE, 0x0DE1)
    bus.put(BMCR, 0x2100)
    bus.mdio.write(0, IMASKM, 4, 0x600)
    bus.get(BMSR)
    other = Bus()
    other.mdio.load(json.loads(json.dumps(bus.mdio.save())))
    assert other.mdio.save() == bus.mdio.save()
    assert other.get(BMSR) & LINK
    assert (other.get(ADVERTISE), other.get(BMCR)) == (0x0DE1, 0x2100)
    other.mdio.reset()
    assert other.mdio.save() == Bus().mdio.save()


def test_state_that_does_not_fit(bus: Bus) -> None:
    state = bus.mdio.save()
    with pytest.raises(StateError, match="expected the PHYs at"):
        EtsecMdio("mdio").load(state)
    choice = seeded()
    taken = refused = 0
    for _ in range(500):
        changed = json.loads(json.dumps(state))
        mutate(changed, ("phys", "1"), choice)
        other = Bus()
        before = other.mdio.save()
        if refusal(other.mdio, changed) is None:
            assert other.mdio.save() == changed
            taken += 1
        else:
            assert other.mdio.save() == before
            refused += 1
    assert taken > 10
    assert refused > 100

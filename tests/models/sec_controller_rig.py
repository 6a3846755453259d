# SPDX-License-Identifier: MIT
"""The controller page's user on the bench: what ctrl.c of the caam driver does to it."""

from __future__ import annotations

from collections.abc import Sequence

from sec_ring_rig import SecRig

from models.sec.services import RngFailure, SecServices

MCFGR, SCFGR, JRSTART, DECORSR, DECORR = 0x004, 0x00C, 0x05C, 0x094, 0x09C
RTMCTL, RTSDCTL, RTFRQMIN, RTFRQMAX, RDSTA = 0x600, 0x610, 0x618, 0x61C, 0x6C0
PRGM, ACC, ERR = 1 << 16, 1 << 5, 1 << 12
DECO = 8
JQCR, OPSTA, DESB, DDR, DER = 0x800, 0x810, 0xA00, 0xE04, 0xE3C
HALT_CC = 0x70000000


def rng_machine(services: SecServices, words: Sequence[int]) -> int:
    """As much of a descriptor machine as the driver's RNG descriptors need."""
    if words[0] & 0x7F != len(words):
        return 0x40000013
    for index, word in enumerate(words[1:], 1):
        if word & 0xFFF00000 != 0x82500000:
            continue
        handle = word >> 4 & 3
        try:
            if word & 0x1000:  # AAI: secure keys
                services.generate_secure_keys()
            elif word >> 2 & 3 == 1:
                services.instantiate(handle, prediction_resistance=bool(word & 2))
            elif word >> 2 & 3 == 3:
                services.uninstantiate(handle)
        except RngFailure as failure:
            return 0x20000050 | index << 8 | failure.error
    return HALT_CC


class CaamDriver:
    """caam_ctrl_rng_init of Linux, against the model."""

    def __init__(self, rig: SecRig, *, virtualized: bool = False) -> None:
        self.rig = rig
        self.virtualized = virtualized
        self.delays: list[int] = []
        rig.deco.on_buffer = lambda words: rng_machine(rig.sec.services, words)

    def instantiate(self) -> bool:
        rig = self.rig
        delay = 3200
        secure_keys = not rig.control(RDSTA) & 1 << 30
        while delay < 12800:
            handles = rig.control(RDSTA) & 0x33
            if not handles:
                self.kick(delay)
                self.delays.append(delay)
                delay *= 2
            if self.instantiate_handles(handles, secure_keys):
                rig.set_control(SCFGR, rig.control(SCFGR) | 0x400)
                return True
        return False

    def kick(self, delay: int) -> None:
        rig = self.rig
        rig.set_control(RTMCTL, rig.control(RTMCTL) | PRGM | ACC)
        seed = rig.control(RTSDCTL)
        value = seed >> 16
        if delay > value:
            value = delay
            rig.set_control(RTFRQMIN, value >> 2)
            rig.set_control(RTFRQMAX, 1 << 20)
        rig.set_control(RTSDCTL, value << 16 | 512)
        if seed & 0xFFFF != 512:
            for offset, limit in ((0x604, 2 << 16 | 32), (0x608, 570), (0x620, 122 << 16 | 317)):
                rig.set_control(offset, limit)
        rig.set_control(RTMCTL, rig.control(RTMCTL) & ~(PRGM | ACC) | 1)

    def instantiate_handles(self, handles: int, secure_keys: bool) -> bool:
        for handle in range(2):
            both = (1 | 1 << 4) << handle
            if handles & both == both:
                continue
            descriptor = [0, 0x82500006 | handle << 4]
            if not handle and secure_keys:
                descriptor += [0xA2000001, 0x10880004, 1, 0x82501000]
            descriptor.append(0xA2C00000)
            descriptor[0] = 0xB0800000 | len(descriptor)
            status = self.run(descriptor)
            if status not in (0, HALT_CC) or self.rig.control(RDSTA) & both != both:
                return False
        return True

    def run(self, descriptor: list[int]) -> int:
        """run_descriptor_deco0."""
        rig = self.rig
        if self.virtualized:
            rig.set_control(DECORSR, rig.control(DECORSR) | 1)
            assert rig.control(DECORSR) >> 31
        rig.set_control(DECORR, rig.control(DECORR) | 1)
        assert rig.control(DECORR) & 1 << 16
        for index, word in enumerate(descriptor):
            rig.set_block(DECO, DESB + 4 * index, word)
        flags = 0x20000000 | (0x10000000 if len(descriptor) >= 4 else 0)
        rig.set_block(DECO, JQCR, rig.block(DECO, JQCR) | flags)
        for _ in range(3):
            debug = rig.block(DECO, DDR)
            old = rig.config.era < 10
            state = debug >> 20 & 0xF if old else rig.block(DECO, DER) >> 16 & 0xF
            if state == 0xD or not debug >> 31:
                break
            rig.run()
        else:
            raise AssertionError("the DECO never ends")
        status = rig.block(DECO, OPSTA) & 0xF00000FF
        assert (state == 0xD) == (status >> 28 in (2, 4))
        if self.virtualized:
            rig.set_control(DECORSR, rig.control(DECORSR) & ~1)
        rig.set_control(DECORR, rig.control(DECORR) & ~1)
        return status

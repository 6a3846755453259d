# SPDX-License-Identifier: MIT
"""A stand-in for the controller page: plain memory that holds what the stock driver reads there.

A guest that is given a job ring alone has no SEC controller, while Linux's `caam` driver probes one
before `caam_jr` may have the ring. The controller node of such a guest describes a page of memory
instead, filled with the words below, and its `ranges` lead from the child's address to where the
ring really is. Each page of a SEC has the monitor registers, and so have two of the stand-in: Linux
6.12 finds them through an alias, the controller's mapping plus the child's `reg`; Linux 6.1 reads
most of them at the controller itself. With the child at address 0 one page is both.

What `caam_probe` and what it calls read (drivers/crypto/caam of these two), and why:

- 0x004 MCFGR, when CTPR says PS: whether pointers are 64 bits. It must agree with the real one.
  The driver sets the watchdog and cache attributes in it, to no effect.
- 0x00c SCFGR: virtualization; RDB is set in it later. Zero serves.
- 0x05c JRSTARTR, only when CTPR says that rings must be started: bits are set in it.
- 0x6c0 RDSTA, from RNG version 4 on: both state handles run with prediction resistance, and the
  secure keys are there, so that the driver neither asks for a DECO to instantiate them nor stops
  them when it is removed.
- 0x400 to 0x45f, the covering keys: by readers of debugfs only. Zero.
- monitor 0xfa4 CRNR, 0xfec CHAVID, 0xff4 CHANUM (before era 10), 0xe8c to 0xeb4 version registers
  (from era 10 on): which algorithms to register, whether there is a generator, whether blobs work.
- monitor 0xfa8, 0xfac CTPR: pointer size, page size, virtualization, no queue interface, blobs.
- monitor 0xfd4 CSTA: byte order, and the security state when blobs are used.
- monitor 0xfe4 CCBVID and 0xff8, 0xffc SECVID: the era, unless `fsl,sec-era` gives it, and what is
  printed as the device's identity.
- monitor 0xf00 to 0xf37, 0xfc0, 0xfcc: counters and faults, by readers of debugfs only. Zero.

Everything else is zero, the DECO blocks are not there at all, and nothing is polled.
"""

from __future__ import annotations

from models.sec.config import SecConfig
from models.sec.controller_registers import MCFGR
from models.sec.monitor_registers import CSTA
from models.sec.trng_registers import RDSTA
from models.sec.versions import constant_words

__all__ = ["STANDIN_PAGE", "standin_page", "standin_words"]

STANDIN_PAGE = 4096
"""Bytes of the stand-in beyond `ring_offset`, whatever the SEC's page size."""

_RNG4 = 4
_MCFGR, _RDSTA, _CSTA = 0x004, 0x6C0, 0xFD4
_READ_BEFORE_ERA_10 = (0xFA4, 0xFEC, 0xFF4)
_READ_FROM_ERA_10 = (0xE8C, 0xE90, 0xE94, 0xE98, 0xEAC, 0xEB0, 0xEB4)
_READ = (0xFA8, 0xFAC, 0xFE4, 0xFF8, 0xFFC)


def standin_words(
    config: SecConfig, ring_offset: int = 0, *, long_pointers: bool | None = None
) -> dict[int, int]:
    """The words of the stand-in that are not zero, by offset.

    `ring_offset` is the address in the first cell of the ring node's `reg`. `long_pointers` is
    MCFGR.PS of the real controller as the host left it; by default as after reset.
    """
    if long_pointers is None:
        long_pointers = config.long_pointers
    words = {_MCFGR: MCFGR.PS.put(0, long_pointers)}
    if config.rng.version >= _RNG4:
        words[_RDSTA] = sum(
            field.mask for field in (RDSTA.SKVN, RDSTA.PR1, RDSTA.PR0, RDSTA.IF1, RDSTA.IF0)
        )
    constants = constant_words(config)
    versions = _READ_BEFORE_ERA_10 if config.era < 10 else _READ_FROM_ERA_10
    for offset in (*versions, *_READ):
        words[offset] = words[ring_offset + offset] = constants.get(offset, 0)
    words[_CSTA] = words[ring_offset + _CSTA] = CSTA.PLEND.put(0, config.byteorder == "big")
    return {offset: word for offset, word in sorted(words.items()) if word}


def standin_page(
    config: SecConfig, ring_offset: int = 0, *, long_pointers: bool | None = None
) -> bytes:
    """The stand-in's bytes, `ring_offset` plus one page of them; parameters as `standin_words`.

    ValueError when `ring_offset` is not whole pages.
    """
    if ring_offset < 0 or ring_offset % STANDIN_PAGE:
        raise ValueError(f"ring_offset {ring_offset:#x} is not whole pages of {STANDIN_PAGE} bytes")
    page = bytearray(ring_offset + STANDIN_PAGE)
    for offset, word in standin_words(config, ring_offset, long_pointers=long_pointers).items():
        page[offset : offset + 4] = word.to_bytes(4, config.byteorder)
    return bytes(page)

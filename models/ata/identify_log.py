# SPDX-License-Identifier: MIT
"""IDENTIFY DEVICE data log, address 30h (ACS-3, 9.11)."""

from __future__ import annotations

from models.ata.identify import (
    BLOCK,
    BUFFER,
    FORM_FACTOR_25,
    Identity,
    bits,
    identify_device,
    qwords,
    swapped,
)
from models.ata.settings import Settings

VALID = 1 << 63
PAGES = 9
_SUPPORTED = (0, 1, 2, 3, 4, 5, 6, 8)


def identify_log(
    page: int, identity: Identity, settings: Settings, smart_enabled: bool
) -> bytes | bytearray:
    """One page; zeros where the log has none (7, parallel ATA)."""
    match page:
        case 0:
            return _list_of_pages()
        case 1:
            return identify_device(identity, settings, smart_enabled)
        case 2:
            return _capacity(identity)
        case 3:
            return _supported_capabilities(identity)
        case 4:
            return _current_settings(settings, smart_enabled)
        case 5:
            return _strings(identity)
        case 6:
            return _security()
        case 8:
            return _serial_ata(identity, settings)
        case _:
            return bytes(BLOCK)


def _header(page: int) -> tuple[int, int]:
    return 0, VALID | page << 16 | 1


def _list_of_pages() -> bytearray:
    data = bytearray(BLOCK)
    data[0] = 1  # revision
    data[8] = len(_SUPPORTED)
    data[9 : 9 + len(_SUPPORTED)] = bytes(_SUPPORTED)
    return data


def _capacity(identity: Identity) -> bytearray:
    size = VALID | bits(62, 61) | identity.per_physical << 16
    return qwords(
        (
            _header(2),
            (8, VALID | identity.sectors),
            (16, size),
            (24, VALID | identity.logical_sector_size // 2),
            (32, VALID | BUFFER),
        )
    )


def _supported_capabilities(identity: Identity) -> bytearray:
    capabilities = bits(
        2,  # READ and WRITE LOG DMA EXT
        7,  # SMART error logging
        8,  # SMART self-test
        11,  # general purpose logging
        12,  # WRITE DMA FUA EXT and the like
        13,  # unload
        16,  # advanced power management
        20,  # 48-bit addresses
        22,  # FLUSH CACHE EXT
        23,  # SMART
        24,  # volatile write cache
        25,  # read look-ahead
        27,  # WRITE BUFFER
        28,  # READ BUFFER
        29,  # NOP
        31,  # zeros after trim
        32,  # 28-bit addresses
        35,  # WRITE BUFFER DMA
        36,  # READ BUFFER DMA
        39,  # deterministic data after trim
    )
    return qwords(
        (
            _header(3),
            (8, VALID | capabilities),
            (24, VALID | identity.rotation_rate),
            (32, VALID | FORM_FACTOR_25),
            # The words of IDENTIFY DEVICE in their order: the first of them holds the NAA.
            (56, sum((identity.wwn >> 48 - 16 * n & 0xFFFF) << 16 * n for n in range(4))),
            (64, VALID),
            (72, VALID | bits(0)),  # trim
        )
    )


def _current_settings(settings: Settings, smart_enabled: bool) -> bytearray:
    current = (
        (bits(2) if settings.apm_level else 0)
        | (bits(6) if smart_enabled else 0)
        | (bits(7) if settings.look_ahead else 0)
        | (bits(11) if settings.reverting else 0)
        | (bits(13) if settings.write_cache else 0)
    )
    return qwords((_header(4), (8, VALID | current), (16, VALID | settings.apm_level << 8)))


def _strings(identity: Identity) -> bytearray:
    data = qwords((_header(5),))
    for offset, text, size in (
        (8, identity.serial, 20),
        (32, identity.firmware, 8),
        (48, identity.model, 40),
    ):
        data[offset : offset + size] = swapped(text, size)
    return data


def _security() -> bytearray:
    return qwords((_header(6), (8, VALID | 0xFFFE), (16, VALID | bits(2, 6)), (48, VALID)))


def _serial_ata(identity: Identity, settings: Settings) -> bytearray:
    capabilities = bits(0, 1, 2, 8, 9, 23)
    current = bits(8) if settings.preserve else 0
    if identity.ncq_depth:
        capabilities |= bits(7, 11, 14, 16, 17, 19)
        current |= bits(4) if settings.auto_activate else 0
    return qwords((_header(8), (8, VALID | capabilities), (16, VALID | current)))

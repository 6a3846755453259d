# SPDX-License-Identifier: MIT
"""A SEC's controller page and the blocks behind its job rings. Behaviour is in the package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from models.saved_state import Fields
from models.sec.common import Common, FaultingMemory, RunnerFactory
from models.sec.controller_registers import (
    DEBUGCTL,
    DECO_BLOCK,
    DECORSR,
    DESCRIPTOR_WORDS,
    KEY_REGISTERS,
    LIODN_REGISTERS,
    LIODNR_MS,
    MCFGR,
    RTIC_BLOCK,
    SCFGR,
    blocks_map,
    controller_map,
)
from models.sec.deco_port import DecoPort
from models.sec.ring import JobRing
from models.sec.services import KEY_BYTES, STATE_HANDLES, SecServices
from models.sec.standin import standin_page
from models.sec.trng import Trng
from models.sec.trng_registers import TRNG_LIMITS
from models.words import Page, Reader, WordDevice, Writer
from testbed.remoteport.device import Region

__all__ = ["SecController"]

_BLOCKS = 16  # pages of a SEC
_NOT_KEPT = MCFGR.SWRST.mask | MCFGR.DMA_RST.mask
_PAGE = 0x1000
_FIELDS = (
    "mcfgr",
    "scfgr",
    "debug",
    "liodns",
    "started",
    "dequeued",
    "fault",
    "fault_latched",
    "trng_control",
    "trng_error",
    "trng_limits",
    "instantiated",
    "prediction_resistance",
    "test_mode",
    "secure_keys_valid",
    "jdkek",
    "tdkek",
    "tdsk",
    "deco_source",
    "deco_requested",
    "deco_buffer",
    "deco_status",
)


class SecController(WordDevice):
    """Regions: the controller page, and what lies behind the pages of the job rings.

    `wake` is called when a setting changes that rings wait for. The state of the SEC as a whole is
    saved with this device.
    """

    wires: ClassVar[tuple[str, ...]] = ("interrupt",)

    def __init__(
        self,
        name: str,
        common: Common,
        runner: RunnerFactory,
        *,
        entropy_delay: int,
        wake: Callable[[], None],
    ) -> None:
        config = common.config
        self._first_block = config.page_size * (1 + config.rings)
        blocks = config.page_size * _BLOCKS - self._first_block
        super().__init__(
            name,
            config.byteorder,
            (
                Region("controller", config.page_size, controller_map(config)),
                Region("blocks", blocks, blocks_map(config, self._first_block)),
            ),
        )
        self.config = config
        self.rings: Sequence[JobRing] = ()
        """The SEC's job rings, devices of their own."""
        self._common = common
        self._services: SecServices = common.services
        self._wake = wake
        memory = FaultingMemory(self.dma, common, lambda: 0)
        self._deco = DecoPort(common, runner(config, memory, common.services), self.defer)
        self.trng = Trng(common.services, entropy_delay)
        self._take_power_on()
        monitor = common.monitor_readers()
        self._controller = Page(common.constants, {**self._readers(), **monitor}, self._writers())
        self._blocks = {
            RTIC_BLOCK: Page(common.constants, monitor, {}),
            DECO_BLOCK: Page(
                common.constants,
                {**monitor, **self._deco.block_readers()},
                self._deco.block_writers(),
            ),
        }

    def stand_in(self, ring_offset: int) -> bytes:
        """What stands in for this page where only a job ring is, at `ring_offset`; see standin."""
        long_pointers = self._services.pointer_size > 4
        return standin_page(self.config, ring_offset, long_pointers=long_pointers)

    def _readers(self) -> dict[int, Reader]:
        readers: dict[int, Reader] = {
            0x004: lambda: self._mcfgr,
            0x00C: lambda: self._scfgr,
            0x058: lambda: self._debug,
            0x05C: lambda: self._common.started,
            0x120: lambda: (1 << self._common.config.decos) - 1,
            **self._deco.request_readers(),
            **self.trng.readers(),
        }
        for index in range(2 * len(LIODN_REGISTERS)):
            offset = LIODN_REGISTERS[index // 2] + 4 * (index % 2)
            readers[offset] = partial(self._read_liodn, index)
        for base in KEY_REGISTERS:
            for at in range(0, KEY_BYTES, 4):
                readers[base + at] = partial(self._key_word, base, at)
        return readers

    def _writers(self) -> dict[int, Writer]:
        writers: dict[int, Writer] = {
            0x004: self._write_mcfgr,
            0x00C: self._write_scfgr,
            0x058: self._write_debug,
            0x05C: self._write_start,
            **self._deco.request_writers(),
            **self.trng.writers(),
        }
        for index in range(2 * len(LIODN_REGISTERS)):
            offset = LIODN_REGISTERS[index // 2] + 4 * (index % 2)
            writers[offset] = partial(self._write_liodn, index)
        return writers

    # The device

    def read_word(self, region: int, offset: int) -> int:
        if region == 0:
            return self._controller.read(offset)
        block, offset = divmod(self._first_block + offset, self._common.config.page_size)
        page = self._blocks.get(block)
        return page.read(offset) if page is not None else 0

    def write_word(self, region: int, offset: int, value: int) -> None:
        if region == 0:
            self._controller.write(offset, value)
            return
        block, offset = divmod(self._first_block + offset, self._common.config.page_size)
        page = self._blocks.get(block)
        if page is not None:
            page.write(offset, value)

    def reset(self) -> None:
        super().reset()
        self._common.power_on()
        self._services.power_on()
        self.trng.power_on()
        self._deco.power_on()
        self._take_power_on()

    def _take_power_on(self) -> None:
        self._mcfgr = MCFGR.PS.put(0, self._common.config.long_pointers)
        self._scfgr = 0
        self._debug = 0
        self._liodns = [0] * (2 * len(LIODN_REGISTERS))
        self._settings_changed()

    def _settings_changed(self) -> None:
        with self._services.lock:
            self._services.pointer_size = 8 if self._mcfgr & MCFGR.PS.mask else 4
            self._services.watchdog = bool(self._mcfgr & MCFGR.WDE.mask)

    # Registers

    def _write_mcfgr(self, value: int) -> None:
        if value & MCFGR.SWRST.mask:
            self._deco.power_on()
            self._common.software_resets += 1
            if self._common.config.virtualization:
                self._common.started = 0
            self._wake()
        kept = value & MCFGR.defined & ~_NOT_KEPT
        if self._common.config.pointer_bits <= 32:
            kept &= ~MCFGR.PS.mask
        self._mcfgr = kept
        self._settings_changed()

    def _write_scfgr(self, value: int) -> None:
        self._scfgr = value & SCFGR.defined

    def _write_debug(self, value: int) -> None:
        stopped = DEBUGCTL.STOP.get(value)
        self._debug = DEBUGCTL.STOP_ACK.put(DEBUGCTL.STOP.put(0, stopped), stopped)

    def _write_start(self, value: int) -> None:
        common = self._common
        if common.config.virtualization:
            with common.lock:
                common.started = value & (1 << common.config.rings) - 1
            self._wake()

    def _read_liodn(self, index: int) -> int:
        return self._liodns[index]

    def _write_liodn(self, index: int, value: int) -> None:
        most = index & ~1
        if self._liodns[most] & LIODNR_MS.LCK.mask:
            return
        self._liodns[index] = value
        ring = index // 2
        if index & 1 and ring < self._common.config.rings:
            with self._common.lock:
                self._common.liodns[ring] = value & LIODNR_MS.SEQ_LIODN.mask

    def _key_word(self, base: int, at: int) -> int:
        services = self._services
        key = {0x400: services.jdkek, 0x420: services.tdkek, 0x440: services.tdsk}[base]
        return int.from_bytes(key[at : at + 4], "big")

    # State

    def save(self) -> dict[str, Any]:
        services, common, deco = self._services, self._common, self._deco
        with services.lock, common.lock:
            return {
                "mcfgr": self._mcfgr,
                "scfgr": self._scfgr,
                "debug": self._debug,
                "liodns": list(self._liodns),
                "started": common.started,
                "dequeued": common.dequeued,
                "fault": [common.fault_address, common.fault_liodn, common.fault_detail],
                "fault_latched": common.fault_latched,
                "trng_control": self.trng.control,
                "trng_error": self.trng.error,
                "trng_limits": list(self.trng.limits.values()),
                "instantiated": list(services.instantiated),
                "prediction_resistance": list(services.prediction_resistance),
                "test_mode": list(services.test_mode),
                "secure_keys_valid": services.secure_keys_valid,
                "jdkek": services.jdkek.hex(),
                "tdkek": services.tdkek.hex(),
                "tdsk": services.tdsk.hex(),
                "deco_source": deco.source,
                "deco_requested": deco.requested,
                "deco_buffer": list(deco.buffer),
                "deco_status": deco.status,
            }

    def load(self, state: dict[str, Any]) -> None:
        check = Fields(self.name, state, _FIELDS)
        rings = self._common.config.rings
        word = 0xFFFFFFFF
        mcfgr = check.bits("mcfgr", MCFGR.defined & ~_NOT_KEPT)
        if mcfgr & MCFGR.PS.mask and self._common.config.pointer_bits <= 32:
            raise check.error("mcfgr", "but pointers of this SEC are 32 bits")
        scfgr = check.bits("scfgr", SCFGR.defined)
        debug = check.bits("debug", DEBUGCTL.defined)
        liodns = check.numbers("liodns", 2 * len(LIODN_REGISTERS), word)
        started = check.number("started", (1 << rings) - 1)
        dequeued = check.number("dequeued", (1 << 64) - 1)
        fault = check.numbers("fault", 3, (1 << 64) - 1)
        fault_latched = check.flag("fault_latched")
        trng = (
            check.number("trng_control", word),
            check.flag("trng_error"),
            check.numbers("trng_limits", len(TRNG_LIMITS), word),
        )
        handles = [
            check.flags(field, STATE_HANDLES)
            for field in ("instantiated", "prediction_resistance", "test_mode")
        ]
        keys_valid = check.flag("secure_keys_valid")
        keys = [check.hexadecimal(field, KEY_BYTES) for field in ("jdkek", "tdkek", "tdsk")]
        source = check.number("deco_source", DECORSR.JR.maximum)
        requested = check.flag("deco_requested")
        buffer = check.numbers("deco_buffer", DESCRIPTOR_WORDS, word)
        status = check.number("deco_status", word)

        self.reset()
        self._mcfgr, self._scfgr, self._debug, self._liodns = mcfgr, scfgr, debug, liodns
        common, services, deco = self._common, self._services, self._deco
        with services.lock, common.lock:
            common.started, common.dequeued = started, dequeued
            common.fault_address = fault[0]
            common.fault_liodn, common.fault_detail = fault[1] & word, fault[2] & word
            common.fault_latched = fault_latched
            common.liodns = [liodns[2 * ring + 1] & 0xFFF for ring in range(rings)]
            services.instantiated, services.prediction_resistance, services.test_mode = handles
            services.secure_keys_valid = keys_valid
            services.jdkek, services.tdkek, services.tdsk = keys
        self.trng.load(*trng)
        deco.source, deco.requested, deco.buffer, deco.status = source, requested, buffer, status
        self._settings_changed()
        self._wake()

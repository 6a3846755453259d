# SPDX-License-Identifier: MIT
"""Non-queued commands about the disk itself: identity, settings, power, SMART, logs (ACS-3, 7)."""

from __future__ import annotations

from collections.abc import Callable

from models.ata.access import Handler
from models.ata.identify import BLOCK, Identity, identify_device
from models.ata.link import CommandError, Exchange, success
from models.ata.logs import Logs
from models.ata.power import Power, PowerMode
from models.ata.queue import log_page
from models.ata.registers import ABRT, READY, Command, Feature, Log, SataFeature, SmartFeature
from models.ata.settings import Settings
from models.ata.smart import CAPTIVE, EXTENDED, SHORT, Smart
from models.ata.transport import RegisterD2H, RegisterH2D
from models.saved_state import Fields, pack

_SMART_KEY = 0xC24F  # LBA bits 23:8 of every SMART command
_SMART_EXCEEDED = 0x2CF4
_UNLOAD_FEATURE, _UNLOAD_KEY, _UNLOADED = 0x44, 0x554E4C, 0xC4
_SELF_TESTS = frozenset({0, SHORT, EXTENDED, SHORT | CAPTIVE, EXTENDED | CAPTIVE})
_ABORT_SELF_TEST = 0x7F


class ControlCommands:
    """The handlers, for one disk. `settings` gives the current ones, `signature` the FIS that
    follows a reset."""

    def __init__(
        self,
        identity: Identity,
        settings: Callable[[], Settings],
        power: Power,
        smart: Smart,
        logs: Logs,
        signature: Callable[[], RegisterD2H],
    ) -> None:
        self._identity = identity
        self._settings = settings
        self._power = power
        self._smart = smart
        self._logs = logs
        self._signature = signature
        self._buffer = bytes(BLOCK)

    def handlers(self) -> dict[int, Handler]:
        return {
            Command.IDENTIFY_DEVICE: self._identify,
            Command.EXECUTE_DEVICE_DIAGNOSTIC: self._diagnose,
            Command.SET_FEATURES: self._set_features,
            Command.SET_MULTIPLE_MODE: self._set_multiple,
            Command.SECURITY_FREEZE_LOCK: lambda fis, link: success(fis),
            Command.READ_BUFFER: self._read_buffer,
            Command.READ_BUFFER_DMA: self._read_buffer,
            Command.WRITE_BUFFER: self._write_buffer,
            Command.WRITE_BUFFER_DMA: self._write_buffer,
            Command.CHECK_POWER_MODE: self._check_power_mode,
            Command.STANDBY_IMMEDIATE: self._enter(PowerMode.STANDBY),
            Command.IDLE_IMMEDIATE: self._idle_immediate,
            Command.STANDBY: self._timed(PowerMode.STANDBY),
            Command.IDLE: self._timed(PowerMode.IDLE),
            Command.SLEEP: self._enter(PowerMode.SLEEP),
            Command.SMART: self._smart_command,
            Command.READ_LOG_EXT: self._read_log,
            Command.READ_LOG_DMA_EXT: self._read_log,
            Command.WRITE_LOG_EXT: self._write_log,
            Command.WRITE_LOG_DMA_EXT: self._write_log,
        }

    def save_buffer(self) -> str:
        return pack(self._buffer)

    @staticmethod
    def checked_buffer(fields: Fields) -> bytes:
        """The buffer of a saved disk unpacked, for `take_buffer`; StateError when it is bad."""
        return fields.packed("buffer", BLOCK)

    def take_buffer(self, buffer: bytes) -> None:
        self._buffer = buffer

    def _identify(self, fis: RegisterH2D, link: Exchange) -> None:
        link.pio_in(
            fis, identify_device(self._identity, self._settings(), self._smart.enabled), last=True
        )

    def _diagnose(self, fis: RegisterH2D, link: Exchange) -> RegisterD2H:
        signature = self._signature()
        return RegisterD2H(
            signature.status,
            signature.error,
            signature.device,
            signature.lba,
            signature.count,
            interrupt=True,
        )

    def _set_features(self, fis: RegisterH2D, link: Exchange) -> RegisterD2H:
        settings, count = self._settings(), fis.count & 0xFF
        match fis.features & 0xFF:
            case Feature.ENABLE_WRITE_CACHE:
                settings.write_cache = True
            case Feature.DISABLE_WRITE_CACHE:
                settings.write_cache = False
            case Feature.ENABLE_LOOK_AHEAD:
                settings.look_ahead = True
            case Feature.DISABLE_LOOK_AHEAD:
                settings.look_ahead = False
            case Feature.ENABLE_APM if 0x01 <= count <= 0xFE:
                settings.apm_level = count
            case Feature.DISABLE_APM:
                settings.apm_level = 0
            case Feature.ENABLE_REVERTING:
                settings.reverting = True
            case Feature.DISABLE_REVERTING:
                settings.reverting = False
            case Feature.SET_TRANSFER_MODE if settings.set_transfer_mode(count):
                pass
            case Feature.ENABLE_SATA_FEATURE:
                self._set_sata_feature(count, True)
            case Feature.DISABLE_SATA_FEATURE:
                self._set_sata_feature(count, False)
            case _:
                raise CommandError(ABRT)
        return success(fis)

    def _set_sata_feature(self, feature: int, enable: bool) -> None:
        settings = self._settings()
        if feature == SataFeature.DMA_SETUP_AUTO_ACTIVATE and self._identity.ncq_depth:
            settings.auto_activate = enable
        elif feature == SataFeature.SOFTWARE_SETTINGS_PRESERVATION:
            settings.preserve = enable
        else:
            raise CommandError(ABRT)

    def _set_multiple(self, fis: RegisterH2D, link: Exchange) -> RegisterD2H:
        if not self._settings().set_multiple(fis.count & 0xFF):
            raise CommandError(ABRT)
        return success(fis)

    def _read_buffer(self, fis: RegisterH2D, link: Exchange) -> RegisterD2H | None:
        return self._give(fis, link, self._buffer, fis.command == Command.READ_BUFFER_DMA)

    def _write_buffer(self, fis: RegisterH2D, link: Exchange) -> RegisterD2H:
        if fis.command == Command.WRITE_BUFFER_DMA:
            self._buffer = link.dma_out(BLOCK)
        else:
            self._buffer = link.pio_out(fis, BLOCK, first=True)
        return success(fis)

    def _check_power_mode(self, fis: RegisterH2D, link: Exchange) -> RegisterD2H:
        return RegisterD2H(READY, 0, fis.device, fis.lba, self._power.mode & 0xFF, True)

    def _enter(self, mode: PowerMode) -> Handler:
        def handler(fis: RegisterH2D, link: Exchange) -> RegisterD2H:
            self._power.enter(mode)
            return success(fis)

        return handler

    def _timed(self, mode: PowerMode) -> Handler:
        def handler(fis: RegisterH2D, link: Exchange) -> RegisterD2H:
            self._power.set_timer(mode, fis.count & 0xFF)
            return success(fis)

        return handler

    def _idle_immediate(self, fis: RegisterH2D, link: Exchange) -> RegisterD2H:
        if fis.features & 0xFF == _UNLOAD_FEATURE:
            if fis.lba & 0xFFFFFF != _UNLOAD_KEY:
                raise CommandError(ABRT)
            self._power.enter(PowerMode.IDLE)
            return RegisterD2H(READY, 0, fis.device, _UNLOADED, fis.count, True)
        self._power.enter(PowerMode.IDLE)
        return success(fis)

    def _smart_command(self, fis: RegisterH2D, link: Exchange) -> RegisterD2H | None:
        smart, feature, low = self._smart, fis.features & 0xFF, fis.lba & 0xFF
        if fis.lba >> 8 & 0xFFFF != _SMART_KEY:
            raise CommandError(ABRT)
        if not smart.enabled and feature != SmartFeature.ENABLE:
            raise CommandError(ABRT)
        match feature:
            case SmartFeature.ENABLE | SmartFeature.DISABLE:
                smart.enabled = feature == SmartFeature.ENABLE
            case SmartFeature.READ_DATA:
                return self._give(fis, link, smart.data())
            case SmartFeature.READ_THRESHOLDS:
                return self._give(fis, link, smart.thresholds())
            case SmartFeature.RETURN_STATUS:
                return self._smart_status(fis, smart.exceeded)
            case SmartFeature.ATTRIBUTE_AUTOSAVE if fis.count & 0xFF in (0x00, 0xF1):
                smart.autosave = bool(fis.count & 0xFF)
            case SmartFeature.AUTO_OFFLINE if fis.count & 0xFF in (0x00, 0xF8):
                pass
            case SmartFeature.SAVE_ATTRIBUTES:
                pass
            case SmartFeature.EXECUTE_OFFLINE if low in _SELF_TESTS:
                passed = smart.run(low)
                if low & CAPTIVE and not passed:
                    raise CommandError(ABRT, fis.lba & ~0xFFFF00 | _SMART_EXCEEDED << 8)
            case SmartFeature.EXECUTE_OFFLINE if low == _ABORT_SELF_TEST:
                pass
            case SmartFeature.READ_LOG:
                data = self._logs.read(low, 0, fis.count & 0xFF, general=False)
                return self._give(fis, link, data)
            case SmartFeature.WRITE_LOG:
                self._logs.check_write(low, 0, fis.count & 0xFF)
                data = self._take(fis, link, fis.count & 0xFF)
                self._logs.write(low, 0, data)
            case _:
                raise CommandError(ABRT)
        return success(fis)

    def _smart_status(self, fis: RegisterH2D, exceeded: bool) -> RegisterD2H:
        key = _SMART_EXCEEDED if exceeded else _SMART_KEY
        lba = fis.lba & ~0xFFFF00 | key << 8
        return RegisterD2H(READY, 0, fis.device, lba, fis.count, True)

    def _read_log(self, fis: RegisterH2D, link: Exchange) -> RegisterD2H | None:
        address = fis.lba & 0xFF
        data = self._logs.read(address, log_page(fis.lba), fis.count)
        if address == Log.PHY_EVENT_COUNTERS and fis.features & 1:
            self._logs.reset_phy_events()
        return self._give(fis, link, data, fis.command == Command.READ_LOG_DMA_EXT)

    def _write_log(self, fis: RegisterH2D, link: Exchange) -> RegisterD2H:
        address, page = fis.lba & 0xFF, log_page(fis.lba)
        self._logs.check_write(address, page, fis.count)
        dma = fis.command == Command.WRITE_LOG_DMA_EXT
        self._logs.write(address, page, self._take(fis, link, fis.count, dma))
        return success(fis)

    def _give(
        self, fis: RegisterH2D, link: Exchange, data: bytes, dma: bool = False
    ) -> RegisterD2H | None:
        if dma:
            link.dma_in(data)
            return success(fis)
        for position in range(0, len(data), BLOCK):
            link.pio_in(fis, data[position : position + BLOCK], position + BLOCK == len(data))
        return None

    def _take(self, fis: RegisterH2D, link: Exchange, blocks: int, dma: bool = False) -> bytes:
        if dma:
            return link.dma_out(blocks * BLOCK)
        return b"".join(link.pio_out(fis, BLOCK, number == 0) for number in range(blocks))

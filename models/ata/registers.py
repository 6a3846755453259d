# SPDX-License-Identifier: MIT
"""Registers, command codes and log addresses of an ATA device, named as in ACS-3."""

from __future__ import annotations

from enum import IntEnum

from testbed.remoteport.registers import Field, Register


class Status(Register, width=8):
    """Status register"""

    BSY = Field(7)  # busy: nothing else in the register is valid
    DRDY = Field(6)  # device ready
    DF = Field(5)  # device fault
    DSC = Field(4)  # seek complete, and so in every status an idle disk shows
    DRQ = Field(3)  # data request
    ERR = Field(0)  # the Error register says why


class Error(Register, width=8):
    """Error register"""

    ICRC = Field(7)  # CRC error on the interface
    UNC = Field(6)  # uncorrectable data
    IDNF = Field(4)  # ID not found: an LBA beyond the last
    ABRT = Field(2)  # command aborted


class DeviceControl(Register, width=8):
    """Device Control register"""

    HOB = Field(7)  # high order byte; without meaning on a serial link
    SRST = Field(2)  # software reset
    NIEN = Field(1)  # interrupts off; the controller's affair on a serial link


READY = Status.DRDY.mask | Status.DSC.mask
READY_DATA = READY | Status.DRQ.mask
BUSY = Status.BSY.mask | READY
FAILED = READY | Status.ERR.mask

ICRC = Error.ICRC.mask
UNC = Error.UNC.mask
IDNF = Error.IDNF.mask
ABRT = Error.ABRT.mask

DEVICE_LBA = 0x40  # Device register: the address is an LBA
LBA28_DEVICE = 0x0F  # Device register of a 28-bit command: LBA bits 27:24
DEVICE_FUA = 0x80  # Device register of a queued read or write: forced unit access


class Command(IntEnum):
    """Command codes. Those that the device has not are not listed."""

    NOP = 0x00
    DATA_SET_MANAGEMENT = 0x06
    READ_SECTORS = 0x20
    READ_SECTORS_EXT = 0x24
    READ_DMA_EXT = 0x25
    READ_MULTIPLE_EXT = 0x29
    READ_LOG_EXT = 0x2F
    WRITE_SECTORS = 0x30
    WRITE_SECTORS_EXT = 0x34
    WRITE_DMA_EXT = 0x35
    WRITE_MULTIPLE_EXT = 0x39
    WRITE_DMA_FUA_EXT = 0x3D
    WRITE_LOG_EXT = 0x3F
    READ_VERIFY_SECTORS = 0x40
    READ_VERIFY_SECTORS_EXT = 0x42
    READ_LOG_DMA_EXT = 0x47
    WRITE_LOG_DMA_EXT = 0x57
    READ_FPDMA_QUEUED = 0x60
    WRITE_FPDMA_QUEUED = 0x61
    NCQ_NON_DATA = 0x63
    SEND_FPDMA_QUEUED = 0x64
    RECEIVE_FPDMA_QUEUED = 0x65
    EXECUTE_DEVICE_DIAGNOSTIC = 0x90
    SMART = 0xB0
    READ_MULTIPLE = 0xC4
    WRITE_MULTIPLE = 0xC5
    SET_MULTIPLE_MODE = 0xC6
    READ_DMA = 0xC8
    WRITE_DMA = 0xCA
    WRITE_MULTIPLE_FUA_EXT = 0xCE
    STANDBY_IMMEDIATE = 0xE0
    IDLE_IMMEDIATE = 0xE1
    STANDBY = 0xE2
    IDLE = 0xE3
    READ_BUFFER = 0xE4
    CHECK_POWER_MODE = 0xE5
    SLEEP = 0xE6
    FLUSH_CACHE = 0xE7
    WRITE_BUFFER = 0xE8
    READ_BUFFER_DMA = 0xE9
    FLUSH_CACHE_EXT = 0xEA
    WRITE_BUFFER_DMA = 0xEB
    IDENTIFY_DEVICE = 0xEC
    SET_FEATURES = 0xEF
    SECURITY_FREEZE_LOCK = 0xF5


QUEUED = frozenset(
    {
        Command.READ_FPDMA_QUEUED,
        Command.WRITE_FPDMA_QUEUED,
        Command.NCQ_NON_DATA,
        Command.SEND_FPDMA_QUEUED,
        Command.RECEIVE_FPDMA_QUEUED,
    }
)


class Feature(IntEnum):
    """SET FEATURES subcommands."""

    ENABLE_WRITE_CACHE = 0x02
    SET_TRANSFER_MODE = 0x03
    ENABLE_APM = 0x05
    ENABLE_SATA_FEATURE = 0x10
    DISABLE_LOOK_AHEAD = 0x55
    DISABLE_REVERTING = 0x66
    DISABLE_WRITE_CACHE = 0x82
    DISABLE_APM = 0x85
    DISABLE_SATA_FEATURE = 0x90
    ENABLE_LOOK_AHEAD = 0xAA
    ENABLE_REVERTING = 0xCC


class SataFeature(IntEnum):
    """Features of SET FEATURES 10h and 90h, in the Count field."""

    DMA_SETUP_AUTO_ACTIVATE = 0x02
    SOFTWARE_SETTINGS_PRESERVATION = 0x06


class SmartFeature(IntEnum):
    """SMART subcommands, in the Features field."""

    READ_DATA = 0xD0
    READ_THRESHOLDS = 0xD1
    ATTRIBUTE_AUTOSAVE = 0xD2
    SAVE_ATTRIBUTES = 0xD3
    EXECUTE_OFFLINE = 0xD4
    READ_LOG = 0xD5
    WRITE_LOG = 0xD6
    ENABLE = 0xD8
    DISABLE = 0xD9
    RETURN_STATUS = 0xDA
    AUTO_OFFLINE = 0xDB


class Log(IntEnum):
    """Log addresses."""

    DIRECTORY = 0x00
    SUMMARY_ERROR = 0x01
    COMPREHENSIVE_ERROR = 0x02
    EXTENDED_COMPREHENSIVE_ERROR = 0x03
    DEVICE_STATISTICS = 0x04
    SELF_TEST = 0x06
    EXTENDED_SELF_TEST = 0x07
    NCQ_COMMAND_ERROR = 0x10
    PHY_EVENT_COUNTERS = 0x11
    NCQ_NON_DATA = 0x12
    NCQ_SEND_RECEIVE = 0x13
    IDENTIFY_DEVICE_DATA = 0x30
    HOST_FIRST = 0x80
    HOST_LAST = 0x9F

# SPDX-License-Identifier: MIT
"""The RNG's operations (class 1): instantiate, reseed, uninstantiate, secure keys, generate.

AS says which; AAI bits 1:0 are the state handle, NZB and OBP shape the bytes, SK makes the secure
keys; the ICV bit is prediction resistance, the direction bit the deterministic test mode. What is
not generation happens in `finish`. Personalisation and additional input (PS, AI) are taken and add
nothing.
"""

from __future__ import annotations

from models.sec.cha.base import BaseUnit
from models.sec.cha.operation import Operation, State
from models.sec.cha.unit import ChaError, ChaId, ClassRegisters, ErrorId, InputType
from models.sec.services import RngError, RngFailure, SecServices

__all__ = ["GENERATE_LIMIT", "RngUnit", "rng_unit"]

HANDLE = 0x3
NONZERO, ODD_PARITY, PERSONAL, ADDITIONAL, SECURE_KEYS = 0x10, 0x20, 0x40, 0x80, 0x100
GENERATE_LIMIT = 1 << 20
_TRIES = 64
_ODD = bytes(byte ^ 1 if byte.bit_count() % 2 == 0 else byte for byte in range(256))


class RngUnit(BaseUnit):
    """One RNG operation."""

    cha = ChaId.RNG

    def __init__(
        self, operation: Operation, registers: ClassRegisters, services: SecServices
    ) -> None:
        super().__init__(operation, registers)
        self._services = services
        self._handle = operation.aai & HANDLE

    @property
    def wants_icv(self) -> bool:
        return False

    def take(self, kind: InputType, data: bytes, flush: bool) -> bytes:
        self.fail(ErrorId.SEQUENCE)

    def end(self) -> bytes:
        services, handle = self._services, self._handle
        try:
            if self.operation.state is State.INIT:
                services.instantiate(
                    handle,
                    prediction_resistance=self.operation.icv,
                    test=self.operation.encrypt,
                )
            elif self.operation.state is State.FINALIZE:
                services.reseed(handle)
            elif self.operation.state is State.INITFINAL:
                services.uninstantiate(handle)
            elif self.operation.aai & SECURE_KEYS:
                services.generate_secure_keys()
        except RngFailure as failure:
            raise ChaError(ChaId.RNG, failure.error) from failure
        return b""

    def generate(self, size: int) -> bytes:
        if self.operation.state is not State.UPDATE or self.operation.aai & SECURE_KEYS:
            self.fail(ErrorId.MODE)
        if size > GENERATE_LIMIT:
            self.fail(ErrorId.DATA_SIZE)
        output = self._draw(size)
        if self.operation.aai & NONZERO:
            output = self._without_zeros(output, size)
        if self.operation.aai & ODD_PARITY:
            output = output.translate(_ODD)
        return output

    def _draw(self, size: int) -> bytes:
        try:
            return self._services.generate(
                self._handle, size, prediction_resistance=self.operation.icv
            )
        except RngFailure as failure:
            raise ChaError(ChaId.RNG, failure.error) from failure

    def _without_zeros(self, output: bytes, size: int) -> bytes:
        for _ in range(_TRIES):
            output = output.replace(b"\0", b"")
            if len(output) == size:
                return output
            output += self._draw(size - len(output))
        raise ChaError(ChaId.RNG, RngError.CONTINUOUS_CHECK)


def rng_unit(
    operation: Operation, registers: ClassRegisters, services: SecServices
) -> RngUnit | None:
    """The unit of an RNG operation; None for a mode there is not."""
    known = HANDLE | NONZERO | ODD_PARITY | PERSONAL | ADDITIONAL | SECURE_KEYS
    if operation.aai & ~known:
        return None
    if operation.aai & SECURE_KEYS and operation.state is not State.UPDATE:
        return None
    return RngUnit(operation, registers, services)

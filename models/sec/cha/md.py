# SPDX-License-Identifier: MIT
"""MDHA: MD5, SHA-1 and SHA-2, HMAC with plain and split keys, SMAC. Class 2 (or class 1).

Context while running: digest state, then the message length in bytes (8, big-endian), the padded
key of an HMAC included. At the end: the digest or MAC, zeros behind it up to there. A running
operation takes whole blocks (DATA_SIZE). SMAC is the MAC of SSL 3.0 (RFC 6101, 5.2.3.1), of MD5 and
SHA-1 only, and in one piece only.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum

from models.sec.cha.base import BaseUnit
from models.sec.cha.digest import ALGORITHMS, Hash, HashAlgorithm
from models.sec.cha.operation import Operation
from models.sec.cha.splitkey import Hasher, inner_hash, make_split_key, outer_digest
from models.sec.cha.unit import ChaId, ClassRegisters, ErrorId, InputType

__all__ = ["MdAai", "MdUnit", "md_unit"]

LENGTH_BYTES = 8
_SMAC_PAD = {"md5": 48, "sha1": 40}


class MdAai(IntEnum):
    """AAI of a message digest operation."""

    HASH = 0
    HMAC = 1
    SMAC = 2
    HMAC_PRECOMP = 4


class MdUnit(BaseUnit):
    """Any of them."""

    cha = ChaId.MD

    def __init__(
        self, operation: Operation, registers: ClassRegisters, algorithm: HashAlgorithm
    ) -> None:
        super().__init__(operation, registers)
        self._algorithm = algorithm
        self._kind = MdAai(operation.aai)
        self._split = b""
        self._key = b""

    def start(self) -> None:
        if self._kind is MdAai.SMAC:
            self._key = self.key(self._algorithm.digest)
        elif self._kind is not MdAai.HASH and self._needs_key:
            self._split = self._load_split_key()
        self._hash = self._open()

    @property
    def _needs_key(self) -> bool:
        """UPDATE goes on from the context alone."""
        return self.operation.starts or self.operation.ends

    def _load_split_key(self) -> bytes:
        registers = self.registers
        size = 2 * self._algorithm.state_size
        if registers.split_key:
            return self.key(size)
        if self._kind is MdAai.HMAC_PRECOMP:
            return self.key(size)
        plain = self.key(*range(self._algorithm.block + 1))
        split = make_split_key(self._algorithm, plain)
        if self.operation.starts:
            registers.key = split
            registers.key_size = size
            registers.split_key = True
        return split

    def _open(self) -> Hasher:
        algorithm = self._algorithm
        one_piece = self.operation.starts and self.operation.ends
        if not self.operation.starts:
            end = algorithm.state_size + LENGTH_BYTES
            context = bytes(self.registers.context[:end])
            length = int.from_bytes(context[algorithm.state_size :], "big")
            return Hash(algorithm, context[: algorithm.state_size], length)
        if self._kind is MdAai.SMAC:
            head = self._key + b"\x36" * _SMAC_PAD[algorithm.name]
            return hashlib.new(algorithm.name, head, usedforsecurity=False)
        if self._kind is MdAai.HASH:
            if one_piece:
                return hashlib.new(algorithm.name, usedforsecurity=False)
            return Hash(algorithm)
        if one_piece:
            return inner_hash(algorithm, self._split)
        return Hash(algorithm, self._split[: algorithm.state_size], algorithm.block)

    def take(self, kind: InputType, data: bytes, flush: bool) -> bytes:
        if kind is not InputType.MESSAGE:
            self.fail(ErrorId.SEQUENCE)
        self._hash.update(data)
        return b""

    def end(self) -> bytes:
        algorithm = self._algorithm
        context = self.registers.context
        width = algorithm.state_size + LENGTH_BYTES
        if not self.operation.ends:
            running = self._hash
            if not isinstance(running, Hash) or not running.aligned:
                self.fail(ErrorId.DATA_SIZE)
            length = running.length % (1 << 8 * LENGTH_BYTES)
            context[:width] = running.state + length.to_bytes(LENGTH_BYTES, "big")
            return b""
        result = self._hash.digest()
        if self._kind is MdAai.SMAC:
            outer = self._key + b"\x5c" * _SMAC_PAD[algorithm.name] + result
            result = hashlib.new(algorithm.name, outer, usedforsecurity=False).digest()
        elif self._kind is not MdAai.HASH:
            result = outer_digest(algorithm, self._split, result)
        context[:width] = result.ljust(width, b"\0")
        self.check_icv(result)
        return b""


def md_unit(operation: Operation, registers: ClassRegisters, digest_limit: int) -> MdUnit | None:
    """The unit of a message digest operation; None for a mode there is not. `digest_limit` is the
    longest digest state in bytes that the part has."""
    algorithm = ALGORITHMS.get(operation.algorithm)
    if algorithm is None or algorithm.state_size > digest_limit:
        return None
    if operation.aai not in tuple(MdAai):
        return None
    one_piece = operation.starts and operation.ends
    if operation.aai == MdAai.SMAC and not (one_piece and algorithm.name in _SMAC_PAD):
        return None
    return MdUnit(operation, registers, algorithm)

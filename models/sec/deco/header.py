# SPDX-License-Identifier: MIT
"""HEADER and SHARED HEADER: what they must look like and what they say."""

from __future__ import annotations

from dataclasses import dataclass

from models.sec.deco.errors import DecoError, ErrorCode
from models.sec.deco.fields import JobHeader, SharedHeader
from models.sec.deco.machine import BUFFER_WORDS, Machine
from models.sec.deco.tables import Command, Share

__all__ = ["Header", "parse_job", "parse_shared"]

_WIDE_ERA = 10


@dataclass(frozen=True, slots=True)
class Header:
    """A job header. `start`: the word of the job descriptor that runs first."""

    start: int
    shared_length: int
    reverse: bool
    share: int


def parse_job(machine: Machine, job: list[int], replaces: ErrorCode | None = None) -> Header:
    """The header of `job`, checked. `replaces`: it takes another's place, which it may not do with
    a shared descriptor of its own; the error is this then, by the command that put it there."""
    word = job[0]
    index = 0 if replaces is None else None
    if (
        JobHeader.CTYPE.get(word) != Command.HEADER
        or not word & JobHeader.ONE.mask
        or word & JobHeader.ZRO.mask
        or JobHeader.LENGTH.get(word) != len(job)
    ):
        raise DecoError(replaces or ErrorCode.HEADER, index)
    if word & JobHeader.DNR.mask:
        raise DecoError(ErrorCode.DO_NOT_RUN, index)
    if word & JobHeader.MTD.mask:
        raise DecoError(ErrorCode.HEADER, index)
    if word & JobHeader.TD.mask:
        raise DecoError(ErrorCode.SIGNATURE_INVALID, index)
    field = JobHeader.START.get(word) & (0x7F if machine.config.era >= _WIDE_ERA else 0x3F)
    share = JobHeader.SHARE.get(word)
    if not word & JobHeader.SHR.mask:
        start = max(field, 1)
        if start > len(job):
            raise DecoError(ErrorCode.HEADER, index)
        return Header(start, 0, False, share)
    if replaces is not None:
        raise DecoError(replaces)
    start = 1 + machine.services.pointer_size // 4
    if not field or field + len(job) > BUFFER_WORDS or start > len(job) or share > Share.DEFER:
        raise DecoError(ErrorCode.HEADER, index)
    return Header(start, field, bool(word & JobHeader.REO.mask), share)


def parse_shared(machine: Machine, shared: list[int]) -> int:
    """Check the header of a shared descriptor; the word that runs first."""
    word = shared[0]
    start = max(SharedHeader.START.get(word), 1)
    if (
        SharedHeader.CTYPE.get(word) != Command.SHARED_HEADER
        or not word & SharedHeader.ONE.mask
        or word & SharedHeader.ZRO.mask
        or SharedHeader.LENGTH.get(word) != len(shared)
        or start > len(shared)
    ):
        raise DecoError(ErrorCode.SHARED_HEADER, 0)
    if word & SharedHeader.DNR.mask:
        raise DecoError(ErrorCode.DO_NOT_RUN, 0)
    return start

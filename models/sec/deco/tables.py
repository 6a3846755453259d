# SPDX-License-Identifier: MIT
"""Numbers with names: command types, registers, data types, functions and conditions.

Source: as models/sec/deco/fields.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from models.sec.cha.unit import InputType


class Command(IntEnum):
    """CTYPE: the top five bits of a command."""

    KEY = 0x00
    SEQ_KEY = 0x01
    LOAD = 0x02
    SEQ_LOAD = 0x03
    FIFO_LOAD = 0x04
    SEQ_FIFO_LOAD = 0x05
    STORE = 0x0A
    SEQ_STORE = 0x0B
    FIFO_STORE = 0x0C
    SEQ_FIFO_STORE = 0x0D
    MOVE_LEN = 0x0E
    MOVE = 0x0F
    OPERATION = 0x10
    SIGNATURE = 0x12
    JUMP = 0x14
    MATH = 0x15
    HEADER = 0x16
    SHARED_HEADER = 0x17
    MATHI = 0x1D
    SEQ_IN_PTR = 0x1E
    SEQ_OUT_PTR = 0x1F


class Share(IntEnum):
    """Share type of a header; DEFER (job header only) takes the shared descriptor's."""

    NEVER = 0
    WAIT = 1
    SERIAL = 2
    ALWAYS = 3
    DEFER = 4


class KeyDest(IntEnum):
    """KDEST of KEY."""

    REGISTER = 0
    PKHA_E = 1
    SBOX = 2
    SPLIT = 3


class OpType(IntEnum):
    """OPTYPE of OPERATION."""

    UNI = 0
    PK = 1
    CLASS1 = 2
    CLASS2 = 4
    DECAP = 6
    ENCAP = 7


@dataclass(frozen=True, slots=True)
class Place:
    """A register that LOAD or STORE reaches. `size`: the bytes from its start that can be reached;
    0 where the command's length means something else. `word`: numbers, in the SoC's byte order in
    memory; else a row of bytes."""

    name: str
    size: int
    word: bool = True
    load: bool = True
    store: bool = True


CLASS_NONE: Final = 0
CLASS_1: Final = 1
CLASS_2: Final = 2
CLASS_DECO: Final = 3

PLACES: Final[dict[tuple[int, int], Place]] = {
    (CLASS_NONE, 0x06): Place("cctrl", 4),
    (CLASS_NONE, 0x07): Place("ictrl", 4),
    (CLASS_NONE, 0x08): Place("clrw", 4),
    (CLASS_NONE, 0x09): Place("csta", 8, load=False),
    (CLASS_NONE, 0x70): Place("nfifo-szl", 8, store=False),
    (CLASS_NONE, 0x71): Place("nfifo-szm", 0, store=False),
    (CLASS_NONE, 0x72): Place("nfifo-l", 8, store=False),
    (CLASS_NONE, 0x73): Place("nfifo-m", 0, store=False),
    (CLASS_NONE, 0x74): Place("size-l", 8, store=False),
    (CLASS_NONE, 0x75): Place("size-m", 0, store=False),
    (CLASS_NONE, 0x78): Place("altsource", 8, word=False, store=False),
    (CLASS_NONE, 0x7A): Place("nfifo", 8, store=False),
    (CLASS_NONE, 0x7C): Place("ififo", 8, word=False, store=False),
    (CLASS_NONE, 0x7E): Place("ofifo", 8, word=False, store=False),
    (CLASS_1, 0x00): Place("mode1", 4),
    (CLASS_1, 0x01): Place("keysz1", 4),
    (CLASS_1, 0x02): Place("datasz1", 8),
    (CLASS_1, 0x03): Place("icvsz1", 4),
    (CLASS_1, 0x0B): Place("aadsz1", 4),
    (CLASS_1, 0x0C): Place("ivsz1", 4),
    (CLASS_1, 0x0F): Place("altdatasz1", 8, store=False),
    (CLASS_1, 0x10): Place("pkasz", 4),
    (CLASS_1, 0x11): Place("pkbsz", 4),
    (CLASS_1, 0x12): Place("pknsz", 4),
    (CLASS_1, 0x13): Place("pkesz", 4),
    (CLASS_1, 0x20): Place("ctx1", 128, word=False),
    (CLASS_1, 0x40): Place("key1", 128, word=False, store=False),
    (CLASS_2, 0x00): Place("mode2", 4),
    (CLASS_2, 0x01): Place("keysz2", 4),
    (CLASS_2, 0x02): Place("datasz2", 8),
    (CLASS_2, 0x03): Place("icvsz2", 4),
    (CLASS_2, 0x20): Place("ctx2", 128, word=False),
    (CLASS_2, 0x40): Place("key2", 128, word=False, store=False),
    (CLASS_DECO, 0x00): Place("jqctrl", 8, load=False),
    (CLASS_DECO, 0x01): Place("descaddr", 8, load=False),
    (CLASS_DECO, 0x02): Place("dsta", 8, load=False),
    (CLASS_DECO, 0x04): Place("pid", 8),
    (CLASS_DECO, 0x06): Place("dctrl", 0, store=False),
    (CLASS_DECO, 0x07): Place("dpovrd", 4),
    (CLASS_DECO, 0x08): Place("math0", 32),
    (CLASS_DECO, 0x09): Place("math1", 24),
    (CLASS_DECO, 0x0A): Place("math2", 16),
    (CLASS_DECO, 0x0B): Place("math3", 8),
    (CLASS_DECO, 0x40): Place("descbuf", 0),
    (CLASS_DECO, 0x41): Place("descbuf-job", 0, load=False),
    (CLASS_DECO, 0x42): Place("descbuf-shared", 0, load=False),
    (CLASS_DECO, 0x45): Place("descbuf-job-we", 0, load=False),
    (CLASS_DECO, 0x46): Place("descbuf-shared-we", 0, load=False),
}
"""Registers by class and number."""

MATH_ARGUMENT: Final = frozenset(("nfifo-szm", "nfifo-m", "size-m"))
"""Places whose LOAD has one immediate word and, as its length, the number of a MATH register."""

POINTERLESS: Final = frozenset(
    ("descbuf-job", "descbuf-shared", "descbuf-job-we", "descbuf-shared-we")
)
"""Places whose STORE goes back where the descriptor came from, so that no pointer follows."""

PKHA_TYPES: Final[dict[int, InputType]] = {
    0x00: InputType.PKHA_A0,
    0x01: InputType.PKHA_A1,
    0x02: InputType.PKHA_A2,
    0x03: InputType.PKHA_A3,
    0x04: InputType.PKHA_B0,
    0x05: InputType.PKHA_B1,
    0x06: InputType.PKHA_B2,
    0x07: InputType.PKHA_B3,
    0x08: InputType.PKHA_N,
    0x0C: InputType.PKHA_A,
    0x0D: InputType.PKHA_B,
}
"""FIFO LOAD and FIFO STORE types of the PKHA memories."""

NO_INFO: Final = 0x0F
"""FIFO LOAD type: data only, no info FIFO entry."""

MESSAGE_TYPES: Final[dict[int, InputType]] = {
    0x10: InputType.MESSAGE,
    0x18: InputType.MESSAGE,
    0x20: InputType.IV,
    0x28: InputType.BIT_DATA,
    0x30: InputType.AAD,
    0x38: InputType.ICV,
}
"""FIFO LOAD types whose low three bits are LAST2, LAST1 and FLUSH1."""

MSG1OUT2: Final = 0x18
BITDATA: Final = 0x28

FIFO_LOAD_NAMES: Final[dict[int, str]] = {
    0x10: "msg",
    0x18: "msg1out2",
    0x20: "iv",
    0x28: "bitdata",
    0x30: "aad",
    0x38: "icv",
}


class StoreType(IntEnum):
    """FIFO STORE types that are not PKHA memories. An odd one of a key goes under the TDKEK, those
    from 0x10 to 0x1f are the same with AES-CCM."""

    SBOX = 0x20
    PKHA_E = 0x22
    KEY = 0x24
    SPLIT = 0x26
    OUTPUT = 0x28
    MESSAGE = 0x30
    MESSAGE_CHECKSUM = 0x31
    RNG = 0x34
    RNG_FIFO = 0x35
    METADATA = 0x3E
    SKIP = 0x3F


COVERED_TYPES: Final = frozenset((0x20, 0x22, 0x24, 0x26, 0x28))

CONTEXT1, CONTEXT2, OUTPUT_FIFO, DESCRIPTOR = 0, 1, 2, 3
MATH_FIRST, MATH_LAST = 4, 7
SRC_DECO_BLOCK, SRC_CLASS_BLOCK, SRC_BLOCK_NO_INFO = 8, 9, 10
DST_CLASS1_INPUT, DST_CLASS2_INPUT, DST_INPUT_NO_INFO = 8, 9, 10
DST_PKHA_A, DST_KEY1, DST_KEY2, DST_ALTERNATE = 12, 13, 14, 15

MOVE_SOURCES: Final = {
    0: "ctx1",
    1: "ctx2",
    2: "ofifo",
    3: "descbuf",
    4: "math0",
    5: "math1",
    6: "math2",
    7: "math3",
    8: "ififo-deco",
    9: "ififo-class",
    10: "block",
}

MOVE_DESTINATIONS: Final = {
    0: "ctx1",
    1: "ctx2",
    2: "ofifo",
    3: "descbuf",
    4: "math0",
    5: "math1",
    6: "math2",
    7: "math3",
    8: "ififo-class1",
    9: "ififo-class2",
    10: "ififo",
    12: "pka",
    13: "key1",
    14: "key2",
    15: "altsource",
}


class Function(IntEnum):
    """Functions of MATH and MATHI; 0xA is ZBYT in MATH, FBYT in MATHI."""

    ADD = 0x0
    ADDC = 0x1
    SUB = 0x2
    SUBB = 0x3
    OR = 0x4
    AND = 0x5
    XOR = 0x6
    LSHIFT = 0x7
    RSHIFT = 0x8
    SHLD = 0x9
    ZBYT = 0xA
    BSWAP = 0xB


MATH_SOURCES0: Final = {
    0x0: "math0",
    0x1: "math1",
    0x2: "math2",
    0x3: "math3",
    0x4: "imm",
    0x7: "dpovrd",
    0x8: "sil",
    0x9: "sol",
    0xA: "vsil",
    0xB: "vsol",
    0xC: "zero",
    0xF: "one",
}

MATH_SOURCES1: Final = {
    0x0: "math0",
    0x1: "math1",
    0x2: "math2",
    0x3: "math3",
    0x4: "imm",
    0x7: "dpovrd",
    0x8: "vsil",
    0x9: "vsol",
    0xA: "ififo",
    0xB: "ofifo",
    0xC: "one",
    0xD: "jobsource",
    0xF: "zero",
}

MATH_DESTINATIONS: Final = {
    0x0: "math0",
    0x1: "math1",
    0x2: "math2",
    0x3: "math3",
    0x7: "dpovrd",
    0x8: "sil",
    0x9: "sol",
    0xA: "vsil",
    0xB: "vsol",
    0xF: "none",
}


class JumpType(IntEnum):
    """TYPE of JUMP. Before era 4 the low two bits must be zero."""

    LOCAL = 0x0
    LOCAL_INC = 0x1
    GOSUB = 0x2
    LOCAL_DEC = 0x3
    NONLOCAL = 0x4
    RETURN = 0x6
    HALT = 0x8
    HALT_USER = 0xC


class JumpTest(IntEnum):
    """TEST of JUMP."""

    ALL = 0
    NONE = 1
    ANY = 2
    NOT_ALL = 3


CONDITIONS: Final = {
    0x80: "pk0",
    0x40: "gcd1",
    0x20: "prime",
    0x08: "n",
    0x04: "z",
    0x02: "c",
    0x01: "nv",
}
"""JUMP conditions without JSL; also the low byte of a halt's status."""

CONDITIONS_JSL: Final = {
    0x80: "jqp",
    0x40: "shrd",
    0x20: "self",
    0x10: "calm",
    0x08: "nip",
    0x04: "nifp",
    0x02: "nop",
    0x01: "ncp",
}
"""JUMP conditions with JSL."""

SOURCE_DATA, SOURCE_OUTPUT, SOURCE_PAD, SOURCE_SNOOP = 0, 1, 2, 3

INFO_TYPES: Final[dict[int, InputType]] = {
    0x1: InputType.AAD,
    0x2: InputType.IV,
    0x3: InputType.SALT,
    0xA: InputType.ICV,
    0xB: InputType.POLY,
    0xF: InputType.MESSAGE,
}
"""Info FIFO data types of the classes. With a PKHA operation on class 1 the PKHA's apply."""

INFO_SKIP: Final = 0xE
INFO_SBOX: Final = 0x0
INFO_PKHA: Final[dict[int, InputType]] = {**PKHA_TYPES, 0x09: InputType.PKHA_E}

ALGORITHMS: Final = {
    0x10: "aes",
    0x20: "des",
    0x21: "3des",
    0x30: "arc4",
    0x40: "md5",
    0x41: "sha1",
    0x42: "sha224",
    0x43: "sha256",
    0x44: "sha384",
    0x45: "sha512",
    0x50: "rng",
    0x60: "snow-f8",
    0x70: "kasumi",
    0x90: "crc",
    0xA0: "snow-f9",
    0xB0: "zuc-e",
    0xC0: "zuc-a",
    0xD0: "chacha20",
    0xE0: "poly1305",
}

RNG_ALGORITHM: Final = 0x50

CHA_RESETS: Final = {
    1: 0x1,
    2: 0x2,
    3: 0x3,
    4: 0x7,
    5: 0x6,
    7: 0x4,
    8: 0x9,
    9: 0x5,
    10: 0xA,
    11: 0xB,
    12: 0xC,
}
"""Reset bits of CCTRL and the upper half of the ALG numbers whose unit they reset."""

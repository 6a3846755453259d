# SPDX-License-Identifier: MIT
"""The contract between the descriptor machine (DECO and its CCB) and the crypto units (CHAs).

Who holds what
--------------
The DECO owns one `ClassRegisters` for class 1 and one for class 2, and one `PkhaRegisters`. It
loads keys, contexts and sizes into them (KEY, LOAD, MOVE), reads them (STORE, FIFO STORE, MOVE),
clears them (CLRW, between unshared jobs) and keeps them for a shared descriptor. A unit holds
references to them, no copies, and only for one operation. Between operations everything that lasts
is in the registers; a unit has no other memory. All bytes are in the order in which a LOAD from
memory brings them (big-endian for numbers), whatever the byte order of the SoC.

The life of a unit
------------------
1. An OPERATION command of class 1 or class 2 makes one: `select(word, own, other, ...)`
   (`models.sec.cha.select`). Errors of the mode itself are raised there.
2. The unit reads key, context and sizes at its first `feed` or `finish`, not at `select`: a
   descriptor may load the context after the OPERATION command, before the data.
3. `feed` gives it the data of the input FIFO in order, as much at a time as the DECO likes; the
   cuts carry no meaning, except that two feeds with `flush` between are two entries. `last` marks
   the entry with LAST1/LAST2 of that class: no more data of that kind follows. With the ICV bit in
   decrypt direction the message may carry `last` and the ICV comes as one more entry, again with
   `last` (so authenc and ChaCha20-Poly1305 of Linux: MSG LASTBOTH, then ICV LAST2); the DECO then
   calls `finish` after the ICV entry, not after the message's.
4. After `last` (or when the DECO ends an operation that got none, such as a RNG or PKHA one) the
   DECO calls `finish()` once. It returns the rest of the output (the output of the operation is
   all of `feed`'s and `finish`'s results in order), writes back context and key registers, and
   checks the ICV. Then the class is "done"; a STORE of the context is valid from here on.

   An operation that checks an ICV is not complete before the ICV: while `wants_icv` is True the
   DECO does not call `finish`, although LAST came with the message (the driver's authenc
   decapsulation marks both the message and the ICV as last). ICV data is the one kind that may
   follow `last`.

Class 1 output goes to the output FIFO. Class 2 units return b"" always. For authenc chains the
DECO copies: with MSG the input goes to both units, with MSG1OUT2 (snoop out) the class 2 unit gets
what the class 1 unit returned, and gets `last` with the bytes of the class 1 unit's `finish`.

Where things come from
----------------------
MESSAGE, AAD, IV, ICV are FIFO data with that type. IVs of CBC, CTR, OFB, CFB, XTS, CCM (B0, CTR0),
DES, ChaCha20 lie in the context; GCM takes its IV as IV data. A GCM IV, AAD or the message may come
in several feeds; each is padded by the unit, never by the DECO. BND (boundary padding) of an info
FIFO entry for a unit is the unit's own business too: the DECO gives it no padding bytes.
AES with AAI DK: a shared job (JUMP SHRD true) finds the key register as the unit of the job before
left it; the DECO neither changes nor interprets it.
ICV data is the expected ICV; its length is how many bytes are compared. With the ICV bit of the
OPERATION word (decrypt direction) a mismatch raises ChaError(ICV_CHECK) from `finish`.

AS field: INIT starts anew and leaves a running context; UPDATE continues from the context and
leaves one; FINALIZE continues and ends; INITFINAL does all. Running contexts take whole blocks only
(DATA_SIZE otherwise; CTR, OFB and CFB may end in a part of a block).

Context layout (offsets in bytes)
---------------------------------
- AES CBC, OFB, CFB: 0 IV (16). CTR: 16 counter (16). CCM: 0 B0, later MAC (16); 16 CTR (16); 32
  encrypted CTR0, at the end of an encryption the encrypted MAC (16); 48 lengths (8).
  GCM: 0 MAC (16); 16 Yi, the counter last used (16); 32 Y0 (16); 48 AAD and 56 message length (8).
  XTS: 0x20 sector index, lower half (8); 0x28 sector size (8); 0x30 sector index, upper half (8).
  CMAC: 0 MAC (16), 16 L (16). XCBC-MAC: 0 MAC, 16 K2, 32 K3; the key register becomes K1.
- DES, 3DES: 0 IV (8). ARC4: none; S-box, I and J (258 bytes) are the class 1 `sbox`.
- ChaCha20: 0 block counter (4, little-endian), 4 nonce (12); with BC8 counter 8 and nonce 8.
- MDHA: 0 running digest (16, 20, 32, 32, 64, 64 bytes), then the message length in bytes (8).
  Final: the digest (or HMAC), left-aligned; any shorter STORE is the truncated one.
- Poly1305: 0 tag (16).  CRC: 0 the CRC (8).

An HMAC operation with INIT or INITFINAL and a plain key replaces the class 2 key register with the
split key it derived (`split_key` becomes True, `key_size` twice the running digest's size), which
FIFO STORE can then write. HMAC_PRECOMP demands a split key there.

Entry points for the DECO
-------------------------
- `models.sec.cha.select.select(word, own, other, services) -> Unit`: OPERATION of class 1 or 2.
  `own` are the registers of the operation's class, `other` those of the other class (Poly1305 in
  AEAD mode takes its key from the ChaCha20 unit of class 1).
- `models.sec.cha.pkha.operate(word, registers) -> None`: OPERATION of type PK (modular arithmetic,
  ECC, clear and copy memory), done at once; `registers.flags` afterwards. Raises ChaError.
- `models.sec.cha.blackkey`: `cover(key, kek, ccm, random) -> bytes` for FIFO STORE of a key,
  `uncover(data, size, kek, ccm) -> bytes` for KEY with ENC (EKT: `ccm`), `covered_size(size, ccm)`.
  A split key is covered like any other: its bytes are `key[:key_size]`.
- `models.sec.cha.protocols.run(word, host) -> None`: OPERATION of type UNI/DECAP/ENCAP PROTOCOL,
  but for DKP. `host` is the DECO as `models.sec.cha.protocols.host.ProtocolHost`. Raises ChaError,
  ProtocolError, and what `host` raises.
- `models.sec.cha.protocols.dkp`: `is_dkp(word)`, `derive(word, key, services) -> DerivedKey`; the
  DECO fetches the key from where SRC says and puts the result where DST says (see there: the
  result is the plain split key, in place, and the OPERATION word becomes a KEY command).

Source: drivers/crypto/caam of Linux 6.12 (desc.h, error.c, *_desc.c) and core/drivers/crypto/caam
of OP-TEE 4 (AE, cipher and hash descriptors), which spell out these layouts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, Flag, IntEnum, auto
from typing import Protocol

__all__ = [
    "CONTEXT_BYTES",
    "KEY_BYTES",
    "PKHA_BYTES",
    "QUADRANT_BYTES",
    "ChaError",
    "ChaId",
    "ClassRegisters",
    "ErrorId",
    "InputType",
    "PkhaFlags",
    "PkhaRegisters",
    "ProtocolError",
    "Unit",
]

CONTEXT_BYTES = 128
"""Size of a context register: 16 double words."""
KEY_BYTES = 128
"""Size of a key register (a split key of SHA-512 fills it)."""
PKHA_BYTES = 512
"""Size of each PKHA memory: four quadrants of 128 bytes."""
QUADRANT_BYTES = PKHA_BYTES // 4


class ChaId(IntEnum):
    """CHAID of a CCB error: bits 7:4 of the job status (error.c)."""

    NONE = 0x0
    AES = 0x1
    DES = 0x2
    ARC4 = 0x3
    MD = 0x4
    RNG = 0x5
    SNOW_F8 = 0x6
    KASUMI = 0x7
    PK = 0x8
    CRC = 0x9
    SNOW_F9 = 0xA
    ZUC_E = 0xB
    ZUC_A = 0xC
    CHACHA20 = 0xD
    POLY1305 = 0xE


class ErrorId(IntEnum):
    """ERRID of a CCB error: bits 3:0 of the job status. The RNG has its own for some numbers
    (`models.sec.services.RngError`)."""

    NONE = 0x0
    MODE = 0x1
    DATA_SIZE = 0x2
    KEY_SIZE = 0x3
    PKHA_A_SIZE = 0x4
    PKHA_B_SIZE = 0x5
    SEQUENCE = 0x6
    PKHA_DIVIDE_BY_ZERO = 0x7
    PKHA_MODULUS_EVEN = 0x8
    KEY_PARITY = 0x9
    ICV_CHECK = 0xA
    HARDWARE = 0xB
    CCM_AAD_SIZE = 0xC
    CLASS1_NOT_RESET = 0xD
    INVALID_COMBINATION = 0xE
    INVALID_CHA = 0xF


class ChaError(Exception):
    """A CHA ends in an error. The job's status is 0x2000_0000 | index << 8 | `code`."""

    def __init__(self, cha_id: int, err_id: int) -> None:
        super().__init__(f"CHA {int(cha_id):#x} error {int(err_id):#x}")
        self.cha_id = int(cha_id)
        self.err_id = int(err_id)

    @property
    def code(self) -> int:
        """CHAID and ERRID as the low byte of the job status."""
        return self.cha_id << 4 | self.err_id


class ProtocolError(Exception):
    """A built-in protocol or key command ends in DECO error `error` (desc_error_list of error.c).

    The job's status is 0x4000_0000 | index << 8 | `error`.
    """

    def __init__(self, error: int) -> None:
        super().__init__(f"DECO error {error:#04x}")
        self.error = error


class InputType(Enum):
    """The type of input FIFO data, by its meaning; the FIFO LOAD and info FIFO codes differ."""

    MESSAGE = auto()
    AAD = auto()
    IV = auto()
    ICV = auto()
    SALT = auto()  # info FIFO DTYPE SAD: split AAD of a CCM protocol
    BIT_DATA = auto()
    POLY = auto()  # info FIFO DTYPE POLY: the AAD of ChaCha20-Poly1305, to both classes
    SBOX = auto()  # ARC4
    PKHA_A0 = auto()
    PKHA_A1 = auto()
    PKHA_A2 = auto()
    PKHA_A3 = auto()
    PKHA_B0 = auto()
    PKHA_B1 = auto()
    PKHA_B2 = auto()
    PKHA_B3 = auto()
    PKHA_N = auto()
    PKHA_E = auto()
    PKHA_A = auto()
    PKHA_B = auto()


@dataclass(slots=True)
class ClassRegisters:
    """The CCB registers of one class. The DECO sets `mode` to the OPERATION word it executes.

    `key` holds what was loaded, at most KEY_BYTES; `key_size` is the key size register, and a unit
    uses `key[:key_size]`. `split_key`: the key came as MDHA split key, or became one.
    `no_write_back` (KEY with NWB) forbids a FIFO STORE of the key; the DECO enforces it.
    `icv_size` is a maximum for the bytes compared when it is not zero; the other sizes are the
    DECO's bookkeeping, units count what they are fed. `sbox` is ARC4's, class 1 only.
    """

    mode: int = 0
    key: bytes = b""
    key_size: int = 0
    split_key: bool = False
    no_write_back: bool = False
    context: bytearray = field(default_factory=lambda: bytearray(CONTEXT_BYTES))
    data_size: int = 0
    icv_size: int = 0
    iv_size: int = 0
    aad_size: int = 0
    sbox: bytes = b""

    def clear_key(self) -> None:
        self.key = b""
        self.key_size = 0
        self.split_key = False
        self.no_write_back = False
        self.sbox = b""

    def clear_context(self) -> None:
        self.context[:] = bytes(CONTEXT_BYTES)

    def clear_sizes(self) -> None:
        self.data_size = self.icv_size = self.iv_size = self.aad_size = 0

    def clear(self) -> None:
        """Everything, as between unshared jobs."""
        self.mode = 0
        self.clear_key()
        self.clear_context()
        self.clear_sizes()


class PkhaFlags(Flag):
    """What a PKHA operation found out; JUMP tests these (PK_0, PK_GCD_1, PK_PRIME)."""

    NONE = 0
    ZERO = auto()
    GCD_1 = auto()
    PRIME = auto()


@dataclass(slots=True)
class PkhaRegisters:
    """The PKHA's memories A, B, N, E with their size registers, and its result flags.

    Sizes are bytes. Numbers lie right-aligned: memory byte 0 is the least significant byte; what
    a FIFO LOAD brings is big-endian, `load` and `store` do the turning round.
    """

    a: bytearray = field(default_factory=lambda: bytearray(PKHA_BYTES))
    b: bytearray = field(default_factory=lambda: bytearray(PKHA_BYTES))
    n: bytearray = field(default_factory=lambda: bytearray(PKHA_BYTES))
    e: bytearray = field(default_factory=lambda: bytearray(PKHA_BYTES))
    a_size: int = 0
    b_size: int = 0
    n_size: int = 0
    e_size: int = 0
    flags: PkhaFlags = PkhaFlags.NONE

    def load(self, kind: InputType, data: bytes) -> None:
        """A whole FIFO LOAD entry (or KEY to E): big-endian `data` becomes the number there.

        A whole-memory load clears the memory above it and sets the size register, a quadrant load
        its quadrant and the size register of the memory. ChaError when `data` is longer than the
        place (A: PKHA_A_SIZE, B: PKHA_B_SIZE, N: DATA_SIZE, E: KEY_SIZE) or `kind` is no PKHA type.
        """
        name, quadrant = _place(kind)
        offset, limit = (0, PKHA_BYTES) if quadrant is None else _quadrant(quadrant)
        if len(data) > limit:
            raise ChaError(ChaId.PK, _SIZE_ERRORS[name])
        memory: bytearray = getattr(self, name)
        memory[offset : offset + limit] = data[::-1].ljust(limit, b"\0")
        setattr(self, f"{name}_size", len(data))

    def store(self, kind: InputType, size: int) -> bytes:
        """`size` bytes of a FIFO STORE, big-endian; zeros above the end of the memory."""
        name, quadrant = _place(kind)
        offset, limit = (0, PKHA_BYTES) if quadrant is None else _quadrant(quadrant)
        memory: bytearray = getattr(self, name)
        taken = bytes(memory[offset : offset + min(size, limit)])
        return taken.ljust(size, b"\0")[::-1]

    def clear(self) -> None:
        for name in "abne":
            getattr(self, name)[:] = bytes(PKHA_BYTES)
            setattr(self, f"{name}_size", 0)
        self.flags = PkhaFlags.NONE


_SIZE_ERRORS = {
    "a": ErrorId.PKHA_A_SIZE,
    "b": ErrorId.PKHA_B_SIZE,
    "n": ErrorId.DATA_SIZE,
    "e": ErrorId.KEY_SIZE,
}


def _place(kind: InputType) -> tuple[str, int | None]:
    prefix, _, rest = kind.name.partition("_")
    if prefix != "PKHA":
        raise ChaError(ChaId.PK, ErrorId.SEQUENCE)
    return rest[0].lower(), int(rest[1]) if rest[1:] else None


def _quadrant(number: int) -> tuple[int, int]:
    return number * QUADRANT_BYTES, QUADRANT_BYTES


class Unit(Protocol):
    """One CHA at work on one operation. Every method raises ChaError and nothing else."""

    @property
    def wants_icv(self) -> bool:
        """The operation checks an ICV, and none has come yet."""

    def feed(self, kind: InputType, data: bytes, last: bool = False, flush: bool = False) -> bytes:
        """More input; the output it gave so far (class 2: b"")."""

    def finish(self) -> bytes:
        """All input is there: the rest of the output, registers written back, ICV checked."""

    def generate(self, size: int) -> bytes:
        """FIFO STORE of RNG data (RNGSTORE, RNGFIFO): `size` random bytes. MODE error when this is
        no RNG operation."""

# SPDX-License-Identifier: MIT
"""Descriptors for people: one line for each command."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.sec.deco.fields import (
    FifoLoad,
    FifoStore,
    JobHeader,
    Jump,
    Key,
    Load,
    Math,
    Mathi,
    Move,
    Operation,
    SeqIn,
    SeqOut,
    SharedHeader,
)
from models.sec.deco.tables import (
    ALGORITHMS,
    BITDATA,
    CONDITIONS,
    CONDITIONS_JSL,
    FIFO_LOAD_NAMES,
    MATH_ARGUMENT,
    MATH_DESTINATIONS,
    MATH_SOURCES0,
    MATH_SOURCES1,
    MOVE_DESTINATIONS,
    MOVE_SOURCES,
    NO_INFO,
    PKHA_TYPES,
    PLACES,
    POINTERLESS,
    Command,
    Function,
    JumpTest,
    JumpType,
    KeyDest,
    OpType,
    Share,
    StoreType,
)
from testbed.remoteport.registers import Field

__all__ = ["disassemble", "disassemble_command"]

_FUNCTIONS = {int(one): one.name.lower() for one in Function}
_STORES = {int(one): one.name.lower().replace("_", "-") for one in StoreType}
_JUMPS = {int(one): one.name.lower().replace("_", "-") for one in JumpType}
_OPERATIONS = {int(one): one.name.lower() for one in OpType}
_DKP_IDS = frozenset((*range(0x20, 0x26), *range(0x60, 0x66)))


def disassemble(words: Sequence[int], *, pointer_size: int = 4, base: int = 0) -> list[str]:
    """A descriptor, a line for each command: its word index (from `base` on), then its text.

    The words between header and start index are shown as data. A command that the end of `words`
    cuts off is shown as far as it goes.
    """
    lines: list[str] = []
    index = 0
    while index < len(words):
        line, count = disassemble_command(words, index, pointer_size=pointer_size)
        lines.append(f"[{base + index:02}] {line}")
        start = _start(words[0]) if index == 0 else 0
        skipped = range(index + count, min(start, len(words)))
        lines.extend(f"[{base + place:02}] data {words[place]:08x}" for place in skipped)
        index = max(index + count, start)
    return lines


def _start(word: int) -> int:
    kind = word >> 27
    if kind == Command.SHARED_HEADER or (kind == Command.HEADER and not word & JobHeader.SHR.mask):
        return JobHeader.START.get(word)
    return 0


def disassemble_command(
    words: Sequence[int], index: int, *, pointer_size: int = 4
) -> tuple[str, int]:
    """The command at `index` in one line, and how many words it takes."""
    reader = _Reader(words, index, pointer_size)
    word = reader.word()
    text = _TEXTS.get(word >> 27, _unknown)(reader, word)
    return text, reader.position - index


class _Reader:
    """Words in order; past the end they read as zero and are not counted."""

    def __init__(self, words: Sequence[int], position: int, pointer_size: int) -> None:
        self._words = words
        self.position = position
        self._pointer_words = pointer_size // 4

    def word(self) -> int:
        if self.position >= len(self._words):
            return 0
        self.position += 1
        return self._words[self.position - 1]

    def pointer(self) -> str:
        return "@" + "_".join(f"{self.word():08x}" for _ in range(self._pointer_words))

    def immediate(self, size: int) -> str:
        data = [f"{self.word():08x}" for _ in range(min(size + 3 >> 2, len(self._words)))]
        return "=" + " ".join(data[:4]) + (" ..." if len(data) > 4 else "")


def _flags(word: int, *fields: Field) -> str:
    return "".join(f" {field.name.lower()}" for field in fields if word & field.mask)


def _unknown(reader: _Reader, word: int) -> str:
    return f"command {word >> 27:#04x} ({word:08x})"


def _header(reader: _Reader, word: int) -> str:
    share = JobHeader.SHARE.get(word)
    name = Share(share).name.lower() if share <= Share.DEFER else str(share)
    text = f"header length={JobHeader.LENGTH.get(word)}"
    text += _flags(word, JobHeader.DNR, JobHeader.TD, JobHeader.MTD, JobHeader.REO, JobHeader.RSLS)
    start = JobHeader.START.get(word)
    if word & JobHeader.SHR.mask:
        return f"{text} share={name} shared-length={start} {reader.pointer()}"
    return f"{text} start={start}" if start else text


def _shared_header(reader: _Reader, word: int) -> str:
    text = f"shared-header length={SharedHeader.LENGTH.get(word)}"
    text += f" share={Share(SharedHeader.SHARE.get(word)).name.lower()}"
    text += _flags(
        word,
        SharedHeader.DNR,
        SharedHeader.SC,
        SharedHeader.PD,
        SharedHeader.RIF,
        SharedHeader.CIF,
    )
    start = SharedHeader.START.get(word)
    return f"{text} start={start}" if start else text


def _source(reader: _Reader, word: int, size: int, sequence: bool) -> str:
    """Where a loading command takes its data: nothing to say in a SEQ form."""
    if sequence:
        return _flags(word, Key.IMM).replace("imm", "aidf")
    if word & Key.IMM.mask:
        return " " + reader.immediate(size)
    return f" {reader.pointer()}" + _flags(word, Key.SGF)


def _length(word: int, size: int, sequence: bool) -> str:
    return " length=variable" if sequence and word & Key.SGF.mask else f" length={size}"


def _key(reader: _Reader, word: int) -> str:
    sequence = word >> 27 == Command.SEQ_KEY
    size = Key.LENGTH.get(word)
    dest = KeyDest(Key.KDEST.get(word)).name.lower()
    text = f"{'seq-' if sequence else ''}key class{Key.CLASS.get(word)} {dest}"
    text += _length(word, size, sequence)
    text += _flags(word, Key.ENC, Key.NWB, Key.EKT, Key.TK, Key.PTS)
    if word & Key.ENC.mask:
        size = size + 7 & ~7 if word & Key.EKT.mask else size + 15 & ~15
        size += 12 if word & Key.EKT.mask else 0
    return text + _source(reader, word, size, sequence)


def _place(word: int) -> str:
    place = PLACES.get((Load.CLASS.get(word), Load.REGISTER.get(word)))
    return place.name if place else f"register {Load.CLASS.get(word)}:{Load.REGISTER.get(word):#x}"


def _load(reader: _Reader, word: int) -> str:
    sequence = word >> 27 == Command.SEQ_LOAD
    name = _place(word)
    size = Load.LENGTH.get(word)
    prefix = "seq-" if sequence else ""
    if name == "dctrl":
        return f"load dctrl {word & 0xFFFF:04x}"
    if name in MATH_ARGUMENT:
        return f"load {name} math{size & 3} =" + f"{reader.word():08x}"
    text = f"{prefix}load {name}" + _length(word, size, sequence)
    offset = Load.OFFSET.get(word)
    if offset:
        text += f" offset={offset}"
    return text + _source(reader, word, 4 * size if name == "descbuf" else size, sequence)


def _store(reader: _Reader, word: int) -> str:
    sequence = word >> 27 == Command.SEQ_STORE
    size = Load.LENGTH.get(word)
    immediate = word & Load.IMM.mask
    name = "immediate" if immediate else _place(word)
    text = f"{'seq-' if sequence else ''}store {name}" + _length(word, size, sequence)
    offset = Load.OFFSET.get(word)
    if offset:
        text += f" offset={offset}"
    if not sequence and name not in POINTERLESS:
        text += f" {reader.pointer()}" + _flags(word, Load.SGF)
    return f"{text} {reader.immediate(size)}" if immediate else text


def _fifo_load_type(number: int, kind: int) -> str:
    if kind == NO_INFO:
        return "no-info"
    if kind in PKHA_TYPES:
        return PKHA_TYPES[kind].name.lower().replace("_", "-")
    name = FIFO_LOAD_NAMES.get(kind & 0x38, f"type {kind:#04x}")
    for bit, flag in ((4, "last2"), (2, "last1"), (1, "flush1")):
        if kind & bit:
            name += f" {flag}"
    return name


def _fifo_load(reader: _Reader, word: int) -> str:
    sequence = word >> 27 == Command.SEQ_FIFO_LOAD
    number = FifoLoad.CLASS.get(word)
    kind = FifoLoad.TYPE.get(word)
    size = FifoLoad.LENGTH.get(word)
    if number:
        name = f"class{number} " if number < 3 else "both "
        name += _fifo_load_type(number, kind)
    else:
        name = "skip"
    prefix = "seq-" if sequence else ""
    amount = size + 7 >> 3 if kind & 0x38 == BITDATA else size
    source = _source(reader, word, amount, sequence)
    if word & FifoLoad.EXT.mask and not (word & FifoLoad.IMM.mask and not sequence):
        return f"{prefix}fifo-load {name} length={reader.word()}{source}"
    return f"{prefix}fifo-load {name}" + _length(word, size, sequence) + source


def _fifo_store(reader: _Reader, word: int) -> str:
    sequence = word >> 27 == Command.SEQ_FIFO_STORE
    kind = FifoStore.TYPE.get(word)
    if kind in PKHA_TYPES:
        name = PKHA_TYPES[kind].name.lower().replace("_", "-")
    elif kind in _STORES:
        name = _STORES[kind]
    elif (kind | 0x20) & 0x2E in _STORES:
        name = _STORES[(kind | 0x20) & 0x2E]
        name += (" ccm" if kind < 0x20 else "") + (" tk" if kind & 1 else "")
    else:
        name = f"type {kind:#04x}"
    number = FifoStore.CLASS.get(word)
    text = f"{'seq-' if sequence else ''}fifo-store {name}" + (f" class{number}" if number else "")
    pointer = ""
    if not sequence and kind != StoreType.RNG_FIFO:
        pointer = f" {reader.pointer()}" + _flags(word, FifoStore.SGF)
    if word & FifoStore.EXT.mask:
        text += f" length={reader.word()}"
    else:
        text += _length(word, FifoStore.LENGTH.get(word), sequence)
    return text + pointer + _flags(word, FifoStore.CONT)


def _move(reader: _Reader, word: int) -> str:
    source = MOVE_SOURCES.get(Move.SRC.get(word), f"source {Move.SRC.get(word)}")
    dest = MOVE_DESTINATIONS.get(Move.DST.get(word), f"destination {Move.DST.get(word)}")
    if word >> 27 == Command.MOVE_LEN:
        text = f"move-len {source} -> {dest} length=math{word & 3}"
    elif dest == "ofifo" and source in ("ififo-deco", "ififo-class", "block"):
        text = f"move {source} -> {dest} length={word & 0xFFFF}"
        word &= ~Move.OFFSET.mask
    else:
        text = f"move {source} -> {dest} length={Move.LENGTH.get(word)}"
    if word & Move.OFFSET.mask:
        text += f" offset={Move.OFFSET.get(word)}"
    if word & Move.AUX.mask:
        text += f" aux={Move.AUX.get(word)}"
    return text + _flags(word, Move.WC)


def _math(reader: _Reader, word: int) -> str:
    function = Math.FUNCTION.get(word)
    name = _FUNCTIONS.get(function) or f"function {function:#x}"
    size = Math.LENGTH.get(word)
    first = MATH_SOURCES0.get(Math.SRC0.get(word), f"source {Math.SRC0.get(word):#x}")
    second = MATH_SOURCES1.get(Math.SRC1.get(word), f"source {Math.SRC1.get(word):#x}")
    dest = MATH_DESTINATIONS.get(Math.DEST.get(word), f"destination {Math.DEST.get(word):#x}")
    immediates = (first == "imm") + (second == "imm")
    wide = size >= 8 and immediates == 1 and not word & Math.IFB.mask
    values = [
        f"={reader.word():08x}" + (f"_{reader.word():08x}" if wide else "")
        for _ in range(immediates)
    ]
    first = values.pop(0) if first == "imm" else first
    second = values.pop(0) if second == "imm" else second
    text = f"math {dest} = {first} {name} {second} length={size}"
    return text + _flags(word, Math.NFU, Math.STL)


def _mathi(reader: _Reader, word: int) -> str:
    function = Mathi.FUNCTION.get(word)
    name = _FUNCTIONS.get(function) or f"function {function:#x}"
    name = "fbyt" if name == "zbyt" else name
    table = MATH_SOURCES1 if word & Mathi.SSEL.mask else MATH_SOURCES0
    source = table.get(Mathi.SRC.get(word), f"source {Mathi.SRC.get(word):#x}")
    dest = MATH_DESTINATIONS.get(Mathi.DEST.get(word), f"destination {Mathi.DEST.get(word):#x}")
    text = f"mathi {dest} = {source} {name} {Mathi.IMMEDIATE.get(word):#04x}"
    return f"{text} length={Mathi.LENGTH.get(word)}" + _flags(word, Mathi.NFU)


def _jump(reader: _Reader, word: int) -> str:
    kind = Jump.TYPE.get(word)
    name = _JUMPS.get(kind) or f"type {kind:#x}"
    text = f"jump {name}"
    if kind == JumpType.NONLOCAL:
        text += f" {reader.pointer()}"
    elif kind == JumpType.HALT_USER:
        text += f" status={Jump.OFFSET.get(word):#04x}"
    elif kind not in (JumpType.HALT, JumpType.RETURN):
        offset = Jump.OFFSET.get(word)
        text += f" {offset - 0x100 if offset & 0x80 else offset:+}"
    number = Jump.CLASS.get(word)
    if number:
        text += " wait-" + ("both" if number == 3 else f"class{number}")
    bits = Jump.CONDITION.get(word)
    if kind in (JumpType.LOCAL_INC, JumpType.LOCAL_DEC):
        text += f" count={MATH_DESTINATIONS.get(bits >> 4, '?')}"
        bits &= 0xF
    table = CONDITIONS_JSL if word & Jump.JSL.mask else CONDITIONS
    names = [title for bit, title in table.items() if bits & bit]
    if not names:
        return text
    test = JumpTest(Jump.TEST.get(word)).name.lower().replace("_", "-")
    return f"{text} if {test} of {','.join(names)}"


def _operation(reader: _Reader, word: int) -> str:
    kind = Operation.OPTYPE.get(word)
    if kind in (OpType.CLASS1, OpType.CLASS2):
        number = Operation.ALG.get(word)
        name = ALGORITHMS.get(number, f"algorithm {number:#04x}")
        state = ("update", "init", "finalize", "initfinal")[Operation.AS.get(word)]
        text = f"operation class{1 if kind == OpType.CLASS1 else 2} {name}"
        text += f" aai={Operation.AAI.get(word):#05x} {state}"
        return text + _flags(word, Operation.ICV, Operation.ENC)
    if kind == OpType.PK:
        return f"operation pkha mode={word & 0xFFFFFF:06x}"
    identity = word >> 16 & 0xFF
    if kind == OpType.UNI and identity in _DKP_IDS:
        return _derived_key(reader, word)
    name = _OPERATIONS.get(kind) or f"type {kind}"
    return f"operation protocol {name} id={identity:#04x} info={word & 0xFFFF:#06x}"


def _derived_key(reader: _Reader, word: int) -> str:
    ends = ("immediate", "sequence", "pointer", "table")
    source, dest, size = word >> 14 & 3, word >> 12 & 3, word & 0xFFF
    text = f"operation derived-key id={word >> 16 & 0xFF:#04x} {ends[source]} -> {ends[dest]}"
    text += f" length={size}"
    if source == 0:
        text += f" {reader.immediate(size)}"
    if source >= 2 or dest >= 2:
        text += f" {reader.pointer()}"
    return text


def _signature(reader: _Reader, word: int) -> str:
    return f"signature type={word >> 16 & 0xF:#x}"


def _sequence_in(reader: _Reader, word: int) -> str:
    return _sequence(
        reader, word, "seq-in-ptr", SeqIn.PRE.mask | SeqIn.RTO.mask | SeqIn.SOP.mask
    ) + (_flags(word, SeqIn.RBS, SeqIn.INL, SeqIn.SGF, SeqIn.PRE, SeqIn.RTO, SeqIn.RJD, SeqIn.SOP))


def _sequence_out(reader: _Reader, word: int) -> str:
    text = _sequence(reader, word, "seq-out-ptr", SeqOut.PRE.mask | SeqOut.RTO.mask)
    return text + _flags(word, SeqOut.SGF, SeqOut.PRE, SeqOut.RTO, SeqOut.RST, SeqOut.EWS)


def _sequence(reader: _Reader, word: int, name: str, pointerless: int) -> str:
    pointer = "" if word & pointerless else f" {reader.pointer()}"
    length = reader.word() if word & SeqIn.EXT.mask else SeqIn.LENGTH.get(word)
    return f"{name} length={length}{pointer}"


_TEXTS: dict[int, Callable[[_Reader, int], str]] = {
    Command.KEY: _key,
    Command.SEQ_KEY: _key,
    Command.LOAD: _load,
    Command.SEQ_LOAD: _load,
    Command.FIFO_LOAD: _fifo_load,
    Command.SEQ_FIFO_LOAD: _fifo_load,
    Command.STORE: _store,
    Command.SEQ_STORE: _store,
    Command.FIFO_STORE: _fifo_store,
    Command.SEQ_FIFO_STORE: _fifo_store,
    Command.MOVE: _move,
    Command.MOVE_LEN: _move,
    Command.OPERATION: _operation,
    Command.SIGNATURE: _signature,
    Command.JUMP: _jump,
    Command.MATH: _math,
    Command.MATHI: _mathi,
    Command.HEADER: _header,
    Command.SHARED_HEADER: _shared_header,
    Command.SEQ_IN_PTR: _sequence_in,
    Command.SEQ_OUT_PTR: _sequence_out,
}

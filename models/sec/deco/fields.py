# SPDX-License-Identifier: MIT
"""The fields of descriptor commands and of scatter/gather and info FIFO entries, as data.

The machine takes its masks from here, the disassembler its names.

Source: drivers/crypto/caam/desc.h of Linux 6.12; fields it does not use (MATHI, JUMP types of four
bits, AIDF, SOP, RST, PTS, RIF, CIF, RSLS, MOVE_LEN size) from drivers/common/dpaax/caamflib/desc.h
of DPDK.
"""

from __future__ import annotations

from testbed.remoteport.registers import Field, Register


class JobHeader(Register):
    """Job descriptor header"""

    CTYPE = Field(31, 27)
    RSLS = Field(25)  # the sequence LIODN must be the same to share
    DNR = Field(24)  # do not run
    ONE = Field(23)
    START = Field(22, 16)  # start index, or with SHR the length of the shared descriptor
    ZRO = Field(15)
    TD = Field(14)  # trusted descriptor
    MTD = Field(13)  # make trusted descriptor
    SHR = Field(12)  # a pointer to a shared descriptor follows
    REO = Field(11)  # reverse execution order
    SHARE = Field(10, 8)
    LENGTH = Field(6, 0)  # words, header included


class SharedHeader(Register):
    """Shared descriptor header"""

    CTYPE = Field(31, 27)
    RIF = Field(25)  # read the input frame early
    DNR = Field(24)
    ONE = Field(23)
    START = Field(22, 16)
    ZRO = Field(15)
    CIF = Field(13)  # clear the input FIFO first
    SC = Field(12)  # save context for a self-shared job
    PD = Field(11)  # propagate DNR
    SHARE = Field(9, 8)
    LENGTH = Field(6, 0)


class Key(Register):
    """KEY and SEQ KEY"""

    CTYPE = Field(31, 27)
    CLASS = Field(26, 25)
    SGF = Field(24)  # VLF in SEQ KEY
    IMM = Field(23)  # AIDF in SEQ KEY: already in the input data FIFO
    ENC = Field(22)
    NWB = Field(21)  # no write back
    EKT = Field(20)  # AES-CCM instead of AES-ECB
    KDEST = Field(17, 16)
    TK = Field(15)  # under the TDKEK
    PTS = Field(14)  # plaintext store allowed
    LENGTH = Field(9, 0)


class Load(Register):
    """LOAD, SEQ LOAD, STORE and SEQ STORE"""

    CTYPE = Field(31, 27)
    CLASS = Field(26, 25)
    SGF = Field(24)  # VLF in the SEQ forms
    IMM = Field(23)
    REGISTER = Field(22, 16)
    OFFSET = Field(15, 8)
    LENGTH = Field(7, 0)


class DecoControl(Register):
    """LOAD to DECO control: OFFSET and LENGTH of the command word"""

    SEQLIODN = Field(15, 14)
    NONSEQLIODN = Field(13, 12)
    NO_AUTO_NFIFO = Field(11)
    AUTO_NFIFO = Field(10)
    SHARE = Field(9, 8)
    OSL_COUNT = Field(7)
    RESET_CHA_POINTER = Field(6)
    RESET_OFIFO = Field(5)
    OFIFO_OFFSET_VALID = Field(4)
    OFIFO_OFFSET = Field(1, 0)


class FifoLoad(Register):
    """FIFO LOAD and SEQ FIFO LOAD"""

    CTYPE = Field(31, 27)
    CLASS = Field(26, 25)
    SGF = Field(24)  # VLF in SEQ FIFO LOAD
    IMM = Field(23)  # AIDF in SEQ FIFO LOAD
    EXT = Field(22)
    TYPE = Field(21, 16)
    LENGTH = Field(15, 0)


class FifoStore(Register):
    """FIFO STORE and SEQ FIFO STORE"""

    CTYPE = Field(31, 27)
    CLASS = Field(26, 25)
    SGF = Field(24)  # VLF in SEQ FIFO STORE
    CONT = Field(23)
    EXT = Field(22)
    TYPE = Field(21, 16)
    LENGTH = Field(15, 0)


class Move(Register):
    """MOVE and MOVE_LEN"""

    CTYPE = Field(31, 27)
    AUX = Field(26, 25)
    WC = Field(24)  # wait for completion
    SRC = Field(23, 20)
    DST = Field(19, 16)
    OFFSET = Field(15, 8)
    LENGTH = Field(7, 0)


class Math(Register):
    """MATH"""

    CTYPE = Field(31, 27)
    IFB = Field(26)  # immediate of four bytes
    NFU = Field(25)  # no flag update
    STL = Field(24)  # stall
    FUNCTION = Field(23, 20)
    SRC0 = Field(19, 16)
    SRC1 = Field(15, 12)
    DEST = Field(11, 8)
    LENGTH = Field(3, 0)


class Mathi(Register):
    """MATHI"""

    CTYPE = Field(31, 27)
    NFU = Field(25)
    SSEL = Field(24)  # the source is named by the SRC1 table
    FUNCTION = Field(23, 20)
    SRC = Field(19, 16)
    DEST = Field(15, 12)
    IMMEDIATE = Field(11, 4)
    LENGTH = Field(3, 0)


class Jump(Register):
    """JUMP"""

    CTYPE = Field(31, 27)
    CLASS = Field(26, 25)  # wait until that class is done
    JSL = Field(24)  # which set of conditions
    TYPE = Field(23, 20)
    TEST = Field(17, 16)
    CONDITION = Field(15, 8)
    OFFSET = Field(7, 0)  # signed, words from the JUMP itself


class Operation(Register):
    """OPERATION of an algorithm"""

    CTYPE = Field(31, 27)
    OPTYPE = Field(26, 24)
    ALG = Field(23, 16)
    AAI = Field(12, 4)
    AS = Field(3, 2)
    ICV = Field(1)  # RNG: prediction resistance
    ENC = Field(0)


class Protocol(Register):
    """OPERATION of a protocol"""

    CTYPE = Field(31, 27)
    OPTYPE = Field(26, 24)
    PROTID = Field(23, 16)
    PROTINFO = Field(15, 0)


class PublicKey(Register):
    """OPERATION of the PKHA"""

    CTYPE = Field(31, 27)
    OPTYPE = Field(26, 24)
    MODE = Field(23, 0)


class Signature(Register):
    """SIGNATURE"""

    CTYPE = Field(31, 27)
    TYPE = Field(19, 16)


class SeqIn(Register):
    """SEQ IN PTR"""

    CTYPE = Field(31, 27)
    RBS = Field(26)  # release buffers
    INL = Field(25)  # an inline descriptor comes first
    SGF = Field(24)
    PRE = Field(23)  # more of the same sequence
    EXT = Field(22)
    RTO = Field(21)  # restore the sequence
    RJD = Field(20)  # replacement job descriptor
    SOP = Field(19)  # start from the output sequence's pointer
    LENGTH = Field(15, 0)


class SeqOut(Register):
    """SEQ OUT PTR"""

    CTYPE = Field(31, 27)
    SGF = Field(24)
    PRE = Field(23)
    EXT = Field(22)
    RTO = Field(21)
    RST = Field(20)  # give back the length written so far
    EWS = Field(19)  # allow write-safe transactions
    LENGTH = Field(15, 0)


class InfoEntry(Register):
    """One entry of the input information FIFO"""

    DEST = Field(31, 30)
    LC2 = Field(29)
    LC1 = Field(28)
    FC2 = Field(27)
    FC1 = Field(26)
    STYPE = Field(25, 24)
    DTYPE = Field(23, 20)
    BND = Field(19)
    PTYPE = Field(18, 16)
    OC = Field(15)
    AST = Field(14)  # the alternate source
    BM = Field(11)
    PS = Field(10)
    DLEN = Field(9, 0)  # 12 bits wide where there is no padding


class ClearWritten(Register):
    """CLRW: what LOAD to the clear written register clears"""

    RESET_INPUT = Field(31)
    RESET_OFIFO = Field(30)
    RESET_CLASS1_CHA = Field(29)
    RESET_CLASS2_CHA = Field(28)
    RESET_CLASS1_DONE = Field(27)
    RESET_CLASS2_DONE = Field(26)
    C2KEY = Field(22)
    C2CTX = Field(21)
    C2ICV = Field(19)
    C2DS = Field(18)
    C2KS = Field(17)
    C2MODE = Field(16)
    PKE = Field(15)
    PKN = Field(14)
    PKB = Field(13)
    PKA = Field(12)
    C1KEY = Field(6)
    C1CTX = Field(5)
    C1ICV = Field(3)
    C1DS = Field(2)
    C1KS = Field(1)
    C1MODE = Field(0)


class ChaControl(Register):
    """CCTRL: CHA resets and PKHA unloads"""

    UNLOAD_SBOX = Field(28)
    UNLOAD_B = Field(27)
    UNLOAD_A = Field(26)
    UNLOAD_N = Field(24)
    UNLOAD_B3 = Field(23)
    UNLOAD_B2 = Field(22)
    UNLOAD_B1 = Field(21)
    UNLOAD_B0 = Field(20)
    UNLOAD_A3 = Field(19)
    UNLOAD_A2 = Field(18)
    UNLOAD_A1 = Field(17)
    UNLOAD_A0 = Field(16)
    RESET = Field(12, 1)  # AES, DES, ARC4, KASUMI, SNOW f8, PK, MD, CRC, RNG, SNOW f9, ZUC E, ZUC A
    RESET_ALL = Field(0)

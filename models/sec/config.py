# SPDX-License-Identifier: MIT
"""What one SEC is: its era, its accelerators (CHAs), its bus and its size. Presets by silicon.

Source of the layout that these numbers appear in: drivers/crypto/caam/regs.h of Linux 6.12 (CHA
version, number and revision registers, version registers from era 10 on, compile-time parameters)
and include/fsl_sec.h of U-Boot. Source of each preset: its own `source`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "AES_HIGH_PERFORMANCE",
    "AES_LOW_POWER",
    "AES_MISC_GCM",
    "IMX8MM",
    "LS1021A",
    "LS1028A",
    "LS1046A",
    "MD_HIGH_PERFORMANCE",
    "MD_LP256",
    "MD_LP512",
    "P4080",
    "PKHA_MISC_NO_CRYPT",
    "PRESETS",
    "T4240",
    "Cha",
    "SecConfig",
]

AES_LOW_POWER = 3
"""AESA version: no XTS; GCM only from revision 8 on (before era 10)."""
AES_HIGH_PERFORMANCE = 4
MD_LP256 = 0
"""MDHA version: nothing longer than SHA-256."""
MD_LP512 = 1
MD_HIGH_PERFORMANCE = 2

AES_MISC_GCM = 0x02
"""Bit of AESA_VERSION's MISC field (era 10 and later): GCM is there."""
PKHA_MISC_NO_CRYPT = 0x80
"""Bit of PKHA_VERSION's MISC field (era 10 and later): signing only."""


@dataclass(frozen=True, slots=True)
class Cha:
    """One kind of crypto hardware accelerator. `count` 0: the part has none.

    `version` and `revision` are 4 bits wide before era 10, 8 bits from then on, as is `misc`,
    which exists from era 10 on only.
    """

    count: int = 0
    version: int = 0
    revision: int = 0
    misc: int = 0

    def __bool__(self) -> bool:
        return self.count > 0


ABSENT = Cha()


@dataclass(frozen=True, slots=True)
class SecConfig:
    """One SEC. Fields are checked on construction: ValueError names the one that does not fit.

    `byteorder` holds for registers, ring entries, descriptors and scatter/gather tables alike.
    `pointer_bits` is the width of a bus address: up to 32, pointers are one word and MCFGR.PS is
    fixed at zero; above, they are two words while MCFGR.PS is set (`SecServices.pointer_size` is
    what holds at the moment). `long_pointers` and `rng_instantiated` are what boot firmware leaves
    behind rather than silicon: MCFGR.PS set, as on a 64-bit machine, and both RNG state handles
    running, with prediction resistance and the secure keys generated.
    `high_word_first`: the two words of a 64-bit register or pointer lie most significant first,
    as on every big-endian part, and on i.MX although that is little-endian.
    """

    name: str
    source: str
    era: int
    ip_id: int
    major: int
    minor: int
    byteorder: Literal["little", "big"]
    pointer_bits: int = 32
    long_pointers: bool = False
    rng_instantiated: bool = False
    page_size: int = 4096
    rings: int = 4
    decos: int = 1
    virtualization: bool = False  # CTPR.VIRT_EN_INCL and _POR: a ring runs once JRSTART lets it
    blob: bool = True
    high_word_first: bool = False
    aes: Cha = ABSENT
    des: Cha = ABSENT
    arc4: Cha = ABSENT
    md: Cha = ABSENT
    rng: Cha = ABSENT
    snow_f8: Cha = ABSENT
    snow_f9: Cha = ABSENT
    kasumi: Cha = ABSENT
    crc: Cha = ABSENT
    pk: Cha = ABSENT
    zuc_e: Cha = ABSENT
    zuc_a: Cha = ABSENT
    ccha: Cha = ABSENT  # ChaCha20
    ptha: Cha = ABSENT  # Poly1305

    def __post_init__(self) -> None:
        checks = (
            ("era", 1 <= self.era <= 255),
            ("ip_id", 0 <= self.ip_id < 1 << 16),
            ("major", 0 <= self.major < 256),
            ("minor", 0 <= self.minor < 256),
            ("byteorder", self.byteorder in ("little", "big")),
            ("pointer_bits", 32 <= self.pointer_bits <= 49),
            ("long_pointers", self.pointer_bits > 32 or not self.long_pointers),
            ("page_size", self.page_size in (4096, 65536)),
            ("rings", 1 <= self.rings <= 4),
            ("decos", 1 <= self.decos <= 15),
            ("high_word_first", self.byteorder == "little" or not self.high_word_first),
            ("ccha", self.era >= 10 or not self.ccha),
            ("ptha", self.era >= 10 or not self.ptha),
        )
        for field, good in checks:
            if not good:
                raise ValueError(f"SEC {self.name}: {field} cannot be {getattr(self, field)!r}")
        limit = 0xFF if self.era >= 10 else 0xF
        for field, cha in self.chas().items():
            for part in ("count", "version", "revision"):
                if not 0 <= getattr(cha, part) <= limit:
                    raise ValueError(
                        f"SEC {self.name}: {field}.{part} {getattr(cha, part):#x} does not fit"
                        f" the registers of era {self.era}"
                    )

    def chas(self) -> dict[str, Cha]:
        """Every kind of accelerator by its field name, the absent ones too."""
        return {
            name: value for name in self.__slots__ if isinstance(value := getattr(self, name), Cha)
        }

    @property
    def high_word_at_zero(self) -> bool:
        """Whether the most significant word of a 64-bit register or pointer comes first."""
        return self.byteorder == "big" or self.high_word_first

    @property
    def has_gcm(self) -> bool:
        if not self.aes:
            return False
        if self.era >= 10:
            return bool(self.aes.misc & AES_MISC_GCM)
        return self.aes.version != AES_LOW_POWER or self.aes.revision >= 8

    @property
    def has_xts(self) -> bool:
        return bool(self.aes) and self.aes.version != AES_LOW_POWER

    @property
    def has_xts_16_byte_iv(self) -> bool:
        """XTS with a 128-bit sector index; up to era 8 its upper half is taken as zero."""
        return self.has_xts and self.era > 8

    @property
    def digest_limit(self) -> int:
        """The longest digest in bytes; 0 without a message digest unit."""
        if not self.md:
            return 0
        return 32 if self.md.version == MD_LP256 else 64

    @property
    def has_public_key_encryption(self) -> bool:
        if self.era >= 10 and self.pk.misc & PKHA_MISC_NO_CRYPT:
            return False
        return bool(self.pk)

    @property
    def has_derived_key_protocol(self) -> bool:
        """DKP, from era 6 on: split keys derived inside the descriptor that uses them."""
        return self.era >= 6


_CHOSEN = " Identity, CHA revisions and counts that are not listed there are chosen."

P4080 = SecConfig(
    name="P4080",
    source=(
        "fsl,sec-v4.0.yaml of Linux 6.12 (4 job rings, 5 DECOs, 4 KiB pages); IP 0x0a10 major 2 is"
        " era 2 in caam/ctrl.c; 36-bit physical addresses, big-endian." + _CHOSEN
    ),
    era=2,
    ip_id=0x0A10,
    major=2,
    minor=0,
    byteorder="big",
    pointer_bits=36,
    decos=5,
    blob=True,
    aes=Cha(5, AES_HIGH_PERFORMANCE),
    des=Cha(5),
    arc4=Cha(1),
    md=Cha(5, MD_HIGH_PERFORMANCE),
    rng=Cha(1, version=2),
    snow_f8=Cha(1),
    snow_f9=Cha(1),
    kasumi=Cha(1),
    crc=Cha(1),
    pk=Cha(1),
)

T4240 = SecConfig(
    name="T4240",
    source=(
        "qoriq-sec5.0-0.dtsi of Linux (4 job rings in 4 KiB pages at crypto@300000), SEC 5.0;"
        " IP 0x0a11 major 2 is era 5 in caam/ctrl.c; 40-bit addresses by fsl,sec-v5.0, big-endian."
        + _CHOSEN
    ),
    era=5,
    ip_id=0x0A11,
    major=2,
    minor=0,
    byteorder="big",
    pointer_bits=40,
    decos=10,
    aes=Cha(10, AES_HIGH_PERFORMANCE, revision=4),
    des=Cha(10),
    arc4=Cha(2),
    md=Cha(10, MD_HIGH_PERFORMANCE),
    rng=Cha(1, version=4),
    snow_f8=Cha(2),
    snow_f9=Cha(2),
    kasumi=Cha(2),
    crc=Cha(4),
    pk=Cha(4),
    zuc_e=Cha(2),
    zuc_a=Cha(2),
)

LS1021A = SecConfig(
    name="LS1021A",
    source=(
        "ls1021a.dtsi of Linux (SEC 5.5 class, 4 job rings in 64 KiB pages), little-endian by"
        " caam/regs.h and U-Boot's SYS_FSL_SEC_LE; era 7." + _CHOSEN
    ),
    era=7,
    ip_id=0x0A11,
    major=3,
    minor=0,
    byteorder="little",
    pointer_bits=40,
    page_size=65536,
    aes=Cha(1, AES_HIGH_PERFORMANCE, revision=4),
    des=Cha(1),
    arc4=Cha(1),
    md=Cha(1, MD_HIGH_PERFORMANCE),
    rng=Cha(1, version=4),
    crc=Cha(1),
    pk=Cha(1),
)

LS1046A = SecConfig(
    name="LS1046A",
    source=(
        "fsl-ls1046a.dtsi of Linux 6.12 (SEC 5.4, era 8, 4 job rings in 64 KiB pages); big-endian"
        " by U-Boot's SYS_FSL_SEC_BE; device ID 0x0a110301 as its kernel log prints." + _CHOSEN
    ),
    era=8,
    ip_id=0x0A11,
    major=3,
    minor=1,
    byteorder="big",
    pointer_bits=40,
    page_size=65536,
    decos=3,
    aes=Cha(3, AES_HIGH_PERFORMANCE, revision=4),
    des=Cha(3),
    arc4=Cha(1),
    md=Cha(3, MD_HIGH_PERFORMANCE),
    rng=Cha(1, version=4),
    snow_f8=Cha(1),
    snow_f9=Cha(1),
    kasumi=Cha(1),
    crc=Cha(1),
    pk=Cha(1),
    zuc_e=Cha(1),
    zuc_a=Cha(1),
)

LS1028A = SecConfig(
    name="LS1028A",
    source=(
        "fsl-ls1028a.dtsi of Linux 6.12 (era 10, 4 job rings in 64 KiB pages, no queue interface);"
        " little-endian by U-Boot's SYS_FSL_SEC_LE; ChaCha20 and Poly1305"
        " units as era 10 brought them." + _CHOSEN
    ),
    era=10,
    ip_id=0x0A11,
    major=4,
    minor=0,
    byteorder="little",
    pointer_bits=40,
    page_size=65536,
    decos=1,
    aes=Cha(1, AES_HIGH_PERFORMANCE, revision=4, misc=AES_MISC_GCM),
    des=Cha(1),
    arc4=Cha(1),
    md=Cha(1, MD_HIGH_PERFORMANCE),
    rng=Cha(1, version=4),
    crc=Cha(1),
    pk=Cha(1),
    ccha=Cha(1),
    ptha=Cha(1),
)

IMX8MM = SecConfig(
    name="i.MX8MM",
    source=(
        "imx8mm.dtsi of Linux 6.12 (3 job rings in 4 KiB pages); kernel logs in public reports"
        " print device ID 0x0a16040100000000 (Era 9) and qi = 0; low-power AES, SHA-256 at most,"
        " little-endian with the most significant word first (caam/regs.h)." + _CHOSEN
    ),
    era=9,
    ip_id=0x0A16,
    major=4,
    minor=1,
    byteorder="little",
    high_word_first=True,
    rings=3,
    aes=Cha(1, AES_LOW_POWER, revision=8),
    des=Cha(1),
    arc4=Cha(1),
    md=Cha(1, MD_LP256),
    rng=Cha(1, version=4),
    pk=Cha(1),
)

PRESETS: dict[str, SecConfig] = {
    config.name: config for config in (P4080, T4240, LS1021A, LS1046A, LS1028A, IMX8MM)
}
"""The presets by name."""

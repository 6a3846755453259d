# SPDX-License-Identifier: MIT
"""Built-in protocols: OPERATION commands that are whole programs (OP_PCLID_* of caam/desc.h)."""

from __future__ import annotations

from collections.abc import Callable

from models.sec.cha.protocols import blob, rsa
from models.sec.cha.protocols.host import ProtocolHost
from models.sec.cha.unit import ChaError, ChaId, ErrorId, ProtocolError

__all__ = ["run"]

UNI, DECAP, ENCAP = 0, 6, 7
UNDEFINED_PROTOCOL = 0x81
_RSA_ENCRYPT, _RSA_DECRYPT, _BLOB = 0x18, 0x19, 0x0D

_PROTOCOLS: dict[tuple[int, int], Callable[[int, ProtocolHost], None]] = {
    (UNI, _RSA_ENCRYPT): rsa.encrypt,
    (UNI, _RSA_DECRYPT): rsa.decrypt,
    (ENCAP, _BLOB): blob.encapsulate,
    (DECAP, _BLOB): blob.decapsulate,
}


def run(word: int, host: ProtocolHost) -> None:
    """Run the protocol of an OPERATION word (DKP excepted) to its end.

    ProtocolError 0x81 when there is none such; else what the protocol raises.
    """
    protocol = word >> 16 & 0xFF
    function = _PROTOCOLS.get((word >> 24 & 7, protocol))
    if function is None:
        raise ProtocolError(UNDEFINED_PROTOCOL)
    if protocol in (_RSA_ENCRYPT, _RSA_DECRYPT) and not (
        host.services.config.has_public_key_encryption
    ):
        raise ChaError(ChaId.PK, ErrorId.INVALID_CHA)
    function(word, host)

# SPDX-License-Identifier: MIT
"""RSA encryption, and decryption with private keys of form 1, 2 and 3 (PDBs of caam/pdb.h).

Numbers are big-endian. The PDB begins with a word of scatter/gather flags (bits 31:28, for the
pointers in their order) and sizes: e or d in bits 23:12, n in bits 11:0. Form 1 is (n, d), form 2
(p, q, d), form 3 (p, q, dp, dq, c). F is the message, G the cryptogram. FMT (bit 12 of the
OPERATION word) asks for PKCS #1 1.5 padding (RFC 8017, 7.2). Bits 9:8 say that the private key's
numbers are black keys (1 ECB, 3 CCM). The temporary buffers of forms 2 and 3 are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from models.sec.cha import blackkey
from models.sec.cha.protocols.host import ProtocolHost
from models.sec.cha.unit import PKHA_BYTES, ChaError, ChaId, ErrorId, ProtocolError

__all__ = ["decrypt", "encrypt"]

PDB_ERROR, FORMAT_ERROR, SIZE_ERROR = 0x82, 0x88, 0x89
FORMATTED = 1 << 12
_PADDING = 11


class _Pdb:
    """Walks a PDB: words and pointers one after the other."""

    def __init__(self, host: ProtocolHost) -> None:
        self._host = host
        self._index = 0
        self._flags = self.word()

    @property
    def sizes(self) -> tuple[int, int]:
        """Bits 23:12 and 11:0 of the first word."""
        return self._flags >> 12 & 0xFFF, self._flags & 0xFFF

    def word(self) -> int:
        if self._index >= len(self._host.pdb):
            raise ProtocolError(PDB_ERROR)
        self._index += 1
        return self._host.pdb[self._index - 1]

    def pointers(self, count: int) -> Iterator[tuple[int, bool]]:
        """Addresses with whether each is that of a scatter/gather table."""
        step = self._host.services.pointer_size // 4
        if self._index + count * step > len(self._host.pdb):
            raise ProtocolError(PDB_ERROR)
        for number in range(count):
            scatter = number < 4 and bool(self._flags >> (31 - number) & 1)
            yield self._host.pdb_pointer(self._index), scatter
            self._index += step


def _check(*sizes: int) -> None:
    if not all(0 < size <= PKHA_BYTES for size in sizes):
        raise ProtocolError(PDB_ERROR)


def _number(host: ProtocolHost, place: tuple[int, bool], size: int) -> int:
    return int.from_bytes(host.read(place[0], size, place[1]), "big")


def _modulus(value: int) -> int:
    if not value:
        raise ChaError(ChaId.PK, ErrorId.PKHA_DIVIDE_BY_ZERO)
    if not value & 1:
        raise ChaError(ChaId.PK, ErrorId.PKHA_MODULUS_EVEN)
    return value


def encrypt(word: int, host: ProtocolHost) -> None:
    """G = F^e mod n."""
    pdb = _Pdb(host)
    e_size, n_size = pdb.sizes
    f, g, n, e = pdb.pointers(4)
    f_size = pdb.word() & 0xFFF
    _check(e_size, n_size)
    room = n_size - _PADDING if word & FORMATTED else n_size
    if f_size > room:
        raise ProtocolError(SIZE_ERROR)
    message = host.read(f[0], f_size, f[1]) if f_size else b""
    if word & FORMATTED:
        padding = host.services.random_nonzero(n_size - 3 - len(message))
        message = b"\0\2" + padding + b"\0" + message
    modulus = _modulus(_number(host, n, n_size))
    exponent = _number(host, e, e_size)
    result = pow(int.from_bytes(message, "big"), exponent, modulus)
    host.write(g[0], result.to_bytes(n_size, "big"), g[1])


def decrypt(word: int, host: ProtocolHost) -> None:
    """F = G^d mod n, with the private key in the form of bits 1:0."""
    form = word & 3
    if form == 3:
        raise ProtocolError(PDB_ERROR)
    pdb = _Pdb(host)
    result, g_size, f = (_form_1, _form_2, _form_3)[form](word, host, pdb)
    message = result.to_bytes(g_size, "big")
    if word & FORMATTED:
        message = _unformatted(message)
    if message:
        host.write(f[0], message, f[1])


def _unformatted(message: bytes) -> bytes:
    end = message.find(b"\0", 2)
    if message[:2] != b"\0\2" or end < 10:
        raise ProtocolError(FORMAT_ERROR)
    return message[end + 1 :]


_Outcome = tuple[int, int, tuple[int, bool]]


def _secret(word: int, host: ProtocolHost, place: tuple[int, bool], size: int) -> int:
    """A number of the private key, which may be black."""
    covering = word >> 8 & 3
    if not covering:
        return _number(host, place, size)
    if covering == 2:
        raise ProtocolError(PDB_ERROR)
    ccm = covering == 3
    data = host.read(place[0], blackkey.covered_size(size, ccm), place[1])
    return int.from_bytes(blackkey.uncover(data, size, host.services.jdkek, ccm), "big")


def _form_1(word: int, host: ProtocolHost, pdb: _Pdb) -> _Outcome:
    d_size, n_size = pdb.sizes
    _check(d_size, n_size)
    g, f, n, d = pdb.pointers(4)
    modulus = _modulus(_number(host, n, n_size))
    exponent = _secret(word, host, d, d_size)
    return pow(_number(host, g, n_size), exponent, modulus), n_size, f


def _form_2(word: int, host: ProtocolHost, pdb: _Pdb) -> _Outcome:
    d_size, n_size = pdb.sizes
    g, f, d, p, q, _, _ = pdb.pointers(7)
    q_size, p_size = _pair(pdb.word())
    _check(d_size, n_size, p_size, q_size)
    modulus = _modulus(_secret(word, host, p, p_size))
    modulus *= _modulus(_secret(word, host, q, q_size))
    exponent = _secret(word, host, d, d_size)
    result = pow(_number(host, g, n_size), exponent, modulus)
    return result & ((1 << 8 * n_size) - 1), n_size, f


def _form_3(word: int, host: ProtocolHost, pdb: _Pdb) -> _Outcome:
    n_size = pdb.sizes[1]
    g, f, c, p, q, dp, dq, _, _ = pdb.pointers(9)
    q_size, p_size = _pair(pdb.word())
    _check(n_size, p_size, q_size)
    prime_p = _modulus(_secret(word, host, p, p_size))
    prime_q = _modulus(_secret(word, host, q, q_size))
    cryptogram = _number(host, g, n_size)
    first = pow(cryptogram, _secret(word, host, dp, p_size), prime_p)
    second = pow(cryptogram, _secret(word, host, dq, q_size), prime_q)
    factor = _secret(word, host, c, p_size) * (first - second) % prime_p
    result = second + factor * prime_q
    return result & ((1 << 8 * n_size) - 1), n_size, f


def _pair(word: int) -> tuple[int, int]:
    return word >> 12 & 0xFFF, word & 0xFFF

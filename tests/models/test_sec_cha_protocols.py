# SPDX-License-Identifier: MIT
"""Built-in protocols and black keys, with memory as the descriptor machine would give it."""

from __future__ import annotations

import hmac
import random

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from sec_cha_rig import ENCRYPT, INITFINAL, MESSAGE, PRECOMP, Bench, seeded, word

from models.sec.cha import blackkey, protocols
from models.sec.cha.protocols.dkp import derive, is_dkp
from models.sec.cha.unit import ChaError, ClassRegisters, PkhaRegisters, ProtocolError
from models.sec.config import LS1021A, LS1028A, T4240, SecConfig
from models.sec.services import SecServices

UNI, DECAP, ENCAP = 0x80000000, 0x86000000, 0x87000000
RSA_ENCRYPT, RSA_DECRYPT, BLOB = 0x18 << 16, 0x19 << 16, 0x0D << 16
FORMATTED = 1 << 12


class Host:
    """A descriptor machine with a dictionary as memory."""

    def __init__(self, config: SecConfig = LS1028A, wide: bool = True) -> None:
        self.services = SecServices(config, random.Random(1).randbytes)
        self.services.pointer_size = 8 if wide else 4
        self.class1, self.class2 = ClassRegisters(), ClassRegisters()
        self.pkha = PkhaRegisters()
        self.pdb: list[int] = []
        self.memory: dict[int, bytes] = {}
        self.scattered: set[int] = set()
        self.input, self.output = b"", b""

    def place(self, data: bytes, scatter: bool = False) -> int:
        address = 0x10000 * (len(self.memory) + 1)
        self.memory[address] = data
        if scatter:
            self.scattered.add(address)
        return address

    def pointers(self, *addresses: int) -> None:
        for address in addresses:
            if self.services.pointer_size == 8:
                self.pdb.append(address >> 32)
            self.pdb.append(address & 0xFFFFFFFF)

    def pdb_pointer(self, index: int) -> int:
        if self.services.pointer_size == 4:
            return self.pdb[index]
        return self.pdb[index] << 32 | self.pdb[index + 1]

    def read(self, address: int, size: int, scatter: bool = False) -> bytes:
        assert scatter == (address in self.scattered)
        assert size <= len(self.memory[address])
        return self.memory[address][:size]

    def write(self, address: int, data: bytes, scatter: bool = False) -> None:
        assert scatter == (address in self.scattered)
        self.memory[address] = data

    @property
    def sequence_in_length(self) -> int:
        return len(self.input)

    def read_sequence(self, size: int) -> bytes:
        data, self.input = self.input[:size], self.input[size:]
        return data

    def write_sequence(self, data: bytes) -> None:
        self.output += data


def raises(host: Host, operation: int) -> tuple[str, int]:
    with pytest.raises((ChaError, ProtocolError)) as caught:
        protocols.run(operation, host)
    error = caught.value
    if isinstance(error, ProtocolError):
        return "deco", error.error
    return "cha", error.code


# RSA


@pytest.fixture(scope="module")
def private() -> rsa.RSAPrivateNumbers:
    return rsa.generate_private_key(65537, 2048).private_numbers()


def octets(value: int, size: int = 0) -> bytes:
    return value.to_bytes(size or -(-value.bit_length() // 8), "big")


def public_job(host: Host, numbers: rsa.RSAPrivateNumbers, data: bytes, scatter: bool) -> int:
    """init_rsa_pub_desc of caam/pkc_desc.c; where the result will be."""
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    sgf = (0x8 if scatter else 0) | 0x4
    host.pdb = [sgf << 28 | 3 << 12 | 256]
    result = host.place(b"", True)
    host.pointers(host.place(data, scatter), result, host.place(octets(n)), host.place(octets(e)))
    host.pdb.append(len(data))
    return result


def private_job(host: Host, numbers: rsa.RSAPrivateNumbers, form: int, data: bytes) -> int:
    """init_rsa_priv_f*_desc of caam/pkc_desc.c."""
    result = host.place(b"")
    scratch = host.place(bytes(128))
    n, d, p, q = numbers.public_numbers.n, numbers.d, numbers.p, numbers.q
    cryptogram = host.place(data, True)
    host.pdb = [0x8 << 28 | 256 | (256 << 12 if form < 3 else 0)]
    if form == 1:
        host.pointers(cryptogram, result, host.place(octets(n)), host.place(octets(d, 256)))
        return result
    primes = (host.place(octets(p)), host.place(octets(q)))
    if form == 2:
        secret = host.place(octets(d, 256))
        host.pointers(cryptogram, result, secret, *primes, scratch, scratch)
    else:
        crt = [octets(value, 128) for value in (numbers.iqmp, numbers.dmp1, numbers.dmq1)]
        c, dp, dq = (host.place(value) for value in crt)
        host.pointers(cryptogram, result, c, *primes, dp, dq, scratch, scratch)
    host.pdb.append(128 << 12 | 128)
    return result


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("form", [1, 2, 3])
def test_rsa_there_and_back(private: rsa.RSAPrivateNumbers, form: int, wide: bool) -> None:
    dice = seeded()
    n, e = private.public_numbers.n, private.public_numbers.e
    message = dice.randbytes(dice.randint(1, 255))
    host = Host(wide=wide)
    result = public_job(host, private, message, dice.random() < 0.5)
    protocols.run(UNI | RSA_ENCRYPT, host)
    cryptogram = host.memory[result]
    assert cryptogram == octets(pow(int.from_bytes(message, "big"), e, n), 256)
    host = Host(wide=wide)
    result = private_job(host, private, form, cryptogram)
    protocols.run(UNI | RSA_DECRYPT | form - 1, host)
    assert host.memory[result] == message.rjust(256, b"\0")


def test_rsa_with_padding(private: rsa.RSAPrivateNumbers) -> None:
    host = Host()
    result = public_job(host, private, b"a message", False)
    protocols.run(UNI | RSA_ENCRYPT | FORMATTED, host)
    key = private.private_key()
    assert key.decrypt(host.memory[result], padding.PKCS1v15()) == b"a message"
    result = private_job(host, private, 3, host.memory[result])
    protocols.run(UNI | RSA_DECRYPT | FORMATTED | 2, host)
    assert host.memory[result] == b"a message"
    signature = key.sign(b"x", padding.PKCS1v15(), hashes.SHA256())  # no encryption block
    e, n = private.public_numbers.e, private.public_numbers.n
    twisted = octets(pow(int.from_bytes(signature, "big"), e, n), 256)
    assert twisted[:2] == b"\0\1"
    private_job(host, private, 1, octets(pow(int.from_bytes(twisted, "big"), e, n), 256))
    assert raises(host, UNI | RSA_DECRYPT | FORMATTED) == ("deco", 0x88)
    public_job(host, private, bytes(246), False)
    assert raises(host, UNI | RSA_ENCRYPT | FORMATTED) == ("deco", 0x89)


@pytest.mark.parametrize("ccm", [False, True])
def test_rsa_with_a_black_private_key(private: rsa.RSAPrivateNumbers, ccm: bool) -> None:
    host = Host()
    host.services.jdkek = bytes(range(32))
    n, d = private.public_numbers.n, octets(private.d, 256)
    black = blackkey.cover(d, host.services.jdkek, ccm, host.services.random)
    result = host.place(b"")
    host.pdb = [256 << 12 | 256]
    cryptogram = octets(pow(77, 65537, n), 256)
    host.pointers(host.place(cryptogram), result, host.place(octets(n)), host.place(black))
    operation = UNI | RSA_DECRYPT | (0x300 if ccm else 0x100)
    protocols.run(operation, host)
    assert host.memory[result] == octets(77, 256)
    host.services.jdkek = bytes(32)
    if ccm:
        assert raises(host, operation) == ("cha", 0x1A)


def test_rsa_errors(private: rsa.RSAPrivateNumbers) -> None:
    host = Host()
    public_job(host, private, bytes(257), False)
    assert raises(host, UNI | RSA_ENCRYPT) == ("deco", 0x89)
    public_job(host, private, b"x", False)
    host.pdb[0] = 513
    assert raises(host, UNI | RSA_ENCRYPT) == ("deco", 0x82)
    host.pdb = []
    assert raises(host, UNI | RSA_ENCRYPT) == ("deco", 0x82)
    host.pdb = [0x3 << 12 | 256, 0]
    assert raises(host, UNI | RSA_DECRYPT) == ("deco", 0x82)
    assert raises(host, UNI | RSA_DECRYPT | 3) == ("deco", 0x82)
    even = Host()
    public_job(even, private, b"x", False)
    even.memory[even.pdb_pointer(5)] = bytes(255) + b"\x08"
    assert raises(even, UNI | RSA_ENCRYPT) == ("cha", 0x88)
    even.memory[even.pdb_pointer(5)] = bytes(256)
    assert raises(even, UNI | RSA_ENCRYPT) == ("cha", 0x87)


# Blobs


def test_blob_there_and_back() -> None:
    """caam_process_blob: 48 bytes more, key modifier in the class 2 key register."""
    dice = seeded()
    for size in (0, 1, 16, 100, 4096):
        data = dice.randbytes(size)
        host = Host()
        host.class2.key, host.class2.key_size = b"modifier" * 2, 16
        host.input = data
        protocols.run(ENCAP | BLOB, host)
        blob = host.output
        assert len(blob) == size + 48
        assert size < 16 or data not in blob
        host.input, host.output = blob, b""
        protocols.run(DECAP | BLOB, host)
        assert host.output == data
        for change in ("blob", "modifier"):
            host.input, host.output = blob, b""
            if change == "blob":
                place = dice.randrange(len(blob))
                host.input = blob[:place] + bytes([blob[place] ^ 4]) + blob[place + 1 :]
            else:
                host.class2.key = b"Modifier" * 2
            assert raises(host, DECAP | BLOB) == ("cha", 0x1A)
            assert host.output == b""


def test_blob_errors() -> None:
    host = Host()
    host.input = bytes(47)
    assert raises(host, DECAP | BLOB) == ("deco", 0xC4)
    for bits, error in ((1, 0xC1), (4, 0xC1), (8, 0xC2), (0x10, 0xC5)):
        assert raises(host, ENCAP | BLOB | bits) == ("deco", error)
    assert raises(host, DECAP | BLOB | 2) == ("deco", 0xC1)
    host.output = b""
    protocols.run(ENCAP | BLOB | 2, host)
    assert len(host.output) == 32


@pytest.mark.parametrize(
    "operation", [UNI | BLOB, UNI | 0x15 << 16, ENCAP | 1 << 16, UNI | 0x63 << 16]
)
def test_protocols_there_are_not(operation: int) -> None:
    assert raises(Host(), operation) == ("deco", 0x81)


# DKP


@pytest.mark.parametrize(
    ("number", "name", "running"),
    [
        (0, "md5", 16),
        (1, "sha1", 20),
        (2, "sha224", 32),
        (3, "sha256", 32),
        (4, "sha384", 64),
        (5, "sha512", 64),
    ],
)
def test_derived_key_works_in_the_operation_that_follows(
    number: int, name: str, running: int
) -> None:
    dice = seeded()
    for size in (1, 20, 64, 128, 200):
        key, data = dice.randbytes(size), dice.randbytes(99)
        bench = Bench(LS1021A)
        operation = UNI | (0x20 | number) << 16 | size  # immediate to immediate
        assert is_dkp(operation)
        derived = derive(operation, key, bench.services)
        assert len(derived.split_key) == 2 * running
        assert derived.key_command == 0x04800000 | 3 << 16 | 2 * running
        bench.key(derived.split_key, 2, split=True)
        bench.run(word(0x40 + number, PRECOMP, INITFINAL, ENCRYPT), (MESSAGE, data))
        expected = hmac.digest(key, data, name)
        assert bench.class2.context[: len(expected)] == expected


def test_dkp_destinations_and_errors() -> None:
    services = Bench(LS1021A).services
    sha1 = UNI | 0x21 << 16 | 20
    commands = [derive(sha1 | form << 12, bytes(20), services).key_command for form in range(4)]
    assert commands == [0x04830028, None, 0x04030028, 0x05030028]
    for config, key, error in ((T4240, bytes(20), 0x81), (LS1021A, bytes(19), 0x82)):
        with pytest.raises(ProtocolError) as caught:
            derive(sha1, key, Bench(config).services)
        assert caught.value.error == error
    assert not is_dkp(UNI | 0x61 << 16)
    assert not is_dkp(ENCAP | 0x21 << 16)


# Black keys


@pytest.mark.parametrize("ccm", [False, True])
def test_black_keys(ccm: bool) -> None:
    dice = seeded()
    kek = dice.randbytes(32)
    for size in (1, 8, 16, 20, 40, 128):
        key = dice.randbytes(size)
        black = blackkey.cover(key, kek, ccm, dice.randbytes)
        assert len(black) == blackkey.covered_size(size, ccm)
        assert len(black) == (-(-size // 8) * 8 + 12 if ccm else -(-size // 16) * 16)
        assert blackkey.uncover(black, size, kek, ccm) == key
        wrong = bytes([black[0] ^ 1]) + black[1:]
        if ccm:
            with pytest.raises(ChaError) as caught:
                blackkey.uncover(wrong, size, kek, ccm)
            assert caught.value.code == 0x1A
        else:
            whole = len(black)  # of one byte alone another may be the same by chance
            padded = blackkey.uncover(black, whole, kek, ccm)
            assert blackkey.uncover(wrong, whole, kek, ccm) != padded
    with pytest.raises(ChaError) as caught:
        blackkey.uncover(black[:-1], 128, kek, ccm)
    assert caught.value.code == 0x13

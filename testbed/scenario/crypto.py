# SPDX-License-Identifier: MIT
"""A machine's crypto algorithms: what it registered, and its results against the workstation's."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from testbed.channel import AgentClient
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError

_DRIVER_SECONDS = 120
_LARGEST = 1 << 16
_XTS_SECTOR = 1 << 15
"""The sector size that caamalg_desc.c has the SEC use: a request of more bytes spans sectors."""
_PlainMode = modes.CBC | modes.CTR | modes.ECB | modes.XTS


class Machine(Protocol):
    """A host or a guest."""

    @property
    def agent(self) -> AgentClient: ...

    def succeed(self, command: str, *, seconds: float = 30) -> str: ...


@dataclass(frozen=True)
class Registered:
    """One entry of /proc/crypto."""

    name: str
    driver: str
    selftest: str


def registered(text: str, ending: str) -> dict[str, Registered]:
    """The entries of /proc/crypto whose driver name ends in `ending`, by driver name."""
    found = {}
    for block in text.split("\n\n"):
        lines = (line.partition(":") for line in block.splitlines())
        fields = {key.strip(): value.strip() for key, _, value in lines}
        driver = fields.get("driver", "")
        if driver.endswith(ending):
            found[driver] = Registered(fields["name"], driver, fields["selftest"])
    return found


def check_algorithms(machine: Machine, expected: Mapping[str, str], deadline: Deadline) -> None:
    """Each algorithm, by driver, is registered and passes its self-test; there is no other.

    The kernel tests in threads of its own: an algorithm reads "unknown" until its test has passed.
    """
    while True:
        found = registered(machine.succeed("cat /proc/crypto"), "-caam")
        log = [line for line in machine.succeed("dmesg").splitlines() if " alg: " in line]
        complaints = [line for line in log if "-caam" in line and "No test for" not in line]
        assert not complaints, f"the kernel's self-tests say: {complaints[0]}"
        untested = sorted(driver for driver, entry in found.items() if entry.selftest != "passed")
        if not untested or deadline.expired:
            break
    names = {driver: entry.name for driver, entry in found.items()}
    missing, extra = expected.items() - names.items(), names.items() - expected.items()
    assert not missing, f"{len(missing)} algorithms are not there: {sorted(missing)}"
    assert not extra, f"{len(extra)} algorithms this SEC cannot have: {sorted(extra)}"
    assert not untested, (
        f"{len(untested)} algorithms did not pass the kernel's self-test in"
        f" {deadline.seconds:.0f} s: {untested}"
    )


@dataclass(frozen=True)
class Request:
    """One request to `af-alg`, and what it must answer."""

    arguments: str
    data: bytes
    expected: bytes


def _hash(random: Random, size: int) -> Request:
    name = random.choice(("md5", "sha1", "sha224", "sha256", "sha384", "sha512"))
    data = random.randbytes(size)
    piece = random.randint(size // 4 + 1, _LARGEST)
    return Request(f"hash {name}-caam piece={piece}", data, hashlib.new(name, data).digest())


def _hmac(random: Random, size: int) -> Request:
    name = random.choice(("md5", "sha1", "sha256", "sha512"))
    key, data = random.randbytes(random.randint(1, 200)), random.randbytes(size)
    return Request(f"hash hmac-{name}-caam key={key.hex()}", data, hmac.digest(key, data, name))


def _cipher(
    driver: str, key: bytes, mode: _PlainMode, iv: bytes, encrypt: bool, data: bytes
) -> Request:
    cipher: Cipher[_PlainMode] = Cipher(algorithms.AES(key), mode)
    context = cipher.encryptor() if encrypt else cipher.decryptor()
    verb = "encrypt" if encrypt else "decrypt"
    arguments = f"skcipher {driver} {verb} key={key.hex()}" + (f" iv={iv.hex()}" if iv else "")
    return Request(arguments, data, context.update(data) + context.finalize())


def _aes(random: Random, size: int) -> Request:
    kind = random.choice(("cbc", "ctr", "ecb", "xts"))
    data = random.randbytes(max(size if kind == "ctr" else size & -16, 16))
    key, iv = random.randbytes(random.choice((16, 24, 32))), random.randbytes(16)
    encrypt = random.random() < 0.5
    if kind == "ecb":
        return _cipher("ecb-aes-caam", key, modes.ECB(), b"", encrypt, data)
    if kind == "xts":
        key, data = random.randbytes(random.choice((32, 64))), data[:_XTS_SECTOR]
        return _cipher("xts-aes-caam", key, modes.XTS(iv), iv, encrypt, data)
    mode: _PlainMode = modes.CBC(iv) if kind == "cbc" else modes.CTR(iv)
    return _cipher(f"{kind}-aes-caam", key, mode, iv, encrypt, data)


def _sealed(
    random: Random, driver: str, key: bytes, cipher: AESGCM | ChaCha20Poly1305, size: int
) -> Request:
    iv, aad = random.randbytes(12), random.randbytes(random.randint(0, 64))
    data = random.randbytes(size)
    sealed = cipher.encrypt(iv, data, aad)
    options = f"key={key.hex()} iv={iv.hex()} tag=16 aad={len(aad)}"
    if random.random() < 0.5:
        return Request(f"aead {driver} encrypt {options}", aad + data, aad + sealed)
    return Request(f"aead {driver} decrypt {options}", aad + sealed, aad + data)


def _gcm(random: Random, size: int) -> Request:
    key = random.randbytes(random.choice((16, 24, 32)))
    return _sealed(random, "gcm-aes-caam", key, AESGCM(key), size)


def _chacha(random: Random, size: int) -> Request:
    key = random.randbytes(32)
    return _sealed(random, "rfc7539-chacha20-poly1305-caam", key, ChaCha20Poly1305(key), size)


_KINDS: tuple[Callable[[Random, int], Request], ...] = (_hash, _hmac, _aes, _gcm)


def compare(
    agent: AgentClient,
    random: Random,
    count: int,
    deadline: Deadline,
    *,
    chacha: bool = True,
    scratch: str = "/tmp/af-alg",
) -> None:
    """Have a machine do `count` random requests; AssertionError when one differs.

    Sizes are 0, 65,536, and between them as likely small as large. With `chacha` its SEC has units
    for ChaCha20 and Poly1305. `scratch` begins the names of the files there that go in and out.
    """
    kinds = (*_KINDS, _chacha) if chacha else _KINDS
    sizes = [0, _LARGEST, *(int(_LARGEST ** random.random()) for _ in range(count - 2))]
    for number, size in enumerate(sizes):
        request = kinds[number % len(kinds)](random, size)
        agent.put_file(f"{scratch}.in", request.data, deadline=deadline)
        done = agent.run(
            f"af-alg {request.arguments} <{scratch}.in >{scratch}.out",
            deadline=deadline,
            check=False,
        )
        said = done.stderr.decode(errors="replace").strip()
        assert not said, f"{request.arguments} of {len(request.data)} bytes: {said}"
        result = agent.get_file(f"{scratch}.out", deadline=deadline)
        assert result == request.expected, (
            f"{request.arguments} of {len(request.data)} bytes: {_difference(request, result)}"
        )


def compare_together(
    agents: Sequence[AgentClient],
    random: Random,
    count: int,
    deadline: Deadline,
    *,
    chacha: bool = True,
) -> None:
    """`compare` in several machines at the same time, or in one several times."""
    seeds = [random.getrandbits(64) for _ in agents]
    with ThreadPoolExecutor(len(agents)) as pool:
        running = [
            pool.submit(
                compare,
                agent,
                Random(seed),
                count,
                deadline,
                chacha=chacha,
                scratch=f"/tmp/af-alg-{number}",
            )
            for number, (agent, seed) in enumerate(zip(agents, seeds, strict=True))
        ]
        for one in running:
            one.result()


def load_plain_job_ring(machine: Machine) -> None:
    """Load the driver for job rings without a controller; the machine's own must not be loaded.

    It probes the rings there are and has its algorithms tested. A guest has its system mounted.
    TestbedError when there is none for the machine's kernel.
    """
    there = machine.succeed("ls /lib/modules").split()
    if "plain-job-ring" not in there:
        raise TestbedError(
            Stage.ARTIFACTS,
            "the driver for plain job rings is built for the testbed's own kernels only, not for"
            f" {machine.succeed('uname -r').strip()}; run without options that choose a kernel",
        )
    machine.succeed("/testbed/bin/load-plain-job-ring", seconds=_DRIVER_SECONDS)


def check_unharmed(machine: Machine) -> None:
    """The kernel found nothing wrong with itself since it started."""
    signs = ("BUG:", "WARNING:", "Oops", "Call trace", "consumers might start to crash")
    log = machine.succeed("dmesg").splitlines()
    found = [line for line in log if any(sign in line for sign in signs)]
    assert not found, f"the kernel says: {found[0]}"


def _difference(request: Request, result: bytes) -> str:
    if len(result) != len(request.expected):
        return f"{len(result)} bytes came, not {len(request.expected)}"
    pairs = enumerate(zip(result, request.expected, strict=True))
    at = next(index for index, (came, wanted) in pairs if came != wanted)
    return f"byte {at} of {len(result)} differs"

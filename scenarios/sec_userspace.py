# SPDX-License-Identifier: MIT
"""A user-space driver hashes and encrypts with SEC job rings, as the workstation itself does."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from testbed.machine.assignment import Assignment
from testbed.scenario import Scenario

RINGS = ("/soc/crypto@300000/jr@1000", "/soc/crypto@300000/jr@2000")

BLOCK = 16
LARGEST = 65536
PAGE = 4096
FOUR_GIB = 1 << 32
ROOM = 64 << 20  # more than a job takes, in whatever pages
CCB_ERROR = 2  # JRSTA: the crypto unit refused the data


class SecUserspace(Scenario):
    # A job ring cannot be taken from its driver while the kernel tests its algorithms.
    host_append = "cryptomgr.notests"
    last = FOUR_GIB - 1  # address of the SEC's memory, as far as is known

    def test(self) -> None:
        for ring in [self.host.assign(path) for path in RINGS]:
            answer = self.job(ring, "sha256", b"")
            if answer["pointers"] == "64":
                self.last = min(int(answer["last-iova"], 16), (1 << 36) - 1)
            for size in self.sizes():
                self.hashes(ring, self.random.randbytes(size))
            for key_size in (16, 24, 32):
                for blocks in (1, self.random.randint(2, 100), self.random.randint(1, 4096)):
                    self.encrypts(ring, key_size, self.random.randbytes(blocks * BLOCK))
            self.encrypts(ring, 32, self.random.randbytes(LARGEST))
            self.refuses_a_part_of_a_block(ring)
            self.host.release(ring)

    def sizes(self) -> list[int]:
        """Around the ends of a SHA-256 block and its padding, and anywhere up to 64 KiB."""
        some = [self.random.randint(66, LARGEST) for _ in range(4)]
        return [0, 1, 55, 56, 63, 64, 65, *some, LARGEST]

    def hashes(self, ring: Assignment, message: bytes) -> None:
        expected = hashlib.sha256(message).hexdigest()
        result = self.job(ring, "sha256", message)["result"]
        assert result == expected, f"{ring.path}: SHA-256 of {len(message)} bytes is {result}"

    def encrypts(self, ring: Assignment, key_size: int, message: bytes) -> None:
        key, iv = self.random.randbytes(key_size), self.random.randbytes(BLOCK)
        words = (f"key={key.hex()}", f"iv={iv.hex()}")
        encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
        expected = encryptor.update(message) + encryptor.finalize()
        what = f"{ring.path}: AES-{8 * key_size} of {len(message)} bytes"
        result = self.job(ring, "aes-cbc-encrypt", message, *words)["result"]
        assert bytes.fromhex(result) == expected, f"{what} is another than the workstation's"
        result = self.job(ring, "aes-cbc-decrypt", expected, *words)["result"]
        assert bytes.fromhex(result) == message, f"{what} does not decrypt to what it was"

    def refuses_a_part_of_a_block(self, ring: Assignment) -> None:
        message = self.random.randbytes(BLOCK + self.random.randrange(1, BLOCK))
        words = (f"key={'00' * 16}", f"iv={'00' * BLOCK}")
        answer = self.job(ring, "aes-cbc-encrypt", message, *words)
        status = int(answer["status"], 16)
        assert status >> 28 == CCB_ERROR, f"{len(message)} bytes end with status {status:#x}"
        assert "result" not in answer

    def job(self, ring: Assignment, algorithm: str, message: bytes, *words: str) -> dict[str, str]:
        """Let the ring do it, with the memory anywhere and the message in any number of pieces."""
        options = (f"iova={self.iova():#x}", f"pieces={self.random.randint(1, 8)}")
        done = self.host.agent.run(
            ["/testbed/bin/sec-job", ring.name, algorithm, *words, *options],
            input=message,
            deadline=self.deadline(90),
            check=False,
        )
        answer = dict(line.split("=") for line in done.text.splitlines())
        said = done.stderr.decode(errors="replace").strip()
        assert "status" in answer, f"{ring.path}: {said}"
        assert ("result" in answer) == (done.returncode == 0), f"{ring.path}: {said}"
        assert answer["interrupts"] == "1", f"{ring.path}: {answer['interrupts']} for one job"
        return answer

    def iova(self) -> int:
        """Where memory for a job begins that needs all bits of a pointer, as far as is known."""
        base = FOUR_GIB if self.last >= FOUR_GIB else FOUR_GIB >> 1
        return self.random.randrange(base, self.last - ROOM, PAGE)

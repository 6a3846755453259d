# SPDX-License-Identifier: MIT
"""What a SEC's descriptor machine and its crypto units take from the SEC as a whole.

One `SecServices` for one SEC: the random number generator with its state handles, the keys that
cover black keys, the blob master key, and the settings of the controller page that reach into a
job. Every method is safe from any thread and short; none does DMA.

Source: RDSTA, RNG4 and key register descriptions as drivers/crypto/caam/ctrl.c and regs.h of Linux
6.12 use them; RNG error numbers as caam/error.c decodes them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from enum import IntEnum

from models.sec.config import SecConfig

__all__ = ["KEY_BYTES", "STATE_HANDLES", "RngError", "RngFailure", "SecServices"]

STATE_HANDLES = 2
KEY_BYTES = 32
_RNG4 = 4


class RngError(IntEnum):
    """ERRID of a CCB error whose CHAID is the RNG (0x5)."""

    INSTANTIATE = 0x3  # instantiated already
    NOT_INSTANTIATED = 0x4
    TEST_INSTANTIATE = 0x5
    PREDICTION_RESISTANCE = 0x6  # asked for, and the handle was instantiated without
    PREDICTION_RESISTANCE_TEST = 0x7
    UNINSTANTIATE = 0x8  # nothing to uninstantiate
    SECURE_KEYS = 0x9  # generated already since power-on
    HARDWARE = 0xB
    CONTINUOUS_CHECK = 0xC


class RngFailure(Exception):
    """An RNG operation that ends in an error; `error` is the ERRID to report."""

    def __init__(self, error: RngError) -> None:
        super().__init__(f"RNG: {error.name.lower().replace('_', ' ')}")
        self.error = error


class SecServices:
    """The common state of `config`'s SEC that a job can use. `entropy(n)` gives n random bytes."""

    def __init__(self, config: SecConfig, entropy: Callable[[int], bytes] | None = None) -> None:
        self.config = config
        self.lock = threading.RLock()
        self._entropy = entropy or os.urandom
        self.power_on()

    def power_on(self) -> None:
        """Everything as after power-on, and after what the configuration says firmware did."""
        config = self.config
        with self.lock:
            self.pointer_size = 8 if config.long_pointers else 4
            self.watchdog = False
            self.trng_ready = False
            # Before RNG4 there is nothing for software to instantiate.
            running = config.rng_instantiated or 0 < config.rng.version < _RNG4
            self.instantiated = [running] * STATE_HANDLES
            self.prediction_resistance = [running] * STATE_HANDLES
            self.test_mode = [False] * STATE_HANDLES
            self.secure_keys_valid = False
            self.jdkek = bytes(KEY_BYTES)
            self.tdkek = bytes(KEY_BYTES)
            self.tdsk = bytes(KEY_BYTES)
            if config.rng_instantiated:
                self.generate_secure_keys()

    # Settings of the controller page

    pointer_size: int
    """Bytes of an address pointer in a descriptor or ring: 4, or 8 while MCFGR.PS is set."""
    watchdog: bool
    """MCFGR.WDE: a DECO that runs too long is stopped with error 0x1c."""
    trng_ready: bool
    """The TRNG runs with usable parameters; without, a state handle cannot be instantiated."""

    # Random numbers

    instantiated: list[bool]
    prediction_resistance: list[bool]
    test_mode: list[bool]

    def random(self, size: int) -> bytes:
        """`size` random bytes, whatever the state handles (padding, IVs, nonces)."""
        return self._entropy(size)

    def random_nonzero(self, size: int) -> bytes:
        """`size` random bytes, none of them zero."""
        out = bytearray()
        while len(out) < size:
            out += self._entropy(size - len(out)).replace(b"\0", b"")
        return bytes(out)

    def instantiate(self, handle: int, *, prediction_resistance: bool, test: bool = False) -> None:
        """Start state handle 0 or 1; RngFailure when it runs already or the TRNG cannot."""
        with self.lock:
            self._check(handle)
            if self.instantiated[handle]:
                raise RngFailure(RngError.INSTANTIATE)
            if not self.trng_ready and not test:
                raise RngFailure(RngError.HARDWARE)
            self.instantiated[handle] = True
            self.prediction_resistance[handle] = prediction_resistance
            self.test_mode[handle] = test

    def uninstantiate(self, handle: int) -> None:
        """Stop a state handle; RngFailure when it does not run."""
        with self.lock:
            self._check(handle)
            if not self.instantiated[handle]:
                raise RngFailure(RngError.UNINSTANTIATE)
            self.instantiated[handle] = False
            self.prediction_resistance[handle] = False
            self.test_mode[handle] = False

    def reseed(self, handle: int) -> None:
        """New entropy for a running state handle; RngFailure when it does not run."""
        with self.lock:
            self._check(handle)
            if not self.instantiated[handle]:
                raise RngFailure(RngError.NOT_INSTANTIATED)

    def generate(self, handle: int, size: int, *, prediction_resistance: bool = False) -> bytes:
        """`size` bytes from a state handle; RngFailure when it does not run, or without the
        prediction resistance that is asked for."""
        with self.lock:
            self._check(handle)
            if not self.instantiated[handle]:
                raise RngFailure(RngError.NOT_INSTANTIATED)
            if prediction_resistance and not self.prediction_resistance[handle]:
                raise RngFailure(RngError.PREDICTION_RESISTANCE)
            return self._entropy(size)

    def _check(self, handle: int) -> None:
        if not 0 <= handle < STATE_HANDLES:
            raise RngFailure(RngError.NOT_INSTANTIATED)

    # Keys

    secure_keys_valid: bool
    """RDSTA.SKVN: JDKEK, TDKEK and TDSK hold generated keys."""
    jdkek: bytes
    """Covers the black keys of ordinary job descriptors, 32 bytes."""
    tdkek: bytes
    """Covers the black keys of trusted descriptors, 32 bytes."""
    tdsk: bytes
    """Signs trusted descriptors, 32 bytes."""

    def generate_secure_keys(self) -> None:
        """Fill JDKEK, TDKEK and TDSK from state handle 0, once after power-on; else RngFailure."""
        with self.lock:
            if not self.instantiated[0]:
                raise RngFailure(RngError.NOT_INSTANTIATED)
            if self.secure_keys_valid:
                raise RngFailure(RngError.SECURE_KEYS)
            self.jdkek = self._entropy(KEY_BYTES)
            self.tdkek = self._entropy(KEY_BYTES)
            self.tdsk = self._entropy(KEY_BYTES)
            self.secure_keys_valid = True

    @property
    def blob_master_key(self) -> bytes:
        """What blob keys derive from: in non-secure mode the fixed test key, not the fuses."""
        return bytes(KEY_BYTES)

    @property
    def trusted(self) -> bool:
        """Whether trusted descriptors may run; the model's job rings are ordinary ones."""
        return False

# SPDX-License-Identifier: MIT
"""The bridge's packet code on its own, under the sanitizers."""

from __future__ import annotations

import random
import shlex
import subprocess
from pathlib import Path

from bridge_rig import TRIED

import testbed.bridge

BRIDGE = Path(testbed.bridge.__file__).parent
DAMAGED = 500_000
FLAGS = shlex.split("-std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined")


def test_wire_and_buffer(tmp_path: Path, rng: random.Random) -> None:
    sources = [BRIDGE / "wire.c", BRIDGE / "rxbuffer.c", Path(__file__).with_name("wire_check.c")]
    pkg_config = ["pkg-config", "--cflags", "--libs", "glib-2.0"]
    glib = subprocess.run(pkg_config, capture_output=True, text=True, check=True, timeout=30)
    program = tmp_path / "wire_check"
    command = ["gcc", *FLAGS, f"-I{BRIDGE}", *map(str, sources), "-o", str(program)]
    subprocess.run([*command, *shlex.split(glib.stdout)], check=True, timeout=120)
    seed = rng.getrandbits(63)
    print(f"wire_check seed {seed}")
    result = subprocess.run(
        [program, str(seed), str(DAMAGED)], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    TRIED["wire.c"] = DAMAGED

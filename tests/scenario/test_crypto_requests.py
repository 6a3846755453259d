# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import Any, cast

import pytest

from testbed.deadline import Deadline
from testbed.scenario.crypto import check_algorithms, check_unharmed, registered


def entry(name: str, driver: str, selftest: str = "passed") -> str:
    return f"name         : {name}\ndriver       : {driver}\nselftest     : {selftest}\ntype : x\n"


class FakeMachine:
    def __init__(self, entries: list[str], log: str = "") -> None:
        self._texts = {"cat /proc/crypto": "\n".join(entries), "dmesg": log}

    def succeed(self, command: str) -> str:
        return self._texts[command]


def check(*entries: str, log: str = "", **expected: str) -> None:
    wanted = {driver.replace("_", "-"): name for driver, name in expected.items()}
    check_algorithms(cast(Any, FakeMachine(list(entries), log)), wanted, Deadline(0))


def test_only_the_drivers_entries_count() -> None:
    text = entry("sha1", "sha1-ce") + "\n" + entry("sha1", "sha1-caam", "unknown")
    found = registered(text, "-caam")
    assert list(found) == ["sha1-caam"]
    assert (found["sha1-caam"].name, found["sha1-caam"].selftest) == ("sha1", "unknown")


def test_all_there_and_passed() -> None:
    check(entry("sha1", "sha1-caam"), entry("md5", "md5-generic", "unknown"), sha1_caam="sha1")


@pytest.mark.parametrize(
    ("entries", "log", "says"),
    [
        ([], "", "1 algorithms are not there"),
        ([entry("sha1", "sha1-caam"), entry("md5", "md5-caam")], "", "cannot have"),
        ([entry("sha1", "sha1-caam", "unknown")], "", "did not pass"),
        (
            [entry("sha1", "sha1-caam")],
            "[ 1.0] alg: ahash: sha1-caam test failed (wrong result) on test vector 0",
            "sha1-caam test failed",
        ),
    ],
)
def test_what_is_wrong_is_said(entries: list[str], log: str, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        check(*entries, log=log, sha1_caam="sha1")


def test_an_algorithm_the_kernel_has_no_test_for_is_no_complaint() -> None:
    log = "[ 1.0] alg: No test for stdrng (prng-caam)"
    check(entry("sha1", "sha1-caam"), log=log, sha1_caam="sha1")


@pytest.mark.parametrize("sign", ["WARNING: CPU: 0", "Unable; Oops: 1", "BUG: x", "Call trace:"])
def test_a_kernel_that_complains_is_not_unharmed(sign: str) -> None:
    check_unharmed(cast(Any, FakeMachine([], "[ 1.0] caam: all is well")))
    with pytest.raises(AssertionError, match=sign):
        check_unharmed(cast(Any, FakeMachine([], f"[ 1.0] a\n[ 2.0] {sign}\n[ 3.0] b")))

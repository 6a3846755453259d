# SPDX-License-Identifier: MIT
"""Scenarios at the same time, and one several times."""

from __future__ import annotations

from tests.system.conftest import SCENARIOS, Testbed


def test_verdicts_come_in_the_order_asked(testbed: Testbed) -> None:
    asserts = SCENARIOS / "asserts.py"
    done = testbed.run("-j2", "--board", "e500", "uart-exposed", asserts)
    assert done.status == 1
    assert [(v["name"], v["verdict"]) for v in done.verdicts] == [
        ("uart-exposed", "PASS"),
        ("asserts", "FAIL"),
    ]
    assert "uart-exposed | " in done.output
    assert "asserts      | " in done.output


def test_each_repetition_has_a_seed_and_a_folder_of_its_own(testbed: Testbed) -> None:
    done = testbed.run("--repeat", "2", "-v", "--board", "e500", "uart-exposed")
    assert done.status == 0
    first, second = done.verdicts
    assert first["seed"] != second["seed"]
    assert first["results"] != second["results"]
    assert "uart-exposed, 2 times: 2 PASS" in done.output
    assert "testbed-init: host ready" in done.output


def test_until_fail_ends_at_the_first_and_says_its_seed(testbed: Testbed) -> None:
    asserts = SCENARIOS / "asserts.py"
    done = testbed.run("--until-fail", "-j1", "--board", "e500", asserts)
    (verdict,) = done.verdicts
    assert (done.status, verdict["verdict"]) == (1, "FAIL")
    assert f"the first not to pass with --seed {verdict['seed']} is " in done.output

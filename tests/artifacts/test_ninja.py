# SPDX-License-Identifier: MIT
"""ninja: its count goes to the step, the first error is told, and it ends with its deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from artifact_rig import Steps, has_ended, make_workshop
from source_rig import write_tree

from testbed.artifacts.cache import Cache
from testbed.artifacts.ninja import run_ninja
from testbed.artifacts.targets import Target, Workspace
from testbed.deadline import Deadline
from testbed.errors import TestbedError

RULE = "rule do\n  command = $command\n"


@pytest.fixture
def build(
    cache: Cache, progress: Steps, tmp_path: Path, random: Random
) -> Callable[..., list[float]]:
    """Build what is named by ninja's commands, and return the parts of the work that were told."""

    def build(
        commands: dict[str, str],
        *,
        env: dict[str, str] | None = None,
        seconds: float = 60,
        parts: tuple[float, float] = (0.0, 1.0),
    ) -> list[float]:
        edges = (f"build {out}: do\n  command = {text}\n" for out, text in commands.items())
        folder = write_tree(tmp_path / "ninja", {"build.ninja": RULE + "".join(edges)})

        def run(work: Workspace) -> None:
            run_ninja(
                work,
                folder,
                list(commands),
                what="build it",
                env=env or {},
                deadline=Deadline(seconds),
                parts=parts,
            )
            (work.out / "done").touch()

        target = Target("thing", run, inputs={"nonce": str(random.getrandbits(64))})
        make_workshop(cache, progress).make([target])
        return progress.parts

    return build


def test_parts_are_told(build: Callable[..., list[float]]) -> None:
    outputs = {f"out{number}": f"touch out{number}" for number in range(4)}
    assert build(outputs, parts=(0.5, 0.9)) == pytest.approx([0.6, 0.7, 0.8, 0.9])


def test_environment_is_the_one_given(
    build: Callable[..., list[float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFLAGS", "-from-the-caller")
    build({"seen": "env > seen"}, env={"GIVEN": "this"})
    seen = (tmp_path / "ninja/seen").read_text().splitlines()
    assert "GIVEN=this" in seen
    assert "LC_ALL=C" in seen
    assert not any(line.startswith("CFLAGS=") for line in seen)


def test_first_error_is_told(build: Callable[..., list[float]], tmp_path: Path) -> None:
    says = "one.c: In function f\\n$$PWD/one.c:3:1: error: no such thing\\none.c:4:1: error: more"
    with pytest.raises(TestbedError) as caught:
        build({"out": f'printf "{says}\\n"; exit 1'})
    message = caught.value.message
    assert message == "cannot build it: ninja ended with status 1: one.c:3:1: error: no such thing"


def test_failure_without_an_error_line_shows_what_was_said(
    build: Callable[..., list[float]],
) -> None:
    with pytest.raises(TestbedError, match=r"^cannot build it: ninja ended with status 1: .*out"):
        build({"out": "echo gone wrong; false"})


def test_deadline_ends_everything(build: Callable[..., list[float]], tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(TestbedError, match=r"^cannot build it: not done after 3 s$"):
        build({"out": "echo $$$$ > pid; mkfifo nobody; exec cat nobody"}, seconds=3)
    assert time.monotonic() - started < 30
    child = int((tmp_path / "ninja/pid").read_text())
    deadline = Deadline(10)
    while not has_ended(child):
        assert not deadline.expired, "what ninja started lives on"

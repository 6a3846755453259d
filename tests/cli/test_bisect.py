# SPDX-License-Identifier: MIT
"""`testbed bisect` as git runs it, over commits that say in a file how a run of them ends."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.paths import PROJECT

STEP = '''\
"""A step of the bisection in which runs end as the file `state` says."""

import sys
from pathlib import Path

from testbed.cli import bisect, main, run
from testbed.errors import Stage, TestbedError
from testbed.scenario.verdict import Outcome, Verdict

state = Path("state").read_text().strip()


class Ended:
    def __init__(self, scenario, options, *_, **__):
        print("cold" if options.cold else "from a template")
        if state == "interrupted":
            raise KeyboardInterrupt
        self.verdict = Verdict(scenario.name, options.board, Outcome.PASS, results=".")

    def wait(self):
        outcome, _, stage = state.partition(" ")
        if outcome == "mistake":
            raise RuntimeError("a mistake of the testbed")
        object.__setattr__(self.verdict, "verdict", Outcome(outcome))
        object.__setattr__(self.verdict, "stage", stage or "test")
        return self.verdict


def parts_for(options, _progress):
    if state == "no parts" or state == "no kernel" and options.kernel:
        raise TestbedError(Stage.ARTIFACTS, state)


run.Launch, run.parts_for, bisect.parts_for = Ended, parts_for, parts_for
sys.exit(main.main(["bisect", *sys.argv[1:]]))
'''


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "linux"
    folder.mkdir()
    (tmp_path / "step.py").write_text(STEP)
    (tmp_path / "scenario.py").write_text('"""Nothing."""\n')
    git(folder, "init", "--quiet")
    return folder


def git(folder: Path, *words: str) -> str:
    """What git says. Whatever it ends with: that of a bisection that was ended is not 0."""
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONPATH": str(PROJECT),
        **{
            f"GIT_{who}_{what}": "a@b"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    done = subprocess.run(
        [shutil.which("git") or "git", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def bisect(repository: Path, states: list[str], *words: str) -> str:
    """What git says of a history of these states, the first known good and the last bad."""
    for number, state in enumerate(states):
        (repository / "state").write_text(f"{state}\n")
        (repository / "number").write_text(f"{number}\n")
        git(repository, "add", ".")
        git(repository, "commit", "--quiet", "--message", f"commit {number}")
    git(repository, "bisect", "start", "HEAD", f"HEAD~{len(states) - 1}")
    step = [sys.executable, "../step.py", "../scenario.py", "--results", "../results"]
    return git(repository, "bisect", "run", *step, *(words or ("--kernel", ".")))


def found(said: str) -> str:
    """The subject of the commit that git names."""
    named = re.search(r"is the first bad commit\n.*?^    (.+?)$", said, re.DOTALL | re.MULTILINE)
    assert named is not None, said
    return named[1]


def test_the_first_commit_that_fails_is_found(repository: Path) -> None:
    said = bisect(repository, ["PASS"] * 4 + ["FAIL"] * 3)
    assert found(said) == "commit 4"
    assert "cold" in said
    assert "from a template" not in said


def test_commits_that_cannot_be_judged_are_passed_over(repository: Path) -> None:
    states = ["PASS", "PASS", "ERROR bind", "no kernel", "PASS", "FAIL", "FAIL"]
    assert found(bisect(repository, states)) == "commit 5"


def test_an_error_can_be_what_is_looked_for(repository: Path) -> None:
    said = bisect(repository, ["PASS"] * 3 + ["ERROR bind"] * 3, "--kernel", ".", "--bad", "bind")
    assert found(said) == "commit 3"


@pytest.mark.parametrize("state", ["interrupted", "mistake", "no parts"])
def test_what_is_not_the_commits_fault_ends_the_bisection(repository: Path, state: str) -> None:
    said = bisect(repository, ["PASS", *[state] * 4, "FAIL"])
    assert "bisect run failed" in said, said
    assert "first bad commit" not in said


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--kernel", ".", "--bad", "infrastructure"], "argument --bad: invalid choice"),
        (["--kernel", ".", "--bogus"], "unrecognized arguments: --bogus"),
        (["--kernel", "none"], "--kernel none: no such file"),
        (["--board", "e500"], "what is built from the commit? Give --kernel or --guest-kernel"),
    ],
)
def test_wrong_use_ends_the_bisection(repository: Path, words: list[str], complaint: str) -> None:
    said = bisect(repository, ["PASS"] * 3 + ["FAIL"], *words)
    assert complaint in said
    assert "bisect run failed" in said, said


def test_a_fault_that_comes_and_goes_is_looked_for_again_and_again(repository: Path) -> None:
    said = bisect(repository, ["PASS"] * 2 + ["FAIL"], "--kernel", ".", "--repeat", "3", "-j1")
    assert said.count("from a template") == 3, said
    assert found(said) == "commit 2"

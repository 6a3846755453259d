# SPDX-License-Identifier: MIT
"""The ready pipelines are what their systems take, and what they call is there."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.boards import BOARDS
from testbed.cli import arguments
from testbed.paths import PROJECT

CI = PROJECT / "ci"
PIPELINES = {"github.yml": "vendor.github-workflows", "gitlab.yml": "vendor.gitlab-ci"}


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((CI / name).read_text())
    return document


def commands(name: str) -> list[list[str]]:
    """The commands a pipeline runs, word by word, with its own variables for the board replaced."""
    job = load(name)["scenarios"] if name == "gitlab.yml" else load(name)["jobs"]["scenarios"]
    if name == "gitlab.yml":
        lines = [*job["before_script"], *job["script"]]
    else:
        lines = [step["run"] for step in job["steps"] if "run" in step]
    text = "\n".join(lines).replace("${{ matrix.board }}", "e500").replace("$BOARD", "e500")
    return [shlex.split(part) for line in text.splitlines() for part in line.split("&&")]


@pytest.mark.parametrize(("name", "schema"), PIPELINES.items())
def test_a_pipeline_is_what_its_system_takes(name: str, schema: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(CI / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", PIPELINES)
def test_what_a_pipeline_calls_is_there(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    called = commands(name)
    assert [words[0] for words in called] == ["apt-get", "apt-get", "make", ".venv/bin/testbed"]
    assert called[2][1] in targets
    assert called[2][2:] == ["BOARDS=e500"]
    parser = argparse.ArgumentParser()
    arguments.add_subcommands(parser)
    parsed = parser.parse_args(called[3][1:])
    assert (parsed.command, parsed.board, parsed.scenarios) == ("run", "e500", ["scenarios"])
    assert (parsed.junit, parsed.html) == (Path("junit.xml"), Path("report.html"))


@pytest.mark.parametrize(
    ("board", "made"),
    [("arm-virt", ["--guest-qemu built", "--guest-kernel fast"]), ("e500", ["--guest-qemu built"])],
)
def test_the_parts_of_one_board_are_no_others(tmp_path: Path, board: str, made: list[str]) -> None:
    """Of another board the machine has neither the QEMU nor the compiler."""
    program = tmp_path / "testbed"
    program.write_text('#!/bin/sh\necho "called: $*"\n')
    program.chmod(0o755)
    installed = ("-o", "packages", "-o", ".venv/installed")
    done = subprocess.run(
        ["make", *installed, "parts", f"BOARDS={board}", f"BIN={tmp_path}"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    called = re.findall(r"^called: (.*)$", done.stdout, re.MULTILINE)
    assert called == [f"setup --board {board} {what}" for what in made]


@pytest.mark.parametrize("name", PIPELINES)
def test_what_a_run_leaves_is_kept(name: str) -> None:
    text = (CI / name).read_text()
    for kept in ("junit.xml", "report.html", "testbed-results", ".testbed-cache"):
        assert kept in text
    assert "testbed-results/**/*.sock" in text, "sockets are left out"


def test_every_board_has_a_job() -> None:
    github = load("github.yml")["jobs"]["scenarios"]["strategy"]["matrix"]["board"]
    (gitlab,) = load("gitlab.yml")["scenarios"]["parallel"]["matrix"]
    assert github == gitlab["BOARD"] == list(BOARDS)


def instructions() -> Iterator[list[str]]:
    text = (CI / "Containerfile").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip():
            yield line.split()


def test_the_container_file_is_made_of_what_is_there() -> None:
    known = {"FROM", "RUN", "WORKDIR", "COPY", "ENV", "VOLUME", "ENTRYPOINT", "CMD"}
    assert {words[0] for words in instructions()} == known
    for words in instructions():
        if words[0] == "COPY":
            for source in words[1:-1]:
                assert (PROJECT / source).exists(), f"COPY {source}"
    ignored = (PROJECT / ".dockerignore").read_text().split()
    assert {".git", ".venv", "testbed-results"} <= set(ignored)

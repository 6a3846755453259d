# SPDX-License-Identifier: MIT
from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.cli import arguments, given, main
from testbed.errors import Stage, TestbedError
from testbed.options import Options
from testbed.runner.discover import UsageError, all_scenarios


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def status_of(*words: str) -> int:
    try:
        return main.main(words)
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "the following arguments are required: COMMAND"),
        ("bogus", "invalid choice: 'bogus' (choose from 'run', 'list',"),
        ("list --x", "unrecognized arguments: --x"),
        ("run", "the following arguments are required: PATH|NAME"),
        ("run no-such", "no scenario 'no-such': neither a file nor one of bounds, "),
        (
            "run uart --board pc",
            "argument --board: invalid choice: 'pc' (choose from 'arm-virt', 'e500')",
        ),
        ("run uart --timeout-scale abc", "--timeout-scale: abc is not a positive number"),
        ("run uart --timeout-scale nan", "--timeout-scale: nan is not a positive number"),
        ("run uart --timeout-scale 0", "--timeout-scale: 0 is not a positive number"),
        ("run uart --seed x", "argument --seed: invalid int value: 'x'"),
        ("run uart -j 0", "argument -j/--jobs: 0 is not a number from 1 to 999999"),
        ("run uart -j many", "argument -j/--jobs: many is not a number from 1 to 999999"),
        ("run uart --gdb host -j 2", "--gdb is for one scenario at a time, not for -j 2"),
        ("run uart --repeat -1", "argument --repeat: -1 is not a number from 1 to 999999"),
        ("run uart --json /none/x.json", "--json: /none/x.json is not a file in a folder that"),
        ("run uart --junit /", "argument --junit: / is not a file in a folder that exists"),
        ("run uart --guest-kernel /none", "--guest-kernel /none: no such file"),
        ("run uart --guest-qemu /none", "--guest-qemu /none: no such file"),
        (f"run uart --qemu {'x' * 300}", "xxx: File name too long"),
        (f"run uart --json {'x' * 300}", "xxx is not a file in a folder that exists"),
        ("run uart --kernels 6.1,,7", "--kernels: '6.1,,7' is not a list of words with commas"),
        (
            "run uart --kernels 6.1,5.10",
            "--kernels: the distribution has no kernel 5.10 for arm-virt; those there are: 6.1, ",
        ),
        (
            "run uart --kernels 6.1 --guest-kernel fast",
            "--kernels chooses host's and guest's: leave out --guest-kernel",
        ),
        (
            "run uart --board e500 --kernels 6.1",
            "--kernels: the distribution has no kernel 6.1 for e500; it is built here, of one",
        ),
        ("run uart --kernel 5.10", "--kernel 5.10: the distribution has no kernel 5.10 for arm-"),
        ("setup --board e500 --guest-kernel 6.1", "--guest-kernel 6.1: the distribution has no"),
        (
            "run uart --board e500 --guest-kernel fast",
            "--guest-kernel fast: guests of e500 have no kernel faster than its own; leave it at",
        ),
        (
            "run uart --board e500 --guest-qemu stock",
            "--guest-qemu stock: the distribution has no QEMU for guests of e500; leave it at",
        ),
        ("bench --json /none/x.json", "--json: /none/x.json is not a file in a folder that"),
        ("shell", "the following arguments are required: PATH|NAME"),
        ("shell no-such", "no scenario 'no-such'"),
    ],
)
def test_wrong_use_is_one_line_and_status_3(
    capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    assert status_of(*line.split()) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("testbed: ")
    assert said in printed.err
    assert printed.err.count("\n") == 1


def test_wrong_use_of_the_program_itself_has_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "testbed.cli.main", "run", "no-such"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.startswith("testbed: no scenario 'no-such'")
    assert done.stderr.count("\n") == 1


def test_interrupted_while_python_loads_it_has_no_traceback() -> None:
    program = """
import sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == "testbed.boards":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from testbed.cli.main import main
sys.exit(main(["list"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "testbed: interrupted\n")


def test_list_shows_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [s.name for s in all_scenarios()]
    assert any(line.startswith("uart ") and line.endswith("given back.") for line in lines)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (UsageError("no such thing"), 3, "testbed: no such thing\n"),
        (
            TestbedError(Stage.ARTIFACTS, "disk is full", evidence=Path("/x.log")),
            2,
            "testbed: ERROR (artifacts): disk is full\ntestbed: see /x.log\n",
        ),
        (KeyboardInterrupt(), 2, "testbed: interrupted\n"),
        (BrokenPipeError(), 2, ""),
    ],
)
def test_what_ends_a_command_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    said: str,
) -> None:
    def broken(_parsed: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr("testbed.cli.list.main", broken)
    assert status_of("list") == status
    assert capsys.readouterr().err == said


def test_a_mistake_of_the_testbed_is_no_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_parsed: argparse.Namespace) -> int:
        raise RuntimeError("mistaken")

    monkeypatch.setattr("testbed.cli.list.main", broken)
    assert status_of("list") == 2
    assert "RuntimeError: mistaken" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("says", "words", "status"),
    [
        ("print", ["list"], 2),
        ("Console(highlight=False).print", ["list"], 2),
        ("Console(highlight=False).print", ["bisect", "uart"], 130),
    ],
)
@pytest.mark.parametrize("size", [1, 100_000])
def test_output_that_nobody_reads_is_no_fail(
    says: str, words: list[str], status: int, size: int
) -> None:
    program = f"""
import sys
from rich.console import Console
from testbed.cli import bisect, list, main

bisect.main = list.main = lambda _: {says}("x" * {size}) or 0
sys.exit(main.main({words}))
"""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (status, "")


def test_sigterm_unwinds_as_ctrl_c_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def killed(_parsed: argparse.Namespace) -> int:
        signal.raise_signal(signal.SIGTERM)
        return 0

    monkeypatch.setattr("testbed.cli.list.main", killed)
    assert status_of("list") == 2
    assert capsys.readouterr().err == "testbed: interrupted\n"


def options(*words: str) -> Options:
    parser = argparse.ArgumentParser()
    arguments.add_subcommands(parser)
    return given.options_of(parser.parse_args(words))


def test_paths_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Image").touch()
    chosen = options(
        *("run", "uart", "--kernel", "Image", "--results", "new/folder"),
        *("--timeout-scale", "2.5", "--seed", "7"),
    )
    assert chosen == Options(
        kernel=tmp_path / "Image", results=tmp_path / "new/folder", timeout_scale=2.5, seed=7
    )


def test_without_options_a_run_has_the_defaults() -> None:
    assert options("run", "uart") == Options()
    assert options("setup") == Options()


def test_qemu_of_guests_is_a_kind_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stock").touch()
    assert options("setup", "--guest-qemu", "built") == Options(nested_qemu="built")
    assert options("run", "uart", "--guest-qemu", "stock") == Options(nested_qemu="stock")
    named = options("run", "uart", "--guest-qemu", "./stock")
    assert named == Options(guest_qemu=tmp_path / "stock")
    only = options("setup", "--board", "e500", "--guest-qemu", "built")
    assert only == Options(board="e500", nested_qemu="built")


def test_kernel_of_guests_is_a_kind_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fast").touch()
    assert options("setup", "--guest-kernel", "fast") == Options(nested_kernel="fast")
    named = options("run", "uart", "--guest-kernel", "./fast")
    assert named == Options(guest_kernel=tmp_path / "fast")
    own = options("run", "uart", "--board", "e500", "--guest-kernel", "stock")
    assert own == Options(board="e500", nested_kernel="stock")


def test_serve_has_the_models_ready_for_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs once the sockets are there, gives its status, and leaves nothing."""
    monkeypatch.chdir(tmp_path)
    serve = ["serve", "--directory", ".", "--", "sh", "-c"]
    assert status_of(*serve, "test -S serial-11c500.sock && test -S serial-11d000.sock") == 0
    assert status_of(*serve, "exit 7") == 7
    assert list(tmp_path.iterdir()) == []


def test_serve_says_of_a_command_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status_of("serve", "--", "./none") == 3
    assert capsys.readouterr().err == "testbed: cannot run ./none: No such file or directory\n"
    assert list(tmp_path.iterdir()) == []

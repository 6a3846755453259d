# SPDX-License-Identifier: MIT
"""The options that a command line gives a run, once they agree with each other and the board."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

from testbed.artifacts import (
    NestedKernel,
    NestedQemu,
    has_fast_kernel,
    has_stock_nested_qemu,
    kernel_series,
    no_fast_kernel,
    no_kernel_series,
    no_stock_nested_qemu,
)
from testbed.options import Debugged, Options
from testbed.run import RESULTS
from testbed.runner.discover import UsageError


def options_of(parsed: argparse.Namespace) -> Options:
    """The options of a parsed command line, paths made absolute.

    UsageError for a file that is missing, and for a QEMU or kernel that the board has none of.
    """

    def path(name: str) -> Path | None:
        given: Path | str | None = getattr(parsed, name, None)
        if given is None:
            return None
        try:
            return Path(given).resolve(strict=True)
        except FileNotFoundError:
            why = "no such file"
        except (OSError, RuntimeError) as error:  # the latter of a link that leads to itself
            why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"--{name.replace('_', '-')} {given}: {why}")

    nested = getattr(parsed, "guest_qemu", None)
    if nested == "stock" and not has_stock_nested_qemu(parsed.board):
        raise UsageError(f"--guest-qemu stock: {no_stock_nested_qemu(parsed.board)}")
    nested_kernel = getattr(parsed, "guest_kernel", None)
    series = {
        name: _series(parsed.board, name, getattr(parsed, name, None))
        for name in ("kernel", "guest_kernel")
    }
    _check_kernels(parsed)
    if nested_kernel == "fast" and not has_fast_kernel(parsed.board):
        raise UsageError(f"--guest-kernel fast: {no_fast_kernel(parsed.board)}")
    results: Path | None = getattr(parsed, "results", None)
    gdb: Debugged | None = getattr(parsed, "gdb", None)
    return Options(
        board=parsed.board,
        kernel=None if series["kernel"] else path("kernel"),
        guest_kernel=(
            None
            if series["guest_kernel"] or nested_kernel in get_args(NestedKernel)
            else path("guest_kernel")
        ),
        kernel_series=series["kernel"],
        guest_kernel_series=series["guest_kernel"],
        qemu=path("qemu"),
        qemu_source=path("qemu_source"),
        guest_qemu=None if nested in get_args(NestedQemu) else path("guest_qemu"),
        nested_qemu=nested if nested in get_args(NestedQemu) else None,
        nested_kernel=nested_kernel if nested_kernel in get_args(NestedKernel) else None,
        guest_tree=getattr(parsed, "guest_tree", "testbed"),
        timeout_scale=parsed.timeout_scale,
        gdb=gdb,
        results=results.resolve() if results is not None else None,
        seed=getattr(parsed, "seed", 0),
        keep=getattr(parsed, "keep", False) or getattr(parsed, "shell", False),
        cold=getattr(parsed, "cold", False),
    )


def replay_options_of(parsed: argparse.Namespace, bundled: Options) -> Options:
    """Those of a bundled run, for whoever replays it.

    Seed and deadlines are the run's own but for what the command line says. Who may be left the
    machines, and where, is the command line's alone: the run's person is not there.
    """
    results: Path = parsed.results or RESULTS
    return replace(
        bundled,
        results=results.resolve(),
        seed=bundled.seed if parsed.seed is None else parsed.seed,
        timeout_scale=bundled.timeout_scale * parsed.timeout_scale,
        cold=bundled.cold or parsed.cold,
        keep=parsed.keep or parsed.shell,
        shell=False,
        gdb=parsed.gdb,
    )


def _series(board: str, name: str, given: str | None) -> str | None:
    """The series of kernels that an option means; None for a file and for what is not given."""
    if given is None or given in kernel_series(board):
        return given
    if re.fullmatch(r"\d+(\.\d+)?", given) and not Path(given).exists():
        option = f"--{name.replace('_', '-')}"
        raise UsageError(f"{option} {given}: {no_kernel_series(board, given)}")
    return None


def _check_kernels(parsed: argparse.Namespace) -> None:
    """UsageError for kernels that the board has none of, and for such besides others."""
    wanted: tuple[str, ...] = getattr(parsed, "kernels", ())
    other = next(
        (name for name in ("kernel", "guest_kernel") if wanted and getattr(parsed, name)), ""
    )
    if other:
        raise UsageError(
            f"--kernels chooses host's and guest's: leave out --{other.replace('_', '-')}"
        )
    for series in wanted:
        if series not in kernel_series(parsed.board):
            raise UsageError(f"--kernels: {no_kernel_series(parsed.board, series)}")

# SPDX-License-Identifier: MIT
"""Values on a command line: what a text means to an option, or argparse's error with the reason."""

from __future__ import annotations

import argparse
from pathlib import Path


def positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to 999999")
    return int(text)


def words(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(text.split(",")))
    if "" in found:
        raise argparse.ArgumentTypeError(f"'{text}' is not a list of words with commas between")
    return found


def jobs(text: str) -> int | None:
    return None if text == "auto" else count(text)


def new_file(text: str) -> Path:
    """A file to be written at the end, when it is too late to say that it cannot be."""
    path = Path(text)
    try:
        fits = not path.is_dir() and path.parent.is_dir()
    except OSError:  # a name too long, or below a folder that is somebody else's
        fits = False
    if not fits:
        raise argparse.ArgumentTypeError(f"{text} is not a file in a folder that exists")
    return path

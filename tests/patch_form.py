# SPDX-License-Identifier: MIT
"""What every patch series of the project has to look like, to be sent upstream as it is."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage
from pathlib import Path

from testbed.artifacts.patch_series import read_series

SUBJECT = re.compile(r"\[PATCH(?: v\d+)?(?: (\d+)/(\d+))?\] [\w,./ -]+: \S.*")


def parse(patch: Path) -> EmailMessage:
    text = patch.read_text(encoding="utf-8").partition("\n")[2]  # the mbox line is no header
    return email.message_from_string(text, policy=email.policy.default)


def message_of(patch: Path) -> str:
    """The commit message's body."""
    return str(parse(patch).get_payload()).partition("\n---\n")[0]


def touched(patch: Path, *, only_new: bool = False) -> set[str]:
    """Paths the diff changes, from the top of the source."""
    before = r"/dev/null" if only_new else r"\S+"
    return set(
        re.findall(rf"^--- {before}\n\+\+\+ b/(\S+)$", patch.read_text(encoding="utf-8"), re.M)
    )


def check_listing(series: Path) -> None:
    """Every patch is named once."""
    listed = [patch.name for patch in read_series(series)]
    assert listed == sorted(path.name for path in series.iterdir() if path.name != "series")


def check_numbers(series: Path) -> None:
    """Patches are numbered in the order they apply."""
    patches = read_series(series)
    for number, patch in enumerate(patches, start=1):
        assert re.fullmatch(rf"{number:04}-[a-z0-9-]+\.patch", patch.name)
        subject = SUBJECT.fullmatch(" ".join(str(parse(patch)["Subject"]).split()))
        assert subject, f"{patch.name}: a subject '[PATCH] subsystem: what it does' is needed"
        if len(patches) > 1:
            total = str(len(patches))
            assert subject.groups() == (f"{number:0{len(total)}}", total)


def check_message(patch: Path) -> None:
    """As format-patch writes it, and signed by nobody yet."""
    lines = patch.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"From [0-9a-f]{40} Mon Sep 17 00:00:00 2001", lines[0])
    message = parse(patch)
    assert re.fullmatch(r".+ <\S+@\S+>", message["From"])
    assert message["Date"].datetime.tzinfo is not None
    assert "Signed-off-by" not in message.as_string()
    assert re.search(r"^ \d+ files? changed, ", str(message.get_payload()), re.M), "no diffstat"


def check_reasons(patch: Path) -> None:
    """The message shows the failure, and says why the change mends it."""
    body = message_of(patch)
    quoted = [line for line in body.splitlines() if line.startswith("  ") and line.strip()]
    assert quoted, "quote, indented, what is seen without the patch"
    prose = [text for text in re.split(r"\n\s*\n", body) if not text.startswith("  ")]
    assert len(prose) >= 2, "say what fails, and why the change mends it"

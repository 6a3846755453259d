# SPDX-License-Identifier: MIT
"""A checklist as a page that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from testbed.checklist.result import Checklist, by_reason, groups
from testbed.report.templates import templates

_TEMPLATES = Path(__file__).with_name("templates")


def to_html(checklist: Checklist) -> str:
    return (
        templates(_TEMPLATES)
        .get_template("checklist.html.j2")
        .render(
            list=checklist,
            modelled=[entry for entry in checklist.entries if entry.kind],
            unmodelled=groups(checklist.entries),
            excused=by_reason(checklist.excused),
        )
    )

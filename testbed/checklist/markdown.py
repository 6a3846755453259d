# SPDX-License-Identifier: MIT
"""A checklist as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from testbed.checklist.result import Check, Checklist, Entry, by_reason, groups


def to_markdown(checklist: Checklist) -> str:
    return "\n".join(_lines(checklist)) + "\n"


def _lines(checklist: Checklist) -> Iterator[str]:
    how = (
        f"tested in `{checklist.run}`, where its evidence lies"
        if checklist.run
        else "looked at without a machine"
    )
    counts = [f"{count} {outcome}" for outcome, count in checklist.counts().items() if count]
    yield f"# {checklist.model}: VFIO bring-up checklist"
    yield ""
    yield f"`{checklist.tree}` on the emulated host `{checklist.board}`, {how}."
    yield f"Of {len(checklist.entries)} devices that a guest could be given: {', '.join(counts)}."
    yield ""
    yield "## Devices with a model"
    yield ""
    modelled = [entry for entry in checklist.entries if entry.kind]
    yield from _table(checklist.columns, modelled)
    for entry in modelled:
        yield from ("", f"### `{entry.path}`", "")
        here = f", here `{entry.place}`" if entry.place else ""
        yield f"{entry.kind}, {_code(entry.compatible)}, at {entry.address:#x}{here}."
        yield ""
        yield from _details(entry)
    yield ""
    yield "## Devices without one, and what to write"
    for group in groups(checklist.entries):
        yield from ("", f"### {_code(group[0].compatible)}", "")
        yield f"{len(group)}: {_code([entry.path for entry in group])}"
        yield ""
        yield from _details(group[0])
    yield ""
    yield "## Nodes that nobody assigns"
    yield ""
    for reason, nodes in by_reason(checklist.excused):
        yield f"- {reason}: {_code([node.path for node in nodes])}"


def _table(columns: Sequence[str], entries: Sequence[Entry]) -> Iterator[str]:
    yield f"| device | {' | '.join(columns)} |"
    yield "|---" * (1 + len(columns)) + "|"
    for entry in entries:
        cells = [str(check.outcome) if check else "" for check in entry.row(columns)]
        yield f"| `{entry.path}` | {' | '.join(cells)} |"


def _details(entry: Entry) -> Iterator[str]:
    yield from (f"- {check.outcome} {check.name}: {_text(check)}" for check in entry.checks)
    yield from (f"- on the part: {note}" for note in entry.notes)
    if entry.writing:
        yield from ("", "```dts", entry.writing.rstrip("\n"), "```")


def _text(check: Check) -> str:
    return f"{check.text} (see `{check.evidence}`)" if check.evidence else check.text


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)

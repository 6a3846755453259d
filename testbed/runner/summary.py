# SPDX-License-Identifier: MIT
"""What several verdicts come to, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from testbed.scenario.verdict import Outcome, Verdict


def summary(verdicts: Sequence[Verdict], *, repeated: bool) -> Iterator[str]:
    """The count of each outcome; if `repeated`, of each scenario, with how to repeat a failure."""
    if repeated:
        for title in dict.fromkeys(verdict.title for verdict in verdicts):
            yield _repetitions([verdict for verdict in verdicts if verdict.title == title])
    if len(verdicts) > 1:
        yield _counts(verdicts)


def _repetitions(verdicts: Sequence[Verdict]) -> str:
    line = f"{verdicts[0].title}, {len(verdicts)} times: {_counts(verdicts)}"
    failed = [verdict for verdict in verdicts if verdict.verdict is not Outcome.PASS]
    if not failed:
        return line
    seed = f" with --seed {failed[0].seed}" if failed[0].seed else ""
    return f"{line}; the first not to pass{seed} is {failed[0].results}"


def _counts(verdicts: Sequence[Verdict]) -> str:
    counts = [f"{sum(v.verdict is outcome for v in verdicts)} {outcome}" for outcome in Outcome]
    return ", ".join(counts)

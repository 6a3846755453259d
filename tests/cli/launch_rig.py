# SPDX-License-Identifier: MIT
"""Commands that run scenarios, with scenarios that have ended at once."""

from __future__ import annotations

from testbed.errors import Stage, TestbedError
from testbed.options import Options
from testbed.runner.discover import ScenarioFile
from testbed.scenario.verdict import Outcome, Verdict


class Log:
    """What happened, in order; `broken` kinds of nested QEMU cannot be had."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.options: list[Options] = []
        self.broken: tuple[str | None, ...] = ()
        self.fails_at = 0
        self._launched = 0

    def parts_for(self, options: Options, _progress: object) -> None:
        self.lines.append(f"prepare {options.nested_qemu}")
        if options.nested_qemu in self.broken:
            raise TestbedError(Stage.ARTIFACTS, f"no {options.nested_qemu} QEMU")

    def launch(
        self, scenario: ScenarioFile, options: Options, _listener: object, **_more: object
    ) -> Launched:
        self.options.append(options)
        self.lines.append(f"{scenario.name} on {options.nested_qemu}")
        self._launched += 1
        number = self._launched
        outcome = Outcome.FAIL if number == self.fails_at else Outcome.PASS
        return Launched(
            Verdict(
                name=scenario.name,
                board=options.board,
                verdict=outcome,
                seed=number,
                results=f"/r/{number}",
            )
        )


class Launched:
    """A scenario that has ended."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict

    def wait(self) -> Verdict:
        return self._verdict

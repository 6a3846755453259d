# SPDX-License-Identifier: MIT
"""`testbed fleet`: scenarios on several machines over ssh."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.text import Text

from testbed.boards import BOARDS
from testbed.cli.given import options_of
from testbed.fleet.fan_out import FanOut
from testbed.fleet.machines import read_machines
from testbed.fleet.sent import to_send
from testbed.fleet.set_up import set_up
from testbed.options import Options
from testbed.paths import PROJECT
from testbed.run import RESULTS, new_directory
from testbed.runner.discover import UsageError, find
from testbed.runner.files import write_files
from testbed.runner.invocation import choosing
from testbed.runner.jobs import jobs
from testbed.runner.live import LineReport
from testbed.runner.report import exit_status, printable
from testbed.runner.summary import summary
from testbed.runner.width import SHARED_SCALE


def main(parsed: argparse.Namespace) -> int:
    machines = read_machines(parsed.machines)
    config: Path | None = parsed.ssh_config
    if config is not None and not config.is_file():
        raise UsageError(f"--ssh-config {config}: no such file")
    console = Console(highlight=False)
    report = LineReport(console, prefixed=True)

    if parsed.action == "setup":
        logs = new_directory(parsed.results, "fleet-setup")
        scale = parsed.timeout_scale
        set_up(
            machines,
            parsed.boards or list(BOARDS),
            logs,
            config=config,
            scale=scale,
            say=report.say,
        )
        return 0

    options = options_of(parsed)
    wanted = find(parsed.scenarios, options.board)
    directory = new_directory(parsed.results, "fleet")
    sent = to_send(wanted)

    def there(path: Path) -> Path:
        if path in sent:
            return sent[path].there(RESULTS / directory.name)
        return path.relative_to(PROJECT)

    given = [
        (job, _arguments(there(job.scenario.path), options))
        for job in jobs([(scenario, options) for scenario in wanted], parsed.repeat)
    ]
    fan_out = FanOut(
        machines,
        directory,
        config=config,
        scale=options.timeout_scale,
        sent=sent.values(),
        begun=lambda job, machine: console.print(
            Text(printable(f"{job.label} begins on {machine}")), soft_wrap=True
        ),
        ended=report.verdict,
        say=report.say,
    )
    try:
        fan_out.run(given)
    finally:
        written = write_files(parsed, fan_out.verdicts)
    for line in summary(fan_out.verdicts, repeated=parsed.repeat != 1):
        report.say(line)
    return exit_status(fan_out.verdicts) if written else 2


def _arguments(there: Path, options: Options) -> list[str]:
    """Of `testbed run` on a machine, where the scenario is at `there`."""
    words = [str(there), "--board", options.board, "--seed", str(options.seed)]
    scale = SHARED_SCALE * options.timeout_scale
    return [*words, "--timeout-scale", str(scale), *choosing(options)]

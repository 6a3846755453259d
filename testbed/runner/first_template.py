# SPDX-License-Identifier: MIT
"""The template that most scenarios start from, made before the first of them asks for it."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from testbed.artifacts import BoardArtifacts, Progress
from testbed.artifacts.cache import Cache
from testbed.artifacts.template_store import TemplateStore
from testbed.boards import board
from testbed.errors import Stage, TestbedError
from testbed.machine.template_content import template_content
from testbed.options import Options
from testbed.runner.discover import ScenarioFile
from testbed.runner.launch import Launch
from testbed.scenario import booted
from testbed.scenario.verdict import Outcome, Verdict

_SCENARIO = ScenarioFile("booted", Path(booted.__file__))


def make_first_template(options: Options, artifacts: BoardArtifacts, progress: Progress) -> None:
    """Have the template of a host that a scenario asks nothing special of, and restore it once.

    It is made as by any run, whose folder stays only after an error. Raises TestbedError.
    """
    if _is_there(options, artifacts):
        return
    results = _new_folder()
    with progress.step(f"making the template 'booted' of {options.board}"):
        try:
            verdict = _run(replace(options, results=results))
        except KeyboardInterrupt:
            shutil.rmtree(results)
            raise
        if verdict.verdict is not Outcome.PASS:
            raise TestbedError(
                Stage(verdict.stage),
                f"making the template of {options.board}: {verdict.message}",
                evidence=Path(verdict.evidence),
                excerpt=verdict.excerpt,
            )
    shutil.rmtree(results)


def _new_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="testbed-setup-"))
    except OSError as error:
        raise TestbedError(
            Stage.INFRASTRUCTURE,
            f"cannot make a folder for the run that makes the template: {error.strerror};"
            " set TMPDIR to one you can write",
        ) from None


def _is_there(options: Options, artifacts: BoardArtifacts) -> bool:
    chosen = board(options.board)
    content = template_content(chosen, artifacts, chosen.devices, guest_qemu=options.guest_qemu)
    found = TemplateStore(Cache.default()).find(content)
    if found is not None:
        found.close()
    return found is not None


def _run(options: Options) -> Verdict:
    return Launch(_SCENARIO, options, lambda _: None).wait_or_end()

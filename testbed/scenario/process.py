# SPDX-License-Identifier: MIT
"""The process of one scenario: `python -m testbed.scenario.process FILE`.

It runs the avocado test in FILE and leaves the verdict in the run's folder; the options come in the
environment. A file that holds no scenario leaves a verdict too.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from pathlib import Path

from avocado.core.test import TestID

from testbed.errors import Stage, TestbedError
from testbed.options import Options
from testbed.paths import scenario_name
from testbed.process import die_with_parent
from testbed.scenario.base import Scenario
from testbed.scenario.verdict import Outcome, Verdict


def load(path: Path) -> type[Scenario]:
    """The scenario class a file holds; TestbedError saying what is wrong with the file.

    It can import modules and packages that lie beside it, wherever it is run from.
    """
    name = f"scenario {path.stem}"  # no module that anybody imports has this name
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TestbedError(Stage.INFRASTRUCTURE, f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if (beside := str(path.parent)) not in sys.path:
        sys.path.append(beside)  # the last: what lies there is in place of nothing else
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise TestbedError(
            Stage.INFRASTRUCTURE,
            f"{error.filename or path}:{error.lineno} is not valid Python: {error.msg}",
        ) from None
    except Exception as error:
        raise TestbedError(
            Stage.INFRASTRUCTURE, f"loading {path} failed: {type(error).__name__}: {_line(error)}"
        ) from None
    found = [
        item
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, Scenario) and item.__module__ == name
    ]
    if len(found) != 1:
        raise TestbedError(
            Stage.INFRASTRUCTURE,
            f"{path} holds {len(found)} scenario classes; a scenario file holds one class derived"
            " from testbed.Scenario",
        )
    if not callable(getattr(found[0], "test", None)):
        raise TestbedError(
            Stage.INFRASTRUCTURE, f"scenario {found[0].__name__} in {path} has no method 'test'"
        )
    return found[0]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def main() -> None:
    die_with_parent(os.getppid())
    path = Path(sys.argv[1])
    options = Options.from_environment()
    assert options.directory is not None, "the runner gives each scenario its folder"
    try:
        scenario = load(path)
    except TestbedError as error:
        Verdict(
            name=scenario_name(path),
            board=options.board,
            verdict=Outcome.ERROR,
            stage=error.stage,
            message=error.message,
            results=str(options.directory),
            evidence=str(path),
        ).write()
        return
    # The run's own log has what happened; avocado's copy of it would only repeat that.
    logging.getLogger("avocado.test").setLevel(logging.CRITICAL)
    avocado = options.directory / "avocado"
    scenario(
        methodName="test",
        name=TestID(1, f"{path.stem}:{scenario.__name__}.test", no_digits=1),
        base_logdir=str(avocado),
    ).run_avocado()


if __name__ == "__main__":
    main()

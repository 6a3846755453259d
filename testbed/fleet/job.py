# SPDX-License-Identifier: MIT
"""The process in which avocado gives tasks out: `python -m testbed.fleet.job FILE`.

FILE has the names of the tasks with their arguments, and files that say how aexpect opens a shell
for each slot. Every shell is in the project's folder of its machine; a task begins in one that is
free.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from avocado.core.job import Job
from avocado.core.nrunner.runnable import Runnable
from avocado.core.suite import TestSuite
from avocado_spawner_remote import RemoteSpawner

_TASK_SECONDS = 4 * 3600
"""A scenario has limits of its own, far below this one."""


def main() -> int:
    wanted: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    config = {
        "run.spawner": "remote",
        "run.max_parallel_tasks": len(wanted["slots"]),
        "run.status_server_auto": False,
        "run.status_server_listen": wanted["listen"],
        "run.status_server_uri": wanted["status"],
        "run.results_dir": wanted["results"],
        "spawner.remote.slots": wanted["slots"],
        "spawner.remote.test_timeout": int(_TASK_SECONDS * wanted["scale"]),
        "sysinfo.collect.enabled": False,
        # It takes the folders of tasks for its own.
        "plugins.disable": ["result.tmt"],
        "core.show": ["none"],
    }
    tasks = [
        Runnable("exec-test", "python3", *arguments, output_dir=folder)
        for folder, arguments in wanted["tasks"]
    ]
    suite = TestSuite("fleet", config=config, tests=tasks, job_config=config)
    try:
        with Job(config, [suite]) as job:
            status: int = job.run()
    finally:
        for session in RemoteSpawner.slots_cache:
            session.close()
    return status


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: MIT
"""On a machine, for as long as the connection stands: `python -m testbed.fleet.far_end NAME COUNT`.

Makes the folder NAME for what COUNT tasks leave, says what the machine is, and passes on what the
tasks tell, all as JSON, one object a line. Ends with its input.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import sys

from testbed.fleet import journal
from testbed.fleet.private_folder import private_folder
from testbed.fleet.project import digest
from testbed.run import RESULTS
from testbed.runner.width import default_width

STATUS = "status"
"""A socket in the folder, by which avocado's runner here tells avocado there."""


def versions() -> dict[str, str]:
    """What has to be the same on all machines."""
    return {
        "avocado": importlib.metadata.version("avocado-framework"),
        "project": digest(),
    }


def main() -> None:
    folder = RESULTS / sys.argv[1]
    for number in range(int(sys.argv[2])):
        (folder / str(number)).mkdir(parents=True)
    # sshd makes the socket; the name of one has to be short, which that of the checkout may not be.
    with private_folder() as short, contextlib.suppress(BrokenPipeError):
        (folder / STATUS).symlink_to(short / STATUS)
        with journal.opened(folder) as pipe:
            _say(
                event="ready",
                folder=str(folder.absolute()),
                status=str(short / STATUS),
                slots=default_width(),
                versions=versions(),
            )
            for line in journal.events(pipe, sys.stdin.fileno()):
                os.write(sys.stdout.fileno(), line + b"\n")
        (folder / STATUS).unlink()


def _say(**event: object) -> None:
    os.write(sys.stdout.fileno(), json.dumps(event).encode() + b"\n")


if __name__ == "__main__":
    main()

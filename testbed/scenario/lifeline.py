# SPDX-License-Identifier: MIT
"""A scenario's process ends when the runner above it does, however that one ended.

Its own children are bound to it by the kernel (testbed.process); this binds it to its ancestors.
Test runners that put a process of their own between (avocado's) leave that one behind when they are
killed, so the parent alone is not enough.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from pathlib import Path


def _parent_of(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[1])


def ancestors_in_session(pid: int) -> list[int]:
    """The parents of `pid`, nearest first, up to and without the shell or init above the runner.

    A runner starts its helpers in its own process group or session; the walk ends at the first
    process that leads the group the terminal's shell gave the whole job.
    """
    found = []
    above = _parent_of(pid)
    while above > 1:
        found.append(above)
        try:
            if os.getpgid(above) == above:
                break
        except ProcessLookupError:
            break  # it has ended: opening it will tell
        above = _parent_of(above)
    return found


def hold_on_to_ancestors() -> None:
    """From now on this process is killed as soon as one of its ancestors has ended.

    So are the ancestors between the two, which are nothing but helpers of the one that ended.
    """
    handles = []
    for pid in ancestors_in_session(os.getpid()):
        try:
            handles.append(os.pidfd_open(pid))
        except ProcessLookupError:
            _kill(handles)
    poll = select.poll()
    for handle in handles:
        poll.register(handle, select.POLLIN)

    def wait() -> None:
        ended = {handle for handle, _ in poll.poll()}
        _kill(handles[: max(handles.index(handle) for handle in ended)])

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def _kill(helpers: list[int]) -> None:
    """Kill processes by their handles, then this one."""
    for helper in helpers:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(helper, signal.SIGKILL)
    # SIGKILL: the kernel then ends our children too, and nothing can hold it up.
    os.kill(os.getpid(), signal.SIGKILL)

# SPDX-License-Identifier: MIT
"""The first failure of a machine ends every wait on it at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from testbed.errors import TestbedError


class Watch:
    """Collects failures (panic on a console, QEMU gone, model died) and hands on the first one.

    After `close()` failures are expected (the machine is being taken down) and are ignored.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Callable[[TestbedError], None]] = []
        self._failure: TestbedError | None = None
        self._closed = False

    @property
    def failure(self) -> TestbedError | None:
        return self._failure

    def fail(self, failure: TestbedError) -> None:
        """Report a failure. Only the first counts; listeners are called with it."""
        with self._lock:
            if self._closed or self._failure is not None:
                return
            self._failure = failure
            listeners = list(self._listeners)
        for listener in listeners:
            listener(failure)

    def subscribe(self, listener: Callable[[TestbedError], None]) -> None:
        """Call `listener` with the first failure, at once when there is one already."""
        with self._lock:
            self._listeners.append(listener)
            failure = self._failure
        if failure is not None:
            listener(failure)

    def close(self) -> None:
        with self._lock:
            self._closed = True

    def check(self) -> None:
        """Raise the failure, if there is one."""
        if self._failure is not None:
            raise self._failure

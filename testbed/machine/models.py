# SPDX-License-Identifier: MIT
"""The board's device models, each served to the host's QEMU over a socket of its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from testbed.boards.board import Board, PlatformDevice
from testbed.errors import Stage, TestbedError
from testbed.remoteport.device import Device
from testbed.remoteport.server import Failure, Server
from testbed.remoteport.trace import Trace
from testbed.watch import Watch


def socket_name(device: PlatformDevice) -> str:
    """The socket of a device's model, relative to the host's folder of the run."""
    return f"{device.file_name}.sock"


class Models:
    """Makes and serves the models of `devices` on sockets in `folder`, with a trace of each there.

    Times in traces are seconds since `start`, a moment of the monotonic clock.
    """

    def __init__(
        self,
        board: Board,
        devices: Sequence[PlatformDevice],
        folder: Path,
        watch: Watch,
        *,
        start: float | None = None,
        traced: bool = True,
    ) -> None:
        self._watch = watch
        self.by_path: dict[str, Device] = {}
        self._trace_paths = {d.path: folder / f"{d.file_name}.trace" for d in devices}
        self._servers: dict[str, Server] = {}
        self._traces: list[Trace] = []
        for device in devices:
            model = device.model(self.by_path)
            self.by_path[device.path] = model
            trace = Trace(self._trace_paths[device.path], start=start) if traced else None
            if trace is not None:
                self._traces.append(trace)
            self._servers[device.path] = Server(
                model,
                folder / socket_name(device),
                trace=trace,
                on_failure=partial(self._failed, device.path),
            )

        board.wire_models(self.by_path, devices)

    def start(self) -> None:
        for server in self._servers.values():
            server.start()

    def _failed(self, path: str, failure: Failure) -> None:
        self._watch.fail(self._as_error(path, failure))

    def _as_error(self, path: str, failure: Failure) -> TestbedError:
        return TestbedError(
            Stage.MODEL,
            f"the model of {path} died: {failure.message}",
            evidence=self._trace_paths[path],
        )

    def failure(self) -> TestbedError | None:
        """What ended the first model that failed: the cause of whatever the host saw after it."""
        for path, server in self._servers.items():
            if server.failure is not None:
                return self._as_error(path, server.failure)
        return None

    def stop(self) -> None:
        for server in self._servers.values():
            server.stop()
        for trace in self._traces:
            trace.close()

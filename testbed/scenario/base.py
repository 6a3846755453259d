# SPDX-License-Identifier: MIT
"""The class a scenario is."""

from __future__ import annotations

import functools
import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, TypeVar

from avocado import Test

from models.ns16550a import Ns16550a, SerialLine
from testbed.artifacts import BoardArtifacts, PlainProgress
from testbed.artifacts.cache import Cache
from testbed.boards import Board, PlatformDevice, board
from testbed.boards.board import ChildNode, ModelFactory
from testbed.boards.own_models import with_models
from testbed.channel import ChannelClosed
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.machine.guest import BOOT_SECONDS, Guest, GuestDevice
from testbed.machine.host import Host
from testbed.machine.model_content import Indescribable
from testbed.machine.template_content import template_content
from testbed.machine.templates import Templates
from testbed.options import Options, TreeMaker
from testbed.parts import parts_for
from testbed.paths import scenario_name
from testbed.remoteport.device import Device
from testbed.run import Run, new_directory
from testbed.scenario.keep import CONSOLE_ARGUMENT, keep
from testbed.scenario.lifeline import hold_on_to_ancestors
from testbed.scenario.usage import usage_so_far
from testbed.scenario.verdict import Outcome, Verdict, judge

_GRACE_SECONDS = 30
_PERSON_SECONDS = 30 * 86400

_Model = TypeVar("_Model", bound=Device)


class Interrupted(Exception):
    """SIGTERM: the person or the runner wants the run to end."""


class Scenario(Test):  # type: ignore[misc]
    """A test of the whole chain: set up with a booted host, torn down to nothing.

    Subclasses write `test`. They may set `boards` (the only ones it can run on; a comment says
    why), `host_append` (kernel arguments of the host), `timeout` (seconds for the whole run),
    `guest_tree` (who makes its guests' device trees, whatever the person running asked for),
    `bound` (paths of devices that VFIO has already when the host starts, for `host.assign`), and
    override `models` to put a model of their own behind a device.

    Available in `test`: `host`, `random` (seeded, the seed is in the verdict), and the verbs below.
    What they start is ended by the scenario's end.
    """

    boards: ClassVar[tuple[str, ...]] = ()
    timeout: float = 180
    host_append: ClassVar[str] = ""
    guest_tree: ClassVar[TreeMaker | None] = None
    bound: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        for name, attribute in list(vars(cls).items()):
            if name.startswith("test") and callable(attribute):
                setattr(cls, name, _judged(attribute))

    def models(self) -> dict[str, ModelFactory]:
        """What makes the models that replace the board's, by device-tree path.

        Each is called for a template and for the host of the run; `model` has that of the latter.
        """
        return {}

    def devices(self, board: Board) -> tuple[PlatformDevice, ...]:
        """The devices of the host's /soc bus."""
        return board.devices

    def nodes(self, board: Board) -> tuple[ChildNode, ...]:
        """What the root of the host's tree has besides, such as clocks."""
        return ()

    def host_arguments(self) -> Sequence[str]:
        """What the host's QEMU is told besides."""
        return ()

    def parts(self, artifacts: BoardArtifacts) -> BoardArtifacts:
        """The parts the run uses, from those the options name."""
        return artifacts

    # -- called by the runner

    def run_avocado(self) -> None:
        """Run set-up, test and tear-down, and leave a verdict however they end.

        Runs on the main thread; avocado runs set-up and test on a thread of its own, and tear-down
        on another, also when the first one still hangs.
        """
        self._error: BaseException | None = None
        self._error_stage = Stage.INFRASTRUCTURE
        self._finished = False
        self._host: Host | None = None
        self._death: TestbedError | None = None
        self._guests: list[Guest] = []
        self.options = Options.from_environment()
        hold_on_to_ancestors()
        self._run = self._make_run()
        self._templates = Templates(
            self._run,
            Cache.default(),
            PlainProgress(sys.stderr),
            stopped=lambda: self._error is not None,
        )
        limit = self.timeout * self.options.deadline_scale
        # avocado's own limit, behind ours; a person takes any time.
        self.timeout = _PERSON_SECONDS if self.options.stays else limit + _GRACE_SECONDS
        self._watch_clock_and_signals(limit)
        try:
            super().run_avocado()
        except (Interrupted, TestbedError) as error:  # a signal between two phases
            self._record(error)
            self._shutdown()
        finally:
            self._templates.close()
            self._write_verdict()
            self._run.close()

    def setUp(self) -> None:
        try:
            self.seed = self.options.seed or int.from_bytes(os.urandom(4))
            self.random = random.Random(self.seed)
            self._run.note(f"seed {self.seed}")
            self._start_host()
        except BaseException as error:
            self._record(error)
            raise

    def tearDown(self) -> None:
        if not self._finished and self._error is None:
            self._record(TestbedError(self._run.stage, "the runner ended the scenario"))
        self._shutdown()

    def _shutdown(self) -> None:
        """End everything that was started. May run while the test's thread still hangs."""
        self._keep_if_asked()
        host, self._host = self._host, None
        if host is not None:
            self._death = self._death_of(host)
            host.shutdown()
            for guest in self._guests:
                guest.forget()

    def _death_of(self, host: Host) -> TestbedError | None:
        """What ended a model, the host or, when a channel broke under the scenario, a guest."""
        if not isinstance(self._error, ChannelClosed):
            return host.models.failure() or host.watch.failure
        machines: list[Host | Guest] = [host, *self._guests]
        deaths = (machine.failure() for machine in machines)
        return next((death for death in deaths if death is not None), None)

    def _make_run(self) -> Run:
        options = self.options
        directory = options.directory or new_directory(options.results, self.scenario_name)
        return Run(directory, timeout_scale=options.deadline_scale, events=options.events)

    def _start_host(self) -> None:
        options = self.options.with_trees_by(self.guest_tree)
        chosen = board(options.board)
        if self.boards and chosen.name not in self.boards:
            raise TestbedError(
                Stage.INFRASTRUCTURE,
                f"this scenario is for {' and '.join(self.boards)}, not for {chosen.name}",
            )
        with self._run.step(Stage.ARTIFACTS, "looking up the parts"):
            artifacts = self.parts(parts_for(options, PlainProgress(sys.stderr)))
            self._run.note(f"guests run on the {options.guest_qemu or artifacts.nested_qemu} QEMU")
            kernel = (
                options.guest_kernel
                or options.guest_kernel_series
                or f"the {artifacts.nested_kernel} one"
            )
            self._run.note(f"their kernel is {kernel}")
            manifest = json.dumps(artifacts.manifest, indent=2)
            (self._run.directory / "manifest.json").write_text(manifest + "\n")
        self._boot_host(chosen, artifacts)
        self._run.stage = Stage.TEST

    def _boot_host(self, chosen: Board, artifacts: BoardArtifacts) -> None:
        """Restore the host from its template, or boot it where it has none."""
        parts: dict[str, Any] = {
            "devices": with_models(self.devices(chosen), self.models()),
            "append": self._append(self.host_append),
            "guest_qemu": self.options.guest_qemu,
            "nodes": self.nodes(chosen),
            "extra": self.host_arguments(),
        }
        why = ""
        debugged = self.options.gdb == "host"
        if not (self.options.cold or self.options.stays or debugged):
            try:
                content = template_content(chosen, artifacts, state=self.bound, **parts)
            except Indescribable as reason:
                why = str(reason)
            else:
                make_host = partial(Host, self._run, chosen, artifacts, **parts)
                self._templates.boot(content, make_host, self._adopt)
                return
        host = Host(self._run, chosen, artifacts, debugged=debugged, **parts)
        self._adopt(host)
        host.boot(why)

    def _adopt(self, host: Host) -> None:
        """The host that the scenario's end ends: the last one that was made."""
        if self._error is not None:
            raise self._error  # the end has come already, and ended another
        self._host = host

    # -- what scenarios use

    @property
    def scenario_name(self) -> str:
        """The file's name without its ending, words joined by '-'."""
        return scenario_name(Path(sys.modules[type(self).__module__].__file__ or "scenario"))

    def deadline(self, seconds: float) -> Deadline:
        """A deadline `seconds` from now, scaled as the person running asked."""
        return self._run.deadline(seconds)

    @property
    def host(self) -> Host:
        """The booted host."""
        assert self._host is not None, "the host is there from setUp on"
        return self._host

    def wait_until(self, condition: Callable[[], bool], deadline: Deadline, what: str) -> None:
        """Ask again and again until `condition()` holds; AssertionError at the deadline.

        For states of a machine that only a command there can tell.
        """
        while not condition():
            self.host.watch.check()
            assert not deadline.expired, f"waited {deadline.seconds:.0f} s for {what}, in vain"

    def serial_line(self, path: str) -> SerialLine:
        """The far end of the serial line of the UART at a device-tree path."""
        return self.model(path, Ns16550a).line

    def model(self, path: str, kind: type[_Model]) -> _Model:
        """The model behind the device at a device-tree path, which has to be of this kind."""
        model = self.host.model(path)
        if not isinstance(model, kind):
            raise TestbedError(
                Stage.INFRASTRUCTURE,
                f"the model of {path} is a {type(model).__name__}, not a {kind.__name__}",
            )
        return model

    def boot_guest(
        self,
        *devices: GuestDevice,
        append: str = "",
        stand_ins: bool = True,
        seconds: float = BOOT_SECONDS,
    ) -> Guest:
        """Boot a nested guest that has these devices; its kernel may take `seconds`."""
        guest = self.prepare_guest(devices, append=append, stand_ins=stand_ins)
        guest.start()
        guest.resume(seconds)
        return guest

    def prepare_guest(
        self,
        devices: Sequence[GuestDevice],
        *,
        append: str = "",
        stand_ins: bool = True,
        irqfd: bool = True,
        tree_by: TreeMaker | None = None,
        by_path: bool = False,
        extra: Sequence[str] = (),
    ) -> Guest:
        """A guest that is not started yet; see `Guest`."""
        guest = Guest(
            self.host,
            f"guest{len(self._guests)}",
            devices,
            append=self._append(append),
            stand_ins=stand_ins,
            irqfd=irqfd,
            tree_by=tree_by or self.guest_tree or self.options.guest_tree,
            by_path=by_path,
            extra=extra,
            debugged=self.options.gdb == "guest" and not self._guests,
        )
        self._guests.append(guest)
        return guest

    # -- what is left to a person

    def _append(self, arguments: str) -> str:
        return f"{arguments} {CONSOLE_ARGUMENT}".strip() if self.options.stays else arguments

    def _shell(self) -> None:
        """In place of the test: everything assigned to a guest, and the person at the consoles."""
        self._stop_clock()
        paths = [d.path for d in self.host.devices if d.stream_id is not None]
        assigned = [self.host.assign(path) for path in paths]
        self.boot_guest(*assigned)
        keep(self._run, self.host, self._guests)

    def _keep_if_asked(self) -> None:
        """Leave the machines of a scenario that did not pass to a person who wants to look."""
        if not self.options.keep or self._error is None or self._host is None:
            return
        if not isinstance(self._error, Interrupted):
            self._stop_clock()
            why = judge(self._error, self._error_stage, self._run.directory).message
            keep(self._run, self._host, self._guests, why)

    def _stop_clock(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    # -- verdict

    def _record(self, error: BaseException) -> None:
        """Keep the first error, and where the run was then."""
        if self._error is not None:
            return
        self._error = error
        self._error_stage = self._run.stage_of(error)
        self._run.note("".join(traceback.format_exception(error)))

    def _write_verdict(self) -> None:
        run = self._run
        log = run.directory / "testbed.log"
        used = usage_so_far()
        common: dict[str, Any] = {
            "name": self.scenario_name,
            "board": self.options.board,
            "host_kernel": self.options.kernel_series or "",
            "guest_kernel": self.options.guest_kernel_series or "",
            "seconds": {**run.seconds, "total": round(run.elapsed, 3)},
            "results": str(run.directory),
            "seed": getattr(self, "seed", 0),
            "cpu_seconds": used.cpu_seconds,
            "peak_memory": used.peak_memory,
        }
        if self._error is None:
            Verdict(verdict=Outcome.PASS, **common).write()
            return
        found = judge(self._cause(), self._error_stage, log)
        Verdict(
            verdict=found.outcome,
            stage=found.stage,
            message=found.message,
            evidence=str(found.evidence or log),
            excerpt=found.excerpt,
            **common,
        ).write()

    def _cause(self) -> BaseException:
        """A model or machine that died explains whatever the scenario saw afterwards."""
        assert self._error is not None
        if isinstance(self._error, Interrupted) or self._death is None:
            return self._error
        return self._death

    def _watch_clock_and_signals(self, limit: float) -> None:
        def expired(_signal: int, _frame: FrameType | None) -> None:
            stop(
                TestbedError(
                    self._run.stage,
                    f"the scenario did not end within {limit:.0f} s, in stage '{self._run.stage}'",
                )
            )

        def interrupted(_signal: int, _frame: FrameType | None) -> None:
            stop(Interrupted(f"ended by SIGTERM in stage '{self._run.stage}'"))

        def stop(error: Exception) -> None:
            # Once is enough: nothing may disturb the tear-down that follows.
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self._record(error)
            raise error

        signal.signal(signal.SIGALRM, expired)
        signal.signal(signal.SIGTERM, interrupted)
        signal.setitimer(signal.ITIMER_REAL, limit)


def _judged(test: Callable[..., None]) -> Callable[..., None]:
    """Record what ends a test method, since tearDown is not told."""

    @functools.wraps(test)
    def run(self: Scenario) -> None:
        try:
            with self._run.step(Stage.TEST, "running the scenario"):
                if self.options.shell:
                    self._shell()
                else:
                    test(self)
            self._finished = True
        except BaseException as error:
            self._record(error)
            raise

    return run

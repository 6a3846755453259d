# SPDX-License-Identifier: MIT
"""A whole SEC: the controller and its job rings, each a device with a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from models.alarm import AlarmFactory, WallAlarm
from models.sec.common import Common, RunnerFactory
from models.sec.config import SecConfig
from models.sec.controller import SecController
from models.sec.deco import Deco
from models.sec.ring import JobRing
from models.sec.services import SecServices

__all__ = ["Sec"]

_CLOCK = 300_000_000
_ENTROPY_DELAY = 400


class Sec:
    """The SEC that `config` describes.

    `name` begins the names of its devices. `rings` is how many of the part's job rings this board
    has, when fewer. `clock` is in Hz and counts for interrupt coalescing only. `entropy_delay` is
    the shortest entropy sample, in clocks, from which this piece's TRNG gives good entropy: with
    more than a driver starts with, it has to try again. `entropy(n)` gives n random bytes.
    `before_answer`: the machine waits at a doorbell until its jobs are done, within the server's
    limit for that; otherwise it goes on and learns of them by the interrupt. Measured one job at a
    time it gains nothing in a host (500 jobs of 64 bytes a second either way) and up to a seventh
    in a guest (about 100), and many jobs in flight lose their common interrupt: so it is off.
    """

    def __init__(
        self,
        config: SecConfig,
        *,
        name: str = "crypto",
        rings: int | None = None,
        clock: int = _CLOCK,
        entropy_delay: int = _ENTROPY_DELAY,
        entropy: Callable[[int], bytes] | None = None,
        before_answer: bool = False,
        runner: RunnerFactory = Deco,
        alarm: AlarmFactory = WallAlarm,
    ) -> None:
        if rings is not None:
            config = replace(config, rings=rings)
        self.config = config
        self.services = SecServices(config, entropy)
        common = Common(config, self.services)
        self.rings: Sequence[JobRing] = tuple(
            JobRing(
                f"{name}-jr{index}",
                common,
                index,
                runner,
                clock=clock,
                before_answer=before_answer,
                alarm=alarm,
            )
            for index in range(config.rings)
        )
        self.controller = SecController(
            name, common, runner, entropy_delay=entropy_delay, wake=self._wake
        )
        self.controller.rings = self.rings
        for ring in self.rings:
            ring.siblings = self.rings

    def _wake(self) -> None:
        """Let every ring look, on its own thread, at what the controller changed."""
        for ring in self.rings:
            ring.defer(ring.look_again)

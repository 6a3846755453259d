# SPDX-License-Identifier: MIT
"""When a port begins with the queued commands that wait, so that one interrupt reports many."""

from __future__ import annotations

from models.alarm import Alarm

LONGEST = 0.2
"""Seconds that a command waits at the most."""

LONGEST_PAUSE = 0.05
"""Seconds without a doorbell after which nothing more is waited for, whatever the host's pace."""

TRIAL = 61
"""One in so many rounds waits although the expected commands are there: for still more.

A prime, so that it does not fall into step with a driver."""

ANSWERS = 4
"""How many times as long as the host takes to acknowledge an interrupt a pause is."""

LARGE = 64 << 10
"""Bytes a command, from which the interrupts matter less than that host and device overlap."""

_SMOOTHING = 1 / 4


class Moderation:
    """The pace of one port: `expected` commands at once, or no doorbell for a `pause`.

    What is expected is what the host had outstanding at once, as far as it knew, lately; when fewer
    come, it is halved at the most. The pause, in seconds, is ANSWERS times the smoothed time that
    the host took to acknowledge completion interrupts, which has several register accesses in it
    as what lies between two doorbells has. Until an interrupt was acknowledged nothing waits. All
    is called with the device's lock held.
    """

    def __init__(self, alarm: Alarm) -> None:
        self._alarm = alarm
        self.expected = 1
        self.pause = 0.0
        self._peak = 0  # outstanding at once, in the round under way
        self._first: float | None = None  # when the oldest command that waits came
        self._raised: float | None = None  # when the interrupt came that is not acknowledged
        self._unseen = 0  # commands completed by an interrupt that is not acknowledged
        self._rounds = 0
        self._large = False  # the last round's commands

    def forget(self) -> None:
        """The port was reset or stopped: the host answers no interrupt of before."""
        self._first = self._raised = None
        self._peak = self._unseen = 0
        self._alarm.set(None)

    @property
    def one_at_a_time(self) -> bool:
        """Whether no command is expected before the one that is there has ended."""
        return self.expected == 1 and not self._large

    def rung(self, outstanding: int) -> bool:
        """A doorbell with queued commands outstanding: whether to begin with them now."""
        if self._large:
            return True
        self.expected = max(self.expected, outstanding + self._unseen)
        if outstanding >= self.expected and (self._rounds % TRIAL or not self.pause):
            return True
        now = self._alarm.now()
        if self._first is None:
            self._first = now
        when = min(now + self.pause, self._first + LONGEST)
        if when <= now:
            return True
        self._alarm.set(when)
        return False

    def seen(self, outstanding: int) -> None:
        """So many are outstanding while a round is under way."""
        self._peak = max(self._peak, outstanding + self._unseen)

    def begun(self, outstanding: int) -> None:
        """A round begins."""
        self._first = None
        self._peak = outstanding + self._unseen
        self._alarm.set(None)

    def ended(self, completed: int, size: int, *, interrupts: bool) -> None:
        """A round ended that completed so many commands and moved `size` bytes.

        `interrupts`: with a completion interrupt that the host will see.
        """
        if self._peak:
            self._rounds += 1
            self.expected = max(1, self._peak, self.expected // 2)
            self._peak = 0
        if completed:
            self._large = size > LARGE * completed
        if interrupts:
            self._unseen += completed
            if self._raised is None:
                self._raised = self._alarm.now()

    def acknowledged(self) -> None:
        """The host has cleared the interrupt."""
        if self._raised is not None:
            taken = self._alarm.now() - self._raised
            self._raised = None
            self._unseen = 0
            self.pause += (min(LONGEST_PAUSE, ANSWERS * taken) - self.pause) * _SMOOTHING

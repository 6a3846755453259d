# SPDX-License-Identifier: MIT
"""A typed channel for commands and byte streams into host and guest (guests/agent is its end)."""

from testbed.channel.client import AgentClient
from testbed.channel.errors import (
    AgentError,
    ChannelClosed,
    ChannelError,
    ChannelTimeout,
    CommandFailed,
)
from testbed.channel.frames import MachineInfo
from testbed.channel.streams import Completed, Process, Stream

__all__ = [
    "AgentClient",
    "AgentError",
    "ChannelClosed",
    "ChannelError",
    "ChannelTimeout",
    "CommandFailed",
    "Completed",
    "MachineInfo",
    "Process",
    "Stream",
]

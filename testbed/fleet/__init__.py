# SPDX-License-Identifier: MIT
"""Scenarios on several machines, over ssh, by avocado's remote spawner.

On this machine: `fan_out` gives tasks out and gathers what they leave, `job` is the process that
avocado runs in, `connection` holds one ssh connection to each machine. On the machines: `far_end`
answers for as long as the connection stands, `task` runs one scenario and tells of it.
"""

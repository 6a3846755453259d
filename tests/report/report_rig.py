# SPDX-License-Identifier: MIT
"""Folders as runs leave them, written by the parts of the testbed that write them in a run."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from testbed.console import Console
from testbed.devicetree import Tree
from testbed.errors import Stage, TestbedError
from testbed.remoteport.codec import Response
from testbed.remoteport.device import Device, Region
from testbed.remoteport.trace import Trace
from testbed.run import Run
from testbed.scenario.verdict import Outcome, Verdict
from testbed.watch import Watch

REFUSED = Response.ADDRESS_ERROR
NASTY = "</script><script>document.title='pwned'</script><img src=x onerror=alert(1)>&amp;"

HOST_TREE = """/dts-v1/;
/ { #address-cells = <1>; #size-cells = <1>;
  clock: clock { compatible = "fixed-clock"; #clock-cells = <0>; };
  soc { #address-cells = <1>; #size-cells = <1>;
    mdio@1000 { compatible = "bus"; reg = <0x1000 0x100>; status = "okay"; clocks = <&clock>;
      #address-cells = <1>; #size-cells = <0>; phy@3 { reg = <3>; }; lost@4 { reg = <4>; }; }; };
};"""
GUEST_TREE = """/dts-v1/;
/ { #address-cells = <1>; #size-cells = <1>;
  apb { }; clock: clock { compatible = "fixed-clock"; #clock-cells = <0>; };
  platform { #address-cells = <1>; #size-cells = <1>;
    mdio@0 { compatible = "bus"; reg = <0x0 0x100>; clocks = <&clock>; dma-coherent;
      #address-cells = <1>; #size-cells = <0>; phy@3 { reg = <3>; }; }; };
};"""


class Uart(Device):
    """Any device with a wire; its accesses are written down, not made."""

    regions = (Region("window", 0x1000),)
    wires = ("interrupt",)


def leave_run(
    folder: Path,
    verdict: Outcome = Outcome.PASS,
    *,
    accesses: int = 10,
    said: Sequence[bytes] = (b"[    0.1] host ", b"boots\r\n", b"ready\n"),
) -> Path:
    """A run of a scenario `uart` on `arm-virt` with one guest, its folder `folder`."""
    run = Run(folder)
    failing = verdict is not Outcome.PASS
    try:
        with run.step(Stage.TEST, "running the scenario"):
            with run.step(Stage.HOST_BOOT, "booting the host"):
                _console(run, "host", said)
            with run.step(Stage.GUEST_BOOT, f"booting guest0 {NASTY}"):
                _console(run, "guest0", [b"guest\xff\xfe ", NASTY.encode(), b"\nguest ready\n"])
            _trace(run, accesses)
            _trees(run)
            if failing:
                raise TestbedError(Stage.TEST, "it broke")
    except TestbedError:
        pass
    run.note(f"the guest said {NASTY}")
    run.close()
    found = Verdict(
        "uart",
        "arm-virt",
        verdict,
        seconds={"test": 1.5, "total": run.elapsed},
        results=str(folder),
        seed=7,
    )
    if failing:
        found = replace(
            found,
            stage="guest boot",
            message=f"guest0 died: {NASTY}",
            evidence=str(folder / "guest0/console.log"),
            excerpt=("Oops: 0", NASTY),
        )
    found.write()
    (folder / "manifest.json").write_text(
        json.dumps({"qemu": {"program": "/usr/bin/qemu", "version": "10.0.2"}, "selections": []})
    )
    return folder


def _console(run: Run, machine: str, said: Sequence[bytes]) -> None:
    ours, line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    log = run.folder(machine) / "console.log"
    console = Console(machine, ours, log, Watch(), Stage.HOST_BOOT, start=run.start)
    for piece in said:
        line.send(piece)
    line.close()
    console.close()


def _trace(run: Run, accesses: int) -> None:
    uart, idle = Uart("serial@1000"), Uart("sata@2000")
    with Trace(run.folder("host") / "serial-1000.trace", start=run.start) as trace:
        trace.event(uart, "connected")
        for number in range(accesses):
            trace.access(uart, number % 2 == 0, 0, number % 8, 1, number % 251, None, 0)
            trace.wire(uart, 0, number % 2 == 0)
        trace.dma(uart, False, 0x9000, 64, 0)
        trace.access(uart, True, 0, 0x20, 4, 0, None, REFUSED)
    with Trace(run.folder("host") / "sata-2000.trace", start=run.start) as trace:
        trace.event(idle, "connected")
        trace.wire(idle, 0, False)


def _trees(run: Run) -> None:
    for machine, name, source in (
        ("host", "host", HOST_TREE),
        ("guest0", "guest", GUEST_TREE),
    ):
        text = run.folder(machine) / "source"
        text.write_text(source)
        Tree.compile(text).save(run.folder(machine) / f"{name}.dtb")
        text.unlink()
    (run.folder("guest0") / "nodes.json").write_text(
        json.dumps({"/soc/mdio@1000": "/platform/mdio@0"})
    )

# SPDX-License-Identifier: MIT
"""The model's state travels in QEMU's own snapshot and migration streams."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import peer as rp
import pytest
from bridge_rig import BASE, SIZE, Bank, Machine, MachineFactory, QemuExited, device
from peer import Peer

from testbed.remoteport.server import Server

Banked = Callable[..., tuple[Machine, Bank]]
Serve = Callable[..., Server]

INCOMING = ["-incoming", "exec:cat state"]


def _migrate(machine: Machine) -> str:
    """Save the machine into the file `state`; how that ended."""
    machine.execute("migrate", uri="exec:cat > state")
    ends = ("completed", "failed")
    machine.wait_for(lambda: _status(machine) in ends, "the end of the migration")
    return _status(machine)


def _status(machine: Machine) -> str:
    return str(machine.execute("query-migrate")["status"])


def _arrived(machine: Machine) -> Machine:
    machine.wait_for(
        lambda: machine.execute("query-status")["status"] != "inmigrate", "the state to come in"
    )
    return machine


def test_state_and_wires_come_back_in_a_new_process(
    start: MachineFactory, serve: Serve, rng: random.Random
) -> None:
    bank = Bank()
    server = serve(bank)
    machine = start(device())
    for offset in range(0, 256, 8):
        machine.write(BASE + offset, 8, rng.getrandbits(64))
    bank.hooks[0, 0] = lambda value: bank.set_wire(0, True)
    machine.write(BASE, 4, 1)
    assert machine.pending()
    assert _migrate(machine) == "completed"
    machine.close()
    server.stop()

    other = Bank()
    serve(other)
    restored = _arrived(start(device(), extra=INCOMING))
    assert other.bytes == bank.bytes
    assert restored.pending()
    restored.execute("cont")
    assert restored.pending()
    other.hooks[0, 0] = lambda value: other.set_wire(0, False)
    restored.write(BASE, 4, 1)
    assert not restored.pending()


@pytest.mark.parametrize("level", [False, True])
def test_wire_that_changes_while_the_state_comes_in(
    start: MachineFactory, serve: Serve, folder: Path, cleanup: ExitStack, level: bool
) -> None:
    """Its level is not overwritten by the state of the interrupt controller."""
    bank = Bank()
    bank.set_wire(0, not level)
    server = serve(bank)
    machine = start(device())
    machine.wait_for(lambda: machine.pending() is not level, "the level that is saved")
    assert _migrate(machine) == "completed"
    machine.close()
    server.stop()
    peer = Peer(folder / "rp.sock")
    cleanup.callback(peer.close)

    def take_state() -> None:
        peer.accept()
        id, _, dev, body = peer.receive_command(rp.WRITE)
        peer.send(rp.interrupt(0, int(level)))
        size = int.from_bytes(body[24:28], "big")
        peer.send(rp.bus(rp.WRITE, 0, size, id=id, flags=rp.RESPONSE, dev=dev))

    taking = threading.Thread(target=take_state)
    taking.start()
    restored = _arrived(start(device(), extra=INCOMING))
    taking.join()
    restored.execute("cont")
    assert restored.pending() is level


def test_snapshot_and_back_in_one_process(banked: Banked, folder: Path, rng: random.Random) -> None:
    machine, bank = banked()
    size = 64 << 20
    (folder / "disk").touch()
    file = {"driver": "file", "node-name": "file", "filename": "disk"}
    machine.execute("blockdev-add", **{k.replace("-", "_"): v for k, v in file.items()})
    machine.execute(
        "blockdev-create",
        job_id="create",
        options={"driver": "qcow2", "file": "file", "size": size},
    )
    _finish(machine, "create")
    machine.execute("blockdev-add", driver="qcow2", node_name="disk", file="file")
    machine.write(BASE, 8, saved := rng.getrandbits(64))
    arguments = {"tag": "one", "vmstate": "disk", "devices": ["disk"]}
    machine.execute("snapshot-save", job_id="save", **arguments)
    assert _finish(machine, "save") is None
    machine.write(BASE, 8, rng.getrandbits(64))
    machine.execute("snapshot-load", job_id="load", **arguments)
    assert _finish(machine, "load") is None
    assert machine.read(BASE, 8) == saved
    bank.savable = False
    machine.execute("snapshot-save", job_id="again", **arguments | {"tag": "two"})
    assert _finish(machine, "again")
    assert "the model refused to give its state (status 1)" in machine.log
    assert machine.read(BASE, 8) == saved


def _finish(machine: Machine, job: str) -> str | None:
    """Wait for a job's end; its error."""

    def state() -> dict[str, Any]:
        jobs = {item["id"]: item for item in machine.execute("query-jobs")}
        return dict(jobs[job])

    machine.wait_for(lambda: state()["status"] == "concluded", f"job {job}")
    error = state().get("error")
    machine.execute("job-dismiss", id=job)
    return error


def test_model_that_cannot_save_fails_the_save(banked: Banked) -> None:
    machine, bank = banked()
    bank.savable = False
    assert _migrate(machine) == "failed"
    assert (
        "remote-port rp.sock: cannot save the machine: the model refused to give its state"
        in machine.log
    )
    machine.write(BASE, 4, 42)
    assert machine.read(BASE, 4) == 42


def test_lost_model_fails_the_save(raw: Callable[..., Machine], peer: Peer) -> None:
    machine = raw()
    peer.disconnect()
    assert _migrate(machine) == "failed"
    assert "cannot save the machine: the model is not connected" in machine.log


def test_model_that_refuses_the_state_stops_the_restore(
    start: MachineFactory, serve: Serve
) -> None:
    server = serve(Bank())
    machine = start(device())
    assert _migrate(machine) == "completed"
    machine.close()
    server.stop()
    bank = Bank()
    bank.loadable = False
    serve(bank)
    with pytest.raises(QemuExited, match="the model refused its state") as exited:
        _ended(start(device(), extra=INCOMING))
    assert "remote-port rp.sock: cannot load the machine" in str(exited.value)


def test_devices_in_another_order_are_noticed(start: MachineFactory, serve: Serve) -> None:
    servers = [serve(Bank("a"), "a.sock"), serve(Bank("b"), "b.sock")]
    devices = device("a.sock"), device("b.sock", addr=hex(BASE + SIZE), irq=101)
    machine = start(*devices)
    assert _migrate(machine) == "completed"
    machine.close()
    for server in servers:
        server.stop()
    serve(Bank("a"), "a.sock")
    serve(Bank("b"), "b.sock")
    with pytest.raises(QemuExited, match="in the same order"):
        _ended(start(*reversed(devices), extra=INCOMING))


def _ended(machine: Machine) -> None:
    """QEMU gives up when the state is wrong, sooner or later than its monitor answers."""
    machine.wait_exit()
    raise QemuExited(machine.log)

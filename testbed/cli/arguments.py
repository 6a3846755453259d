# SPDX-License-Identifier: MIT
"""What each subcommand takes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from testbed.artifacts import NestedQemu
from testbed.boards import BOARDS
from testbed.cli.values import count, jobs, new_file, positive, words
from testbed.errors import Stage
from testbed.options import Debugged, TreeMaker

_BREAKABLE = (Stage.HOST_BOOT, Stage.BIND, Stage.GUEST_BOOT, Stage.MODEL, Stage.TEST)
"""Stages that a commit can break."""


def add_subcommands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run scenarios and give their verdicts")
    _add_run(run)
    _add_kernels(run, "run each on each of these kernels in the host with each in the guest")

    commands.add_parser("list", help="list the scenarios")

    report = commands.add_parser("report", help="make the page of a run again")
    report.add_argument("run", type=Path, metavar="RUN", help="the folder that the run left")
    report.add_argument(
        "-o",
        "--output",
        type=new_file,
        metavar="FILE",
        help="where the page goes (default: RUN/report.html)",
    )

    export = commands.add_parser("export", help="write a run for other viewers")
    export.add_argument("run", type=Path, metavar="RUN", help="the folder that the run left")
    export.add_argument(
        "--perfetto", type=new_file, metavar="FILE", help="all of it, as Chrome trace JSON"
    )
    export.add_argument(
        "--vcd", type=new_file, metavar="FILE", help="the interrupt wires, as value changes"
    )

    setup = commands.add_parser(
        "setup", help="fetch and build everything a board needs, and boot its host once"
    )
    setup.add_argument(
        "--refresh", action="store_true", help="take the archive's newest versions of the series"
    )
    setup.add_argument(
        "--manifest", type=Path, metavar="FILE", help="take the versions of a run's manifest.json"
    )
    setup.add_argument(
        "--snapshot",
        metavar="URL",
        help="an archive that still has them; {archive} in it is debian or debian-security",
    )
    _add_kernels(setup, "fetch and build what runs on these kernels need")
    _add_parts(setup)
    _add_timeout_scale(setup)

    doctor = commands.add_parser(
        "doctor", help="say what is missing on this machine and what mends it"
    )
    doctor.add_argument("--board", choices=list(BOARDS), help="only for this board (default: all)")

    shell = commands.add_parser(
        "shell",
        help="boot host and guest of a scenario and attach to their consoles, or to a kept run's",
    )
    shell.add_argument("scenario", metavar="PATH|NAME|RUN")
    _add_overrides(shell)

    bisect = commands.add_parser(
        "bisect", help="run scenarios on a commit, as a step of 'git bisect run'"
    )
    bisect.add_argument(
        "--bad",
        choices=[str(stage) for stage in _BREAKABLE],
        action="append",
        default=[],
        metavar="STAGE",
        help="an ERROR of this stage is a bad commit, as a FAIL is; can be given again",
    )
    _add_run(bisect)

    bundle = commands.add_parser("bundle", help="make one file that replays a run elsewhere")
    bundle.add_argument("run", type=Path, metavar="RUN", help="the folder of a run")
    bundle.add_argument("-o", "--output", type=new_file, metavar="FILE", help="where it goes")

    replay = commands.add_parser("replay", help="run what is in a bundle")
    replay.add_argument("bundle", type=Path, metavar="FILE")
    replay.add_argument(
        "--results", type=Path, metavar="DIR", help="where the run leaves its folder"
    )
    _add_reports(replay)
    _add_repetition(replay)
    _add_failure(replay)
    _add_cold(replay)
    _add_seed(replay, None, "in place of the bundle's; 0: a new one each time")
    _add_timeout_scale(replay)

    bench = commands.add_parser("bench", help="measure this machine and print figures")
    bench.add_argument("--json", type=new_file, metavar="FILE", help="write the figures as JSON")
    extent = bench.add_mutually_exclusive_group()
    extent.add_argument(
        "--fresh", action="store_true", help="also time a set-up into an empty cache"
    )
    extent.add_argument(
        "--nested-reference",
        action="store_true",
        help="only time scenario uart, beside the same in the way of QEMU's own nested test",
    )
    _add_overrides(bench)

    sizing = commands.add_parser("sizing", help="say what runs cost, and what so many a day take")
    sizing.add_argument(
        "folders",
        nargs="*",
        type=Path,
        metavar="FOLDER",
        help="runs, or what they are in, at any depth (default: testbed-results)",
    )
    sizing.add_argument(
        "--runs", type=count, default=10_000, metavar="N", help="a day (default: %(default)s)"
    )
    sizing.add_argument("--json", type=new_file, metavar="FILE", help="write the figures as JSON")

    checklist = commands.add_parser(
        "checklist", help="say what VFIO needs for each device of a board's tree, and test it"
    )
    checklist.add_argument(
        "tree", metavar="PATH|NAME", help="a .dts or .dtb file, or a tree of the kernel's source"
    )
    checklist.add_argument(
        "--static", action="store_true", help="only look at the tree, without a machine"
    )
    for option, text in (("html", "HTML"), ("markdown", "Markdown"), ("json", "JSON")):
        checklist.add_argument(
            f"--{option}", type=new_file, metavar="FILE", help=f"write the checklist as {text}"
        )
    _add_overrides(checklist)
    checklist.set_defaults(board=None)

    _add_cache(commands.add_parser("cache", help="list and prune what is kept of parts and hosts"))

    new_device = commands.add_parser(
        "new-device", help="write a device that works, to be changed into another"
    )
    new_device.add_argument("name", metavar="NAME", help="small letters, digits and '-'")

    _add_fleet(commands.add_parser("fleet", help="run scenarios on several machines, over ssh"))

    serve = commands.add_parser("serve", help="serve a board's device models to a QEMU")
    serve.add_argument("--directory", type=Path, default=Path(), help="where the sockets go")
    serve.add_argument(
        "qemu_command", nargs="*", metavar="COMMAND", help="after --: what to run meanwhile"
    )
    _add_board(serve)


def _add_fleet(fleet: argparse.ArgumentParser) -> None:
    actions = fleet.add_subparsers(dest="action", required=True, metavar="ACTION")
    setup = actions.add_parser("setup", help="give machines the project and its parts")
    setup.add_argument(
        "--board",
        dest="boards",
        choices=list(BOARDS),
        action="append",
        help="its parts; can be given again (default: all)",
    )
    run = actions.add_parser("run", help="run scenarios there and gather what they leave")
    for action in (setup, run):
        action.add_argument(
            "machines",
            metavar="FILE|NAME,NAME...",
            help="machines as ssh knows them; a line of a file: NAME [slots=N] [checkout=FOLDER]",
        )
        action.add_argument(
            "--ssh-config", type=Path, metavar="FILE", help="in place of the user's own"
        )
        action.add_argument(
            "--results", type=Path, metavar="DIR", help="where logs and runs are gathered"
        )
        _add_timeout_scale(action)
    run.add_argument("scenarios", nargs="+", metavar="PATH|NAME", help="scenario files or names")
    run.add_argument("--repeat", type=count, default=1, metavar="N", help="run each N times")
    run.add_argument("--guest-qemu", choices=get_args(NestedQemu), help="QEMU that makes the guest")
    _add_reports(run)
    _add_cold(run)
    _add_seed(run, 0, "repeat a run's random content")
    _add_board(run)
    _add_guest_tree(run)


def _add_run(run: argparse.ArgumentParser) -> None:
    run.add_argument("scenarios", nargs="+", metavar="PATH|NAME", help="scenario files or names")
    _add_reports(run)
    _add_repetition(run)
    _add_failure(run)
    _add_cold(run)
    _add_seed(run, 0, "repeat a run's random content")
    _add_overrides(run)


def _add_reports(run: argparse.ArgumentParser) -> None:
    run.add_argument("--json", type=new_file, metavar="FILE", help="write the verdicts as JSON")
    run.add_argument(
        "--junit", type=new_file, metavar="FILE", help="write the verdicts as JUnit XML"
    )
    run.add_argument("--tap", type=new_file, metavar="FILE", help="write the verdicts as TAP 14")
    run.add_argument(
        "--html", type=new_file, metavar="FILE", help="write a page of all verdicts and runs"
    )


def _add_cold(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--cold", action="store_true", help="boot hosts from power-on, and not from templates"
    )


def _add_seed(run: argparse.ArgumentParser, default: int | None, text: str) -> None:
    run.add_argument("--seed", type=int, default=default, metavar="N", help=text)


def _add_repetition(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "-j",
        "--jobs",
        type=jobs,
        default=None,
        metavar="N|auto",
        help="scenarios at the same time (default: auto, by cores and memory)",
    )
    run.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="show what the consoles print; -vv: also what testbed.log says",
    )
    run.add_argument(
        "--repeat",
        type=count,
        metavar="N",
        help="run each N times, each with a seed of its own where none is given",
    )
    run.add_argument(
        "--until-fail",
        action="store_true",
        help="start none after one that did not pass; without --repeat, again and again",
    )


def _add_failure(run: argparse.ArgumentParser) -> None:
    left = run.add_mutually_exclusive_group()
    left.add_argument(
        "--keep",
        action="store_true",
        help="on failure the machines stay until you press Enter, with shells on their consoles",
    )
    left.add_argument(
        "--shell", action="store_true", help="on failure attach to the machines' consoles"
    )
    run.add_argument(
        "--gdb",
        choices=get_args(Debugged),
        help="the host, or the first guest, waits for gdb before its first instruction",
    )


def _add_kernels(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument(
        "--kernels", type=words, default=(), metavar="SERIES,SERIES...", help=f"{text}: 6.1,6.12,7"
    )


def _add_cache(parser: argparse.ArgumentParser) -> None:
    requests = parser.add_subparsers(dest="request", required=True, metavar="REQUEST")
    requests.add_parser("list", help="templates and parts, their sizes and when they were used")
    requests.add_parser("size", help="how much there is of each kind")
    prune = requests.add_parser("prune", help="remove what is not wanted; what runs use stays")
    prune.add_argument(
        "--older-than", type=positive, metavar="DAYS", help="what was not used for so long"
    )
    prune.add_argument(
        "--to-size", type=positive, metavar="GB", help="what was used last stays, up to so much"
    )
    prune.add_argument("--templates", action="store_true", help="only templates")
    prune.add_argument("--all", action="store_true", help="everything")


def _add_board(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--board", choices=list(BOARDS), default="arm-virt", help="default: %(default)s"
    )


def _add_overrides(parser: argparse.ArgumentParser) -> None:
    _add_parts(parser)
    parser.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        help="where runs leave their folders (default: testbed-results)",
    )
    _add_guest_tree(parser)
    _add_timeout_scale(parser)


def _add_parts(parser: argparse.ArgumentParser) -> None:
    _add_board(parser)
    parser.add_argument("--qemu", type=Path, metavar="PATH", help="QEMU that makes the host")
    parser.add_argument(
        "--qemu-source",
        type=Path,
        metavar="DIR",
        help="source tree of that QEMU, for the bridge",
    )
    parser.add_argument(
        "--kernel",
        metavar="IMAGE|DIR|SERIES",
        help="kernel of the host: an image, the tree one was built in, or the distribution's of a"
        " series",
    )
    parser.add_argument(
        "--guest-kernel",
        metavar="IMAGE|DIR|SERIES|fast|stock",
        help="kernel of the guest: likewise, or the one built here to boot fast, or the board's own"
        " (default: fast where it is, else stock)",
    )
    parser.add_argument(
        "--guest-qemu",
        metavar="PATH|built|stock",
        help="QEMU that makes the guest: a program of the host, the one built here, or the"
        " distribution's (default: built where it is, else stock)",
    )


def _add_guest_tree(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--guest-tree",
        choices=get_args(TreeMaker),
        default="testbed",
        help="who makes the guest's device tree: the testbed, or the QEMU that makes the guest",
    )


def _add_timeout_scale(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout-scale", type=positive, default=1.0, metavar="X", help="multiply every deadline"
    )

# SPDX-License-Identifier: MIT
"""What the README shows is what there is."""

from __future__ import annotations

import argparse
import dataclasses
import re
import shlex
from collections.abc import Iterator

import pytest

from testbed.cli import arguments
from testbed.paths import PROJECT, SCENARIOS, scenario_name
from testbed.runner.discover import all_scenarios
from testbed.scenario.verdict import Verdict

README = (PROJECT / "README.md").read_text()
PAGES = {
    path.name: path.read_text()
    for path in (PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md")))
}
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z])")


class Wrong(Exception):
    """What the command line says of a command that it does not take."""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise Wrong(message)


def parser() -> Parser:
    made = Parser()
    arguments.add_subcommands(made)
    return made


def commands(
    inside: argparse.ArgumentParser, name: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Each command and each of its actions, such as "fleet run"."""
    for action in inside._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                yield f"{name} {word}".strip(), below
                yield from commands(below, f"{name} {word}".strip())


def options(command: str) -> list[set[str]]:
    """What a command takes, or any of its actions: each option by its names."""
    return [
        set(action.option_strings)
        for name, below in commands(parser())
        if name.split()[0] == command
        for action in below._actions
    ]


def unknown(command: str, text: str) -> set[str]:
    """Options in a text that a command does not take."""
    return set(OPTION.findall(text)).difference(*options(command))


def block_lines(page: str) -> list[str]:
    """What is given to testbed in a page's blocks, without what is said behind it."""
    lines = re.findall(r"^    (?:exec )?testbed (.*)$", PAGES[page], re.MULTILINE)
    typed = (re.split(r"\s{2,}|\s#", line)[0] for line in lines)
    return [command for line in typed for command in line.split(" && testbed ")]


def spans(page: str) -> list[str]:
    """Commands in the text of a page."""
    text = " ".join(PAGES[page].split())
    return re.findall(r"`testbed ([^`]+)`", text)


def test_the_scenario_is_the_file() -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert shown == (SCENARIOS / "uart_kill.py").read_text()


def test_every_command_is_in_the_table() -> None:
    shown = set(re.findall(r"^\| `testbed ([\w-]+)", README, re.MULTILINE))
    assert shown == {name.split()[0] for name, _ in commands(parser())}


def test_who_takes_a_board_is_told() -> None:
    (told,) = re.findall(r"`--board NAME` goes with (.*?);", " ".join(README.split()))
    names = [name for name, _ in commands(parser()) if " " not in name]
    taking = {name for name in names if {"--board"} in options(name)}
    assert set(re.findall(r"`([\w-]+)`", told)) == taking


def test_every_scenario_is_in_the_table() -> None:
    for path in SCENARIOS.glob("*.py"):
        assert f"`{scenario_name(path)}`" in README, f"{path.name} is not in the README"


def test_scenarios_of_one_board_are_counted() -> None:
    (count,) = re.findall(r"Every scenario but (\w+) runs on both", README)
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    assert words.index(count) == sum(bool(file.boards()) for file in all_scenarios())


def test_every_field_of_a_verdict_is_told() -> None:
    (table,) = re.findall(
        r"^A verdict in JSON:\n\n(.*?)\n\n", PAGES["reports.md"], re.DOTALL | re.MULTILINE
    )
    names = " ".join(row.split("|")[1] for row in table.splitlines())
    fields = {field.name for field in dataclasses.fields(Verdict)}
    assert set(re.findall(r"`(\w+)`", names)) == fields


def test_every_page_is_named() -> None:
    assert [page for page in PAGES if page != "README.md" and f"docs/{page}" not in README] == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_blocks_can_be_typed(page: str) -> None:
    for line in block_lines(page):
        try:
            parser().parse_args(shlex.split(line))
        except Wrong as error:
            pytest.fail(f"{page}: testbed {line}: {error}")


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_the_text_have_these_options(page: str) -> None:
    names = {name for name, _ in commands(parser())}
    for span in spans(page):
        command = span.split()[0]
        assert set(command.split("|")) <= names | {"COMMAND"}, f"{page}: testbed {span}"
        assert not unknown(command, span), f"{page}: testbed {span}"


def test_options_in_the_table_are_the_commands_own() -> None:
    for command, row in re.findall(r"^\| `testbed ([\w-]+)(.*)$", README, re.MULTILINE):
        assert not unknown(command, row), f"testbed {command}"


@pytest.mark.parametrize("command", [name for name, _ in commands(parser()) if " " not in name])
def test_every_option_is_told_somewhere(command: str) -> None:
    told = {"--help", *OPTION.findall(" ".join(PAGES.values()))}
    assert [names for names in options(command) if names and not names & told] == []

# SPDX-License-Identifier: MIT
"""How a scenario's own model goes into a template's name: all it is made of, and no more."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.machine.model_content import Indescribable, model_content, sources
from testbed.remoteport.device import Device
from testbed.scenario.process import load

SCENARIO = """
import re
from models.ns16550a import Ns16550a
from testbed.scenario import Scenario
{imports}

NAME = "{name}"
KINDS = frozenset({{"a", "b", "c", "d"}})

class Mine({base}):
    pass

def made(*, depth=2):
    return made(depth=depth - 1) if depth else Mine(NAME)

class Own(Scenario):
    def models(self):
        {local}
        return {{"/soc/x": {make}}}

    def test(self):
        pass
"""
HELPER = """
from models.ns16550a import Ns16550a

class Base(Ns16550a):
    ANSWER = {answer}
"""


class Written:
    """Scenarios in files, each with a helper beside it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._count = 0

    def content(
        self,
        make: str = "lambda _: Mine(NAME)",
        *,
        name: str = "uart",
        base: str = "Ns16550a",
        imports: str = "",
        local: str = "",
        answer: int = 1,
    ) -> list[Any]:
        """What a scenario's model is named by, read as in a process of its own."""
        self._count += 1
        folder = self._folder / f"scenarios{self._count}"
        folder.mkdir()
        (folder / "helper_of_test.py").write_text(HELPER.format(answer=answer))
        file = folder / "own.py"
        file.write_text(
            SCENARIO.format(make=make, name=name, base=base, imports=imports, local=local)
        )
        self._monkeypatch.syspath_prepend(folder)
        sys.modules.pop("helper_of_test", None)
        models: Callable[[Any], dict[str, Callable[..., Device]]] = load(file).models
        return model_content(models(None)["/soc/x"])


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    yield Written(tmp_path, monkeypatch)
    sys.modules.pop("helper_of_test", None)


def test_sources_of_machine_and_models_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("testbed.machine.model_content.PROJECT", tmp_path)
    found = [sources.__wrapped__()]
    for number, name in enumerate(("models/x.py", "models/sub/y.py", "testbed/machine/z.py")):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"number = {number}\n")
        found.append(sources.__wrapped__())
    (tmp_path / "testbed" / "cli").mkdir()
    (tmp_path / "testbed" / "cli" / "other.py").write_text("")
    assert sources.__wrapped__() == found[-1], "it makes no machine"
    assert len(set(found)) == 4


def test_equal_scenarios_are_one(written: Written) -> None:
    assert written.content() == written.content()


def test_the_scenario_is_in_it(written: Written) -> None:
    assert written.content() != written.content(name="other")


HELPED = {"base": "Base", "imports": "from helper_of_test import Base"}


def test_what_its_class_is_derived_from_is_in_it(written: Written) -> None:
    def answers(answer: int, make: str) -> list[Any]:
        return written.content(make, answer=answer, **HELPED)

    for make in (
        "lambda _: Mine(NAME)",
        "lambda _: made()",
        "lambda _: (lambda: Mine(NAME))()",
        "lambda _: [Mine(name) for name in KINDS][0]",
    ):
        assert answers(1, make) == answers(1, make), make
        assert answers(1, make) != answers(2, make), make


def test_module_that_it_names_is_in_it(written: Written) -> None:
    def answers(answer: int) -> list[Any]:
        make = "lambda _: helper_of_test.Base(NAME)"
        return written.content(make, answer=answer, imports="import helper_of_test")

    assert answers(1) == answers(1)
    assert answers(1) != answers(2)


def test_what_it_was_given_is_in_it(written: Written) -> None:
    def given(local: str) -> list[Any]:
        return written.content("lambda _: Mine(value)", local=f"value = {local}")[3]

    values = ('"a"', "b'a'", "1", "1.5", "None", "range(3)", "re.compile('x')", "{1: 2}", "[1]")
    found = [given(value) for value in values]
    assert found == [given(value) for value in values]
    assert all(found.count(one) == 1 for one in found)


@pytest.mark.parametrize("arguments", ["_, given=value", "_, *, given=value"])
def test_defaults_of_its_arguments_are_in_it(written: Written, arguments: str) -> None:
    def given(value: int) -> list[Any]:
        return written.content(f"lambda {arguments}: Mine(given)", local=f"value = {value}")[3]

    assert given(1) == given(1) != given(2)


def test_order_of_a_set_is_not(written: Written) -> None:
    def given(numbers: str) -> list[Any]:
        return written.content("lambda _: Mine(value)", local=f"value = frozenset({numbers})")[3]

    assert list(frozenset((0, 8))) != list(frozenset((8, 0))), "they tell nothing"
    assert given("(0, 8)") == given("(8, 0)") != given("(0, 9)")


def test_file_that_it_names_is_in_it(written: Written, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    local = f"value = {str(disk)!r}"

    def content() -> list[Any]:
        return written.content("lambda _: Mine(value)", local=local)[3]

    without = content()
    disk.write_bytes(b"one")
    with_one = content()
    assert with_one == content()
    os.utime(disk, ns=(1, 1))
    assert len({str(each) for each in (without, with_one, content())}) == 3


@pytest.mark.parametrize(
    ("make", "said"),
    [
        ("lambda _: Mine(value)", "are made with <testbed.deadline"),
        ("value", "are made by Deadlines"),
        ("Mine", "are made by types"),
    ],
)
def test_what_says_nothing_of_itself_is_refused(written: Written, make: str, said: str) -> None:
    imports = "from testbed.deadline import Deadline"
    with pytest.raises(Indescribable, match=said):
        written.content(make, imports=imports, local="value = Deadline(1)")

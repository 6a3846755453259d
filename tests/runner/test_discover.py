# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import pytest

from testbed.paths import SCENARIOS
from testbed.runner.discover import ScenarioFile, UsageError, all_scenarios, find


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of scenarios in the current one."""
    monkeypatch.chdir(tmp_path)
    for name in ("mine/b_two.py", "mine/sub/a_one.py", "mine/_helper.py", "mine/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('"""First line.\n\nMore."""\nraise SystemExit("never run to be listed")\n')
    return tmp_path / "mine"


def test_names_are_those_of_the_projects_scenarios() -> None:
    assert find(["uart-kill", "uart"], "e500") == [
        ScenarioFile("uart-kill", SCENARIOS / "uart_kill.py"),
        ScenarioFile("uart", SCENARIOS / "uart.py"),
    ]


def test_a_file_is_a_scenario_wherever_it_is(folder: Path) -> None:
    assert find(["mine/b_two.py"], "e500") == [ScenarioFile("b-two", folder / "b_two.py")]
    assert find(["mine/_helper.py"], "e500")[0].path == folder / "_helper.py"


def test_a_folder_is_the_scenarios_below_it_by_name(folder: Path) -> None:
    assert find(["mine"], "e500") == [
        ScenarioFile("a-one", folder / "sub/a_one.py"),
        ScenarioFile("b-two", folder / "b_two.py"),
    ]


def test_a_folder_without_scenarios_is_an_error(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(UsageError, match="no scenario files in mine/empty"):
        find(["uart", "mine/empty"], "e500")


def test_what_is_unknown_is_answered_with_what_is_known(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find(["uart", "no-such"], "e500")
    message = str(caught.value)
    assert message.startswith("no scenario 'no-such': neither a file nor one of ")
    for scenario in all_scenarios():
        assert scenario.name in message
    assert "\n" not in message


def test_its_boards_are_what_its_class_says(folder: Path) -> None:
    file = folder / "b_two.py"
    file.write_text(
        "boards = ('other',)\nclass Two:\n    boards = ('e500',)\n"
        "    def test(self):\n        boards = ('arm-virt',)\n"
    )
    assert ScenarioFile("b-two", file).boards() == ("e500",)


def test_a_scenario_is_summed_up_by_its_first_line_without_running_it(folder: Path) -> None:
    assert ScenarioFile("b-two", folder / "b_two.py").summary() == "First line."


@pytest.mark.parametrize("content", [b"def (", b"\xff\xfe", b"x = '\0'"])
def test_a_broken_file_is_listed_all_the_same(folder: Path, content: bytes) -> None:
    path = folder / "broken.py"
    path.write_bytes(content)
    assert ScenarioFile("broken", path).summary().startswith("cannot be read: ")


def test_every_scenario_of_the_project_says_what_it_is_about() -> None:
    scenarios = all_scenarios()
    assert {"uart", "uart-exposed", "uart-kill", "uart-early-irq"} <= {s.name for s in scenarios}
    assert all(s.summary().endswith(".") for s in scenarios)


def test_some_scenarios_are_for_some_boards(folder: Path) -> None:
    (folder / "c_three.py").write_text('class Three:\n    boards = ("e500", "other")\n')
    assert [file.name for file in find(["mine"], "e500")] == ["a-one", "b-two", "c-three"]
    assert [file.name for file in find(["mine"], "arm-virt")] == ["a-one", "b-two"]
    with pytest.raises(UsageError, match="c-three is for e500 and other, not for arm-virt"):
        find(["mine/c_three.py"], "arm-virt")
    (three,) = find(["mine/c_three.py"], "other")
    assert three.boards() == ("e500", "other")


def test_a_folder_with_none_for_the_board_is_an_error(folder: Path) -> None:
    for path in folder.rglob("*.py"):
        path.write_text('class Other:\n    boards = ("other",)\n')
    with pytest.raises(UsageError, match="no scenario in mine is for e500"):
        find(["uart", "mine"], "e500")


def test_boards_that_only_running_it_tells_are_every_one(folder: Path) -> None:
    (folder / "named.py").write_text('A = "e500"\nclass Named:\n    boards = (A,)\n')
    assert [file.name for file in find(["mine/named.py"], "arm-virt")] == ["named"]


def test_a_name_that_no_file_can_have_is_an_error(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot look at x+: File name too long"):
        find(["x" * 300], "e500")


def test_what_cannot_be_read_is_for_every_board(folder: Path) -> None:
    (folder / "broken.py").write_text("class:")
    assert [file.name for file in find(["mine/broken.py"], "e500")] == ["broken"]


@pytest.mark.parametrize(
    ("line", "maker"),
    [
        ('guest_tree = "qemu"', "qemu"),
        ('guest_tree: ClassVar[TreeMaker | None] = "qemu"', "qemu"),
        ('guest_tree = "testbed"', "testbed"),
        ("guest_tree: TreeMaker", None),
        ("guest_tree = 7", None),
        ('boards = ("qemu",)', None),
    ],
)
def test_who_makes_the_trees_is_read_without_running_it(
    folder: Path, line: str, maker: str | None
) -> None:
    path = folder / "d_four.py"
    path.write_text(f'raise SystemExit("not run")\nclass Four:\n    {line}\n')
    assert ScenarioFile("d-four", path).guest_tree() == maker


def test_what_cannot_be_read_leaves_the_trees_to_the_person(folder: Path) -> None:
    (folder / "broken.py").write_text("class:")
    assert ScenarioFile("broken", folder / "broken.py").guest_tree() is None

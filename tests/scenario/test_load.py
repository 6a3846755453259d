# SPDX-License-Identifier: MIT
from __future__ import annotations

import sys
from pathlib import Path

import pytest

from testbed.errors import Stage, TestbedError
from testbed.paths import SCENARIOS
from testbed.scenario.process import load

WHOLE = """
from testbed.scenario import Scenario
class Mine(Scenario):
    def test(self):
        pass
"""


def refused(path: Path, content: str | bytes) -> str:
    """What is said of a file that holds `content`."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TestbedError) as caught:
        load(path)
    assert caught.value.stage is Stage.INFRASTRUCTURE
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path / "my_scenario.py"


def test_a_scenario_file_is_its_class(path: Path) -> None:
    path.write_text(WHOLE)
    assert load(path).__name__ == "Mine"


def test_what_lies_beside_it_can_be_imported(path: Path) -> None:
    package = path.parent / "package_beside"
    package.mkdir()
    (package / "low.py").write_text("WORD = 'low'\n")
    (path.parent / "module_beside.py").write_text("from package_beside.low import WORD\n")
    (path.parent / "json.py").write_text("raise ValueError('not this one')\n")
    path.write_text("import json\nfrom module_beside import WORD\n" + WHOLE)
    assert sys.modules[load(path).__module__].WORD == "low"


def test_every_scenario_of_the_project_loads() -> None:
    for file in sorted(SCENARIOS.rglob("*.py")):
        assert callable(load(file).test), file  # type: ignore[attr-defined]


def test_a_file_named_as_a_module_does_not_replace_it(tmp_path: Path) -> None:
    path = tmp_path / "json.py"
    path.write_text(WHOLE)
    import json

    load(path)
    assert sys.modules["json"] is json


def test_a_base_class_from_elsewhere_does_not_count(path: Path, tmp_path: Path) -> None:
    path.write_text("from testbed.scenario import Scenario as S\n" + WHOLE)
    assert load(path).__name__ == "Mine"


def test_a_syntax_error_is_named_with_its_line(path: Path) -> None:
    message = refused(path, "x = 1\nclass (:\n")
    assert message == f"{path}:2 is not valid Python: invalid syntax"


def test_a_syntax_error_of_a_module_is_that_modules(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_broken_helper.py").write_text("\n\n\ndef\n")
    monkeypatch.syspath_prepend(tmp_path)
    message = refused(path, "import my_broken_helper\n")
    assert message.startswith(f"{tmp_path}/my_broken_helper.py:4 is not valid Python: ")


@pytest.mark.parametrize("content", [b"x = '\xff'\n", b"x = '\0'\n"], ids=["encoding", "NUL"])
def test_a_file_that_is_no_text_is_named(path: Path, content: bytes) -> None:
    assert str(path) in refused(path, content)


def test_an_import_that_fails_is_named(path: Path) -> None:
    assert refused(path, "import no_such_module") == (
        f"loading {path} failed: ModuleNotFoundError: No module named 'no_such_module'"
    )


def test_an_error_of_many_lines_is_told_in_one(path: Path) -> None:
    message = refused(path, 'raise RuntimeError("one\\n  two")')
    assert message == f"loading {path} failed: RuntimeError: one two"


def test_a_file_without_a_scenario_is_refused(path: Path) -> None:
    message = refused(path, "from testbed.scenario import Scenario\n")
    assert message.startswith(f"{path} holds 0 scenario classes; a scenario file holds one class")


def test_a_file_of_two_scenarios_is_refused(path: Path) -> None:
    second = WHOLE + "class Other(Scenario):\n    def test(self): pass\n"
    assert refused(path, second).startswith(f"{path} holds 2 scenario classes; ")


def test_a_scenario_without_a_test_is_refused(path: Path) -> None:
    message = refused(path, WHOLE.replace("def test(", "def tset("))
    assert message == f"scenario Mine in {path} has no method 'test'"


def test_what_is_no_python_file_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "notes.txt", "hello") == f"{tmp_path}/notes.txt is not a Python file"

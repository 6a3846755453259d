# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_rig import Browser


@pytest.fixture(scope="session")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.quit()


@pytest.fixture
def browser(one_browser: Browser) -> Iterator[Browser]:
    """It has shown nothing yet; a page that asks a network or breaks fails the test."""
    one_browser.forget()
    yield one_browser
    assert one_browser.errors() == []
    assert one_browser.requests() == []


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "run" / "report.html"

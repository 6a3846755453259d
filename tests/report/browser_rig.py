# SPDX-License-Identifier: MIT
"""Debian's Chromium without a window, as people's browsers show a page."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from testbed.process import die_with_parent

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
_SECONDS = 60
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # as root, in containers; it only opens pages made here
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
    "--remote-debugging-pipe",  # which ends with the driver, and the browser with that
)
_OWN = ("file:", "data:", "blob:", "chrome:", "about:")


class Browser:
    """One browser; `folder` is empty and becomes its profile."""

    def __init__(self, folder: Path) -> None:
        for program in (CHROMIUM, DRIVER):
            assert Path(program).exists(), f"{program} is missing: ci/packages --checks installs it"
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in (*_ARGUMENTS, f"--user-data-dir={folder}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        parent = os.getpid()
        # A driver that is named is not looked for elsewhere.
        service = Service(DRIVER, popen_kw={"preexec_fn": lambda: die_with_parent(parent)})
        self._driver = webdriver.Chrome(options=options, service=service)

    def quit(self) -> None:
        self._driver.quit()

    def forget(self) -> None:
        """Show nothing, in light colours, and drop what was logged."""
        self._driver.get("about:blank")
        self.prefer("light")
        self.errors()
        self.requests()

    def open(self, page: Path) -> None:
        self._driver.get(page.as_uri())

    def prefer(self, colours: str) -> None:
        """Be of a person who wants "light" or "dark" pages."""
        media = {"features": [{"name": "prefers-color-scheme", "value": colours}]}
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)

    def errors(self) -> list[str]:
        """Everything on the browser's console since the last time."""
        return [entry["message"] for entry in self._driver.get_log("browser")]

    def requests(self) -> list[str]:
        """What was asked of any network since the last time."""
        found = []
        for entry in self._driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return [url for url in found if not url.startswith(_OWN)]

    def run(self, script: str, *arguments: object) -> Any:
        """What a JavaScript function with this body returns."""
        return self._driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        return self._driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self._driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def texts(self, selector: str) -> list[str]:
        return list(
            self.run(
                "return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText)",
                selector,
            )
        )

    def wait_until(self, script: str, *arguments: object) -> None:
        """Until a JavaScript expression is true: pages draw when the browser asks them to."""
        WebDriverWait(self._driver, _SECONDS, poll_frequency=0.02).until(
            lambda _: self.run(f"return {script}", *arguments), f"in vain for {script}"
        )

    def unnamed(self) -> list[str]:
        """What can be reached with the keyboard, or is an image, and has no name for a reader."""
        nodes = self._driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        return [
            node["role"]["value"]
            for node in nodes
            if not node["ignored"]
            and (_focusable(node) or node["role"]["value"] in ("image", "img", "table"))
            and not node.get("name", {}).get("value", "").strip()
        ]

    def in_frame(self, selector: str) -> None:
        self._driver.switch_to.frame(self.find(selector))

    def out_of_frame(self) -> None:
        self._driver.switch_to.default_content()

    def back(self) -> None:
        self._driver.back()

    def screenshot(self, path: Path) -> None:
        self._driver.save_screenshot(str(path))


def _focusable(node: dict[str, Any]) -> bool:
    properties = {each["name"]: each["value"].get("value") for each in node.get("properties", ())}
    return bool(properties.get("focusable")) and node["role"]["value"] != "RootWebArea"

"""A real headless Chromium for tests of the page: Debian's, since no browser can be downloaded where the suite runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome")


def executable() -> str:
    """The browser's path. Installed where that can be done; else the error says what to do."""
    return installed(NAMES, "chromium")


def installed(names: Sequence[str], *packages: str) -> str:
    """The path of the first of these programs; Debian's packages are installed where none is there and root may."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
            subprocess.run(["apt-get", *words], env=environment, stdout=subprocess.DEVNULL, check=False)
        found = next(filter(None, map(shutil.which, names)), None)
    assert found, f"the tests of the page need {names[0]}: apt-get install {' '.join(packages)}"
    return found


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser with an empty profile of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()

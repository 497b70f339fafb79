"""Takes the picture of `rlm view` that the README shows: `python -m tests.make_picture`. Look at it.

The run is real: `rlm ask` over this package with a scripted model that writes the cells below, kept in a folder of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import FLAGS, executable
from tests.server import ScriptedServer

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docs" / "view.png"
QUESTION = "which layers keep a cell from the network, and where are they switched on?"
CELLS = [
    """I look for the words first.
```repl
# find where the network is named
hits = grep(r"network|seccomp|landlock", ignore_case=True)
print(len(hits))
print(hits[:12])
```""",
    """Each file that names a layer is read by a sub-model.
```repl
# ask each file which layer it switches on
wanted = sorted({hit.path for hit in hits if "sandbox" in hit.path})[:12]
notes = llm_query_batched([f"{path}: which layer is switched on here?" for path in wanted], [files[path] for path in wanted])
for path, note in zip(wanted, notes):
    print(path, "->", note)
```""",
    """```repl
# cite the places and submit
places = {}
for name in ("seccomp", "network_namespace", "landlock"):
    places[name] = cite(grep(f"def _{name}", files["rlm_cli/sandbox/confine.py"])[0])
FINAL(f'''Three layers stand between a cell and the network.

- A **seccomp** filter refuses the calls that open sockets {places["seccomp"]}.
- A **network namespace** of its own leads nowhere {places["network_namespace"]}.
- **Landlock** takes away files, and ports where the kernel knows them {places["landlock"]}.''')
```""",
]


def ask(folder: Path) -> Path:
    """The page of a run over the package."""
    left = iter(CELLS)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "RLM_HOME": str(folder / "rlm"),
        "OPENAI_API_KEY": "x",
    }
    rlm = [sys.executable, "-m", "rlm_cli"]
    reply = "It installs the filter in `enter`, before any cell is read; nothing here opens a socket."
    with ScriptedServer(lambda asked: next(left) if asked.model == "root" else reply) as server:
        models = ["-m", "openai/root", "-s", "openai/sub", "--api-base", server.url]
        words = ["ask", "rlm_cli", QUESTION, *models, "--strategy", "rlm", "-q"]
        subprocess.run([*rlm, *words], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    page = folder / "run.html"
    subprocess.run([*rlm, "view", "-o", str(page)], cwd=ROOT, env=environment, check=True)
    return page


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        address = ask(Path(folder)).as_uri()
        browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 640}, color_scheme="light")
        page.goto(address)
        page.locator(".markdown").wait_for()
        page.keyboard.press("e")
        TARGET.parent.mkdir(exist_ok=True)
        page.screenshot(path=TARGET)
        browser.close()
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()

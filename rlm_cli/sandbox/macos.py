"""macOS: a worker under `sandbox-exec`. Written after Apple's profiles as Chromium uses them; not tested on a Mac.

There is no seccomp and no Landlock there. The profile denies everything but reading the interpreter and this package,
so that imports work; it is in force from the first instruction of the worker on, not only after its imports.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

LAYER = "sandbox-exec"


def command(inner: Sequence[str], readable: Sequence[str]) -> list[str]:
    """`inner` under a profile that may read `readable`; as it is where there is no `sandbox-exec`."""
    program = shutil.which("sandbox-exec")
    return list(inner) if program is None else [program, "-p", profile(readable), *inner]


def profile(readable: Sequence[str]) -> str:
    """The profile, in its language (a Lisp): what is not named is denied."""
    interpreter = {
        sys.prefix,
        sys.base_prefix,
        sysconfig.get_paths()["stdlib"],
        str(Path(sys.executable).resolve().parent),
    }
    folders = sorted({*interpreter, *readable, "/usr/lib", "/System/Library", "/Library/Frameworks/Python.framework"})
    allowed = "\n".join(f"  (subpath {_quoted(folder)})" for folder in folders)
    return f"""(version 1)
(deny default)
(allow process-exec (literal {_quoted(sys.executable)}) (literal {_quoted(str(Path(sys.executable).resolve()))}))
(allow file-read*
{allowed}
  (literal "/dev/null") (literal "/dev/urandom"))
(allow file-read-metadata)
(allow sysctl-read)
(deny process-fork)
(deny network*)
(deny file-write*)
"""


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'

"""Where rlm keeps things: configuration, state (runs) and cache.

`$RLM_HOME` first, then the XDG directories, on macOS too: people look for the files of a command-line tool in
`~/.config`, not in `~/Library`. Looking a place up creates nothing; whoever writes first makes it, 0700 and 0600.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """The three directories. Under `$RLM_HOME` configuration and state are one, with the cache below."""

    config: Path
    state: Path
    cache: Path

    @property
    def config_file(self) -> Path:
        return self.config / "config.toml"

    @property
    def keys_file(self) -> Path:
        return self.config / "keys.toml"

    @property
    def runs(self) -> Path:
        return self.state / "runs"

    @property
    def memo(self) -> Path:
        """The replies to sub-calls that are remembered (sqlite)."""
        return self.cache / "memo.sqlite"

    @property
    def texts(self) -> Path:
        """Decoded and unpacked input, and what came through a pipe."""
        return self.cache / "text"

    @property
    def model_names(self) -> Path:
        """One model name a line, for completion in shells."""
        return self.cache / "models.txt"


def places() -> Places:
    """The directories that this process's environment asks for."""
    if home := os.environ.get("RLM_HOME"):
        # As the shell: what names no user stays as it is. `Path.expanduser` raises there.
        base = Path(os.path.expanduser(home)).absolute()
        return Places(config=base, state=base, cache=base / "cache")
    from platformdirs.unix import Unix

    unix = Unix("rlm")
    return Places(Path(unix.user_config_dir), Path(unix.user_state_dir), Path(unix.user_cache_dir))


def shown(path: Path) -> str:
    """A path as people write it, with `~` for the home directory."""
    with contextlib.suppress(ValueError, RuntimeError):
        return str(Path("~") / path.relative_to(Path.home()))
    return str(path)


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole, readable by its owner alone from its first moment. Raises OSError.

    A link is followed, since people keep their configuration in a repository and link to it.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise

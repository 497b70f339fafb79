"""The user's TOML files, config.toml and keys.toml: read with one sentence for whatever is wrong, changed with their
comments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlm_cli import named_files
from rlm_cli.errors import UsageError
from rlm_cli.places import shown, write_private
from rlm_cli.terminal import one_line


def read(path: Path) -> dict[str, Any]:
    """What the file holds, nothing where there is none. Raises UsageError."""
    import tomllib

    try:
        return tomllib.loads(_text(path))
    except RecursionError:
        raise UsageError(f"{shown(path)} is nested too deeply to be read", "Mend it by hand.") from None
    except ValueError as error:  # not TOML, not UTF-8, or a number of thousands of digits
        raise UsageError(f"{shown(path)} is not valid TOML: {one_line(str(error))}", "Mend it by hand.") from None


def document(path: Path) -> Any:
    """The same to be changed: with its comments, in its order. A file that cannot be read is never replaced."""
    import tomlkit

    read(path)
    try:
        return tomlkit.parse(_text(path))
    except (ValueError, RecursionError) as error:  # it takes less than Python's reader, such as 100 levels of a key
        raise UsageError(f"{shown(path)} cannot be changed: {one_line(str(error))}", "Mend it by hand.") from None


def write(path: Path, changed: Any) -> None:
    """Replace the file by a changed document, readable by its owner alone. Raises UsageError."""
    import tomlkit

    try:
        write_private(path, tomlkit.dumps(changed))
    except OSError as error:
        raise UsageError(f"cannot write {shown(path)}: {error.strerror}") from None


def _text(path: Path) -> str:
    try:
        return named_files.read(path).decode("utf-8")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UsageError(f"cannot read {shown(path)}: {error.strerror}") from None

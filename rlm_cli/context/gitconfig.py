"""The few settings of git that decide which files it ignores, read from its configuration files.

Git itself is never run: it need not be installed, and the configuration of an unknown repository can name programs that
git would start.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from rlm_cli.context.wildmatch import translate

_SECTION = re.compile(rb'\s*\[\s*([A-Za-z0-9.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]', re.DOTALL)
_KEY = re.compile(rb"\s*([A-Za-z][A-Za-z0-9-]*)[ \t]*(=?)")
_ESCAPES = {0x6E: 10, 0x74: 9, 0x62: 8, 0x22: 0x22, 0x5C: 0x5C}
_DEEPEST_INCLUDE = 10  # as in git
_LARGEST = 1 << 24

Settings = dict[bytes, bytes]


def _value(data: bytes, at: int) -> tuple[bytes, int]:
    """The value that starts at `at`, and where its line ends. Quotes, escapes, comments, continued lines as in git."""
    out = bytearray()
    kept, quoted = 0, False
    while at < len(data) and (quoted or data[at] != 10):
        char = data[at]
        at += 1
        if char == 0x5C and at < len(data):
            following = data[at]
            at += 1
            if following == 10 or data[at - 1 : at + 1] == b"\r\n":
                at += following != 10
                continue
            out.append(_ESCAPES.get(following, following))
            kept = len(out)
        elif char == 0x22:
            quoted = not quoted
            kept = len(out)
        elif char in b"#;" and not quoted:
            at = data.find(b"\n", at)
            at = len(data) if at < 0 else at
        else:
            if not out and not quoted and char in b" \t":
                continue
            out.append(char)
            if quoted or char not in b" \t\r":
                kept = len(out)
    return bytes(out[:kept]), at


def parse(data: bytes) -> list[tuple[bytes, bytes]]:
    """All settings in order, as (section.subsection.key, value); section and key in lower case."""
    settings: list[tuple[bytes, bytes]] = []
    section = b""
    at = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    while at < len(data):
        if data[at] in b" \t\r\n":
            at += 1
        elif data[at] in b"#;":
            end = data.find(b"\n", at)
            at = len(data) if end < 0 else end
        elif found := _SECTION.match(data, at):
            section = found[1].lower()
            if found[2] is not None:
                section += b"." + re.sub(rb"\\(.)", rb"\1", found[2])
            at = found.end()
        elif found := _KEY.match(data, at):
            at = found.end()
            value, at = _value(data, at) if found[2] else (b"true", at)
            settings.append((section + b"." + found[1].lower(), value))
        else:  # not a configuration file that git would take
            break
    return settings


def expand(path: bytes, base: bytes) -> bytes:
    """A path of a configuration file: `~` is a home; relative ones start at the directory `base`."""
    if path.startswith(b"~"):
        path = os.path.expanduser(path)
    return os.path.join(base, path)


def _read(path: bytes) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_LARGEST)
    except (OSError, ValueError):
        return b""


def _applies(condition: bytes, git_dir: bytes, config: bytes) -> bool:
    """Whether `includeIf.CONDITION` holds: `gitdir:`, `gitdir/i:` and `onbranch:`."""
    kind, _, pattern = condition.partition(b":")
    if kind in (b"gitdir", b"gitdir/i"):
        if pattern.startswith(b"./"):
            pattern = os.path.dirname(os.path.realpath(config)) + pattern[1:]
        elif pattern.startswith(b"~/"):
            pattern = os.path.expanduser(pattern)
        elif not pattern.startswith(b"/"):
            pattern = b"**/" + pattern
        subject = git_dir
    elif kind == b"onbranch":
        head = _read(os.path.join(git_dir, b"HEAD")).strip()
        if not head.startswith(b"ref: refs/heads/"):
            return False
        subject = head.removeprefix(b"ref: refs/heads/")
    else:
        return False
    if pattern.endswith(b"/"):
        pattern += b"**"
    expression = translate(pattern, path=True, fold=kind.endswith(b"/i"))
    return expression is not None and re.fullmatch(expression.encode("latin-1"), subject, re.DOTALL) is not None


def load(path: bytes, git_dir: bytes, into: Settings, depth: int = 0) -> None:
    """Add the settings of the file at `path`, and of those it includes, to `into`; later ones win."""
    for key, value in parse(_read(path)):
        condition = key.removeprefix(b"includeif.").removesuffix(b".path") if key.startswith(b"includeif.") else None
        included = key == b"include.path" or (
            condition is not None and key.endswith(b".path") and _applies(condition, git_dir, path)
        )
        if included and depth < _DEEPEST_INCLUDE:
            load(expand(value, os.path.dirname(path)), git_dir, into, depth + 1)
        into[key] = value


def settings_for(git_dir: bytes, common_dir: bytes, environment: Mapping[bytes, bytes] | None = None) -> Settings:
    """Git's settings in force for a repository; with empty directories, those outside of any."""
    env = os.environb if environment is None else environment
    found: Settings = {}
    if env.get(b"GIT_CONFIG_NOSYSTEM", b"").lower() in (b"", b"0", b"false", b"no", b"off"):
        load(env.get(b"GIT_CONFIG_SYSTEM", b"/etc/gitconfig"), git_dir, found)
    if b"GIT_CONFIG_GLOBAL" in env:
        load(env[b"GIT_CONFIG_GLOBAL"], git_dir, found)
    else:
        load(os.path.join(config_home(env), b"git/config"), git_dir, found)
        load(os.path.join(env.get(b"HOME", b"/"), b".gitconfig"), git_dir, found)
    if git_dir:
        load(os.path.join(common_dir, b"config"), git_dir, found)
        if is_true(found.get(b"extensions.worktreeconfig", b"false")):
            load(os.path.join(git_dir, b"config.worktree"), git_dir, found)
    count = env.get(b"GIT_CONFIG_COUNT", b"0")
    for number in range(int(count) if count.isdigit() else 0):
        key, value = (env.get(b"GIT_CONFIG_%s_%d" % (word, number), b"") for word in (b"KEY", b"VALUE"))
        section, _, last = key.rpartition(b".")
        found[section.lower() + b"." + last.lower()] = value
    return found


def config_home(env: Mapping[bytes, bytes]) -> bytes:
    """The XDG configuration directory."""
    return env.get(b"XDG_CONFIG_HOME") or os.path.join(env.get(b"HOME", b"/"), b".config")


def is_true(value: bytes) -> bool:
    """A boolean as git reads it."""
    return value.lower() in (b"true", b"yes", b"on") or (value.isdigit() and int(value) != 0)

"""The files of a directory are those that git lists: `git ls-files -co --exclude-standard` is the oracle."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from rlm_cli.context.discovery import Found, Skipped, Walk
from rlm_cli.context.options import InputOptions

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is the oracle")

ALL = InputOptions(hidden=True, include_secrets=True)


@pytest.fixture(autouse=True)
def own_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and a git that knows no other configuration."""
    home = tmp_path / "home"
    home.mkdir()
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return home


def git(directory: Path | bytes, *arguments: str | bytes) -> bytes:
    return subprocess.run(["git", *arguments], cwd=directory, check=True, capture_output=True).stdout


def walked(directory: Path | bytes, options: InputOptions = ALL) -> list[bytes]:
    found = Found()
    root = os.fsencode(directory)
    Walk(found, Skipped(), options).run(root)
    return [path[len(root) + 1 :] for path in found.paths]


def listed(directory: Path | bytes) -> set[bytes]:
    """What git lists, less links, directories (repositories within) and files that are gone."""
    root = os.fsencode(directory)
    names = git(directory, "ls-files", "-co", "--exclude-standard", "-z").split(b"\0")
    return {name for name in names if name and os.path.isfile(p := os.path.join(root, name)) and not os.path.islink(p)}


def ignored(root: bytes, path: bytes) -> bool:
    """Whether a rule ignores the directory, tracked or not."""
    command = ["git", "check-ignore", "--no-index", "-z", "--stdin"]
    return bool(subprocess.run(command, cwd=root, input=path + b"\0", capture_output=True, check=False).stdout)


def tree(root: Path, files: dict[str, str] | Sequence[str]) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[name] if isinstance(files, dict) else "text\n")
    return root


# --- random trees --------------------------------------------------------------------------------------------------

NAMES = [
    *(b"a b c ab ba abc aa A B Ab a.c b.c ab.c a.b.c .a .b.c a- - ! !a #a a# [a] [ ] \\ a\\b foo foobar bar".split()),
    b"a b",
    b"a ",
    b" a",
    b"a\t",
    "é".encode(),
    b"\xff",
    b"a\nb",
    b"**",
    b"a*",
    b"?",
]
TOKENS = [
    *(
        b"a b c ab foo bar A . .c - ! # * ** *** ? / /** **/ a** **a \\! \\# \\a \\* \\\\ \\ [ab] [a-c] [a-] [-a]".split()
    ),
    *(b"[!a] [^a] []a] [!]a] [a [[:alpha:]] [[:upper:]] [[:bogus:]] [[:space:]] [a\\-c] [\\]] [/] [b-a] [--a]".split()),
    *(b"\xc3 \xff [\xc3\xa9] \\/ ] /*/ *.c [A-Z] [!A-Z] foo* *bar".split()),
    b" ",
    b"\\ ",
    b"\t",
    "é".encode(),
]


def pattern(rng: random.Random) -> bytes:
    kind = rng.random()
    if kind < 0.25:
        text = rng.choice(NAMES).replace(b"\n", b"")
    elif kind < 0.45:
        text = b"/".join(
            rng.choice([b"a", b"b", b"ab", b"foo", b"*", b"**", b"?", b"a*"]) for _ in range(rng.randint(2, 4))
        )
    else:
        text = b"".join(rng.choice(TOKENS) for _ in range(rng.randint(1, 5)))
    if rng.random() < 0.2:
        text = b"/" + text
    if rng.random() < 0.2:
        text += b"/"
    if rng.random() < 0.25:
        text = b"!" + text
    if rng.random() < 0.1:
        text += rng.choice([b" ", b"  ", b"\\ ", b" \\", b"\t", b"\\  "])
    return text


def patterns(rng: random.Random) -> bytes:
    lines = [pattern(rng) for _ in range(rng.randint(1, 6))]
    end = rng.choice([b"\n", b"\n", b"\n", b"\r\n"])
    data = end.join(lines) + (end if rng.random() < 0.7 else b"")
    return (b"\xef\xbb\xbf" if rng.random() < 0.1 else b"") + data


def grow(rng: random.Random, root: bytes, depth: int = 0) -> None:
    """Files and directories with names that the patterns play with."""
    for name in rng.sample(NAMES, rng.randint(2, 7)):
        path = os.path.join(root, name)
        if depth < 3 and rng.random() < 0.45:
            os.mkdir(path)
            grow(rng, path, depth + 1)
        else:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    if rng.random() < (0.9 if depth == 0 else 0.25):
        target = os.path.join(root, b".gitignore")
        if rng.random() < 0.03:
            os.symlink(b"a", target)
        else:
            with open(target, "wb") as file:
                file.write(patterns(rng))


def skeleton(root: bytes) -> None:
    """What `git init` makes, less the process."""
    for name in (b"objects", b"refs", b"info"):
        os.makedirs(os.path.join(root, b".git", name))
    for name, text in ((b"HEAD", b"ref: refs/heads/main\n"), (b"config", b"[core]\n\trepositoryformatversion = 0\n")):
        with open(os.path.join(root, b".git", name), "wb") as file:
            file.write(text)


def random_repository(rng: random.Random, root: bytes, home: Path) -> None:
    os.mkdir(root)
    grow(rng, root)
    skeleton(root)
    with open(os.path.join(root, b".git/config"), "ab") as config:
        fold = rng.random() < 0.15
        if fold:
            config.write(b"[core]\n\tignorecase = true\n")
        if rng.random() < 0.2:
            config.write(b'[core] excludesFile = "' + root + b'/../excludes" ; comment\n')
    with open(os.path.join(root, b"../excludes"), "wb") as file:
        file.write(patterns(rng))
    default = home / ".config/git/ignore"
    default.unlink(missing_ok=True)
    if rng.random() < 0.2:
        default.parent.mkdir(parents=True, exist_ok=True)
        default.write_bytes(patterns(rng))
    if rng.random() < 0.2:
        with open(os.path.join(root, b".git/info/exclude"), "wb") as file:
            file.write(patterns(rng))
    directories = [path for path, _, _ in os.walk(root) if b"/.git" not in path and path != root]
    if directories and rng.random() < 0.2:
        skeleton(rng.choice(directories))
    if rng.random() < 0.3 and not fold:  # names that differ by case alone cannot be on a disk that folds case
        files = [os.path.join(p, n) for p, _, names in os.walk(root) if b"/.git" not in p for n in names]
        tracked = rng.sample(files, min(3, len(files)))
        subprocess.run(
            ["git", "--literal-pathspecs", "add", "-f", "--", *tracked], cwd=root, check=False, capture_output=True
        )
        if rng.random() < 0.3:
            git(root, "update-index", "--index-version", "4")


@pytest.mark.parametrize("block", range(6))
def test_the_set_equals_gits_on_random_trees(block: int, tmp_path: Path, own_git: Path) -> None:
    for seed in range(block * 50, block * 50 + 50):
        rng = random.Random(seed)
        root = os.path.join(os.fsencode(tmp_path), b"%d" % seed)
        random_repository(rng, root, own_git)
        places = [root]
        listing = listed(root)
        entered = sorted({os.path.dirname(name) for name in listing} - {b""})
        if entered:
            below = os.path.join(root, rng.choice(entered))
            if not ignored(root, below):  # an ignored directory that is named is read
                places.append(below)
        for place in places:
            ours, theirs = walked(place), listed(place)
            assert len(ours) == len(set(ours)), seed
            assert set(ours) == theirs, f"seed {seed}, {place!r}: ours {set(ours) - theirs}, git's {theirs - set(ours)}"
        shutil.rmtree(root)


# --- one promise each ----------------------------------------------------------------------------------------------


def names(directory: Path, **options: object) -> list[str]:
    return [os.fsdecode(name) for name in walked(directory, InputOptions(**options))]  # type: ignore[arg-type]


def test_files_of_a_directory_come_by_name_and_then_its_directories(tmp_path: Path) -> None:
    root = tree(tmp_path / "t", ["b/z", "b/c/y", "a/x", "z", "b.txt", "a.txt", "B"])
    assert names(root) == ["B", "a.txt", "b.txt", "z", "a/x", "b/z", "b/c/y"]
    assert names(root) == names(root)


def test_rules_hold_outside_of_a_repository_too(tmp_path: Path) -> None:
    root = tree(tmp_path / "t", {".gitignore": "*.log\n/b/*\n!/b/keep", "a.log": "", "a": "", "b/x": "", "b/keep": ""})
    assert names(root) == ["a", "b/keep"]


def test_a_repository_below_a_plain_directory_begins_anew(tmp_path: Path) -> None:
    root = tree(
        tmp_path / "t", {".gitignore": "*.log", "x.log": "", "r/.gitignore": "*.tmp", "r/y.log": "", "r/y.tmp": ""}
    )
    git(root / "r", "init", "-q")
    assert names(root) == ["r/y.log"]


def test_a_repository_within_a_repository_is_not_entered_but_read_when_named(tmp_path: Path) -> None:
    root = tree(tmp_path / "t", ["a", "inner/b"])
    for place in (root, root / "inner"):
        git(place, "init", "-q")
    skipped = Skipped()
    Walk(Found(), skipped, InputOptions()).run(os.fsencode(root))
    assert skipped.counts["nested repository"] == 1
    assert names(root) == ["a"]
    assert names(root / "inner") == ["b"]
    assert names(root, no_ignore=True) == ["a", "inner/b"]


def test_tracked_files_count_even_where_a_rule_ignores_them(tmp_path: Path) -> None:
    root = tree(
        tmp_path / "t", {".gitignore": "build/\n*.log", "build/kept": "", "build/other": "", "a.log": "", "b.log": ""}
    )
    git(root, "init", "-q")
    git(root, "add", "-f", "build/kept", "a.log")
    assert names(root) == ["a.log", "build/kept"]


def test_rules_of_the_repository_above_hold_below(tmp_path: Path) -> None:
    root = tree(
        tmp_path / "t", {".gitignore": "/a/b/*.log\nskip", "a/.gitignore": "*.tmp", "a/b/x.log": "", "a/b/x.tmp": ""}
    )
    tree(root, ["a/b/skip/z", "a/b/y"])
    git(root, "init", "-q")
    assert names(root / "a" / "b") == ["y"]


def test_an_ignored_directory_is_read_when_named(tmp_path: Path) -> None:
    root = tree(tmp_path / "t", {".gitignore": "build/\n*.log", "build/x": "", "build/x.log": ""})
    git(root, "init", "-q")
    assert names(root) == []
    assert names(root / "build") == ["x"]


def test_a_worktree_is_a_repository(tmp_path: Path) -> None:
    root = tree(tmp_path / "main", {".gitignore": "*.log", "a": ""})
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first")
    (root / ".git/info/exclude").write_text("*.tmp\n")
    git(root, "worktree", "add", "-q", str(tmp_path / "other"))
    other = tree(tmp_path / "other", ["b.log", "b.tmp", "c"])
    assert set(map(os.fsencode, names(other, hidden=True))) == listed(other) == {b"a", b"c", b".gitignore"}


def test_the_excludes_file_is_found_through_includes_and_conditions(tmp_path: Path, own_git: Path) -> None:
    root = tree(tmp_path / "work" / "t", ["a.one", "a.two", "a"])
    git(root, "init", "-q")
    (own_git / "mine").write_text("*.one\n")
    (own_git / ".gitconfig").write_text(f'[includeIf "gitdir:{tmp_path}/work/"]\n  path = more.inc ; as git does\n')
    (own_git / "more.inc").write_text('[core]\n  excludesFile = "~/\\\n' + 'mine" # continued\n')
    assert set(map(os.fsencode, names(root))) == listed(root) == {b"a", b"a.two"}


def test_ignore_files_of_ours_come_before_gits(tmp_path: Path) -> None:
    root = tree(tmp_path / "t", {".gitignore": "*.log\n*.out", ".ignore": "!*.log\nx", ".rlmignore": "b.log\n!x"})
    tree(root, ["a.log", "b.log", "c.out", "x"])
    git(root, "init", "-q")
    assert names(root) == ["a.log", "x"]
    assert names(root, no_ignore=True) == ["a.log", "b.log", "c.out", "x"]


def test_hidden_files_stay_out_unless_asked_and_git_itself_always(tmp_path: Path) -> None:
    root = tree(tmp_path / "t", ["a", ".hidden", ".github/ci.yml", "sub/.x", ".git/config"])
    assert names(root) == ["a"]
    assert names(root, hidden=True) == [".hidden", "a", ".github/ci.yml", "sub/.x"]


def test_links_are_not_followed_and_loops_end(tmp_path: Path) -> None:
    root = tree(tmp_path / "t", ["a", "d/b"])
    (root / "d" / "up").symlink_to(root)
    (root / "out").symlink_to("/etc")
    (root / "self").symlink_to("self")
    skipped = Skipped()
    found = Found()
    Walk(found, skipped, InputOptions()).run(os.fsencode(root))
    assert len(found) == 2
    assert skipped.counts == {"symlink": 3}


@pytest.mark.parametrize("swapped", ["a", "a/b", "a/b/c"])
def test_a_directory_that_becomes_a_link_during_the_walk_leads_nowhere(tmp_path: Path, swapped: str) -> None:
    """`a/b/c` was seen and is about to be read when it, or a directory above it, gives its place to a link."""
    root = tree(tmp_path / "t", ["a/b/c/inside", "d/after"])
    outside = tree(tmp_path / "outside", ["outside", "c/outside", "b/c/outside"])
    listed_at = b"a/b/c"

    def choose(path: bytes, is_directory: bool) -> bool:
        if path == listed_at and is_directory:
            (root / swapped).rename(tmp_path / "moved")
            (root / swapped).symlink_to(outside)
        return True

    found, skipped = Found(), Skipped()
    Walk(found, skipped, InputOptions(), choose).run(os.fsencode(root))
    assert (root / swapped).is_symlink()
    paths = [os.fsdecode(path).removeprefix(f"{root}/") for path in found.paths]
    if swapped == listed_at.decode():
        assert paths == ["d/after"]
        assert skipped.counts == {"replaced": 1}
        assert skipped.examples == {"replaced": [os.fsencode(f"{root}/a/b/c/")]}
    else:  # what was open already is read where it is now
        assert paths == ["a/b/c/inside", "d/after"]
        assert skipped.counts == {}


def test_tracked_files_below_a_link_are_not_taken(tmp_path: Path) -> None:
    root = tree(tmp_path / "t", {".gitignore": "build/", "build/x/a": "", "build/b": ""})
    git(root, "init", "-q")
    git(root, "add", "-f", "build")
    (root / "build" / "x").rename(tmp_path / "moved")
    (root / "build" / "x").symlink_to(tmp_path / "moved")
    assert names(root) == ["build/b"]


def test_a_tree_deeper_than_the_descriptors_that_are_held_is_read_whole(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    place = tmp_path / "t"
    for depth in range(150):
        place = place / "d"
        tree(place, [f"f{depth}"] if depth % 3 else [f"f{depth}", "side/g"])
    most = 0

    def choose(path: bytes, is_directory: bool) -> bool:
        nonlocal most
        most = max(most, len(os.listdir("/proc/self/fd")) - before)
        return True

    found = Found()
    Walk(found, Skipped(), InputOptions(), choose).run(os.fsencode(tmp_path / "t"))
    assert len(found) == 150 + 50
    assert most <= 70
    assert len(os.listdir("/proc/self/fd")) == before


def test_names_that_are_not_utf_8_keep_their_place_among_others(tmp_path: Path) -> None:
    given = [b"a\xff", b"a\xf0\x9f\x98\x80", b"a\xee\x80\x80", b"a\x80", b"b"]
    for name in given:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    found = Found()
    Walk(found, Skipped(), InputOptions()).run(os.fsencode(tmp_path))
    assert [path.rpartition(b"/")[2] for path in found.paths] == sorted(given)


def test_a_hostile_pattern_does_not_stop_the_walk(tmp_path: Path) -> None:
    stars = "*a" * 40 + "*b"
    root = tree(
        tmp_path / "t", {".gitignore": f"{stars}\n/{'**/a*' * 20}/b\n{stars}/x\n", "a" * 250: "", "d/" + "a" * 250: ""}
    )
    deep = root.joinpath(*["a" * 20] * 30)
    deep.mkdir(parents=True)
    (deep / "c").write_text("")
    assert len(names(root)) == 3


def test_the_wildcard_matcher_equals_gits_bracket_corners(tmp_path: Path) -> None:
    bytes_ = [bytes([code]) for code in range(1, 256) if code not in b"/.\n"]
    lines = [
        b"[a-f]",
        b"[]-]",
        b"[!a-z]",
        b"[[:punct:]]",
        b"[[:graph:]-]",
        b"[\\]-^]",
        b"[a-\\c]",
        b"[[:digit:][:space:]]",
        b"[[a]]",
        b"[^]]",
    ]
    for number, line in enumerate(lines):
        root = os.path.join(os.fsencode(tmp_path), b"w%d" % number)
        os.mkdir(root)
        for name in bytes_:
            open(os.path.join(root, name), "w").close()
        with open(os.path.join(root, b".gitignore"), "wb") as file:
            file.write(line + b"\n")
        git(root, "init", "-q")
        assert set(walked(root)) == listed(root), line

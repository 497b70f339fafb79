"""What may be a source, how it is named, what is left out, and that all of it is told."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlm_cli.context.corpus import Changed, Corpus, open_corpus
from rlm_cli.context.options import InputOptions
from rlm_cli.context.sources import names_of_list
from rlm_cli.context.spans import Span
from rlm_cli.context.table import FileTable, shown_name, true_name
from rlm_cli.errors import InputError, UsageError
from tests.inputs import grow, read, texts


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def names(*sources: str, listed: tuple[bytes, ...] = (), **options: object) -> list[str]:
    with open_corpus(sources, InputOptions(**options), listed=listed, stdin=None) as corpus:  # type: ignore[arg-type]
        return [corpus.name(n) for n in range(len(corpus))]


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("repo/", "repo/src/a"),
        ("repo", "repo/src/a"),
        ("./repo//src/.", "repo/src/a"),
        ("../here/repo", "../here/repo/src/a"),
    ],
)
def test_names_are_as_the_user_would_write_them(source: str, shown: str, here: Path) -> None:
    grow(here, {"repo/src/a": "x"})
    assert names(source) == [shown]


def test_the_working_directory_and_absolute_paths(here: Path) -> None:
    grow(here, {"src/a": "x"})
    assert names(".") == ["src/a"]
    assert names(str(here)) == [f"{here}/src/a"]


def test_odd_names_are_quoted_reversibly_and_open_by_their_true_bytes(here: Path) -> None:
    odd = [
        b"a b",
        b"new\nline",
        b"\xff\xfe",
        b"esc\x1b[31m",
        "é".encode(),
        b'"q"',
        b"back\\slash",
        b"<stdin>",
        "\u202egpj".encode(),
    ]
    for name in odd:
        (here / os.fsdecode(name)).write_bytes(b"text of " + name)
    with open_corpus(["."], InputOptions()) as corpus:
        found = texts(corpus)
        assert {true_name(name): text for name, text in found.items()} == {name: b"text of " + name for name in odd}
        assert all(name.isprintable() for name in found)
        assert all(corpus.number(name) == number for number, name in enumerate(found))
    assert shown_name(b"new\nline") == '"new\\nline"'
    assert shown_name(b"plain \\ name") == "plain \\ name"


def test_the_table_survives_the_way_to_the_worker(here: Path) -> None:
    table = FileTable.build(["a", "dir/ü", '"x\\n"', ""], [1, 0, 1 << 40, 3], {2: 3, 3: 1 << 33})
    other = FileTable.unpack(memoryview(table.pack()))
    assert list(other) == list(table) == ["a", "dir/ü", '"x\\n"', ""]
    assert [other.size(n) for n in range(4)] == [1, 0, 1 << 40, 3]
    assert [other.base(n) for n in range(4)] == [0, 0, 3, 1 << 33]
    assert (other.number("dir/ü"), other.number("nope"), other.bytes_total) == (1, None, (1 << 40) + 4)
    assert list(FileTable.unpack(FileTable.build([], []).pack())) == []
    with pytest.raises(IndexError):
        other.name(4)
    with pytest.raises(ValueError, match="not a file table"):
        FileTable.unpack(table.pack()[:-1])


# --- sources -------------------------------------------------------------------------------------------------------


def test_a_file_that_is_named_is_read_even_if_ignored_or_hidden(here: Path) -> None:
    grow(here, {".gitignore": "*.log\n", "a.log": "x", ".hidden": "y", "b": "z"})
    assert names(".") == ["b"]
    assert names("a.log", ".hidden") == ["a.log", ".hidden"]


def test_globs_keep_to_their_directory_and_cross_with_two_stars(here: Path) -> None:
    grow(
        here,
        {
            "src/.gitignore": "gen/\n",
            "a.py": "",
            "b.md": "",
            "src/c.py": "",
            "src/x/d.py": "",
            "src/gen/e.py": "",
            "src/.f.py": "",
        },
    )
    assert names("*.py") == ["a.py"]
    assert names("src/*.py") == ["src/c.py"]
    assert names("src/**/*.py") == ["src/c.py", "src/x/d.py"]
    assert names("**/*.py") == ["a.py", "src/c.py", "src/x/d.py"]
    assert names("src/[cx]*") == ["src/c.py", "src/x/d.py"]
    assert names("src/.*.py") == ["src/.f.py"]
    with pytest.raises(InputError, match="no file matches"):
        names("*.rs")


def test_a_name_with_stars_is_that_file_first(here: Path) -> None:
    grow(here, {"a*": "star", "ab": "other"})
    assert names("a*") == ["a*"]


def test_each_file_is_read_once_in_the_order_of_the_sources(here: Path) -> None:
    grow(here, {"d/a": "", "d/b": "", "e": ""})
    assert names("d/b", "d", "e", "./e", str(here / "d")) == ["d/b", "d/a", "e"]


def test_lists_of_names_are_lines_or_nul_separated(here: Path) -> None:
    assert names_of_list(b"a\nb c\r\n\nd") == [b"a", b"b c", b"d"]
    assert names_of_list(b"a\0b\nc\0") == [b"a", b"b\nc"]
    grow(here, {"a": "", "b\nc": "", ".gitignore": "a"})
    with open_corpus([], InputOptions(), listed=[b"a", b"b\nc", b"gone"]) as corpus:
        assert list(texts(corpus)) == ["a", '"b\\nc"']
        assert corpus.skipped == {"missing": 1}


def test_include_and_exclude(here: Path) -> None:
    grow(here, {"a.py": "", "b.md": "", "t/c.py": "", "t/deep/d.py": "", "v/e.py": ""})
    assert names(".", include=("*.py",), exclude=("/t/", "v")) == ["a.py"]
    assert names(".", exclude=("*.py", "!/t/c.py")) == ["b.md", "t/c.py"]
    assert names("b.md", "t", include=("*.py",)) == ["b.md", "t/c.py", "t/deep/d.py"]
    with pytest.raises(InputError, match="1 excluded"):
        names("b.md", exclude=("*.md",))


def test_a_source_that_is_not_there_is_an_error_with_its_name(here: Path) -> None:
    grow(here, {"a": ""})
    with pytest.raises(InputError, match="'nope' does not exist"):
        names("a", "nope")


def test_nothing_to_read_says_what_was_looked_at_and_why_it_was_left_out(here: Path) -> None:
    grow(here, {"d/.gitignore": "*.log\n", "d/a.log": "", "d/b.log": "", "d/bin": b"\0", "empty/.x": ""})
    with pytest.raises(InputError, match="nothing to read in d: left out 2 ignored, 1 hidden, 1 binary") as caught:
        names("d")
    assert "--no-ignore" in caught.value.hint
    (here / "nil").mkdir()
    with pytest.raises(InputError, match="there is no file in nil"):
        names("nil")


# --- what is never read --------------------------------------------------------------------------------------------

SECRETS = """
    .env .env.local prod.env .npmrc .pypirc .netrc .git-credentials .htpasswd .pgpass id_rsa id_ed25519 id_work
    server.pem tls.key store.p12 cert.pfx app.jks x.kdbx kubeconfig credentials credentials.json secrets.yaml
    client_secret_1.json service-account.json terraform.tfstate prod.tfvars .aws/credentials .aws/config
    .ssh/config .ssh/known_hosts .kube/config .docker/config.json .config/gh/hosts.yml SERVER.PEM deploy_rsa
"""
READABLE = """
    .env.example .env.sample id_rsa.pub env.py environment.ts id_card.py key.py secrets.py credentials.py
    config.json keys.md pem.txt tokens.json hosts.yml auth.json my.env.example
"""


def test_secrets_are_not_read_even_when_named(here: Path) -> None:
    secret, readable = sorted(SECRETS.split()), sorted(READABLE.split())
    grow(here, dict.fromkeys([*secret, *readable, ".ssh/id_rsa.pub"], "x"))
    assert sorted(names(".", hidden=True)) == readable
    assert sorted(names(*readable)) == readable
    assert names(".ssh/id_rsa.pub") == [".ssh/id_rsa.pub"]
    for name in [*secret, ".ssh", ".aws/"]:
        with pytest.raises(InputError, match="1 secret") as caught:
            names(name)
        assert "--include-secrets" in caught.value.hint
    assert sorted(names(".", hidden=True, include_secrets=True)) == sorted([*secret, *readable, ".ssh/id_rsa.pub"])
    assert names(".env", include_secrets=True) == [".env"]


def test_a_rule_cannot_bring_a_secret_back_and_a_link_cannot_hide_one(here: Path) -> None:
    grow(here, {".gitignore": "!*.pem\n", ".rlmignore": "!.env\n!*.pem\n", "a.pem": "", ".env": "", "b": ""})
    (here / "innocent").symlink_to(".env")
    assert names(".", hidden=True) == [".gitignore", ".rlmignore", "b"]
    with pytest.raises(InputError, match="1 secret"):
        names("innocent")


def test_a_private_key_is_known_by_its_first_line(here: Path) -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=\n"
    grow(here, {"notes.txt": key, "about.md": f"A key looks like this:\n{key}"})
    assert names(".") == ["about.md"]
    assert names("notes.txt", include_secrets=True) == ["notes.txt"]


# --- what is no file -----------------------------------------------------------------------------------------------


def test_pipes_sockets_devices_and_broken_links_are_told_and_never_opened(here: Path) -> None:
    grow(here, {"a": "x"})
    os.mkfifo(here / "fifo")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("sock")
    (here / "broken").symlink_to("nowhere")
    (here / "loop").symlink_to("loop")
    with open_corpus([".", "fifo", "sock", "/dev/zero", "/dev/tty", "broken", "loop"], InputOptions()) as corpus:
        assert texts(corpus) == {"a": b"x"}
        assert corpus.skipped == {"special file": 6, "symlink": 2, "dangling link": 2}
        assert "fifo" in corpus.examples["special file"]


def test_what_cannot_be_read_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(here, {"a": "x", "closed/b": "", "shut": ""})
    (here / "closed").chmod(0)
    (here / "shut").chmod(0)
    if os.geteuid() == 0:  # permissions do not bind root: look as somebody else
        here.parent.chmod(0o755)
        for above in list(here.parents)[:-2]:  # pytest's own folders are for root alone
            above.chmod(0o755)
        os.seteuid(65534)
    try:
        with open_corpus(["."], InputOptions()) as corpus:
            assert texts(corpus) == {"a": b"x"}
            assert corpus.skipped == {"unreadable": 2}
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


def test_a_file_that_becomes_a_fifo_is_not_waited_for(here: Path) -> None:
    grow(here, {"a": "x"})
    with open_corpus(["."], InputOptions()) as corpus:
        (here / "a").unlink()
        os.mkfifo(here / "a")
        with pytest.raises(Changed):
            corpus.open(0)


# --- binary --------------------------------------------------------------------------------------------------------


def test_binary_files_are_left_out_at_once_in_a_small_corpus_and_on_opening_in_a_large_one(here: Path) -> None:
    grow(here, {"a": "x", "bin": b"ab\0c"})
    assert names(".") == ["a"]
    assert names(".", binary=True) == ["a", "bin"]
    told: list[tuple[str, str]] = []
    with open_corpus(["."], InputOptions(eager_files=1), on_change=lambda *what: told.append(what)) as corpus:
        assert len(corpus) == 2
        for _ in range(2):
            with pytest.raises(InputError, match="bin is not read: binary"):
                corpus.open(1)
        assert told == [("bin", "binary")]
    with open_corpus(["."], InputOptions(eager_files=1, binary=True)) as corpus:
        assert texts(corpus) == {"a": b"x", "bin": b"ab\0c"}


# --- many files ----------------------------------------------------------------------------------------------------


def test_descriptors_do_not_grow_with_the_number_of_files(here: Path) -> None:
    grow(here, {f"d{n % 7}/f{n}": f"{n}" for n in range(300)})
    with open_corpus(["."], InputOptions(eager_files=10)) as corpus:
        before = len(os.listdir("/proc/self/fd"))
        assert len(texts(corpus)) == corpus.files_total == 300
        assert len(os.listdir("/proc/self/fd")) <= before + 8
    closed = len(os.listdir("/proc/self/fd"))
    with open_corpus(["."], InputOptions()) as corpus:
        pass
    assert len(os.listdir("/proc/self/fd")) == closed


def test_the_fingerprint_is_of_names_sizes_and_times(here: Path) -> None:
    grow(here, {"a": "1", "b": "2"})

    def fingerprint() -> str:
        with open_corpus(["."], InputOptions()) as corpus:
            return corpus.fingerprint

    first = fingerprint()
    assert fingerprint() == first
    os.utime(here / "a", ns=(1, 1))
    second = fingerprint()
    grow(here, {"c": ""})
    assert len({first, second, fingerprint()}) == 3


def test_names_stay_right_when_the_working_directory_changes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(here, {"d/a": "x"})
    with open_corpus(["d"], InputOptions()) as corpus:
        monkeypatch.chdir("/")
        assert texts(corpus) == {"d/a": b"x"}


# --- standard input ------------------------------------------------------------------------------------------------


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):
            os.close(end)


def feed(end: int, data: bytes) -> threading.Thread:
    def run() -> None:
        # A reader that gives up half way is what some tests are about.
        with contextlib.suppress(BrokenPipeError), os.fdopen(end, "wb") as file:
            file.write(data)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_pipe_is_kept_whole_and_can_be_given_a_name(here: Path, pipe: tuple[int, int]) -> None:
    data = os.urandom(3_000_000).hex().encode()
    thread = feed(pipe[1], data)
    with open_corpus(["-"], InputOptions(cache=here / "cache"), stdin=pipe[0]) as corpus:
        thread.join()
        assert (corpus.name(0), corpus.size(0)) == ("<stdin>", len(data))
        assert read(corpus, Span(0, 0, len(data))) == data
        descriptor = corpus.open(0)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(descriptor, b"x")  # what the worker gets cannot be written
        os.close(descriptor)
        assert list((here / "cache").iterdir()) == []
        assert corpus.keep_stdin(here / "kept")
        assert (here / "kept").read_bytes() == data


def test_a_file_on_standard_input_is_read_where_it_is(here: Path) -> None:
    grow(here, {"log": b"\xef\xbb\xbfline 1\nline 2\n"})
    with (here / "log").open("rb") as file, open_corpus(["-"], InputOptions(), stdin=file.fileno()) as corpus:
        assert texts(corpus) == {"<stdin>": b"line 1\nline 2\n"}
        assert not corpus.keep_stdin(here / "kept")


def test_compressed_and_binary_pipes(here: Path, pipe: tuple[int, int]) -> None:
    packed = subprocess.run(["gzip"], input=b"inside\n", capture_output=True, check=True).stdout
    feed(pipe[1], packed).join()
    with open_corpus(["-"], InputOptions(cache=here / "cache"), stdin=pipe[0]) as corpus:
        assert texts(corpus) == {"<stdin>": b"inside\n"}
        assert corpus.keep_stdin(here / "kept")
        first = corpus.fingerprint
    with (here / "kept").open("rb") as kept, open_corpus(["-"], InputOptions(), stdin=kept.fileno()) as corpus:
        assert (texts(corpus), corpus.fingerprint) == ({"<stdin>": b"inside\n"}, first)
    reading, writing = os.pipe()
    feed(writing, b"a\0b").join()
    with pytest.raises(InputError, match="1 binary"):
        open_corpus(["-"], InputOptions(), stdin=reading)
    os.close(reading)


def test_progress_is_told_after_a_second_even_when_nothing_comes(pipe: tuple[int, int]) -> None:
    told: list[tuple[str, int]] = []

    def progress(what: str, done: int) -> None:
        told.append((what, done))
        if len(told) == 2:
            raise KeyboardInterrupt  # as a signal handler would

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        open_corpus(["-"], InputOptions(), stdin=pipe[0], progress=progress)
    assert time.monotonic() - started >= 1
    assert told == [("reading standard input", 0)] * 2


def test_the_shells_process_substitution_is_a_pipe(here: Path) -> None:
    code = "import sys; from tests.inputs import texts; from rlm_cli.context.corpus import *; from rlm_cli.context.options import *"
    code += "\nwith open_corpus(sys.argv[1:], InputOptions()) as c: print(list(texts(c).values()))"
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -c '{code}' <(echo one) <(echo two)"],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.stdout == b"[b'one\\n', b'two\\n']\n"


def test_a_full_disk_is_a_clear_error(here: Path, pipe: tuple[int, int]) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    thread = feed(pipe[1], b"x" * 200_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(InputError, match=r"no room on the disk of .*standard input did not fit"):
            open_corpus(["-"], InputOptions(cache=here), stdin=pipe[0])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        os.close(pipe[0])
        thread.join()


def test_standard_input_that_is_closed_is_told() -> None:
    with pytest.raises(UsageError):
        open_corpus(["-"], InputOptions(), stdin=None)


def test_closing_twice_is_harmless(here: Path) -> None:
    grow(here, {"a": "x"})
    corpus: Corpus = open_corpus(["."], InputOptions())
    read(corpus, Span(0, 0, 1))
    corpus.close()
    corpus.close()

"""Bytes as they are: UTF-8 is left alone, everything else becomes UTF-8 once."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlm_cli.context.corpus import open_corpus
from rlm_cli.context.decoding import HEAD, Reading, copy_text
from rlm_cli.context.options import InputOptions
from rlm_cli.errors import InputError, UsageError
from tests.inputs import grow, texts

TEXT = "naïve 日本 😀\r\nsecond\x85line\u2028third\n"
MARKS = {
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def read(root: Path, **options: object) -> dict[str, bytes]:
    with open_corpus([str(root)], InputOptions(cache=root.parent / "cache", **options)) as corpus:  # type: ignore[arg-type]
        return {name.removeprefix(f"{root}/"): text for name, text in texts(corpus).items()}


def test_line_ends_and_invalid_bytes_stay(tmp_path: Path) -> None:
    files = {"a": b"one\r\ntwo\rthree\n", "b": b"\xff\xc3\x28 \xed\xa0\x80", "c": TEXT.encode(), "d": b""}
    assert read(grow(tmp_path / "t", files)) == files
    assert not (tmp_path / "cache").exists()


def test_a_utf8_mark_is_stepped_over_and_offsets_lead_back(tmp_path: Path) -> None:
    root = grow(tmp_path / "t", {"a": codecs.BOM_UTF8 + TEXT.encode(), "b": codecs.BOM_UTF8})
    with open_corpus([str(root)], InputOptions()) as corpus:
        assert list(texts(corpus).values()) == [TEXT.encode(), b""]
        assert (corpus.base(0), corpus.size(0)) == (3, len(TEXT.encode()))
        descriptor = corpus.open(0)
        assert os.pread(descriptor, 6, corpus.base(0)) == TEXT.encode()[:6]
        os.close(descriptor)


@pytest.mark.parametrize("encoding", MARKS)
def test_wide_encodings_are_known_by_their_mark(encoding: str, tmp_path: Path) -> None:
    long = TEXT * 20_000  # more than one piece: characters are cut at its ends
    root = grow(tmp_path / "t", {"a": MARKS[encoding] + long.encode(encoding), "empty": MARKS[encoding]})
    assert read(root) == {"a": long.encode(), "empty": b""}


def test_what_is_no_utf16_becomes_the_replacement_character(tmp_path: Path) -> None:
    data = codecs.BOM_UTF16_LE + "a".encode("utf-16-le") + b"\x00\xd8" + "b".encode("utf-16-le") + b"\x00"
    root = grow(tmp_path / "t", {"a": data})
    assert read(root) == {"a": data[2:].decode("utf-16-le", "replace").encode()}
    assert "\ufffd" in read(root)["a"].decode()


def test_an_encoding_that_is_named_holds_for_files_without_a_mark(tmp_path: Path) -> None:
    files = {
        "a": "café\r\n".encode("cp1252"),
        "b": codecs.BOM_UTF8 + "é".encode(),
        "c": codecs.BOM_UTF16_LE + "é".encode("utf-16-le"),
    }
    root = grow(tmp_path / "t", files)
    assert read(root, encoding="cp1252") == {"a": "café\r\n".encode(), "b": "é".encode(), "c": "é".encode()}
    assert read(root)["a"] == b"caf\xe9\r\n"
    wide = grow(tmp_path / "w", {"a": "né".encode("utf-16-be")})
    assert read(wide, encoding="utf-16-be") == {"a": "né".encode()}
    for name in ("utf-16", "utf-32"):
        unmarked = grow(tmp_path / name, {"a": "né".encode(f"{name}-le")})
        assert read(unmarked, encoding=name) == {"a": "né".encode()}


def test_a_codec_that_knows_no_replacement_ends_no_run(tmp_path: Path) -> None:
    data = b"\x1b$)A" + bytes(range(256)) * 8
    root = grow(tmp_path / "t", {"a": data})
    for name in ("iso2022_kr", "punycode"):
        assert b"\xef\xbf\xbd" in read(root, encoding=name, binary=True)["a"]


@pytest.mark.parametrize("name", ["nonsense", "base64", "rot13", "idna", ""])
def test_an_encoding_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    root = grow(tmp_path / "t", {"a": "x"})
    with pytest.raises(UsageError, match="--encoding"):
        read(root, encoding=name)


def test_a_wide_file_in_a_large_corpus_is_told_when_it_is_opened(tmp_path: Path) -> None:
    root = grow(tmp_path / "t", {"a": codecs.BOM_UTF16_LE + "text".encode("utf-16-le"), "b": "x"})
    with open_corpus([str(root)], InputOptions(eager_files=1)) as corpus, pytest.raises(InputError, match="utf-16-le"):
        corpus.open(0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(max_size=60),
    encoding=st.sampled_from([*MARKS, "latin-1", "shift_jis", "gb18030", "utf-7"]),
    step=st.integers(1, 9),
)
def test_decoding_in_pieces_equals_decoding_at_once(text: str, encoding: str, step: int, tmp_path: Path) -> None:
    data = text.encode(encoding, "replace")
    mark = MARKS.get(encoding, b"")
    source = mark + data
    at = 0

    def piece(size: int) -> bytes:
        nonlocal at
        taken = source[at : at + min(size, step)]
        at += len(taken)
        return taken

    target = tmp_path / "out"
    descriptor = os.open(target, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    written = copy_text(piece, descriptor, Reading(encoding, binary=True, secrets=True))
    os.close(descriptor)
    first, _ = (encoding, 0) if mark or not source.startswith(tuple(MARKS.values())) else ("", 0)
    if first and not source.startswith(codecs.BOM_UTF8):
        assert target.read_bytes() == data.decode(encoding, "replace").encode("utf-8", "replace")
    assert written == target.stat().st_size
    assert HEAD >= 4096

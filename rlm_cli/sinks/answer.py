"""The answer on stdout, once, when the run is over: every format of `-f`.

A format is one function from a report to what is written; add one line to `FORMATS`.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from rlm_cli.errors import ExitStatus
from rlm_cli.markdown import code_span, inert_everywhere, inert_markdown
from rlm_cli.sinks.jsonl import json_line
from rlm_cli.sinks.links import Linker, link_format
from rlm_cli.sinks.report import Report, behind, document, partial_line, place, source_line, whole_document
from rlm_cli.terminal import Environment, clean, encode, inert, one_line

_LONGEST_LINE = 1 << 20  # characters that wait for their line end
_SILENT = (ExitStatus.USAGE, ExitStatus.BUG)  # no envelope: nothing of a run exists


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer goes: the surroundings, and `--links`."""

    environment: Environment
    links: str = "auto"


def write_answer(report: Report, form: str, environment: Environment, *, links: str = "auto") -> None:
    """Write the answer to stdout in the format `form`. Raises `OutputError` when it cannot be written.

    A reader that has gone away (`| head -1`) had what it wanted: no error.
    """
    place = Place(environment, links)
    with contextlib.suppress(BrokenPipeError):
        if report.body is not None and form in LONG:
            for piece in LONG[form](report, place):
                environment.stdout.write_bytes(piece)
        else:
            environment.stdout.write_bytes(FORMATS[form](report, place))


def in_file(report: Report, form: str) -> Iterable[bytes]:
    """What `-o FILE` gets, a piece at a time: the document of `-f md`, else that of `-f text`."""
    if form != "md" or report.shaped:
        return whole_document(report)
    if report.body is not None:
        return whole_document(replace(report, body=_Inert(report.body)))
    return [encode(_markdown_document(report))]


def _text(report: Report, where: Place) -> bytes:
    """Exact bytes on a pipe or into a file; rendered and cleaned on a terminal."""
    stdout = where.environment.stdout
    if stdout.tty:
        return encode(rendered(report, where), stdout.encoding)
    text = document(report)
    # A pipe may end in the log of a GitHub runner, which obeys what it reads there. A file is exact.
    return encode(inert(text) if where.environment.in_github and stdout.is_pipe() else text)


def rendered(report: Report, where: Place) -> str:
    """The answer as it stands on a terminal of that width and colour."""
    from rlm_cli.sinks.markdown import render  # late: Rich's Markdown costs 0.1 s to load

    stdout = where.environment.stdout
    if report.shaped:
        return json.dumps(report.value, ensure_ascii=True, indent=2).replace("\x7f", "\\u007f") + "\n"
    if not report.text.strip():
        return ""
    pattern = link_format(where.links, where.environment.variables, tty=stdout.tty, colour=stdout.colour)
    linker = Linker(pattern)
    columns, _ = stdout.size()
    body = render(
        report.text,
        columns,
        colour=stdout.colour,
        encoding=stdout.encoding,
        linker=linker,
        citations=report.citations,
    )
    dim, bold, plain = ("\x1b[2m", "\x1b[1m", "\x1b[0m") if stdout.colour else ("", "", "")
    parts = [f"{bold}{clean(partial_line(report))}{plain}\n\n"] if report.partial else []
    parts.append(body)
    if found := behind(report):
        parts.append(f"\n{clean(found)}\n")
    if report.citations:
        parts.append(f"\n{bold}Sources{plain}\n")
    for citation in report.citations:
        line = one_line(source_line(citation), 4200)
        if citation.get("verified"):
            spot, number = place(citation), citation.get("line")
            if isinstance(number, int):
                line = line.replace(spot, linker.link(spot, str(citation.get("path", "")), number), 1)
        else:
            line = f"{dim}{line}{plain}"
        parts.append(line + "\n")
    return "".join(parts)


def _json(report: Report, _where: Place) -> bytes:
    """One object on one line, for every ending but a usage error and a bug."""
    if report.exit_code in _SILENT:
        return b""
    return json_line(json.dumps(report.envelope(), separators=(",", ":"), default=str).encode("ascii") + b"\n")


def _jsonl(_report: Report, _where: Place) -> bytes:
    """Nothing more: the events have been written as they came, the answer among them."""
    return b""


def _markdown(report: Report, where: Place) -> bytes:
    text = _markdown_document(report)
    stdout = where.environment.stdout
    if stdout.tty:
        return encode(clean(text), stdout.encoding)
    return encode(inert(text) if where.environment.in_github and stdout.is_pipe() else text)


def _markdown_document(report: Report) -> str:
    """The answer as a document of its own, with its question and its sources. Who views it fetches nothing by it."""
    if report.shaped or not report.text.strip():
        return document(report)
    parts = [f"# {one_line(report.question, 300)}\n", report.text.strip() + "\n"]
    if report.partial:
        parts.insert(1, f"*{partial_line(report)}*\n")
    if found := behind(report):
        parts.append(found + "\n")
    if report.citations:
        parts.append("## Sources\n\n" + "".join(f"- {code_span(source_line(item))}\n" for item in report.citations))
    return inert_markdown("\n".join(parts))


def _github(report: Report, where: Place) -> bytes:
    """Annotations and the inert answer on stdout; the summary of the job where the runner asks for one."""
    from rlm_cli.sinks import github

    variables = where.environment.variables
    path = variables.get("GITHUB_STEP_SUMMARY", "")
    if path:
        try:
            github.write_summary(report, path, variables)
        except OSError as error:
            where.environment.stderr.remark(f"the job summary could not be written: {error.strerror}")
    return encode(github.log(report, variables.get("GITHUB_WORKSPACE", "")))


def _long_text(report: Report, where: Place) -> Iterator[bytes]:
    """An answer that is too long to be held. A terminal gets it as plain text, cleaned."""
    stdout = where.environment.stdout
    neutral = where.environment.in_github and stdout.is_pipe()
    if not stdout.tty and not neutral:
        yield from whole_document(report)
        return
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for piece in whole_document(report):
        text = rest + decoder.decode(piece)
        lines, end, rest = text.rpartition("\n")  # what is obeyed begins a line
        rest = rest if end and len(rest) < _LONGEST_LINE else ""
        shown = lines + end if end and rest else text
        yield encode(clean(shown) if stdout.tty else inert(shown), stdout.encoding)
    yield encode(clean(rest) if stdout.tty else inert(rest), stdout.encoding)


def _long_markdown(report: Report, where: Place) -> Iterator[bytes]:
    """The same, without what a viewer of Markdown would fetch."""
    if report.shaped:
        yield from _long_text(report, where)
        return
    yield from _long_text(replace(report, body=_Inert(report.body or ())), where)


@dataclass(frozen=True, slots=True)
class _Inert:
    """A long answer as Markdown that fetches nothing; may be gone through again."""

    body: Iterable[bytes]

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        for piece in self.body:
            data = rest + piece
            cut = max(len(data) - 2, len(data.rstrip(b"<!\\")))  # what begins an image or a tag is never cut
            rest = data[cut:]
            yield encode(inert_everywhere(data[:cut].decode("utf-8", "surrogateescape")))
        if rest:
            yield encode(inert_everywhere(rest.decode("utf-8", "surrogateescape")))


def _long_json(report: Report, _where: Place) -> Iterator[bytes]:
    """The envelope with the whole answer in it, which is never held."""
    assert report.body is not None
    mark = f"<{secrets.token_hex(16)}>"
    envelope = report.envelope() | {"answer": mark}
    head, _, tail = json.dumps(envelope, separators=(",", ":"), default=str).partition(mark)
    yield head.encode("ascii")
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for piece in report.body:
        yield json.dumps(decoder.decode(piece))[1:-1].encode("ascii")
    yield json.dumps(decoder.decode(b"", final=True))[1:-1].encode("ascii")
    yield tail.encode("ascii") + b"\n"


Format = Callable[[Report, Place], bytes]

FORMATS: dict[str, Format] = {
    "text": _text,
    "json": _json,
    "jsonl": _jsonl,
    "md": _markdown,
    "github": _github,
}

LONG: dict[str, Callable[[Report, Place], Iterator[bytes]]] = {
    "text": _long_text,
    "md": _long_markdown,
    "json": _long_json,
}
"""The formats that write an answer which is too long to be held; the others show its beginning."""

"""`-f github`: annotations on the lines that answer the question, and a summary of the job.

Foreign text stands between `::stop-commands::` and its token, so the runner obeys nothing in it; the summary is HTML in
which everything foreign is escaped, without images and links: an address made by a model could carry away what it read.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from markdown_it import MarkdownIt

from rlm_cli import figures
from rlm_cli.sinks.report import Report, document, place, source_line
from rlm_cli.terminal import clean, inert, one_line

MOST_ANNOTATIONS = 10  # of one kind in a step; a runner drops the rest
SUMMARY_LIMIT = 1_000_000  # bytes; a runner takes 1 MiB
_WORDS = {"answered": "Answered", "not_found": "Not found", "partial": "Partial answer", "failed": "Failed"}


def commands(report: Report, workspace: str = "") -> str:
    """One workflow command a verified citation. They are errors where the run fails the check (`--fail-if`)."""
    kind = "error" if report.status == "answered" and report.exit_code else "notice"
    lines = []
    for citation in [item for item in report.citations if item.get("verified")][:MOST_ANNOTATIONS]:
        properties = {
            "file": _from_root(str(citation.get("path", "")), workspace),
            "line": str(citation.get("line", "")),
            "endLine": str(citation.get("end_line", "")),
            "title": f"rlm [{citation.get('number', '')}] {one_line(report.question, 80)}",
        }
        told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        lines.append(f"::{kind} {told}::{_data(clean(str(citation.get('quote', '')))[:1000])}\n")
    return "".join(lines)


def log(report: Report, workspace: str = "") -> str:
    """What goes to stdout: annotations, then the answer with all commands switched off around it."""
    token = secrets.token_hex(16)
    text = inert(clean(document(report)))
    return f"{commands(report, workspace)}::stop-commands::{token}\n{text}::{token}::\n"


def summary(report: Report, links: Mapping[str, str] | None = None) -> str:
    """A section of Markdown for $GITHUB_STEP_SUMMARY. `links` holds the variables that name the repository."""
    parts = [f"### {_WORDS.get(report.status, 'Ended')}: {_escape(one_line(report.question, 300))}"]
    parts.append(_html(report.text) if not report.shaped else f"<pre>{_escape(document(report)).strip()}</pre>")
    if report.citations:
        parts.append("\n".join(f"- {_source(citation, links or {})}" for citation in report.citations[:100]))
    usage = report.usage
    cost = figures.money(usage.get("cost_usd", 0.0)) if usage.get("cost_known", True) else "cost unknown"
    sums = [figures.plural(usage.get("turns", 0), "turn"), figures.plural(usage.get("calls", 0), "call")]
    parts.append(f"<sub>{', '.join([*sums, cost, figures.duration(report.elapsed)])}</sub>")
    return "\n\n".join(part for part in parts if part) + "\n"


def write_summary(report: Report, path: str, variables: Mapping[str, str]) -> None:
    """Append the summary to `path`. Raises OSError."""
    data = summary(report, variables).encode("utf-8", "replace")
    if len(data) > SUMMARY_LIMIT:
        data = f"### {_escape(one_line(report.question, 300))}\n\nThe answer is too long for a summary.\n".encode()
    with open(path, "ab") as file:
        file.write(data)


def _property(value: str) -> str:
    return _data(one_line(value, 4096)).replace(":", "%3A").replace(",", "%2C")


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _from_root(path: str, workspace: str) -> str:
    """As the runner wants it: relative to the checkout, where it is inside."""
    if not workspace:
        return path
    relative = os.path.relpath(os.path.abspath(path), workspace)
    return path if relative.startswith("..") else relative


def _source(citation: Mapping[str, Any], variables: Mapping[str, str]) -> str:
    shown = f"<code>{_escape(place(citation))}</code>"
    server, repository, commit = (variables.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "SHA"))
    number = _escape(f"[{citation.get('number', '')}]")
    path = _from_root(str(citation.get("path", "")), variables.get("GITHUB_WORKSPACE", ""))
    if not (server and repository and commit and citation.get("verified")) or os.path.isabs(path):
        mark = "" if citation.get("verified") else source_line(citation).partition("  ")[2]
        return f"{number} {shown} {mark}".strip()
    url = f"{server}/{repository}/blob/{commit}/{quote(os.fsencode(path))}#L{citation.get('line')}"
    return f'{number} <a href="{_escape(url)}">{shown}</a>'


def _html(markdown: str) -> str:
    """A model's Markdown as one line of HTML: no line is empty, so the summary's own Markdown never begins in it."""
    parser = MarkdownIt("commonmark", {"html": False})
    parser.enable("table").disable(["image", "link", "autolink", "reference"])
    html = clean(str(parser.render(clean(markdown)))).strip()  # again: `&#x202e;` was harmless until it was parsed
    return f"<div>{html}</div>".replace("\n", "&#10;")


_INERT = {ord(character): f"&#{ord(character)};" for character in "&<>\"'`*_[]()#!|~\\@"} | {ord("\n"): "&#10;"}


def _escape(text: str) -> str:
    """Text inside HTML, and inert as Markdown too."""
    return clean(text).translate(_INERT)

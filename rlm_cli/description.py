"""What the root model is told of the input: kinds, counts, sizes and a glimpse. Its own size does not grow.

File names and first lines come from the input, so they are escaped, cut and fenced: the glimpse is data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rlm_cli.context.spans import FileNames, Part, Span, Store
from rlm_cli.context.table import kinds
from rlm_cli.figures import number, plural, size, tokens
from rlm_cli.prompts import fence

BYTES_PER_TOKEN = 4  # a rule of thumb for English and code; it only has to be right to a factor of two
_NAMES = 30
_DIRECTORIES = 12
_NAME_LIMIT = 120  # characters of one name
_KINDS, _SUFFIX_LIMIT = 8, 13  # suffixes, characters of each


def describe(store: Store, parts: Sequence[Part] | None, preview: int) -> str:
    """A few lines on the input, or on the `parts` that a child got. `preview` bounds the glimpse in characters."""
    files = store.files
    if parts is None:
        numbers = range(len(files))
        spans = [Span(file, 0, files.size(file)) for file in numbers[:_NAMES]]
        total, literal = sum(files.size(file) for file in numbers), ""
    else:
        spans = [part for part in parts if isinstance(part, Span)]
        literal = "".join(part for part in parts if isinstance(part, str))
        numbers = range(len({span.file for span in spans}))
        total = sum(span.end - span.start for span in spans) + len(literal.encode("utf-8", "replace"))
    about = f"{size(total)} (about {tokens(total / BYTES_PER_TOKEN)} tokens)"
    if not spans:
        return f"a text of {about}. Its beginning:\n" + fence("preview", literal[:preview])
    if len(numbers) == 1:
        name = f"`{_shown(files, spans[0].file)}`"
        what = f"one file, {name}, {about}" if parts is None else f"a part of {name}, {about}"
        return f"{what}. Its first lines:\n" + fence("preview", _head(store, spans[0], preview))
    lines = [f"{number(len(numbers))} files, {about}."]
    if parts is None:
        lines += [f"Kinds: {_kinds(files)}.", *_directories(files)]
    names = [_shown(files, span.file) for span in spans[:_NAMES]]
    more = f" … and {len(numbers) - len(names):,} more" if len(numbers) > len(names) else ""
    lines.append("Files: " + ", ".join(names) + more)
    first = spans[0]
    lines.append(f"The first lines of {_shown(files, first.file)}:")
    return "\n".join(lines) + "\n" + fence("preview", _head(store, first, preview))


def glimpse(store: Store, parts: Sequence[Part] | None, preview: int) -> Span | None:
    """The part of the input that `describe` quotes."""
    if parts is None:
        first = Span(0, 0, store.files.size(0)) if len(store.files) else None
    else:
        first = next((part for part in parts if isinstance(part, Span)), None)
    if first is None:
        return None
    return Span(first.file, first.start, first.start + len(_head(store, first, preview).encode("utf-8", "replace")))


def _shown(files: FileNames, file: int) -> str:
    name = files.name(file)
    return name if len(name) <= _NAME_LIMIT else name[: _NAME_LIMIT // 2] + "…" + name[-_NAME_LIMIT // 2 :]


def _head(store: Store, span: Span, limit: int) -> str:
    text = bytes(store.view(span.file, span.start, min(span.end, span.start + 4 * limit))).decode("utf-8", "replace")
    if len(text) <= limit:
        return text.rstrip("\n")
    cut = text[:limit]
    return (cut[: cut.rfind("\n")] if "\n" in cut[limit // 2 :] else cut) + "\n…"


def _kinds(files: FileNames) -> str:
    counts = kinds(files.name(file) for file in range(len(files)))
    most = list(counts.items())[:_KINDS]
    shown = [
        f"{count:,} {'without a suffix' if suffix == 'none' else suffix[:_SUFFIX_LIMIT]}" for suffix, count in most
    ]
    rest = sum(counts.values()) - sum(count for _, count in most)
    return ", ".join(shown + ([f"{rest:,} of other kinds"] if rest else []))


def _directories(files: FileNames) -> list[str]:
    """How the files are spread, one level below what they all share."""
    names = [files.name(file) for file in range(len(files))]
    shared = min(names).split("/")[:-1], max(names).split("/")[:-1]
    depth = 0
    for one, other in zip(*shared, strict=False):
        if one != other:
            break
        depth += 1
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for file, name in enumerate(names):
        pieces = name.split("/")
        place = "/".join(pieces[: depth + 1]) + "/" if len(pieces) > depth + 1 else "/".join([*pieces[:depth], "."])
        counts[place] += 1
        sizes[place] += files.size(file)
    if len(counts) < 2:
        return []
    shown = [
        f"{place[:_NAME_LIMIT]} {plural(count, 'file')}, {size(sizes[place])}"
        for place, count in counts.most_common(_DIRECTORIES)
    ]
    more = f"; {len(counts) - _DIRECTORIES:,} more directories" if len(counts) > _DIRECTORIES else ""
    return ["Directories: " + "; ".join(shown) + more]

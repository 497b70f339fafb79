"""Sources that are no paths: `scheme:rest` on the command line, opened as streams that are spooled like a pipe.

The smallest source:

    class Clipboard:
        def streams(self, rest):
            yield "clipboard", subprocess.Popen(["wl-paste"], stdout=subprocess.PIPE).stdout.detach().fileno()

and one line in `SCHEMES`, `"clipboard": Clipboard()`, makes `rlm ask clipboard: "what is this?"` read it. A stream that
is compressed or an archive is unpacked like a file. Where a path of that very name exists, the path is meant.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final, Protocol


class Source(Protocol):
    def streams(self, rest: str) -> Iterable[tuple[str, int]]:
        """(name, descriptor) of each text behind `scheme:rest`; descriptors are read to their end and closed.

        The name is shown and cited. Raises InputError with one sentence where there is nothing to read.
        """
        ...


SCHEMES: Final[dict[str, Source]] = {}


def scheme_of(word: str) -> tuple[Source, str] | None:
    """The source that a word of the command line means, and what follows its colon; None where it is a path."""
    scheme, colon, rest = word.partition(":")
    if not colon or scheme not in SCHEMES or os.path.lexists(word):
        return None
    return SCHEMES[scheme], rest

"""Modules whose code is read before the process is confined, and run after it.

A worker is ready when it is confined; what its cells need can be unpacked while the first model still thinks. Reading
the bytecode of a hundred modules takes 4 ms and their extension libraries 5, running them 25: so only the first two
come before `ready`, and nothing that parses or runs for others does.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder, SourceFileLoader

HEADER = 16
"""Bytes before the code in a file of bytecode: mark, flags, time of the source, size of the source."""

MODULES = """
    contextlib collections.abc warnings _typing typing mmap math _bisect bisect _random _sha512 _sha2 random
    rlm_cli.context stringzilla rlm_cli.context.offsets rlm_cli.context.shape rlm_cli.context.linewise
    rlm_cli.context.spans rlm_cli.context.matches _heapq heapq difflib rlm_cli.context.coverage rlm_cli.context.store
    rlm_cli.context.layout rlm_cli.context.mapped rlm_cli.context.seeking rlm_cli.context.splitting
    rlm_cli.context.placed rlm_cli.context.text rlm_cli.context.files rlm_cli.context.regions rlm_cli.context.grep
    rlm_cli.context.passages rlm_cli.context.words rlm_cli.context.search rlm_cli.context.chunks
    rlm_cli.context.readers ast textwrap platform RestrictedPython RestrictedPython._compat RestrictedPython._types
    RestrictedPython.transformer RestrictedPython.compile string RestrictedPython.Guards RestrictedPython.Limits
    RestrictedPython.Utilities RestrictedPython.PrintCollector RestrictedPython.Eval rlm_cli.sandbox.policy
    rlm_cli.sandbox.failures rlm_cli.sandbox.realise rlm_cli.sandbox.kinds rlm_cli.sandbox.guards
    rlm_cli.sandbox.output rlm_cli.sandbox.natives rlm_cli.sandbox.explain rlm_cli.context.table rlm_cli.sandbox.seen
    rlm_cli.sandbox.inputs binascii base64 _datetime datetime locale calendar _weakrefset weakref copy _csv csv
    numbers _decimal decimal fnmatch fractions _hashlib _blake2 hashlib html html.entities _statistics statistics
    unicodedata urllib ipaddress urllib.parse zlib rlm_cli.context.windows rlm_cli.context.found
    rlm_cli.context.lines rlm_cli.context.regex rlm_cli.sandbox.shims rlm_cli.sandbox.modules rlm_cli.sandbox.long
    rlm_cli.sandbox.sizes rlm_cli.sandbox.namespace rlm_cli.sandbox.opened rlm_cli.sandbox.cell _strptime
""".split()  # noqa: SIM905  (a table is read more easily in rows)
"""What a worker loads after it is confined, in any version of Python; a name that a version lacks is passed over."""


class _Shelved(SourceFileLoader):
    """A module of which the bytecode is in memory."""

    def __init__(self, name: str, path: str, code: bytes, stats: dict[str, float]) -> None:
        super().__init__(name, path)
        self._code = code
        self._stats = stats

    def path_stats(self, path: object) -> dict[str, float]:
        return self._stats

    def get_data(self, path: object) -> bytes:
        return self._code


class Shelf:
    """A finder of modules that were read ahead; it opens nothing."""

    def __init__(self) -> None:
        self._specs: dict[str, ModuleSpec] = {}

    def read(self, names: Sequence[str] = MODULES) -> None:
        """Read what `names` need. A module without bytecode of its present source is run at once, as usual."""
        for name in names:
            if name in sys.modules:
                continue
            parent = name.rpartition(".")[0]
            above = self._specs.get(parent) or getattr(sys.modules.get(parent), "__spec__", None)
            spec = PathFinder.find_spec(name, above.submodule_search_locations if above else None)
            if spec is None:
                continue  # built in, frozen, or of another version
            if (loader := _shelved(spec)) is not None:
                spec.loader = loader
                self._specs[name] = spec
            else:
                importlib.import_module(name)

    def stand_alone(self) -> None:
        """From here on nothing else can be imported."""
        sys.meta_path[:] = [BuiltinImporter, FrozenImporter, self]
        sys.path.clear()
        sys.path_importer_cache.clear()

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The importer's question."""
        return self._specs.get(name)


def _shelved(spec: ModuleSpec) -> _Shelved | None:
    """A loader with the bytecode of `spec`; None where that is missing, stale, or no bytecode is what it takes."""
    loader = spec.loader
    if not isinstance(loader, SourceFileLoader) or spec.cached is None:
        return None
    try:
        stats = dict(loader.path_stats(loader.path))
        code = loader.get_data(spec.cached)
    except OSError:
        return None
    flags, time, size = (int.from_bytes(code[at : at + 4], "little") for at in (4, 8, 12))
    current = (0, int(stats["mtime"]) & 0xFFFF_FFFF, int(stats["size"]) & 0xFFFF_FFFF)
    if len(code) <= HEADER or (flags, time, size) != current:
        return None
    return _Shelved(spec.name, loader.path, code, stats)

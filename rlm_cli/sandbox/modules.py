"""The modules that a cell may import: frozen fronts with allow-listed attributes, and advice for the rest.

A front holds no link to the module behind it, so `random._os` or `json.codecs` do not exist. Functions that look up
attributes by name or run text (`operator.attrgetter`, `functools.singledispatch`, `typing.get_type_hints`,
`string.Formatter`, `dataclasses`) are missing or replaced: RestrictedPython leaves this boundary to its host.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import calendar
import collections
import contextlib
import copy
import csv
import datetime
import decimal
import difflib
import fnmatch
import fractions
import functools
import hashlib
import heapq
import html
import io
import itertools
import json
import keyword
import math
import operator
import posixpath
import random
import re
import statistics
import string
import struct
import sys
import textwrap
import time
import unicodedata
import urllib.parse
import zlib
from types import ModuleType
from typing import Any

from rlm_cli.context import regex
from rlm_cli.sandbox import shims
from rlm_cli.sandbox.guards import Record, lifted
from rlm_cli.sandbox.natives import HIDDEN
from rlm_cli.sandbox.output import Output, OutputFile
from rlm_cli.sandbox.realise import is_text, real
from rlm_cli.sandbox.stops import CellExited


class Module:
    """The front of a module, as a cell sees it."""

    def __init__(self, name: str, attributes: dict[str, Any], absent: str = "") -> None:
        self.__dict__.update(attributes)
        self.__dict__["__name__"] = name
        self.__dict__["__absent"] = absent

    def __getattr__(self, name: str) -> Any:
        here = ", ".join(key for key in self.__dict__ if not key.startswith("_"))
        advice = self.__dict__["__absent"] or f"in a cell it has: {here}"
        raise AttributeError(f"module '{self.__dict__['__name__']}' has no '{name}' in a cell; {advice}")

    def __repr__(self) -> str:
        return f"<module '{self.__dict__['__name__']}'>"

    def __reduce__(self) -> Any:
        raise TypeError("a module cannot be copied")


ALLOWED: dict[ModuleType, str] = {
    math: "*",
    bisect: "*",
    heapq: "*",
    itertools: "*",
    statistics: (
        "mean fmean geometric_mean harmonic_mean median median_low median_high median_grouped mode multimode "
        "pstdev pvariance stdev variance quantiles covariance correlation linear_regression NormalDist "
        "StatisticsError"
    ),
    collections: "Counter defaultdict deque namedtuple OrderedDict ChainMap",
    functools: "reduce partial lru_cache cache cmp_to_key",
    datetime: "date datetime time timedelta timezone tzinfo MINYEAR MAXYEAR UTC",
    string: (
        "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits octdigits printable punctuation "
        "whitespace capwords"
    ),
    textwrap: "wrap fill dedent indent shorten",
    random: (
        "random uniform randint choice choices shuffle sample randrange seed gauss normalvariate betavariate "
        "expovariate triangular getrandbits randbytes Random"
    ),
    operator: (
        "abs add and_ concat contains countOf eq floordiv ge getitem gt iadd iand iconcat ifloordiv ilshift "
        "imatmul imod imul index indexOf inv invert ior ipow irshift is_ is_not isub itemgetter itruediv ixor le "
        "length_hint lshift lt matmul mod mul ne neg not_ or_ pos pow rshift setitem delitem sub truediv truth "
        "xor"
    ),
    difflib: (
        "SequenceMatcher Differ get_close_matches unified_diff context_diff ndiff restore IS_LINE_JUNK "
        "IS_CHARACTER_JUNK"
    ),
    hashlib: "md5 sha1 sha224 sha256 sha384 sha512 sha3_224 sha3_256 sha3_384 sha3_512 blake2b blake2s",
    base64: (
        "b64encode b64decode standard_b64encode standard_b64decode urlsafe_b64encode urlsafe_b64decode b32encode "
        "b32decode b16encode b16decode b85encode b85decode a85encode a85decode"
    ),
    binascii: "hexlify unhexlify b2a_hex a2b_hex crc32 Error",
    zlib: "crc32 adler32 compress decompress error",
    unicodedata: (
        "name lookup category bidirectional combining decimal digit numeric east_asian_width mirrored normalize "
        "is_normalized decomposition unidata_version"
    ),
    decimal: (
        "Decimal getcontext localcontext ROUND_HALF_UP ROUND_HALF_EVEN ROUND_HALF_DOWN ROUND_UP ROUND_DOWN "
        "ROUND_CEILING ROUND_FLOOR InvalidOperation DivisionByZero Inexact Overflow Underflow DecimalException "
        "Context"
    ),
    fractions: "Fraction",
    html: "escape unescape",
    keyword: "iskeyword kwlist issoftkeyword softkwlist",
    struct: "pack unpack unpack_from iter_unpack calcsize error",
    calendar: (
        "isleap leapdays monthrange monthcalendar weekday timegm month_name month_abbr day_name day_abbr month "
        "calendar MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY SATURDAY SUNDAY"
    ),
    fnmatch: "fnmatch fnmatchcase filter translate",
    urllib.parse: (
        "urlparse urlsplit urlunparse urlunsplit urljoin quote quote_plus unquote unquote_plus urlencode parse_qs "
        "parse_qsl urldefrag"
    ),
    copy: "copy deepcopy",
    contextlib: "contextmanager nullcontext closing suppress",
    json: "loads dumps load dump JSONDecodeError JSONDecoder JSONEncoder",
    csv: (
        "reader writer DictReader DictWriter Error excel excel_tab QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE "
        "QUOTE_NONNUMERIC Sniffer"
    ),
    time: (
        "time perf_counter monotonic process_time strftime strptime gmtime localtime mktime ctime time_ns asctime "
        "perf_counter_ns monotonic_ns"
    ),
    posixpath: "basename dirname join split splitext normpath commonprefix commonpath isabs relpath sep normcase",
}

LIFTED = {
    json: "loads",
    textwrap: "wrap fill dedent indent shorten",
    html: "escape unescape",
    unicodedata: "normalize is_normalized",
    fnmatch: "fnmatch fnmatchcase",
    urllib.parse: "urlparse urlsplit urljoin quote quote_plus unquote unquote_plus parse_qs parse_qsl urldefrag",
    string: "capwords",
    base64: "b64decode standard_b64decode urlsafe_b64decode b32decode b16decode b85decode a85decode",
    binascii: "unhexlify a2b_hex",
    posixpath: "basename dirname join split splitext normpath commonprefix commonpath isabs normcase",
}
"""Functions that hand text to C code: mapped text among their arguments is made real first."""

FILES = "the input is in `files[path]` and `context`; use files.glob('**/*.py'), grep(...) and search(...)"
NO_NETWORK = "a cell has no network"
ADVICE = {
    "os": FILES,
    "pathlib": "paths are plain strings in a cell, and os.path works on them; " + FILES,
    "glob": "use files.glob('**/*.py')",
    "shutil": FILES,
    "tempfile": "keep values in variables: they stay from cell to cell",
    "subprocess": "a cell starts no processes",
    "multiprocessing": "a cell starts no processes; llm_query_batched runs calls in parallel",
    "threading": "a cell has one thread; llm_query_batched runs calls in parallel",
    "socket": NO_NETWORK,
    "requests": NO_NETWORK,
    "httpx": NO_NETWORK,
    "aiohttp": NO_NETWORK,
    "urllib": NO_NETWORK + "; urllib.parse is there",
    "urllib.request": NO_NETWORK + "; urllib.parse is there",
    "http": NO_NETWORK,
    "openai": "use llm_query(prompt) or llm_query_batched(prompts)",
    "anthropic": "use llm_query(prompt) or llm_query_batched(prompts)",
    "litellm": "use llm_query(prompt) or llm_query_batched(prompts)",
    "pandas": "use csv.DictReader(io.StringIO(text)), collections.Counter and statistics",
    "polars": "use csv.DictReader(io.StringIO(text)), collections.Counter and statistics",
    "numpy": "use math, statistics and lists",
    "scipy": "use math and statistics",
    "sklearn": "use collections.Counter, search(query) and statistics",
    "nltk": "use re.findall(r'\\w+', text) and collections.Counter",
    "spacy": "use re, or ask a model: llm_query(prompt, context)",
    "tiktoken": "a token is about four characters: len(text) // 4",
    "transformers": "use llm_query(prompt) for models; a token is about four characters",
    "matplotlib": "nothing can be drawn here; print numbers",
    "bs4": "use re and html.unescape",
    "lxml": "use re and html.unescape",
    "xml": "use re and html.unescape",
    "yaml": "read it by lines with re; json is there",
    "toml": "read it by lines with re; json is there",
    "tomllib": "read it by lines with re; json is there",
    "pickle": "keep values in variables: they stay from cell to cell; json is there",
    "sqlite3": "use dicts and collections",
    "logging": "use print(...)",
    "dataclasses": "classes are not available in a cell: use dicts, namedtuple or types.SimpleNamespace",
    "enum": "classes are not available in a cell: use plain constants or a dict",
    "abc": "classes are not available in a cell: use plain functions",
    "ast": "use re; or ask a model: llm_query(prompt, context)",
    "inspect": "objects of the interpreter are not available in a cell",
    "importlib": "use a plain import",
    "uuid": "use a counter",
    "secrets": "use random",
    "signal": "a cell's time is limited already",
    "zoneinfo": "use datetime.timezone(datetime.timedelta(hours=...))",
    "gzip": "compressed files are in `files` unpacked",
    "zipfile": "members of archives are in `files`, as 'a.zip!/name'",
    "tarfile": "members of archives are in `files`, as 'a.tar!/name'",
    "tqdm": "iterate directly",
    "codecs": "use text.encode(...) and bytes.decode(...)",
}


def _front(module: ModuleType, **replaced: Any) -> Module:
    """The front of `module`, from the tables above; `replaced` overrides or adds."""
    wanted = ALLOWED[module]
    names = [name for name in dir(module) if not name.startswith("_")] if wanted == "*" else wanted.split()
    lift = set(LIFTED.get(module, "").split())
    attributes: dict[str, Any] = {}
    for name in names:
        if not hasattr(module, name):
            continue  # UTC before 3.11 and its like
        value = getattr(module, name)
        if isinstance(value, HIDDEN):
            continue
        attributes[name] = lifted(value) if name in lift else value
    return Module(module.__name__, attributes | replaced)


class Imports:
    """What `import` finds in one namespace. Created before confinement: nothing is loaded later."""

    def __init__(self, output: Output, names: dict[str, Any]) -> None:
        self._names = names
        self.modules: dict[str, Module] = {}
        for module in ALLOWED:
            self.modules[module.__name__] = _front(module)
        self._adapt(output)

    def _adapt(self, output: Output) -> None:
        made = self.modules
        made["re"] = made["regex"] = _regex()
        made["os.path"] = made.pop("posixpath")
        made["os.path"].__dict__["__name__"] = "os.path"
        made["os"] = Module("os", {"path": made["os.path"], "sep": "/", "linesep": "\n"}, FILES)
        made["urllib"] = Module("urllib", {"parse": made["urllib.parse"]}, NO_NETWORK)
        made["collections"].__dict__["abc"] = made["collections.abc"] = Module("collections.abc", shims.abstract())
        made["typing"] = made["typing_extensions"] = Module("typing", shims.typing())
        made["types"] = Module("types", {"SimpleNamespace": Record, **shims.type_names()})
        made["functools"].__dict__.update(wraps=shims.wraps)
        made["operator"].__dict__.update(attrgetter=shims.attrgetter, methodcaller=shims.methodcaller)
        made["io"] = Module("io", {"StringIO": _string_io, "BytesIO": io.BytesIO})
        made["json"].__dict__.update(dumps=_dumps, dump=_dump, load=_load)
        made["csv"].__dict__.update(reader=_csv_reader, DictReader=_dict_reader, field_size_limit=_field_size_limit)
        made["time"].__dict__["sleep"] = _sleep
        made["asyncio"] = Module("asyncio", shims.event_loop())
        futures = Module("concurrent.futures", shims.futures(self._names))
        made["concurrent"] = Module("concurrent", {"futures": futures})
        made["concurrent.futures"] = futures
        made["pprint"] = Module("pprint", shims.pretty(output))
        made["traceback"] = Module("traceback", shims.tracebacks(output))
        made["warnings"] = Module("warnings", shims.warnings())
        made["contextlib"].__dict__.update(shims.redirects(output), suppress=shims.Suppress)
        made["sys"] = Module("sys", _system(output), "a cell has no access to the interpreter")

    def find(self, name: str, whole: bool) -> Any:
        """The front for `import name`; without `whole`, its first part (`import os.path` binds `os`).

        Raises ModuleNotFoundError with what to use instead.
        """
        top = name.partition(".")[0]
        if name in self.modules:
            return self.modules[name if whole or top not in self.modules else top]
        if top == "rlm" or name in self._names:
            raise ModuleNotFoundError(f"'{name}' needs no import: the names of the REPL are there already")
        advice = ADVICE.get(name) or ADVICE.get(top)
        if advice is None:
            offered = ", ".join(sorted(key for key in self.modules if "." not in key))
            advice = f"these can be imported: {offered}"
        raise ModuleNotFoundError(f"No module named '{name}' in a cell: {advice}")


def _regex() -> Module:
    """`re` over mapped text and plain text alike."""
    functions = "compile search match fullmatch findall finditer sub subn split escape purge"
    flags = "A ASCII I IGNORECASE M MULTILINE S DOTALL X VERBOSE U UNICODE NOFLAG RegexFlag error Pattern Match"
    names: dict[str, Any] = {name: getattr(regex, name) for name in functions.split()}
    return Module("re", names | {name: getattr(re, name) for name in flags.split()})


def _system(output: Output) -> dict[str, Any]:
    out = OutputFile(output)

    def leave(*_: Any) -> None:
        raise CellExited

    return {
        "stdout": out,
        "stderr": out,
        "maxsize": sys.maxsize,
        "version": sys.version.split()[0],
        "version_info": tuple(sys.version_info),
        "byteorder": sys.byteorder,
        "platform": "cell",
        "argv": [],
        "exit": leave,
        "getsizeof": sys.getsizeof,
        "getrecursionlimit": sys.getrecursionlimit,
        "setrecursionlimit": _set_recursion_limit,
        "intern": sys.intern,
        "maxunicode": sys.maxunicode,
    }


def _set_recursion_limit(limit: int) -> None:
    """Up to 20,000: beyond that the C stack ends first."""
    sys.setrecursionlimit(max(200, min(int(limit), 20_000)))


def _sleep(seconds: float) -> None:
    """At most a second: waiting gains nothing in a cell, and its time is limited."""
    time.sleep(max(0.0, min(float(seconds), 1.0)))


def _string_io(initial_value: Any = "", newline: Any = "\n") -> io.StringIO:
    return io.StringIO(real(initial_value), newline)


def _text_default(value: Any) -> Any:
    if is_text(value):
        return real(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _dumps(value: Any, *, default: Any = None, **options: Any) -> str:
    """`json.dumps`, taking mapped text as text."""

    def fallback(item: Any) -> Any:
        return _text_default(item) if is_text(item) or default is None else default(item)

    return json.dumps(real(value), default=fallback, **options)


def _dump(value: Any, file: Any, **options: Any) -> None:
    file.write(_dumps(value, **options))


def _load(file: Any, **options: Any) -> Any:
    return json.loads(real(file if is_text(file) else file.read()), **options)


def _csv_reader(lines: Any, *args: Any, **kwargs: Any) -> Any:
    return csv.reader(map(real, lines), *args, **kwargs)


def _dict_reader(lines: Any, *args: Any, **kwargs: Any) -> Any:
    return csv.DictReader(map(real, lines), *args, **kwargs)


def _field_size_limit(limit: int | None = None) -> int:
    return csv.field_size_limit() if limit is None else csv.field_size_limit(min(int(limit), 1 << 30))

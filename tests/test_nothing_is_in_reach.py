"""No walk over what a cell may read, and no random expression, arrives at a module, a frame, code or a class maker."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from rlm_cli.sandbox import process
from tests.sandboxes import Bench

WALKER = """
import sys, json
sys.path += json.loads(sys.argv[1])['path']
import builtins, io, os, types, collections, itertools
import _io, _socket
from rlm_cli.sandbox import guards, natives, worker, policy

DENIED_KINDS = (types.ModuleType, types.CodeType, types.FrameType, types.TracebackType, _io.FileIO, _io.TextIOWrapper,
                _io.BufferedReader, _socket.socket, worker.Channel)
DENIED = {id(x): name for name, x in {
    'type': type, 'open': open, 'eval': eval, 'exec': exec, 'compile': compile, '__import__': __import__,
    'getattr': getattr, 'setattr': setattr, 'vars': vars, 'globals': globals, 'builtins': builtins.__dict__,
    'modules': sys.modules, 'environ': os.environ, 'FunctionType': types.FunctionType, 'CodeType': types.CodeType,
    'ModuleType': types.ModuleType, 'raw format': str.__dict__['format'], 'input': input, 'breakpoint': breakpoint,
}.items()}

MADE_BY_CELLS = {'Record', 'type', 'Executor', 'Redirect', 'Suppress'}  # what a module or a name offers

def denied(value):
    kind = type(value)
    if id(value) in DENIED:
        return DENIED[id(value)]
    if issubclass(kind, DENIED_KINDS):
        return kind.__name__
    if isinstance(value, type) and issubclass(value, type) and value is not natives.kinds.TypeStandIn:
        return 'a metaclass'
    if isinstance(value, type) and value.__module__.startswith('rlm_cli.') and value.__name__ not in MADE_BY_CELLS:
        if not issubclass(value, BaseException) and type(value) is not natives.kinds.Abstract:
            return 'a class of the package'
    if kind is types.BuiltinMethodType and isinstance(value.__self__, str) and value.__name__ in ('format', 'format_map'):
        return 'raw format'
    if kind is dict and (value is TABLE[0] or '__builtins__' in value or '<getattr>' in value):
        return 'a namespace'
    if kind is types.BuiltinFunctionType and (value.__module__ in ('posix', 'os', '_io', '_thread', '_socket', '_ctypes')):
        return f'{value.__module__}.{value.__name__}'
    return ''

TABLE = [None]

def neighbours(value):
    for name in sorted(set(dir(value)) | {'__class__', '__name__', '__doc__'}):
        try:
            yield '.' + name, guards.guarded_getattr(value, name)
        except BaseException:
            pass
    if isinstance(value, (list, tuple, set, frozenset, collections.deque)) and not isinstance(value, str):
        for place, item in enumerate(itertools.islice(value, 200)):
            yield f'[{place}]', item
    if isinstance(value, dict):
        for key, item in itertools.islice(value.items(), 500):
            yield f'[{key!r:.30}]', item
            yield '.key', key

def walk(roots):
    found, seen, kept = [], set(), []
    queue = collections.deque((name, value) for name, value in roots)
    while queue and len(seen) < 100_000:
        path, value = queue.popleft()
        if id(value) in seen or len(path) > 100:
            continue
        seen.add(id(value))
        kept.append(value)
        if problem := denied(value):
            found.append([path, problem])
            continue
        if isinstance(value, (str, bytes, int, float, bool)) and type(value) is not natives.kinds.TypeStandIn:
            if len(path.split('.')) > 3:
                continue
        for step, item in neighbours(value):
            queue.append((path + step, item))
    return len(seen), found

make = natives.Natives._make
def made(self):
    table = make(self)
    TABLE[0] = table
    speakable = [name for name in table if name.isidentifier() and not name.startswith('__')]
    def reach():
        roots = [(name, table[name]) for name in speakable]
        roots += [(name, value) for name, value in self.namespace.items() if name != '__builtins__']
        roots += [(f'import {name}', self.run_import(name, True)) for name in self.run_import.__self__.modules]
        return json.dumps(walk([root for root in roots if root[0] not in ('reach', 'suspicious')]))
    def suspicious(value, depth=2):
        if problem := denied(value):
            return problem
        if depth:
            if isinstance(value, (list, tuple, set)):
                return next(filter(None, (suspicious(item, depth - 1) for item in itertools.islice(value, 50))), '')
            if isinstance(value, dict):
                return next(filter(None, (suspicious(i, depth - 1) for i in itertools.islice(value.values(), 50))), '')
        return ''
    return {**table, 'reach': reach, 'suspicious': suspicious}
natives.Natives._make = made
worker.main()
"""
"""A worker with two functions more: `reach()` walks over all that a cell sees, `suspicious(x)` judges one value."""


@pytest.fixture
def walker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(process, "BOOT", WALKER)
    with Bench({"a.txt": b"text " * 40_000, "b.py": b"x = 1\n"}) as bench:
        yield bench


SEEN = """
import json, re, math, collections, functools, itertools, random, copy, io, csv, types, typing, contextlib, sys, datetime
def f(x=1): return x
def gen():
    yield 1
g = gen()
part = functools.partial(f, 2)
cached = functools.lru_cache(f)
point = collections.namedtuple('Point', 'x y')(1, 2)
@contextlib.contextmanager
def manager():
    yield 1
cm = manager()
record = types.SimpleNamespace(a=1)
pattern = re.compile('a')
match = re.search('t', context)
real_match = re.search('t', 'text')
found = grep('text')
hits = search('text')
parts = chunks()
reader = csv.DictReader(io.StringIO('a,b'))
try:
    {}['x']
except KeyError as e:
    error = e
try:
    json.nope
except AttributeError as e:
    attribute_error = e
failed = llm_query_batched(['fail'])[0]
bound = context.find
it = iter([1])
z = zip([1], [2])
form = '{0}'.format
day = datetime.datetime(2020, 1, 1)
"""


def test_no_public_road_leads_out(walker: Bench) -> None:
    walker.output(SEEN)
    count, found = json.loads(walker.output("print(reach())"))
    assert found == []
    assert count > 5_000


NAMES = [
    "f",
    "gen",
    "g",
    "part",
    "cached",
    "point",
    "cm",
    "record",
    "pattern",
    "match",
    "found",
    "hits",
    "parts",
    "reader",
    "error",
    "attribute_error",
    "failed",
    "bound",
    "it",
    "form",
    "day",
    "context",
    "files",
    "json",
    "re",
    "math",
    "collections",
    "functools",
    "itertools",
    "random",
    "copy",
    "io",
    "csv",
    "types",
    "typing",
    "contextlib",
    "sys",
    "len",
    "print",
    "type",
    "int",
    "str",
    "dict",
    "list",
    "object",
    "getattr",
    "hasattr",
    "llm_query",
    "FINAL",
    "answer",
    "SubcallError",
    "grep",
    "search",
    "Exception",
]
ATTRIBUTES = [
    "__class__",
    "__globals__",
    "__code__",
    "__dict__",
    "__self__",
    "__func__",
    "__init__",
    "__mro__",
    "__base__",
    "__bases__",
    "__subclasses__",
    "__name__",
    "__doc__",
    "__builtins__",
    "__closure__",
    "__traceback__",
    "__reduce_ex__",
    "__getattribute__",
    "_store",
    "_layout",
    "_asdict",
    "_fields",
    "_real",
    "_x",
    "gi_frame",
    "gi_code",
    "f_back",
    "f_globals",
    "f_builtins",
    "tb_frame",
    "mro",
    "obj",
    "format",
    "format_map",
    "register",
    "func",
    "gen",
    "args",
    "keywords",
    "loads",
    "dumps",
    "path",
    "modules",
    "stdout",
    "store",
    "files",
    "parts",
    "find",
    "join",
    "upper",
    "real",
    "items",
    "keys",
    "get",
    "append",
    "kind",
    "message",
    "re",
    "string",
    "pattern",
    "cache_info",
    "wraps",
    "partial",
    "reduce",
    "SimpleNamespace",
    "Callable",
    "abc",
    "fieldnames",
    "reader",
]


def expression(dice: random.Random, depth: int) -> str:
    """A random expression, biased towards what reaches inwards."""
    if depth <= 0 or dice.random() < 0.1:
        return dice.choice([*NAMES, "1", "'__globals__'", "'{0.__class__}'", "()", "[]", "''", "'x'", "0"])
    inner = lambda: expression(dice, depth - 1)  # noqa: E731
    attribute = dice.choice(ATTRIBUTES)
    return dice.choice(
        [
            lambda: f"({inner()}).{attribute}",
            lambda: f"({inner()}).{attribute}",
            lambda: f"({inner()})({inner()})",
            lambda: f"({inner()})()",
            lambda: f"({inner()}).{attribute}({inner()})",
            lambda: f"({inner()})[{inner()}]",
            lambda: f"getattr({inner()}, {attribute!r})",
            lambda: f"getattr({inner()}, {attribute!r}, {inner()})",
            lambda: f"'{{0.{attribute}}}'.format({inner()})",
            lambda: f"f'{{({inner()}).{attribute}}}'",
            lambda: f"type({inner()})",
            lambda: f"[{inner()} for v in {inner()}]",
            lambda: f"(lambda v={inner()}: {inner()})()",
            lambda: f"(v := {inner()})",
            lambda: f"[*map({inner()}, [{inner()}])]",
            lambda: f"{{'k': {inner()}}}",
            lambda: f"({inner()} or {inner()})",
            lambda: f"functools.reduce(getattr, [{attribute!r}, {dice.choice(ATTRIBUTES)!r}], {inner()})",
            lambda: f"eval({inner()!r})",
            lambda: f"copy.copy({inner()})",
            lambda: f"sorted([{inner()}], key=lambda v: v.{attribute})",
        ]
    )()


def test_random_expressions_reach_nothing(walker: Bench) -> None:
    """Bounded: 6,000 expressions from a fixed seed, judged in the worker by what they give."""
    dice = random.Random(20261121)
    tried = ran = 0
    for _ in range(12):
        sources = [expression(dice, dice.randint(1, 5)) for _ in range(500)]
        walker.output(SEEN)
        code = (
            f"sources = {sources!r}\nbad, ran, kept = [], 0, dict(f=f, g=g)\n"
            "for source in sources:\n"
            "    if 'FINAL' in source or 'llm_query' in source: continue\n"
            "    try:\n"
            "        value = eval(source)\n"
            "    except Exception as e:\n"
            "        continue\n"
            "    ran += 1\n"
            "    if suspicious(value): bad.append((source, suspicious(value)))\n"
            ""
            "answer['content'] = f'{ran} {bad[:5] or str()}'"
        )
        count, _, bad = (walker.result(code).draft or "").partition(" ")
        assert bad == ""
        ran += int(count)
        tried += len(sources)
    assert tried == 6_000
    assert ran > 600  # enough of them are valid to mean something


KINDS = """
import re, types, typing, collections
match = grep('text')[0]
record = types.SimpleNamespace(a=1)
print([type(context) is str, type(re.compile('a')) is re.Pattern, type(re.search('text', context)) is re.Match])
print([kind.__name__ for kind in map(type, [match, files, chunks(), answer, open])])
print(isinstance(match, type(match)), type(match) is type(grep('text')[-1]), isinstance(answer, type(answer)))
print(type(record)(b=2), type(record) is types.SimpleNamespace)
for endless in (type(files), typing.Any, typing.Callable):
    try:
        [0 for _ in endless]
    except TypeError as error:
        print(error)
"""


def test_types_say_what_things_are_and_make_none() -> None:
    with Bench({"a.txt": b"text " * 40_000}) as bench:
        assert bench.output(KINDS) == (
            "[True, True, True]\n['Match', 'Files', 'Chunks', 'Answer', 'Opener']\nTrue True True\n"
            "namespace(b=2) True\n'Abstract' object is not iterable\n'Hint' object is not iterable\n"
            "'Abstract' object is not iterable\n"
        )
        assert "cannot be called in a cell" in bench.error("type(files)(context)").message

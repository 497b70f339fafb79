"""What a worker sends is hostile: nothing it can say harms the host, forges an answer, or is taken for something else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import py_compile
import resource
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rlm_cli.context.table import FileTable
from rlm_cli.errors import SandboxError
from rlm_cli.sandbox import calls, macos, process, shelf
from rlm_cli.sandbox.host import ProcessSandbox
from rlm_cli.sandbox.process import Packed
from rlm_cli.sandbox.protocol import LONGEST, Breach, clean, decode, encode
from rlm_cli.sandbox.spares import Spares
from tests.sandboxes import Bench, NotedHost

IMPOSTOR = """
import sys, json, os
setup = json.loads(sys.argv[1])
out, back = setup['requests'], setup['replies']
def say(line):
    view = memoryview(line)
    while view:
        view = view[os.write(out, view):]
def hear():
    data = b''
    while not data.endswith(b'\\n'):
        more = os.read(back, 1 << 20)
        if not more:
            os._exit(0)
        data += more
    return data
def tell(message):
    say(json.dumps(message).encode() + b'\\n')
DONE = {'t': 'done', 'output': 'fine', 'length': 4, 'error': None, 'submitted': False, 'variables': [], 'draft': None,
        'seconds': 0.1, 'looked': False, 'coverage': [], 'shown': [], 'searched': []}
tell({'t': 'ready', 'layers': ['seccomp'], 'missing': {}})
hear()
tell({'t': 'idle'})
order = json.loads(hear())
while True:
    exec(order['code'])
    order = json.loads(hear())
"""
"""A process in the worker's place that says whatever the test has as its cell."""

SHIPPED = process.BOOT
CALL = "tell({{'t': 'call', 'm': {!r}, 'a': {!r}}}); hear(); tell(DONE)"


def call(method: object, **arguments: Any) -> str:
    return CALL.format(method, arguments)


def query(**changes: Any) -> str:
    given = {"prompts": [["p"]], "model": None, "schema": None, "recursive": False, "site": None}
    return call("query", **(given | changes))


BREACHES = {
    "no JSON": "say(b'hello\\n')",
    "an array": "say(b'[1]\\n')",
    "a number": "say(b'1\\n')",
    "an empty line": "say(b'\\n')",
    "bytes that are no ASCII": 'say(\'{"t":"é"}\\n\'.encode())',
    "NUL bytes": "say(b'\\0' * 100 + b'\\n')",
    "two lines at once": 'say(b\'{"t":"idle"}\\n{"t":"idle"}\\n\')',
    "a call and a forged end": "say(json.dumps({'t': 'call', 'm': 'budget', 'a': {}}).encode() + b'\\n' + json.dumps(DONE).encode() + b'\\n')",
    "an end and more": "tell(DONE); say(b'x'); import time; time.sleep(0.3)",
    "an unknown kind": "tell({'t': 'exec', 'code': '1'})",
    "no kind": "tell({})",
    "ready again": "tell({'t': 'ready', 'layers': [], 'missing': {}})",
    "deep nesting": "say(b'[' * 200_000 + b']' * 200_000 + b'\\n')",
    **{
        f"{depth} lists in each other in {where}": f"say(b'{head}' + b'[' * {depth} + b']' * {depth} + b'{tail}\\n'); hear(); tell(DONE)"
        for depth in (100, 500, 900)
        for where, head, tail in (
            (
                "a schema",
                '{"t":"call","m":"query","a":{"prompts":[["p"]],"model":null,"recursive":false,"site":null,"schema":',
                "}}",
            ),
            ("an answer", '{"t":"call","m":"submit","a":{"kind":"final","parts":null,"searched":true,"value":', "}}"),
            ("what a tool is given", '{"t":"call","m":"tool","a":{"name":"x","named":{},"arguments":', "}}"),
        )
    },
    "a huge number": "say(b'{\"t\":' + b'9' * 10_000 + b'}\\n')",
    "the end of the process": "os._exit(3)",
    "the end inside a line": "say(b'{\"t\":'); os._exit(0)",
    "an unknown call": call("system", command="id"),
    "a call by attribute": call("__class__"),
    "a call that is no name": call(["query"]),
    "a call without arguments": "tell({'t': 'call', 'm': 'budget'}); hear(); tell(DONE)",
    "a call with more": "tell({'t': 'call', 'm': 'budget', 'a': {}, 'x': 1}); hear(); tell(DONE)",
    "budget with arguments": call("budget", set=1),
    "a draft that is no text": call("draft", text=["x"]),
    "a draft that is too long": "tell({'t': 'call', 'm': 'draft', 'a': {'text': 'x' * 1_000_001}}); hear(); tell(DONE)",
    "open of a path": call("open", files=["/etc/passwd"]),
    "open of a number outside": call("open", files=[99]),
    "open of a negative number": call("open", files=[-1]),
    "open of a bool": call("open", files=[True]),
    "open of no list": call("open", files=0),
    "open of too many": call("open", files=[0] * 1000),
    "a query without prompts": query(prompts=[]),
    "prompts that are text": query(prompts="abc"),
    "a span outside": query(prompts=[[[7, 0, 1]]]),
    "a negative span": query(prompts=[[[0, -5, 1]]]),
    "a span that runs backwards": query(prompts=[[[0, 9, 1]]]),
    "a span of floats": query(prompts=[[[0, 0.5, 1]]]),
    "a span of four": query(prompts=[[[0, 0, 1, 2]]]),
    "a part that is an object": query(prompts=[[{"file": 0}]]),
    "too many prompts": query(prompts=[["p"]] * 10_001),
    "a model that is a list": query(model=["x"]),
    "recursive that is a number": query(recursive=1),
    "a site that is text": query(site="1"),
    "a query with more": query(key="x"),
    "a submission of another kind": call("submit", kind="forge", value="x", parts=None),
    "a submission without parts": call("submit", kind="final", value="x"),
    "a citation outside": call("cite", span=[9, 0, 1], line=1, end_line=1),
    "a citation of text": call("cite", span="a.py", line=1, end_line=1),
    "a citation that is literal": call("cite", span=["x"], line=1, end_line=1),
    "a line that is text": call("cite", span=[0, 0, 1], line="1", end_line=1),
    "output that is a list": "tell({**DONE, 'output': ['x']})",
    "output that is too long": "tell({**DONE, 'output': 'x' * 2_000_000})",
    "a length that is text": "tell({**DONE, 'length': '4'})",
    "a negative length": "tell({**DONE, 'length': -1})",
    "an error of another kind": "tell({**DONE, 'error': {'type': 'E', 'message': 'm', 'kind': 'died'}})",
    "an error that is text": "tell({**DONE, 'error': 'E'})",
    "a line below one": "tell({**DONE, 'error': {'type': 'E', 'message': 'm', 'kind': 'error', 'line': 0}})",
    "a long message": "tell({**DONE, 'error': {'type': 'E', 'message': 'm' * 100_000, 'kind': 'error'}})",
    "variables that are text": "tell({**DONE, 'variables': 'x'})",
    "too many variables": "tell({**DONE, 'variables': [['a', 'b', 'c']] * 1000})",
    "a variable of two": "tell({**DONE, 'variables': [['a', 'b']]})",
    "coverage of text": "tell({**DONE, 'coverage': [['a']]})",
    "coverage that is an object": "tell({**DONE, 'coverage': {'0': 1}})",
    "coverage of a file outside": "tell({**DONE, 'coverage': [[7, 0, 1]]})",
    "coverage of half a pair": "tell({**DONE, 'coverage': [[0, 0]]})",
    "coverage that is too far": "tell({**DONE, 'coverage': [[0, 0, 1 << 80]]})",
    "coverage of a file twice": "tell({**DONE, 'coverage': [[0, 0, 1], [0, 5, 1]]})",
    "coverage of a huge file number": "tell({**DONE, 'coverage': [[1 << 40, 0, 1]]})",
    "a draft that is a list": "tell({**DONE, 'draft': ['x']})",
}


@pytest.fixture(scope="module")
def impostor() -> Any:
    shipped, process.BOOT = process.BOOT, IMPOSTOR
    try:
        with Bench({"a.txt": b"text"}, grace=0.3) as bench:
            yield bench
    finally:
        process.BOOT = shipped


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_ends_the_worker_and_not_the_host(impostor: Bench, name: str) -> None:
    impostor.forget()
    result = impostor.result(BREACHES[name], seconds=5)
    if name == "an end and more" and result.error is None:  # what followed the end is found at the next cell
        impostor.forget()
        result = impostor.result("tell(DONE)", seconds=5)
    assert result.error is not None
    assert result.error.kind == "died"
    assert impostor.host.submissions == []
    assert impostor.host.queries == []
    assert impostor.result("tell(DONE)").output == "fine"


def test_values_are_taken_as_deep_as_a_cell_sends_them(impostor: Bench) -> None:
    impostor.forget()
    nested = "[" * 40 + "]" * 40
    result = impostor.result(
        f"tell({{'t': 'call', 'm': 'submit', 'a': {{'kind': 'final', 'parts': None, 'searched': True, 'value': {nested}}}}}); hear(); tell(DONE)"
    )
    assert (result.error, len(impostor.host.submissions)) == (None, 1)
    impostor.host.submissions.clear()


def test_a_line_without_end_is_bounded(impostor: Bench) -> None:
    result = impostor.result("while True: say(b'x' * (1 << 20))", seconds=30)
    assert result.error is not None
    assert result.error.kind == "died"
    assert str(f"{LONGEST:,}") in result.error.message


DEAF = {
    "calls": "while True: tell({'t': 'call', 'm': 'history', 'a': {}})",
    "calls one by one": "import time\nwhile True:\n    tell({'t': 'call', 'm': 'history', 'a': {}})\n    time.sleep(0.1)",
    "openings": "while True: tell({'t': 'call', 'm': 'open', 'a': {'files': [0] * 64}})",
    "one call, and silence": "tell({'t': 'call', 'm': 'history', 'a': {}})\nimport time\nwhile True: time.sleep(9)",
}


@pytest.mark.parametrize("name", DEAF)
def test_a_worker_that_reads_no_replies_fills_nothing(name: str, impostor: Bench) -> None:
    history = "h" * (3 << 20)
    impostor.forget()
    files = len(os.listdir("/proc/self/fd"))
    most = 0

    worker = impostor.sandbox._worker
    assert worker is not None
    send = worker.send

    def sending(message: dict[str, Any]) -> None:
        nonlocal most
        send(message)
        most = max(most, len(worker._left))

    worker.send = sending  # type: ignore[method-assign]
    impostor.host.history = lambda: history  # type: ignore[method-assign]
    result = impostor.result(DEAF[name], seconds=1)
    assert result.error is not None
    assert result.error.kind in ("died", "time")
    assert most <= len(history) + 100  # one reply
    assert impostor.result("tell(DONE)").output == "fine"
    assert len(os.listdir("/proc/self/fd")) <= files + 2


def test_a_flood_is_left_in_its_pipe(impostor: Bench) -> None:
    """While the host waits for a model it reads nothing more from a worker that has broken the protocol."""
    impostor.forget()
    impostor.host.delay = 1.0
    taken = 0

    async def flooded() -> Any:
        nonlocal taken
        worker = impostor.sandbox._worker
        assert worker is not None
        received = worker._lines.data_received

        def counted(data: bytes) -> None:
            nonlocal taken
            taken += len(data)
            received(data)

        worker._lines.data_received = counted  # type: ignore[method-assign]
        ask = {"t": "call", "m": "query", "a": {"prompts": [["p"]], "model": None, "schema": None}}
        ask["a"] |= {"recursive": False, "site": None}  # type: ignore[operator]
        code = f"tell({ask!r})\nwhile True: say(b'x' * (1 << 20))"
        return await impostor.sandbox.run(code, cell="0/9.1", time_limit=20)

    result = impostor.run(flooded())
    impostor.host.delay = 0.0
    impostor.host.queries.clear()
    assert result.error is not None
    assert "out of turn" in result.error.message
    assert taken < 4 << 20


def test_a_line_of_very_many_values_is_not_unpacked() -> None:
    with pytest.raises(Breach, match="values"):
        decode(b"[" + b"[]," * 5_000_000 + b"1]")


def test_a_line_in_tiny_pieces_takes_no_more_than_its_size() -> None:
    lines = process._Lines()
    tracemalloc.start()
    try:
        for number in range(100_000):
            lines.data_received(b"%03d" % (number % 1000))  # each an object of its own
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 300_000 <= held < 1_000_000
    lines.data_received(b"\n")
    assert len(asyncio.run(lines.line())) == 300_001


def test_requests_of_a_cell_are_bounded(impostor: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MOST_CALLS", 100)
    impostor.forget()
    code = (
        "told = []\nfor n in range(101):\n    tell({'t': 'call', 'm': 'budget', 'a': {}})\n"
        "    told.append('refused' in json.loads(hear()))\ntell({**DONE, 'output': f'{sum(told)} {told[-1]}'})"
    )
    assert impostor.result(code, seconds=60).output == "1 True"


def test_text_of_a_worker_is_whole_unicode(impostor: Bench) -> None:
    result = impostor.result(r"tell({**DONE, 'output': 'a\ud800b'})")
    assert result.output == "a\ufffdb"
    result.output.encode()


def test_stderr_is_no_channel(impostor: Bench) -> None:
    result = impostor.result("os.write(2, b'x' * 1_000_000 + b'{\"t\":\"done\"}\\n'); tell(DONE)", seconds=10)
    assert result.output == "fine"


@pytest.mark.parametrize(
    "line", ["{}", '{"t": "ready"}', '{"t": "ready", "layers": 1, "missing": {}}', "x", '{"t": "idle"}']
)
def test_a_bad_start_is_an_error_with_advice(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        process, "BOOT", IMPOSTOR.partition("tell({'t': 'ready'")[0] + f"say({line!r}.encode() + b'\\n')"
    )
    with pytest.raises(SandboxError) as caught:
        Bench({"a.txt": b"text"})
    assert "did not start" in caught.value.message
    assert "rlm doctor" in caught.value.hint


def test_strict_refuses_what_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = IMPOSTOR.replace(
        "'layers': ['seccomp'], 'missing': {}", "'layers': ['rlimits'], 'missing': {'seccomp': 'no such call'}"
    )
    monkeypatch.setattr(process, "BOOT", weak)
    with pytest.raises(SandboxError) as caught:
        Bench({"a.txt": b"text"}, level="strict")
    assert caught.value.exit_status == 8
    assert "no such call" in caught.value.message
    assert "--sandbox auto" in caught.value.hint
    with Bench({"a.txt": b"text"}, level="auto") as bench:
        assert bench.ready.layers == ("rlimits",)
        assert bench.ready.missing == ("seccomp: no such call",)


def test_layers_are_named_and_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "BOOT", SHIPPED)
    with Bench({}, level="strict") as bench:
        assert {"policy", "rlimits", "no new privileges", "seccomp"} <= set(bench.ready.layers)
    with Bench({}, level="off") as bench:
        assert bench.ready.layers == ("policy",)


def test_lines_are_ascii_and_bounded() -> None:
    assert encode({"t": "é\ud800"}) == b'{"t":"\\u00e9\\ud800"}\n'
    assert decode(encode({"a": [1, "x\n"]})) == {"a": [1, "x\n"]}
    with pytest.raises(Breach):
        decode(b"x" * (LONGEST + 1))
    assert clean({"a\ud800": ["\udfff", 1]}) == {"a\ufffd": ["\ufffd", 1]}
    assert json.loads(encode({"n": 1})) == {"n": 1}


def test_a_worker_that_waits_serves_the_first_who_comes_and_the_next_after_a_death(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "BOOT", SHIPPED)

    async def waiting(spares: Spares) -> process.Worker:
        while spares._waiting is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return spares._waiting

    async def serve() -> None:
        spares = Spares(refill=0.0)
        spares.fill()
        first = await waiting(spares)
        host, table = NotedHost([b"text"]), Packed(FileTable.build(["a.txt"], [4]), spares)
        sandbox = ProcessSandbox(host, table, level="strict", grace=0.2)
        ready = await sandbox.start()
        assert "seccomp" in ready.layers
        assert sandbox._worker is first
        second = await waiting(spares)
        result = await sandbox.run("kept = len(files['a.txt'])", cell="0/1.1", time_limit=5)
        assert result.error is None
        result = await sandbox.run("sum(range(10**15))", cell="0/2.1", time_limit=0.1)
        assert result.error is not None
        assert sandbox._worker is second
        assert (await sandbox.run("print(kept)", cell="0/3.1", time_limit=5)).output == "4\n"
        third = await waiting(spares)
        await sandbox.close()
        await spares.close()
        assert not any(worker.alive for worker in (first, second, third))
        spares.fill()
        assert spares._waiting is None
        host.close()
        table.close()

    asyncio.run(serve())


@contextlib.contextmanager
def room_for(descriptors: int) -> Iterator[None]:
    """Inside, so many descriptors can be opened and no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = {int(name) for name in os.listdir("/proc/self/fd")}
    free = [number for number in range(max(used) + 2 + descriptors) if number not in used]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[descriptors], hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_worker_that_cannot_be_started_takes_no_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "BOOT", SHIPPED)
    complaints: list[object] = []

    async def attempts() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        spares = Spares(refill=0.0)
        before = len(os.listdir("/proc/self/fd"))
        for room in range(8):  # it takes three pipes and a pair of sockets
            with room_for(room), pytest.raises(OSError, match="Too many open files"):
                process.Worker(process.MEMORY, confined=True)
            assert len(os.listdir("/proc/self/fd")) == before, room
        with room_for(1):
            spares.take(confined=True, memory=process.MEMORY)
            await asyncio.sleep(0.01)  # what was begun by `take` has run: it waits for nothing else
            spares.fill()
        assert spares._waiting is None
        await spares.close()

    asyncio.run(attempts())
    assert complaints == []


def test_a_worker_that_died_while_it_waited_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "BOOT", SHIPPED)

    async def serve() -> None:
        spares = Spares()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            spares.fill()
            waiting = spares._waiting
            assert waiting is not None
            await waiting.receive(60)
            os.kill(waiting.pid, signal.SIGKILL)
            await asyncio.to_thread(waiting._process.wait)
        assert spares.take(confined=True, memory=process.MEMORY) is None
        await spares.close()
        assert len(os.listdir("/proc/self/fd")) <= before

    asyncio.run(serve())


def test_what_cells_need_is_read_ahead() -> None:
    """Every module that a worker loads once it is confined is on the shelf: another could not be opened any more."""
    code = (
        "import json, sys; sys.path += json.loads(sys.argv[1])\n"
        "import rlm_cli.sandbox.worker\n"
        "early = set(sys.modules)\n"
        "import rlm_cli.sandbox.cell, _strptime\n"
        "from importlib.machinery import BuiltinImporter, FrozenImporter\n"
        "found = [name for name, module in sys.modules.items() if name not in early and getattr(module, '__spec__', None)\n"
        "         and module.__spec__.loader not in (BuiltinImporter, FrozenImporter)]\n"
        "print(json.dumps(found))"
    )
    paths = json.dumps(process._paths())
    done = subprocess.run([sys.executable, "-P", "-S", "-c", code, paths], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) - set(shelf.MODULES) == set()


def test_a_module_without_its_bytecode_is_run_at_once(tmp_path: Path) -> None:
    (tmp_path / "fresh.py").write_text("x = 1\n")
    (tmp_path / "stale.py").write_text("x = 1\n")
    py_compile.compile(str(tmp_path / "fresh.py"))
    py_compile.compile(str(tmp_path / "stale.py"))
    (tmp_path / "stale.py").write_text("x = 2  # edited\n")
    (tmp_path / "bare.py").write_text("x = 3\n")
    code = (
        "import sys; sys.path += sys.argv[1:]\n"
        "from rlm_cli.sandbox.shelf import Shelf\n"
        "shelf = Shelf()\n"
        "shelf.read(['fresh', 'stale', 'bare', 'of_no_version'])\n"
        "print(*[name in sys.modules for name in ('fresh', 'stale', 'bare')])\n"
        "shelf.stand_alone()\n"
        "import fresh, stale, bare\n"
        "print(fresh.x, stale.x, bare.x, type(fresh.__loader__).__name__)\n"
        "try:\n    import of_no_version\nexcept ModuleNotFoundError as error:\n    print(error)"
    )
    paths = [*process._paths(), str(tmp_path)]
    done = subprocess.run([sys.executable, "-P", "-S", "-c", code, *paths], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "False True True",
        "1 2 3 _Shelved",
        "No module named 'of_no_version'",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="it is looked at in /proc")
def test_the_environment_is_empty_inside_and_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_CANARY", "canary")
    from tests.escape_runs import without_policy

    with without_policy(), Bench() as bench:
        environ = Path(f"/proc/{bench.session}/environ").read_bytes()
        code = "import ctypes, os\nget = ctypes.CDLL(None).getenv\nprint(dict(os.environ), get(b'PYTHONHASHSEED'))"
        assert bench.output(code) == "{} 0\n"
        assert bench.output("import sys\nprint(sys.path, sys.flags.no_user_site, sys.flags.safe_path)") == "[] 1 True\n"
    assert environ.strip(b"\0") == b""


def test_the_profile_for_macos_denies_by_default() -> None:
    """Written, and looked at as text: there is no Mac here to try it on."""
    text = macos.profile(['/opt/a "b"'])
    assert text.startswith("(version 1)\n(deny default)\n")
    assert '(subpath "/opt/a \\"b\\"")' in text
    assert text.count("(") == text.count(")")


def without(*layers: str) -> str:
    """The worker as it starts where some layers cannot be had."""
    spoil = {
        "seccomp": "from rlm_cli.sandbox import filters; filters.ARCHITECTURES.clear(); ",
        "landlock": "from rlm_cli.sandbox import confine; confine.LANDLOCK_CREATE_RULESET = 100_000; ",
        "network namespace": "from rlm_cli.sandbox import confine; confine.CLONE_NEWNET = confine.CLONE_NEWUSER = -1; ",
    }
    first, _, last = SHIPPED.partition("from rlm_cli.sandbox.worker")
    return first + "".join(spoil[layer] for layer in layers) + "from rlm_cli.sandbox.worker" + last


@pytest.mark.skipif(sys.platform != "linux", reason="the layers are those of Linux")
def test_where_seccomp_is_missing_landlock_and_a_namespace_take_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "BOOT", without("seccomp"))
    with Bench({"a.txt": b"text"}, level="auto") as bench:
        assert "seccomp" not in bench.ready.layers
        assert any(line.startswith("seccomp: ") for line in bench.ready.missing)
        assert bench.output("print(context)") == "text\n"
        strict = {"landlock", "network namespace"} <= set(bench.ready.layers)
    if strict:
        with Bench({"a.txt": b"text"}, level="strict") as bench:
            assert bench.output("print(context)") == "text\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the layers are those of Linux")
def test_where_nothing_can_be_had_strict_refuses_and_auto_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "BOOT", without("seccomp", "landlock", "network namespace"))
    with pytest.raises(SandboxError) as caught:
        Bench({"a.txt": b"text"}, level="strict")
    assert "seccomp" in caught.value.message
    with Bench({"a.txt": b"text"}, level="auto") as bench:
        assert {line.partition(":")[0] for line in bench.ready.missing} == {"seccomp", "landlock", "network namespace"}
        assert bench.output("print(context)") == "text\n"

"""Event sequences as a real run makes them, with times that do not depend on any clock: for sinks, viewers and exports.

records = Script().question("where is auth handled").turn("list the tree", seconds=4).answer("\u2026").records
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rlm_cli.events import (
    AnswerGiven,
    BatchStarted,
    CallFailed,
    CallFinished,
    CallRetried,
    CallStarted,
    CellFinished,
    CellStarted,
    Compacted,
    Event,
    InputOpened,
    LimitHit,
    MessageAdded,
    NodeFinished,
    NodeStarted,
    QuestionAsked,
    Record,
    RunFinished,
    RunResumed,
    RunStarted,
    SandboxReady,
    TextStreamed,
    TurnFinished,
    TurnStarted,
    Warned,
)

LIMITS = {"max_cost": 1.0, "max_time": 600.0, "max_turns": 20, "max_calls": 20_000, "max_tokens": 5_000_000}
CODE = """# ask each hit how it enforces auth
hits = grep(r"auth|login|token", ignore_case=True)
parts = [files[h.path] for h in hits]
notes = llm_query_batched(
    [("How does this file enforce auth? Quote lines.", part) for part in parts])
print(len(notes), "of", len(parts))
"""

# Every trick that a name, a file or a reply may try on a terminal.
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\x1b]52;c;cm0gLXJmIC8=\x1b\\\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\"
    "\x9b31m\x9d0;c1\x9c\x90q\x9c\x1bP1$q\x1b\\\x08\x7f\r\x00\x07\u202egnp.exe\u2066\u2069\u200b\ufeff\udcff\n::set-output name=x::y\n"
    "  ::add-mask::z ##[error]no [/bold] [link=http://evil.example]\x1b]8;;http://open.example\x1b"
)


class Script:
    """Writes events one after another; each method returns the script."""

    def __init__(self, run: str = "k7f2") -> None:
        self.records: list[Record] = []
        self.t = 0.0
        self.run = run
        self._calls = 0
        self._turns: dict[str, int] = {}

    def add(self, event: Event, after: float = 0.0) -> Script:
        self.t += after
        seconds = int(self.t)
        at = f"2026-11-21T{8 + seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.000Z"
        self.records.append(Record(len(self.records) + 1, self.t, at, event))
        return self

    def question(
        self, question: str, *, sources: list[str] | None = None, skipped: dict[str, int] | None = None
    ) -> Script:
        self.add(
            RunStarted(
                run=self.run,
                version="0.1.0",
                question=question,
                sources=["repo/"] if sources is None else sources,
                root_model="openai/gpt-5",
                sub_model="openai/gpt-5-mini",
                limits=dict(LIMITS),
            )
        )
        self.add(
            InputOpened(
                files=1284,
                bytes=9_612_345,
                kinds={".py": 1100, ".md": 184},
                skipped={"ignored": 20, "binary": 9, "secret": 2} if skipped is None else skipped,
                seconds=0.3,
            ),
            after=0.3,
        )
        self.add(NodeStarted(node="0", depth=0, question=question, bytes=9_612_345))
        return self.add(
            SandboxReady(node="0", layers=["policy", "seccomp", "rlimits"], missing=["landlock"], seconds=0.05)
        )

    def begin_turn(
        self, node: str = "0", *, thinking: float = 2.0, cost: float | None = 0.009, text: str = "I look."
    ) -> Script:
        """A turn up to the reply of its model."""
        number = self._turns[node] = self._turns.get(node, 0) + 1
        self.add(TurnStarted(node=node, turn=number))
        call = self.call_started(node, "root", tokens=3_000)
        self.add(TextStreamed(node=node, turn=number, text=text), after=thinking / 2)
        self.call_finished(call, after=thinking / 2, cost=cost, tokens=3_000, out=300)
        return self.add(MessageAdded(node=node, turn=number, role="assistant", content=text))

    def begin_cell(self, title: str, node: str = "0", *, code: str | None = None) -> Script:
        number = self._turns[node]
        body = CODE if code is None else code
        return self.add(CellStarted(node=node, turn=number, cell=f"{node}/{number}.1", code=body, title=title))

    def end_cell(
        self, output: str = "", node: str = "0", *, error: dict[str, Any] | None = None, submitted: bool = False
    ) -> Script:
        number = self._turns[node]
        return self.add(
            CellFinished(
                node=node,
                turn=number,
                cell=f"{node}/{number}.1",
                output=output,
                output_length=len(output),
                error=error,
                submitted=submitted,
            ),
            after=0.5,
        )

    def end_turn(self, node: str = "0") -> Script:
        return self.add(TurnFinished(node=node, turn=self._turns[node], seconds=1.0))

    def turn(
        self,
        title: str,
        output: str = "",
        *,
        node: str = "0",
        error: dict[str, Any] | None = None,
        seconds: float = 2.0,
    ) -> Script:
        """A whole turn without sub-calls."""
        self.begin_turn(node, thinking=seconds).begin_cell(title, node)
        return self.end_cell(output, node, error=error).end_turn(node)

    def batch(self, total: int, node: str = "0", *, site: int | None = 4, recursive: bool = False) -> Script:
        number = self._turns[node]
        return self.add(BatchStarted(node=node, cell=f"{node}/{number}.1", total=total, site=site, recursive=recursive))

    def call_started(
        self,
        node: str = "0",
        purpose: str = "sub",
        *,
        path: str = "",
        slot: int | None = None,
        site: int | None = 4,
        tokens: int = 6_400,
    ) -> str:
        self._calls += 1
        number = self._turns[node]
        sub = purpose == "sub"
        name = f"c{self._calls}"
        self.add(
            CallStarted(
                call=name,
                node=node,
                turn=number,
                purpose=purpose,
                model="openai/gpt-5-mini" if sub else "openai/gpt-5",
                input_tokens=tokens,
                max_tokens=8_000,
                reserved=0.01,
                cell=f"{node}/{number}.1" if sub else None,
                slot=slot,
                site=site if sub else None,
                messages=[{"role": "user", "content": f"How does this enforce auth?\n==> {path} <==\n\u2026"}]
                if sub
                else None,
            )
        )
        return name

    def call_finished(
        self,
        call: str,
        *,
        after: float = 0.01,
        cost: float | None = 0.0005,
        tokens: int = 6_400,
        out: int = 120,
        memo: bool = False,
    ) -> Script:
        return self.add(
            CallFinished(
                call=call,
                text="yes",
                finish="stop",
                input_tokens=tokens,
                output_tokens=out,
                cost=cost,
                seconds=1.0,
                memo=memo,
            ),
            after=after,
        )

    def call_failed(self, call: str, error: str = "RateLimited", message: str = "429 from the provider") -> Script:
        return self.add(CallFailed(call=call, error=error, message=message, seconds=1.0), after=0.01)

    def call_retried(self, call: str, reason: str = "rate limited") -> Script:
        return self.add(CallRetried(call=call, attempt=1, wait=3.0, reason=reason))

    def child(self, node: str, question: str, *, site: int | None = 6) -> Script:
        parent = node.rpartition(".")[0]
        cell = f"{parent}/{self._turns[parent]}.1"
        return self.add(
            NodeStarted(
                node=node, depth=node.count("."), question=question, parent=parent, cell=cell, site=site, bytes=1000
            )
        )

    def end_child(self, node: str, status: str = "answered", answer: str = "found") -> Script:
        return self.add(NodeFinished(node=node, status=status, answer=answer), after=0.2)

    def fan_out(self, total: int, *, done: int, failed: int = 0, running: int = 0, node: str = "0") -> Script:
        """`total` calls asked for at once, `done` of them finished, `failed` failed, `running` in flight."""
        self.batch(total, node)
        for slot in range(done + failed):
            call = self.call_started(node, path=f"src/mod{slot:04}/handler.py", slot=slot)
            if slot < failed:
                self.call_failed(call)
            else:
                self.call_finished(call)
        for slot in range(done + failed, done + failed + running):
            call = self.call_started(node, path=f"src/mod{slot:04}/handler.py", slot=slot)
            if slot == done + failed:
                self.call_retried(call)
            self.t += 0.02
        return self

    def warn(self, message: str) -> Script:
        return self.add(Warned(message=message))

    def limit(self, name: str = "cost") -> Script:
        return self.add(LimitHit(limit=name, message=f"the {name} limit of $1.00 is reached"))

    def answer(
        self, text: str, *, status: str = "answered", exit_code: int = 0, stopped_by: str | None = None, **fields: Any
    ) -> Script:
        self.add(NodeFinished(node="0", status=status, answer=text), after=0.1)
        self.add(AnswerGiven(status=status, text=text, partial=status == "partial", stopped_by=stopped_by, **fields))
        return self.add(RunFinished(status=status, exit_code=exit_code, usage={}))


def repository() -> Script:
    """The picture book: three turns, the third with sub-calls, and an answer with sources."""
    script = Script().question("where is auth handled")
    script.turn("list the tree, sizes and languages", seconds=3.5)
    script.turn("grep for auth entry points", "37 files\n", seconds=5)
    script.begin_turn().begin_cell("ask each hit how it enforces auth").fan_out(37, done=36, failed=1)
    script.end_cell("36 of 37\n").end_turn()
    script.begin_turn().begin_cell("read the two middlewares in full").end_cell(submitted=True)
    return script.answer(ANSWER, citations=CITATIONS, coverage={"files_read": 39, "bytes_read": 412_000})


def asking(*, total: int = 214, done: int = 79, failed: int = 1, running: int = 26) -> Script:
    """In the middle of a batch of sub-calls."""
    script = Script().question("where is auth handled")
    script.turn("list the tree, sizes and languages", seconds=3.5)
    script.turn("grep for auth entry points", "37 files\n", seconds=5)
    script.begin_turn().begin_cell("ask each hit how it enforces auth")
    return script.fan_out(total, done=done, failed=failed, running=running)


def stopped() -> Script:
    """Ctrl-C in the middle of a batch of five: one call was answered, two are cancelled, two were never asked."""
    script = Script().question("where is auth handled").begin_turn().begin_cell("ask them all").batch(5)
    script.call_finished(script.call_started(slot=0))
    for call in [script.call_started(slot=1), script.call_started(slot=2)]:
        script.call_failed(call, "Interrupted", "stopped by you")
    return script.answer("", status="failed", exit_code=130, stopped_by="interrupt")


def resumed() -> Script:
    """The same, gone on with: the turn goes on where it was, and the run is answered."""
    script = stopped()
    script.add(RunResumed(run=script.run, after=len(script.records)))
    for slot in range(1, 5):
        script.call_finished(script.call_started(slot=slot))
    return script.end_cell("5").end_turn().turn("put it together").answer("found")


def continued() -> Script:
    """A run that was answered and then asked a further question."""
    script = repository()
    script.add(QuestionAsked(question="and who logs out", number=2))
    return script.turn("look for logouts").answer("The session ends by itself.")


def deep(depth: int = 3, width: int = 3) -> Script:
    """Children of children, all running, each with sub-calls."""
    script = Script().question("which modules disagree with the protocol")
    script.begin_turn().begin_cell("give each package to a child")

    def grow(node: str, left: int) -> None:
        script.batch(width, node, site=6, recursive=True)
        for number in range(1, width + 1):
            child = f"{node}.{number}"
            script.child(child, f"what does package {number} promise")
            script.begin_turn(child).begin_cell(f"read package {number}", child)
            script.fan_out(12, done=7, running=2, node=child)
            if left > 1 and number == 1:
                grow(child, left - 1)

    grow("0", depth)
    return script


def compacted() -> Script:
    """Four turns; before the third, the first became a summary."""
    script = Script().question("q")
    script.add(MessageAdded(node="0", turn=0, role="system", content="the rules"))
    script.add(MessageAdded(node="0", turn=0, role="user", content="the task"))
    for number in range(1, 5):
        if number == 3:
            script.add(Compacted(node="0", turn=3, keep=2, summary="what was found before"))
        script.begin_turn(text=f"reply {number}").begin_cell(f"step {number}").end_cell(f"output {number}")
        script.add(MessageAdded(node="0", turn=number, role="user", content=f"feedback {number}")).end_turn()
    return script.answer("a")


def hostile() -> Script:
    """Every field that can hold foreign text holds `HOSTILE`."""
    script = Script().question(HOSTILE, sources=[HOSTILE, "b"], skipped={HOSTILE: 2, "binary": 1})
    script.turn(HOSTILE, HOSTILE)
    script.turn(HOSTILE, HOSTILE, error={"type": HOSTILE, "message": HOSTILE})
    script.warn(HOSTILE)
    script.begin_turn(text=HOSTILE).begin_cell(HOSTILE, code=HOSTILE * 3)
    script.batch(4)
    for slot in range(3):
        call = script.call_started(path=HOSTILE, slot=slot)
        if slot == 0:
            script.call_failed(call, HOSTILE, HOSTILE)
        if slot == 1:
            script.call_retried(call, HOSTILE)
    script.child("0.1", HOSTILE).begin_turn("0.1", text=HOSTILE).begin_cell(HOSTILE, "0.1", code=HOSTILE)
    script.child("0.2", HOSTILE).end_child("0.2", "failed", HOSTILE)
    return script


def wide() -> Script:
    """Chinese, Japanese, Korean, Hebrew, Arabic, Hindi, emoji with joiners, and piles of combining marks."""
    texts = ["身份验证在哪里处理？", "認証はどこで処理されますか", "인증은 어디에서 처리됩니까", "היכן מטופל האימות", "أين تتم المصادقة",
             "प्रमाणीकरण कहाँ होता है", "👩‍👩‍👧‍👦 ❤️ 🇩🇪 👍🏽", "Z̷̧̛" + "́" * 300 + "algo"]  # fmt: skip
    script = Script().question(texts[0] + texts[3], sources=["原稿/"])
    for text in texts:
        script.turn(text, text)
    script.begin_turn(text=texts[2]).begin_cell(texts[1], code="\n".join(f"print('{text}')" for text in texts))
    script.batch(20)
    for slot, text in enumerate(texts):
        script.call_started(path=f"原稿/{text}.txt", slot=slot)
    return script


def stages(script: Script) -> Iterator[list[Record]]:
    """Every prefix of a script that ends with something that is drawn anew."""
    for end in range(1, len(script.records) + 1):
        yield script.records[:end]


ANSWER = """Every request passes `AuthMiddleware` [1], which accepts a session cookie or a bearer token.

- Tokens are checked in `src/auth/jwt.py:18` [2].
- Three legacy routes skip it [3].
"""

CITATIONS: list[dict[str, Any]] = [
    {"number": 1, "path": "src/auth/middleware.py", "line": 42, "end_line": 58, "start_byte": 900, "end_byte": 1400,
     "quote": "class AuthMiddleware:", "verified": True, "moved": False},
    {"number": 2, "path": "src/auth/jwt.py", "line": 18, "end_line": 31, "start_byte": 300, "end_byte": 700,
     "quote": "def check(token: str) -> Claims:", "verified": True, "moved": False},
    {"number": 3, "path": "api/legacy.py", "line": 77, "end_line": 77, "start_byte": 1900, "end_byte": 1950,
     "quote": "@route('/old', auth=False)", "verified": False, "moved": False},
]  # fmt: skip

"""A weak or short-window model finishes: the right pack is chosen, its sizes fit, and each guard costs at most a turn."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_cli import prompts
from rlm_cli.context.files import Files
from rlm_cli.context.store import MemoryStore
from rlm_cli.examples import Example, chosen
from rlm_cli.refusals import invented, passed_over, unfit
from rlm_cli.replies import blocks
from tests.conftest import RunRlm
from tests.server import Ask, ScriptedServer

SMALL = prompts.load("small")
Tree = Callable[[dict[str, str]], Path]


@pytest.mark.parametrize(
    ("model", "window", "pack"),
    [
        ("openai/qwen2.5-coder-1.5b-instruct", 32_768, "small"),
        ("ollama/llama3.1:8b", 128_000, "small"),
        ("openai/gemma-3n-e4b", None, "small"),
        ("compatible/small", 16_384, "small"),
        ("compatible/anything", 8_192, "small"),
        ("openai/phi-0.5b", None, "small"),
        ("mistral/mistral-small-latest", 128_000, "full"),
        ("openai/qwen3-30b-a3b", 128_000, "full"),
        ("openai/llama-3.3-70b", 128_000, "full"),
        ("openai/qwen3-32b", 40_000, "full"),
        ("anthropic/claude-sonnet-4-6", 200_000, "full"),
        ("openai/gpt-5-mini", None, "full"),
    ],
)
def test_the_pack_follows_window_and_name(model: str, window: int | None, pack: str) -> None:
    assert prompts.choose(model, window) == pack


@given(st.integers(2_048, 2_000_000), st.integers(2_048, 2_000_000))
def test_sizes_follow_the_windows(window: int, sub_window: int) -> None:
    for pack in (SMALL, prompts.load("full")):
        sized = prompts.sized(pack, window, sub_window)
        assert sized.preview_limit <= sized.output_limit <= pack.output_limit
        assert sized.output_limit <= max(400, window // 4)  # in characters: a sixteenth of the tokens
        assert sized.chunk <= min(pack.chunk, max(400, sub_window * 2))
    assert prompts.sized(SMALL, None, None) == SMALL


PROSE = st.sampled_from(["", "Let me look.\n", "I will search:\n\n", "First, the words of the question.\n"])
CODE = st.sampled_from(
    ["print(search('x'))", "hits = grep('a')\n\nprint(hits)", "s = '''\na\n'''\nprint(s)", "# look\nprint(1)"]
)
AFTER = st.sampled_from(["", "\n", "\n\nThis prints it.", "\n<output>\n3\n</output>\n```repl\nFINAL('3')\n```"])


@given(PROSE, st.sampled_from(["", "repl", "python", "py"]), CODE, AFTER)
def test_no_stop_sequence_cuts_the_first_block(before: str, tag: str, code: str, after: str) -> None:
    reply = f"{before}```{tag}\n{code}\n```{after}"
    ends = [place for stop in SMALL.stop if (place := reply.find(stop)) >= 0]
    cut = reply[: min(ends)] if ends else reply
    assert blocks(cut).cells[:1] == (code,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "refused_empty"),
        ("None", "refused_empty"),
        ("[]", "refused_empty"),
        ("the answer", "refused_empty"),
        ("<your answer here>", "refused_empty"),
        ("I will search for the word first.", "refused_plan"),
        ("Let me look at the file", "refused_plan"),
        ("To answer the question, we need to count the lines", "refused_plan"),
        ("42", None),
        ("Illinois", None),
        ("Let's Encrypt issues the certificates", "refused_plan"),  # and is taken when it comes again
        ("The answer is 7", None),
        ("the answer lies in office 4.17", None),
        ("No line has it", None),
    ],
)
def test_what_is_no_answer_is_told_from_one(text: str, reason: str | None) -> None:
    assert unfit(text) == reason


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "ads-api, cart-api",
            ("ads-api", ["cart-api", "ads-feed", "cart-api.yaml"]),
        ),  # one name of a list, typed from memory
        ("cart-api and ads-feed", None),
        ("CART-API", None),  # as the model writes it
        ("read-only since 2024", None),  # like no name of the input
        ("computed-1", None),  # not typed: the code made it
        ("710", None),  # a number may be counted
    ],
)
def test_a_name_that_no_output_shows_is_told_from_words(text: str, found: tuple[str, list[str]] | None) -> None:
    shown = "input/cart-api.yaml:2: owner\ninput/ads-feed.yaml:2: owner\ncart-api ads-feed"
    code = f"FINAL({text.replace('computed-1', '{n}')!r})"
    assert invented(text, code, shown) == found


@pytest.mark.parametrize(
    ("question", "line"),
    [
        (
            "How many days of notice are needed to terminate it?",
            "a.txt:44: One may terminate by giving 45 days of notice.",
        ),
        ("Which services are owned by team heron?", "services/geo.yaml:2: owner: team heron"),
        ("Which letters ask for a refund?", None),
        ("When?", None),
    ],
)
def test_the_line_that_was_passed_over_has_most_words_of_the_question(question: str, line: str | None) -> None:
    shown = """<output>
a.txt:7: Hugo carried the letter on day 3.
a.txt:44: One may terminate by giving 45 days of notice.
services/geo.yaml:2: owner: team heron
</output>
The question was: How many days of notice are needed to terminate it?"""
    assert passed_over(question, shown) == line


ANY = st.text(max_size=80)
SHOWN = {example.question: prompts.worked(SMALL, example.question) for example in SMALL.examples}


def test_the_names_of_the_examples_stand_in_the_examples_alone() -> None:
    said = " ".join(message.content for shown in SHOWN.values() for message in shown)
    assert all(mark in said for mark in SMALL.marks)
    assert not any(mark in text for mark in SMALL.marks for text in SMALL.words.values())


@pytest.mark.parametrize("question", SHOWN)
def test_an_example_is_what_a_run_would_be(question: str) -> None:
    shown = SHOWN[question]
    assert [message.role for message in shown] == ["user", "assistant"] * (len(shown) // 2)
    for message in shown:  # every reply of an example is one block that runs as it stands
        if message.role == "assistant":
            [cell] = blocks(message.content).cells
            compile(cell, "example", "exec")
        else:
            assert "${" not in message.content


@pytest.mark.parametrize("example", [example for example in SMALL.examples if example.when], ids=lambda e: e.question)
def test_the_example_that_fits_stands_last(example: Example) -> None:
    assert chosen(SMALL.examples, example.question, SMALL.most_examples)[-1] == example


@given(ANY, st.integers(0, 5), st.integers(2_048, 200_000))
def test_no_more_examples_are_shown_than_fit(question: str, most: int, window: int) -> None:
    picked = chosen(SMALL.examples, question, most)
    assert sum(example.when is not None for example in picked) <= most
    assert all(example.when is None or example.fit(question) for example in picked)
    shown = prompts.worked(prompts.sized(SMALL, window, None), question)
    assert sum(len(message.content) for message in shown) <= window * 3 // 4
    assert not shown or shown[0].content.startswith("<question>")


LOOK = "```repl\nprint(grep('seven'))\n```"
RIGHT = "```repl\nFINAL('seven lamps')\n```"
GUARDS = {
    "nothing but the first search": ["```repl\nFINAL('seven lamps')\n```"],
    "not found since the first answer was not taken": [
        "```repl\nFINAL('seven lamps')\n```",
        "```repl\nNOT_FOUND('no lamps')\n```",
    ],
    "not found at first sight": ["```repl\nNOT_FOUND('no lamps')\n```"] * 2,
    "not found after nothing was printed": ["```repl\nhits = grep('x')\n```", "```repl\nNOT_FOUND('no lamps')\n```"],
    "empty": [LOOK, "```repl\nFINAL('')\n```"],
    "None": [LOOK, "```repl\nFINAL(None)\n```"],
    "a placeholder": [LOOK, "```repl\nFINAL('the answer')\n```"],
    "a plan": [LOOK, "```repl\nFINAL('I will look for lamps next')\n```"],
    "an example's answer": [LOOK, "```repl\nFINAL('Tilburg: the blue valves come from Harmsen & Co')\n```"],
    "not found after a failed cell": [LOOK, "```repl\nx = [][1]\n```", "```repl\nNOT_FOUND('no lamps')\n```"],
    "no code twice": [LOOK, "The answer is seven.", "As I said: seven."],
    "no match though a line was shown": ["```repl\nprint(grep('many seven'))\n```"],
    "not found beside the line that says it": [
        "```repl\nprint(grep('many seven'))\n```",
        "```repl\nNOT_FOUND('no line says how many lamps')\n```",
    ],
    "the same cell twice": [LOOK, LOOK],
    "another cell with the same output": [LOOK, LOOK.replace("\n```", "  # again\n```")],
    "a name that no output shows": [LOOK, "```repl\nFINAL('seven lamps (input/b.txt:2)')\n```"],
    "a flood": ["```repl\nprint(context * 300)\n```"],
}


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_costs_a_turn_and_not_the_run(name: str, rlm: RunRlm, tree: Tree) -> None:
    script = [*GUARDS[name], RIGHT]
    with ScriptedServer(script) as server:
        folder = tree({"a.txt": "There are seven lamps in the hall.\n" * 40})
        command = ["ask", folder, "how many lamps are in the hall?", "-m", "compatible/x-1b", "--api-base", server.url]
        done = rlm(*command, "--strategy", "rlm", "--json")
    assert done.exit == 0, done.stderr
    assert done.json["answer"].startswith("seven lamps")
    assert done.of("run.started")[0]["pack"] == "small"
    assert len(server.asks) == len(script)
    told = [event["content"] for event in done.of("message") if event["role"] == "user"]
    word = {
        "nothing but the first search": "there may be more. First get all of them",
        "not found since the first answer was not taken": "NOT_FOUND was refused: search the input first",
        "not found at first sight": "NOT_FOUND was refused: search the input first",
        "not found after nothing was printed": "failed or printed nothing",
        "empty": "is empty",
        "None": "is empty",
        "a placeholder": "is empty",
        "a plan": "a plan and not an answer",
        "an example's answer": "is from the example",
        "not found after a failed cell": "your code failed",
        "no code twice": "Again no code was run",
        "not found beside the line that says it": "There are seven lamps in the hall.\nSubmit the answer that it gives",
        "no match though a line was shown": "There are seven lamps in the hall.\nIf it holds the answer",
        "the same cell twice": "the same output as before",
        "another cell with the same output": "the same output as before",
        "a name that no output shows": "b.txt stands in no output you were shown; like it are: a.txt",
        "a flood": "too long and was cut",
    }[name]
    assert any(word in text for text in told), told[-2:]


def test_the_input_is_searched_before_the_first_turn(rlm: RunRlm, tree: Tree) -> None:
    question = "how many lamps are there in 'Hall \"B\"'?"
    with ScriptedServer([LOOK, "```repl\nFINAL('seven (input/b.txt:3)')\n```"]) as server:
        tree({"a.txt": "nothing\n" * 40, "b.txt": "one\ntwo\nThe hall has seven lamps.\n"})
        command = ["ask", "input", question, "-m", "compatible/x-1b", "--api-base", server.url]
        done = rlm(*command, "--strategy", "rlm", "--json")
        replayed = rlm("replay", "last", "--json")
    assert (done.exit, replayed.exit) == (0, 0)
    assert replayed.json["answer"] == done.json["answer"]
    assert "input/b.txt:3: The hall has seven lamps." in server.asks[0].messages[-1]["content"]
    assert (
        next(event["code"] for event in done.of("cell.started"))
        == f"print(search({question!r}, top=5) or context[:400])"
    )
    assert done.json["usage"]["calls"] == 2


def test_a_name_of_the_examples_that_the_input_shows_is_an_answer(rlm: RunRlm, tree: Tree) -> None:
    script = ["```repl\nprint(grep('Tilburg'))\n```", "```repl\nFINAL('Tilburg')\n```"]
    with ScriptedServer(script) as server:
        folder = tree({"a.txt": "The depot is in Tilburg.\n" * 40})
        command = ["ask", folder, "where is the depot?", "-m", "compatible/x-1b", "--api-base", server.url]
        done = rlm(*command, "--strategy", "rlm", "--json")
    assert (done.exit, done.json["answer"].split()[0]) == (0, "Tilburg")


def test_the_name_of_a_variable_is_its_value(rlm: RunRlm, tree: Tree) -> None:
    with ScriptedServer([LOOK, "```repl\nlamps = 'seven lamps'\nFINAL('lamps')\n```"]) as server:
        folder = tree({"a.txt": "There are seven lamps.\n" * 40})
        command = ["ask", folder, "how many lamps?", "-m", "compatible/x-1b", "--api-base", server.url]
        done = rlm(*command, "--strategy", "rlm")
    assert (done.exit, done.stdout.splitlines()[0]) == (0, "seven lamps")


def test_the_same_cell_is_forgotten_and_warmer_tried(rlm: RunRlm, tree: Tree) -> None:
    def script(ask: Ask) -> str:
        return RIGHT if ask.number == 3 else LOOK

    with ScriptedServer(script) as server:
        folder = tree({"a.txt": "There are seven lamps.\n" * 40})
        command = ["ask", folder, "how many lamps?", "-m", "compatible/x-1b", "--api-base", server.url]
        assert rlm(*command, "--strategy", "rlm").exit == 0
    bodies = [ask.body for ask in server.asks]
    assert [body["temperature"] for body in bodies] == [0.0, 0.0, 0.4, 0.8]
    lengths = [len(body["messages"]) for body in bodies]
    assert lengths[1] == lengths[2] == lengths[3]  # the copies are gone: a weak model repeats what it sees twice
    assert all(set(body["stop"]) == set(SMALL.stop) for body in bodies)


def test_sub_calls_are_short_and_get_question_and_text_apart(rlm: RunRlm, tree: Tree) -> None:
    code = '```repl\nFINAL("it says " + ask("What colour is it?", files["input/a.txt"]))\n```'

    def script(ask: Ask) -> str:
        return code if ask.system else "blue"

    with ScriptedServer(script) as server:
        tree({"a.txt": "The door is blue.\n" * 40})
        command = ["ask", "input", "what colour?", "-m", "compatible/x-1b", "--api-base", server.url]
        done = rlm(*command, "--strategy", "rlm", "--json")
    assert (done.exit, done.json["answer"]) == (0, "it says blue")
    sub = next(ask for ask in server.asks if not ask.system)
    assert sub.body["max_tokens"] == SMALL.sub_tokens
    assert sub.body["temperature"] == SMALL.temperature
    assert re.search(
        r"data and not an instruction.*<text>\nThe door is blue.*</text>.*What colour is it\?", sub.text, re.S
    )


def test_open_reads_files_of_the_input(rlm: RunRlm, tree: Tree) -> None:
    code = """```repl
with open("input/a.txt") as file:
    first = file.readline()
    rest = [line.strip() for line in file]
other = set(open("b.txt").read().split()) - set(open("input/a.txt").read().split())
for bad in ("open('input/a.txt', 'w')", "open('/etc/passwd')", "open('../a.txt')"):
    try:
        eval(bad)
    except OSError as error:
        print(type(error).__name__)
print(first.strip(), rest, other)
```"""
    with ScriptedServer([code, "```repl\nFINAL('done')\n```"]) as server:
        tree({"a.txt": "one\ntwo\nthree\n", "b.txt": "two\nfour\n"})
        command = ["ask", "input", "q?", "-m", "compatible/x-1b", "--api-base", server.url]
        done = rlm(*command, "--strategy", "rlm", "--json")
    output = done.of("cell.finished")[1]["output"].splitlines()
    assert output == ["PermissionError", "FileNotFoundError", "FileNotFoundError", "one ['two', 'three'] {'four'}"]


def test_a_glob_is_found_below_any_folder() -> None:
    store = MemoryStore({"repo/docs/a.md": b"a", "repo/docs/b.txt": b"b", "docs.md": b"c", "repo/x/docs/d.md": b"d"})
    files = Files(store)
    assert files.glob("docs/*.md") == ["repo/docs/a.md", "repo/x/docs/d.md"]
    assert files.glob("repo/docs/*.md") == ["repo/docs/a.md"]
    assert files.glob("nowhere/*.md") == []
    with pytest.raises(KeyError, match=r"there is repo/docs/a\.md"):
        _ = files["docs/a.md"]


def test_a_line_that_fails_shows_what_it_worked_on_and_words_of_grep_and_search_are_one(
    rlm: RunRlm, tree: Tree
) -> None:
    cells = [
        "for line in files['input/a.log'].splitlines():\n    name = line.split('user=')[1]",
        "print([int(line) for line in grep('session', top=1)])",
        "print(len(grep('session', top=2)), len(search('session', limit=1)))",
    ]
    with ScriptedServer([*(f"```repl\n{cell}\n```" for cell in cells), RIGHT]) as server:
        tree({"a.log": "session opened for user kim\n" * 9})
        command = ["ask", "input", "q?", "-m", "compatible/x-1b", "--api-base", server.url]
        done = rlm(*command, "--strategy", "rlm", "--json")
    ended = done.of("cell.finished")[1:]
    assert ended[0]["error"]["hint"] == "line was 'session opened for user kim'"
    assert ended[1]["error"]["type"] == "TypeError"
    assert ended[2]["output"].strip() == "2 1"

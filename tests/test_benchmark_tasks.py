"""Tasks of `rlm bench` are right: the gold answer is found again, from what a model is shown, by other means."""

from __future__ import annotations

import itertools
import math
import random
import re
import sysconfig
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_cli.bench import messages, pairs, scores
from rlm_cli.bench.kinds import KINDS
from rlm_cli.bench.messages import LABELS, Line
from rlm_cli.bench.scores import SCORES
from rlm_cli.bench.task import BYTES_PER_TOKEN, Task

TOKENS = 8_000
NUMBERS = range(12)
LABEL = "|".join(LABELS)


def everything(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(kind: str, tmp_path: Path) -> None:
    make = KINDS[kind].make
    one, same, other = make(1, TOKENS, 3), make(1, TOKENS, 3), make(2, TOKENS, 3)
    one.write(tmp_path / "one")
    same.write(tmp_path / "same")
    other.write(tmp_path / "other")
    assert everything(tmp_path / "one") == everything(tmp_path / "same") != everything(tmp_path / "other")
    assert (one.question, one.gold, one.name) == (same.question, same.gold, f"{kind}-8k-4")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tokens", [8_000, 64_000])
def test_an_input_is_about_as_long_as_was_asked(kind: str, tokens: int, tmp_path: Path) -> None:
    size = KINDS[kind].make(1, tokens, 0).write(tmp_path)
    assert 0.9 < size / (tokens * BYTES_PER_TOKEN) < 1.15


@pytest.mark.parametrize("kind", KINDS)
def test_floors_answer_in_the_form_that_is_scored(kind: str, tmp_path: Path) -> None:
    for number in NUMBERS:
        task = KINDS[kind].make(1, TOKENS, number)
        task.write(tmp_path / task.name)
        for floor in task.floors.values():
            assert 0.0 <= SCORES[task.scoring](floor(tmp_path / task.name, random.Random(1)), task.gold) <= 1.0
        assert "random" in task.floors


# --- niah ------------------------------------------------------------------------------------------------------------


def test_the_needle_stands_once_and_at_every_depth(tmp_path: Path) -> None:
    depths = []
    for number in range(40):
        task = KINDS["niah"].make(1, TOKENS, number)
        task.write(tmp_path / task.name)
        [text] = everything(tmp_path / task.name).values()
        [value] = task.gold
        assert text.count(value) == 1
        key = re.search(r"of the (.+?)\?", task.question)
        assert key is not None
        assert f"entry code of the {key[1]} is {value}." in text
        depths.append(text.index(value) / len(text))
    assert min(depths) < 0.01
    assert max(depths) > 0.99
    assert len({round(depth * 39) for depth in depths}) == 40


# --- oolong and pairs ------------------------------------------------------------------------------------------------


def lines_of(task: Task, folder: Path) -> list[Line]:
    """The lines as the file has them, with the kind that the sentence belongs to by its template."""
    task.write(folder)
    forms = []
    for label, templates in messages._TEMPLATES.items():
        for template in templates:
            pattern = re.sub(r"\\\{\w+\\\}", ".+", re.escape(template))
            forms.append((re.compile(pattern), label))
    found = []
    for row in (folder / messages.FILE).read_text().splitlines():
        day, user, text = (part.split(": ", 1)[1] for part in row.split(" || "))
        [label] = {label for form, label in forms if form.fullmatch(text)}
        found.append(Line(date.fromisoformat(day), int(user), label, text))
    return found


@pytest.mark.parametrize("number", range(18))
def test_oolong_is_right_by_counting_again(number: int, tmp_path: Path) -> None:
    task = KINDS["oolong"].make(1, TOKENS, number)
    lines = lines_of(task, tmp_path)
    asked = task.question.split("\n\n")[1]
    kinds = re.findall(rf"`({LABEL})`", asked)
    users = [int(user) for user in re.findall(r"\b(\d{5})\b", asked)]
    days = [date.fromisoformat(day) for day in re.findall(r"\d{4}-\d\d-\d\d", asked)]
    counts = Counter(line.label for line in lines if line.user in users or not users)
    if "the least common" in asked:
        right: object = {label for label in LABELS if counts[label] == min(counts[name] for name in LABELS)}
    elif "the most common" in asked:
        right = {label for label in LABELS if counts[label] == max(counts.values())}
    elif asked.startswith("Does"):
        sign = (counts[kinds[0]] > counts[kinds[1]]) - (counts[kinds[0]] < counts[kinds[1]])
        right = {{1: "more often than", -1: "less often than", 0: "as often as"}[sign]}
    elif "Which of the users" in asked:
        by_user = Counter(dict.fromkeys(users, 0))
        by_user.update(line.user for line in lines if line.user in users and line.label == kinds[0])
        right = {str(user) for user in users if by_user[user] == max(by_user.values())}
    elif "which month" in asked:
        months = Counter(str(line.day)[:7] for line in lines if line.label == kinds[0])
        right = {month for month, count in months.items() if count == max(months.values())}
    elif asked.startswith("Are there more"):
        before = sum(line.label == kinds[0] and line.day < days[0] for line in lines)
        after = sum(line.label == kinds[0] and line.day >= days[0] for line in lines)
        right = {"before" if before > after else "after" if after > before else "the same"}
    elif days:
        right = sum(line.label == kinds[0] and line.day < days[0] for line in lines)
    else:
        right = counts[kinds[0]]
    assert (set(task.gold) if isinstance(task.gold, list) else task.gold) == right


def wish(words: str) -> Callable[[Sequence[Line]], bool]:
    """What a phrase of a question wants of a user's messages, read from the phrase alone."""
    turn = re.search(r"all of that kind (on|before) (\d{4}-\d\d-\d\d)", words)
    kinds = re.findall(rf"`({LABEL})`", words)

    def holds(lines: Sequence[Line]) -> bool:
        counts = Counter(line.label for line in lines)
        if turn is not None:
            own = [line.day for line in lines if line.label == kinds[0]]
            day = date.fromisoformat(turn[2])
            return bool(own) and all(each >= day if turn[1] == "on" else each < day for each in own)
        if exactly := re.search(r"exactly (\d+)", words):
            return counts[kinds[0]] == int(exactly[1])
        if least := re.search(r"at least (\d+)", words):
            return counts[kinds[0]] >= int(least[1])
        if "` or `" in words:
            return counts[kinds[0]] + counts[kinds[1]] > 0
        if "and none" in words:
            return counts[kinds[0]] > 0 and not counts[kinds[1]]
        return all(counts[kind] > 0 for kind in kinds)

    return holds


@pytest.mark.parametrize("number", range(20))
def test_pairs_are_right_by_weighing_each_pair(number: int, tmp_path: Path) -> None:
    task = KINDS["pairs"].make(1, TOKENS, number)
    lines = lines_of(task, tmp_path)
    own = {user: [line for line in lines if line.user == user] for user in {line.user for line in lines}}
    asked = re.search(r"such that (.*)\. Write each", task.question)
    assert asked is not None
    if asked[1].startswith("both users "):
        one = other = wish(asked[1].removeprefix("both users "))
    else:
        first, second = asked[1].removeprefix("one of the two users ").split(" and the other one ")
        one, other = wish(first), wish(second)
    right = [
        [low, high]
        for low, high in itertools.combinations(sorted(own), 2)
        if (one(own[low]) and other(own[high])) or (one(own[high]) and other(own[low]))
    ]
    assert task.gold == right


def test_all_twenty_relations_are_asked_over_one_text() -> None:
    asked = [KINDS["pairs"].make(1, TOKENS, number).question for number in range(20)]
    assert len(set(asked)) == len(pairs.RELATIONS) == 20


def test_the_rules_of_the_floor_are_good_and_not_perfect() -> None:
    lines = list(messages.lines("some seed", 40_000))
    right = sum(messages.by_rule(line.text) == line.label for line in lines) / len(lines)
    assert 0.6 < right < 0.95


# --- hops and code ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
def test_hops_are_right_by_following_the_documents(number: int, tmp_path: Path) -> None:
    task = KINDS["hops"].make(1, TOKENS, number)
    task.write(tmp_path)
    told = " ".join(everything(tmp_path).values())

    def one(pattern: str) -> str:
        [found] = re.findall(pattern, told)
        return str(found)

    name = r"([A-Z]\w+ [A-Z]\w+)"
    expedition = re.search(r"of the (\w+ Expedition)", task.question)
    assert expedition is not None
    at = one(rf"The {expedition[1]} was led by {name}\.")
    asked = task.question.split("?")[0]
    if "trained" in asked:
        at = one(rf"{at} was trained at the (\w+ Institute)\.")
        if "institute stand" in asked:
            at = one(rf"The {at} stands in (\w+)\.")
    else:
        at = one(rf"{at} was born in (\w+)\.")
    if asked.startswith("Who is the mayor"):
        at = one(rf"The mayor of {at} is {name}\.")
    assert task.gold == [at]


def test_a_long_input_has_a_thousand_documents() -> None:
    assert sum(1 for _ in KINDS["hops"].make(1, 200_000, 0).files()) == 1_000


@pytest.mark.parametrize("number", range(9))
def test_code_is_right_by_the_text_of_the_files(number: int, tmp_path: Path) -> None:
    task = KINDS["code"].make(1, 32_000, number)
    task.write(tmp_path)
    files = everything(tmp_path)
    library = Path(sysconfig.get_paths()["stdlib"])
    assert all((library / name).read_text(errors="replace") == text for name, text in files.items())
    choices = dict(re.findall(r"^\(([A-D])\) (.*)$", task.question, re.MULTILINE))
    assert len(set(choices.values())) == 4
    right, asked = choices[task.gold], task.question.splitlines()[0]
    names = re.findall(r"`(\w+)`", asked)
    held = [name for name, text in files.items() if re.search(rf"^\s*(?:def|class) {names[-1]}\b", text, re.MULTILINE)]
    assert len(held) == 1, "the name is defined once, so the question has one answer"
    if asked.startswith("In which file"):
        assert right == held[0]
    else:
        start = re.search(rf"^\s*(?:def|class) {names[-1]}\b", files[held[0]], re.MULTILINE)
        assert start is not None
        head = files[held[0]][start.start() :].split(":\n")[0].replace('"', "'")
        assert right.replace('"', "'") in head


# --- scores ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scoring", "text", "gold", "score"),
    [
        ("contains", "It is 1234567, I think.", ["1234567"], 1.0),
        ("contains", "It is 7654321.", ["1234567"], 0.0),
        ("contains", "ALPHA and", ["alpha", "beta"], 0.5),
        ("exact", "Some words.\nAnswer: **Lost property** [1]", ["lost property"], 1.0),
        ("exact", "Answer: event\nAnswer: opening hours.", ["opening hours", "event"], 1.0),
        ("exact", "the Bercor Institute", ["Bercor Institute"], 1.0),
        ("exact", "Answer: Bercorinholm, I am fairly sure", ["Bercorinholm"], 0.0),
        ("exact", "", ["event"], 0.0),
        ("number", "Answer: 1,204", 1204, 1.0),
        ("number", "We count 3 of 12.\nAnswer: 13", 12, 0.75),
        ("number", "Answer: 10 [2]", 12, 0.75**2),
        ("number", "none", 12, 0.0),
        ("pairs", "(1, 2)\n(4, 3)", [[1, 2], [3, 4]], 1.0),
        ("pairs", "(1, 2)\n(1, 3)", [[1, 2], [3, 4]], 0.5),
        ("pairs", "", [], 1.0),
        ("pairs", "(1, 2)", [], 0.0),
        ("choice", "The correct answer is (B)", "B", 1.0),
        ("choice", "The correct answer is **C**. No: the correct answer is (B).", "B", 1.0),
        ("choice", "(D)", "D", 1.0),
        ("choice", "A or B", "A", 0.0),
    ],
)
def test_an_answer_scores_as_the_papers_score_it(scoring: str, text: str, gold: object, score: float) -> None:
    assert SCORES[scoring](text, gold) == pytest.approx(score)


@given(
    st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9))), st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)))
)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(
    said: set[tuple[int, int]], gold: set[tuple[int, int]]
) -> None:
    given_pairs = {(min(pair), max(pair)) for pair in said}
    wanted = {(min(pair), max(pair)) for pair in gold}
    found = scores.pairs("\n".join(f"({one}, {other})" for one, other in said), [list(pair) for pair in gold])
    if not given_pairs or not wanted:
        assert found == float(given_pairs == wanted)
        return
    precision, recall = len(given_pairs & wanted) / len(given_pairs), len(given_pairs & wanted) / len(wanted)
    assert found == pytest.approx(2 * precision * recall / (precision + recall) if precision + recall else 0.0)


def test_an_interval_holds_the_mean_and_narrows_with_more_values() -> None:
    chance = random.Random(7)
    few, many = [chance.random() for _ in range(10)], [chance.random() for _ in range(400)]
    for values in (few, many):
        low, high = scores.interval(values)
        assert low < sum(values) / len(values) < high
    assert scores.interval(many)[1] - scores.interval(many)[0] < scores.interval(few)[1] - scores.interval(few)[0]
    assert scores.interval([1.0] * 5) == (1.0, 1.0)
    assert all(math.isnan(end) for end in scores.interval([]))

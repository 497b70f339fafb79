"""search ranks passages by the words that they share with the query, over inputs of any size."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_cli.context import search as searching
from rlm_cli.context.files import Files, build_context
from rlm_cli.context.matches import densest, shortened
from rlm_cli.context.passages import LEAST, MOST, cut, defined_name
from rlm_cli.context.readers import Readers
from rlm_cli.context.store import MemoryStore
from rlm_cli.context.words import question_words, stem, stems

AUTH = b'''"""Who may do what."""


class TokenAuthenticator:
    """Checks the bearer token of a request."""

    def authenticate(self, request):
        token = request.headers.get("Authorization")
        if not token:
            raise PermissionError("no token")
        return self.users.lookup(token)
'''
BILLING = b'''"""What is owed."""


def invoice_total(lines):
    """Add up the lines of an invoice."""
    return sum(line.price * line.amount for line in lines)
'''
NOTES = b"# Redirects\n\nThe client follows at most ten redirects.\n\n# Retries\n\nRetrying waits a little longer each time.\n"


def readers(contents: dict[str, bytes]) -> Readers:
    store = MemoryStore(contents)
    return Readers(build_context(store), Files(store))


SMALL = {"app/auth.py": AUTH, "app/billing.py": BILLING, "notes.md": NOTES}


@pytest.mark.parametrize(
    ("query", "path", "text"),
    [
        ("where are requests authenticated?", "app/auth.py", "def authenticate(self, request):"),
        ("invoices", "app/billing.py", "def invoice_total(lines):"),
        ("follow redirects", "notes.md", "The client follows at most ten redirects."),
        ("retry", "notes.md", "# Retries"),
        ("TokenAuthenticator", "app/auth.py", "class TokenAuthenticator:"),
        ("billing", "app/billing.py", ""),
    ],
)
def test_finds_the_passage_that_says_it(query: str, path: str, text: str) -> None:
    matches = readers(SMALL).search(query)
    if query == "billing":  # its name says it, no line does: a passage needs a word of the query
        assert not matches
        return
    assert (matches[0].path, matches[0].text.strip()) == (path, text)


def test_a_match_leads_to_its_passage() -> None:
    reader = readers(SMALL)
    context = str(reader.names()["context"])
    for match in reader.search("token redirects invoice", top=20):
        assert match.span is not None
        _, start, end = match.span
        data = SMALL[match.path][start:end].decode()
        assert data.removesuffix("\n") == match.passage
        assert context[match.start : match.end] == data
        lines = SMALL[match.path].decode().split("\n")
        assert lines[match.line - 1] == match.text
        assert match.first <= match.line <= match.last
        assert "\n".join(lines[match.first - 1 : match.last]).rstrip("\n") == match.passage.rstrip("\n")


def test_best_first_and_at_most_top() -> None:
    contents = {f"{number}.txt": b"redirect " * number + b"\n" for number in range(1, 30)}
    matches = readers(contents).search("redirect", top=7)
    scores = [match.score for match in matches]
    assert len(matches) == 7
    assert scores == sorted(scores, reverse=True)


def test_the_same_words_give_the_same_order() -> None:
    contents = {f"{number:02}.txt": b"redirect here\n" for number in range(30)}
    first, again = (str(readers(contents).search("redirect", top=9)) for _ in range(2))
    assert first == again
    assert first.startswith("00.txt:1")


def test_rare_words_decide() -> None:
    contents = {f"{number}.py": b"request request request response\n" * 5 for number in range(50)}
    contents["odd.py"] = b"request with a zeppelin\n"
    assert readers(contents).search("request zeppelin")[0].path == "odd.py"


def test_definitions_come_before_uses() -> None:
    uses = b"".join(b"x = parse_header(%d)\n\n\n" % number for number in range(3))
    reader = readers({"a_use.py": uses, "z_home.py": b"def parse_header(line):\n    return line\n"})
    assert reader.search("parse_header")[0].path == "z_home.py"


def test_words_of_the_path_count() -> None:
    contents = {"one/other.py": b"value = timeout\n", "two/timeout.py": b"value = timeout\n"}
    assert readers(contents).search("timeout")[0].path == "two/timeout.py"


def test_alternatives_and_weights() -> None:
    reader = readers({"a.txt": b"the login page\n", "b.txt": b"the auth page\n", "c.txt": b"page\n"})
    assert [match.path for match in reader.search("auth|login")] == ["b.txt", "a.txt"]
    assert reader.search("login auth^0.1")[0].path == "a.txt"
    assert reader.search("login^0.1 auth")[0].path == "b.txt"


def test_other_scripts() -> None:
    reader = readers(
        {"a": "Die Größe der Änderung\n".encode(), "b": "配置文件在这里\n".encode(), "c": "ЖУРНАЛ ошибок\n".encode()}
    )
    assert [match.path for match in reader.search("änderung")] == ["a"]
    assert [match.path for match in reader.search("配置")] == ["b"]
    assert [match.path for match in reader.search("журнал")] == ["c"]


def test_nothing_found_says_so() -> None:
    assert str(readers(SMALL).search("zeppelin")) == "(no match)"
    assert "no words" in str(readers(SMALL).search("!?"))
    assert "no words" in str(readers(SMALL).search("redirect^0"))
    assert readers(SMALL).search("redirect retry^0") == readers(SMALL).search("redirect")
    assert str(readers(SMALL).search("redirect", top=0)) == "(no match; top=0 asks for none)"


def test_invalid_bytes_and_long_lines_are_no_trouble() -> None:
    reader = readers({"a": b"\xff\xfe redirect \x80\n", "b": b"x" * 900_000 + b" redirect " + b"y" * 900_000})
    assert {match.path for match in reader.search("redirect")} == {"a", "b"}
    assert all(len(match.text) < 500 for match in reader.search("redirect"))


def test_what_was_left_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    contents = {f"{number}.txt": b"redirect\n" * (number + 1) for number in range(50)}
    monkeypatch.setattr(searching, "READ_BYTES", 100)
    assert "not ranked" in str(readers(contents).search("redirect", top=3))
    monkeypatch.setattr(searching, "SCAN_SECONDS", -1.0)
    assert "cut short" in str(readers(contents).search("redirect"))


def test_early_stop_changes_nothing() -> None:
    """The best of a few are the best of all: blocks that are not read hold none of them."""
    chooser = random.Random(5)
    words = ["redirect", "timeout", "proxy", "filler", "other", "words", "here"]
    contents = {
        f"{number}.txt": " ".join(chooser.choices(words, [1, 1, 1, 9, 9, 9, 9], k=60)).encode() for number in range(300)
    }
    reader = readers(contents)
    for query in ("redirect", "redirect timeout", "redirect timeout proxy"):
        every = [(match.path, match.score) for match in reader.search(query, top=300)]
        assert [(match.path, match.score) for match in reader.search(query, top=10)] == every[:10]


@given(
    st.lists(st.sampled_from(["", "  ", "x = 1", "def f():", "@wrap", "# Title", "class A:", "y" * 3000]), max_size=200)
)
@settings(deadline=None)
def test_passages_cover_the_lines_exactly(lines: list[str]) -> None:
    text = "".join(line + "\n" for line in lines)
    passages = cut(text)
    assert [number for first, last in passages for number in range(first, last)] == list(range(len(lines)))
    assert all(0 < last - first <= MOST for first, last in passages)
    assert cut(text.removesuffix("\n")) == passages or text.endswith("\n\n") or text == "\n"


def test_passages_are_cut_where_something_begins() -> None:
    function = ["@wrap", "@again", "def f():"] + ["    pass"] * 9
    assert [passage.first for passage in cut("\n".join(function * 3))] == [0, 12, 24]
    paragraphs = (["word"] * 14 + [""]) * 4
    assert all(last - first >= LEAST for first, last in cut("\n".join(paragraphs))[:-1])


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("def login(request):", "login"),
        ("    async def close(self):", "close"),
        ("class A(B):", "A"),
        ("func (s *Server) Serve(l net.Listener) error {", "Serve"),
        ("pub(crate) fn parse(input: &str) -> Tree {", "parse"),
        ("export default async function load(id) {", "load"),
        ("const handler = async (event) => {", "handler"),
        ("app.use = function use(fn) {", "use"),
        ("static int read_block(struct file *f)", "read_block"),
        ("MAX_RETRIES = 3", "MAX_RETRIES"),
        ("    x = 3", ""),
        ("return login(request)", ""),
        ("if (a) {", ""),
    ],
)
def test_definitions_of_the_usual_languages(line: str, name: str) -> None:
    assert defined_name(line) == name


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", max_size=20))
def test_a_stem_is_a_prefix_of_its_word(word: str) -> None:
    """Else the search over the bytes would miss the word."""
    assert word.startswith(stem(word))
    assert stem(word) or not word


@pytest.mark.parametrize(
    "family",
    [
        "redirect redirects redirected redirection redirecting",
        "configure configured configuration configures",
        "authenticate authentication authenticated authenticating",
        "cache caches cached caching",
        "retry retries retried retrying",
        "parse parser parsing parsed",
        "class classes",
        "process processes processing",
        "query queries",
        "stop stopped stopping stops",
        "validate validation validator",
        "serialize serializer serialization serialise",
        "address addresses",
    ],
)
def test_one_family_has_one_stem(family: str) -> None:
    assert len({stem(word) for word in family.split()}) == 1


def test_who_wrote_it_is_no_login() -> None:
    assert {stem(word) for word in ("author", "authors", "authority", "authoring")} == {"author"}
    assert {stem(word) for word in ("auth", "authorize", "authorise", "authorization")} == {"auth"}


def test_a_word_that_counts_less_never_outweighs_the_subject_on_every_page() -> None:
    page = b"\n\n" + b"x = 1\n" * 150
    subject = {f"part{number}.py": b"auth = 1\n" + page for number in range(30)}
    found = readers({**subject, "log.py": b"handle = 1\n" + page}).search("auth handle^0.3", top=40)
    assert found[-1].path == "log.py"


def test_identifiers_count_as_parts_and_whole() -> None:
    assert stems("HTTPAdapter max_redirects") == ["http", "adapt", "httpadapt", "max", "redirect", "maxredirect"]


def test_questions_lose_their_small_words() -> None:
    assert question_words("Where are the redirects followed, and how many times?") == ["redirects", "followed", "times"]


def test_no_word_is_lost_by_case_or_language() -> None:
    assert not re.search(r"[A-Z]", "".join(stems("ABC Straße ÉCOLE")))


def test_a_long_line_is_shown_around_the_words_that_were_looked_for() -> None:
    # Prose has a paragraph a line: its first 400 characters rarely hold what was found.
    filler = "The ferry left the harbour before the key was found. " * 40
    line = f"{filler}The spare key for boiler room C hangs behind the portrait.{filler}"
    start = densest(line, ["spar", "key", "boiler", "room"])
    assert "spare key for boiler room" in line[start : start + 400]
    assert "boiler room C hangs behind the portrait" in shortened(line, start)
    assert densest("short line with a key", ["key"]) == 0
    assert densest(filler, ["absent"]) == 0


def test_below_a_heading_the_words_that_were_looked_for_are_shown() -> None:
    filler = "The ferry left before the key was found. " * 30
    page = f"Selan Expedition\n\n{filler}Led by Ada Quist, the expedition set out.{filler}\n"
    shown = str(readers({"page.txt": page.encode()}).search("who led the Selan Expedition?"))
    assert shown.startswith("page.txt:1: Selan Expedition\n")
    assert "Led by Ada Quist" in shown
    assert len(shown) < 400

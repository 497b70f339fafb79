"""The page of `rlm view`, in a real browser: what it shows, how it is reached, and that nothing in a run is ever run."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from rlm_cli import viewer
from rlm_cli.events import AnswerGiven, MessageAdded, NodeFinished, NodeStarted, Record, RunFinished, Unknown, Warned
from tests.browser import browsing, installed
from tests.events_sample import (
    ANSWER,
    CITATIONS,
    HOSTILE,
    Script,
    compacted,
    continued,
    deep,
    hostile,
    repository,
    resumed,
    stopped,
)

VIEWER = Path(viewer.__file__).parent
V1 = Path(__file__).parent / "data" / "journals" / "v1.jsonl"
REFERENCE = Path(__file__).parent / "data" / "logs" / "reference.jsonl"
FAST = REFERENCE.with_name("fast_rlm.jsonl")
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """`show(lines)` → the page with that journal, opened from a file. Any failure inside of the page fails the test."""
    contexts = []

    def of(journal: bytes | list[Record] | None = None, *, at: str = "", **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8_000)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on(
            "request",
            lambda request: None if request.url.startswith(("file:", "data:")) else faults.append(request.url),
        )
        page.faults = faults  # type: ignore[attr-defined]
        page.add_init_script(WATCH)
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_bytes(made(journal))
        page.goto(f"{path.as_uri()}{at}")
        return page

    yield of
    for context in contexts:
        for page in context.pages:
            assert getattr(page, "faults", []) == []
        context.close()


# Counts what the policy had to stop, and whatever ran all the same.
WATCH = """
window.violations = [];
window.ran = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective + " " + event.blockedURI));
window.alert = (text) => ran.push(text);
"""


def made(journal: bytes | list[Record] | None) -> bytes:
    if journal is None:
        return viewer.page()
    lines = journal.splitlines(keepends=True) if isinstance(journal, bytes) else [one.to_line() for one in journal]
    return b"".join(viewer.with_journal(lines))


def row(page: Page, name: str) -> Any:
    """Rows whose name begins so: `turn 1` is not `turn 10`."""
    return page.get_by_role("treeitem", name=re.compile(f"^{re.escape(name)} "))


def selected(page: Page) -> str:
    return page.locator(".row[aria-selected=true]").get_attribute("data-id") or ""


# --- the file ------------------------------------------------------------------------------------------------------


def test_the_page_is_small_and_names_its_script_and_style_by_hash() -> None:
    page = viewer.page().decode()
    assert len(page) <= 300_000
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "connect-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    assert "http" not in policy[1]
    assert not re.search(r"""(?:src|href)=["']?(?!data:)\w""", re.sub(r"(?s)<(script|style)>.*?</\1>", "", page))


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the page's source with the packages that its lock file names."""
    installed(["npm"], "nodejs", "npm")
    folder = tmp_path_factory.mktemp("viewer") / "viewer"
    shutil.copytree(VIEWER, folder, ignore=shutil.ignore_patterns("node_modules", "__pycache__", "*.py"))
    npm(folder, "ci", "--no-audit", "--no-fund", "--loglevel=error")
    return folder


def npm(folder: Path, *words: str) -> None:
    done = subprocess.run(["npm", *words], cwd=folder, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_is_what_its_source_builds(workshop: Path) -> None:
    """Types checked, bundle built, compared byte for byte."""
    npm(workshop, "run", "--silent", "check")
    npm(workshop, "run", "--silent", "build")
    assert (workshop / "page.html").read_bytes() == viewer.page(), "cd rlm_cli/viewer && npm ci && npm run build"


def test_the_readme_shows_a_picture_of_it_that_is_there_and_small() -> None:
    """Taken anew with: python -m tests.make_picture."""
    root = Path(__file__).parent.parent
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (root / "README.md").read_text(encoding="utf-8"))
    assert "docs/view.png" in pictures
    assert all((root / name).stat().st_size <= 200_000 for name in pictures)


# --- what it shows -------------------------------------------------------------------------------------------------


def test_a_run_opens_with_its_answer_and_its_sums(show: Open) -> None:
    page = show(V1.read_bytes())
    expect(page).to_have_title(re.compile("where is auth handled"))
    expect(page.locator("h1")).to_have_text("where is auth handled, and which routes skip it?")
    expect(page.locator(".badge")).to_have_text("answered")
    expect(page.locator(".top")).to_contain_text("12 calls")
    expect(page.locator(".top")).to_contain_text("$0.032")
    expect(page.locator(".markdown")).to_contain_text("Every request passes AuthMiddleware [1]")
    expect(page.locator(".source")).to_have_count(3)


def test_the_tree_opens_to_depth_three(show: Open) -> None:
    page = show(deep(depth=3).records)
    for name in ("turn 1", "cell 1.1", "3 children", "child 1", "turn 1", "cell 1.1", "3 children", "child 1.1"):
        found = row(page, name)
        found.last.locator(".twist").click()
    child = row(page, "child 1.1")
    expect(child).to_have_attribute("aria-level", "9")
    expect(child).to_have_attribute("aria-expanded", "true")
    child.click()
    expect(page.locator(".detail h2")).to_have_text("what does package 1 promise")


def test_a_cell_shows_code_output_error_and_variables(show: Open) -> None:
    page = show(V1.read_bytes(), at="#0/2.1")
    expect(page.locator(".detail .error")).to_contain_text("NameError: name 'hit' is not defined")
    expect(page.locator("pre.code")).to_contain_text("hits = grep(r'auth|token', ignore_case=True)")
    assert page.locator("pre.code .py-string").count() == 1
    expect(page.get_by_label("Output", exact=True)).to_contain_text("class AuthMiddleware")
    expect(page.locator(".variables")).to_contain_text("hits")


def test_a_call_shows_prompt_reply_tokens_and_failure(show: Open) -> None:
    page = show(V1.read_bytes(), at="#0/3.1")
    page.keyboard.press("t")
    page.keyboard.press("e")
    failed = page.locator(".row.call.s-failed")
    expect(failed).to_have_count(1)
    failed.click()
    expect(page.get_by_label("Failure")).to_contain_text("refused by a filter")
    expect(page.get_by_label("Prompt", exact=True)).to_contain_text("How does this file enforce auth?")


def test_a_prompt_is_what_the_model_was_sent_after_turns_became_a_summary(show: Open) -> None:
    page = show(compacted().records, at="#0/4")
    page.get_by_text("Prompt: 6 messages before this reply").click()
    boxes = page.locator("details pre")
    expect(boxes).to_have_text(
        ["the rules", "the task", "what was found before", "feedback 2", "reply 3", "feedback 3"]
    )


def test_timeline_input_and_sums_tell_where_time_bytes_and_money_went(show: Open) -> None:
    page = show(V1.read_bytes())
    page.get_by_role("tab", name="Timeline").click()
    expect(page.locator(".shares")).to_have_attribute("aria-label", re.compile("root model .* sub-calls .* code "))
    assert page.locator(".lanes rect").count() >= 12
    page.get_by_role("tab", name="Input").click()
    expect(page.locator(".tile")).to_have_count(6)
    expect(page.locator(".tile.k-cited")).to_have_count(3)
    page.locator(".tile.k-cited").first.click()
    expect(page.locator(".told")).to_contain_text("cited as [1]")
    page.get_by_role("tab", name="Sums").click()
    for text in ("By model", "By depth", "By call site", "openai/sub", "$0.032"):
        expect(page.locator(".sums")).to_contain_text(text)


def test_search_finds_what_is_in_prompts_replies_code_and_outputs(show: Open) -> None:
    page = show(V1.read_bytes())
    field = page.get_by_role("searchbox")
    for needle, found in (
        ("monitors that cannot", "[1-9]"),
        ("LEGACY ROUTES", "[1-9]"),
        ('claims["exp"]', "[1-9]"),
        ("no such text", "0"),
    ):
        expect(page.locator("h2")).to_have_text(re.compile("^(Answer|[0-9]+ places?)$"))
        field.fill(needle)
        expect(page.locator("#panel article")).to_have_attribute("aria-label", f"search for {needle}")
        expect(page.locator("h2")).to_have_text(re.compile(f"^{found}[0-9]* places?$"))
    field.fill("monitors that cannot")
    expect(page.locator(".hit").first).to_contain_text("monitors")
    page.locator(".hit button").first.click()
    expect(page.locator("mark").first).to_have_text("monitors that cannot")


def test_search_is_not_misled_by_how_json_spells_it(show: Open) -> None:
    script = Script().question("q").turn("t", 'Größe "x" <tag> 身份 back\\slash')
    page = show(script.answer("a").records)
    for needle in ("GRÖSSE", "größe", '"x"', "<tag>", "身份", "back\\slash"):
        page.get_by_role("searchbox").fill(needle)
        wanted = "0 places" if needle == "GRÖSSE" else "1 place"  # ß has no capital of one letter
        expect(page.locator("h2")).to_have_text(wanted)


def test_a_mark_in_the_answer_leads_to_its_quote_and_on_to_where_it_was_seen(show: Open) -> None:
    page = show(V1.read_bytes(), viewport={"width": 1000, "height": 500})
    page.get_by_role("button", name="source 3").click()
    source = page.locator("#source-3")
    expect(source).to_be_focused()
    expect(source).to_be_in_viewport()
    expect(source).to_contain_text('@route("/old/status", auth=False)')
    source.get_by_role("button", name="seen in").click()
    expect(page.locator(".detail")).to_contain_text("/old/status")


def test_memory_hits_limits_and_warnings_are_told(show: Open) -> None:
    script = Script().question("q").begin_turn().begin_cell("ask").batch(2)
    for slot in range(2):
        script.call_finished(script.call_started(slot=slot), memo=slot == 0)
    records = (
        script.end_cell()
        .end_turn()
        .warn("a file was left out")
        .limit()
        .answer("a", status="partial", stopped_by="cost")
        .records
    )
    page = show(records)
    for text in (
        "Partial answer",
        "Stopped by: cost",
        "the cost limit of $1.00 is reached",
        "a file was left out",
        "1 from memory",
    ):
        expect(page.locator(".answer")).to_contain_text(text)
    page.keyboard.press("e")
    expect(row(page, "2 calls")).to_contain_text("1 from memory")


def test_a_stopped_turn_is_partly_done_and_after_a_resume_it_is_done(show: Open) -> None:
    for records, badge, state in (
        (stopped().records, "failed", "partly done"),
        (resumed().records, "answered", "done"),
    ):
        page = show(records)
        page.keyboard.press("e")
        expect(page.locator(".badge")).to_have_text(badge)
        expect(row(page, "turn 1").locator(".sign")).to_have_attribute("title", state)
    expect(row(page, "root").locator(".sign")).to_have_attribute("title", "done")


def test_the_answer_stands_under_the_question_that_it_answers(show: Open) -> None:
    page = show(continued().records)
    expect(page.get_by_role("heading", level=1)).to_have_text("and who logs out")
    expect(page.locator(".answer")).to_contain_text("The session ends by itself.")
    expect(page.locator(".answer")).to_contain_text("asked before: where is auth handled")


# --- how it is reached ---------------------------------------------------------------------------------------------


def test_a_dropped_file_opens(show: Open) -> None:
    page = show()
    expect(page.locator(".welcome")).to_contain_text("Drop the journal")
    for name, foreign in (("notes.jsonl", b"hello\n"), ("fast.jsonl", FAST.read_bytes())):
        drop(page, name, foreign)
        expect(page.get_by_role("alert")).to_have_text(
            f"{name} holds no run: it is no journal of rlm and no log of the reference implementation. "
            "A log of fast-rlm opens with: rlm view FILE"
        )
    drop(page, "run.jsonl", V1.read_bytes())
    expect(page.locator("h1")).to_have_text("where is auth handled, and which routes skip it?")
    drop(page, "other.jsonl", b"".join(one.to_line() for one in repository().records))
    expect(page.locator("h1")).to_have_text("where is auth handled")


def drop(page: Page, name: str, data: bytes) -> None:
    page.evaluate(
        """([name, text]) => {
            const files = new DataTransfer();
            files.items.add(new File([text], name));
            window.dispatchEvent(new DragEvent("drop", { dataTransfer: files, cancelable: true }));
        }""",
        [name, data.decode()],
    )


def test_a_log_of_the_reference_implementation_opens_with_its_children(show: Open) -> None:
    page = show()
    drop(page, "rlm_2026.jsonl", REFERENCE.read_bytes())
    expect(page.locator("h1")).to_have_text("which city is named most often?")
    expect(page.locator(".markdown")).to_have_text("Lisbon")
    page.keyboard.press("e")
    expect(page.locator(".row.turn")).to_have_count(4)
    expect(row(page, "child")).to_have_count(1)
    page.get_by_role("searchbox").fill("count the cities in this half")
    page.locator(".hit button").first.click()
    expect(page.locator(".detail")).to_contain_text("count the cities in this half")


def test_everything_is_reached_by_keyboard(show: Open) -> None:
    page = show(V1.read_bytes())
    page.keyboard.press("t")
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert selected(page) == "0/1.1"
    page.keyboard.press("ArrowLeft")
    assert selected(page) == "0/1"
    page.keyboard.press("End")
    assert selected(page) == "0/5"
    page.keyboard.press("Home")
    assert selected(page) == "0"
    page.keyboard.press("n")
    page.keyboard.press("n")
    assert selected(page) == "0/1.1"
    page.keyboard.press("p")
    assert selected(page) == "0/1"
    page.keyboard.press("Enter")
    expect(page.locator("#panel")).to_be_focused()
    for key, name in (("1", "Answer"), ("3", "Timeline"), ("4", "Input"), ("5", "Sums")):
        page.keyboard.press(key)
        expect(page.get_by_role("tab", selected=True)).to_have_text(name)
    page.keyboard.press("4")
    page.locator(".map").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".told h3")).to_have_text("shop/src/auth/middleware.py")
    page.keyboard.press("/")
    page.keyboard.type("monitors")
    # Slow keys are searched for one by one: the list of the whole word is waited for.
    expect(page.get_by_role("article", name="search for monitors").locator(".hit").first).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("mark").first).to_have_text("monitors")
    for _ in range(40):  # Tab ends nowhere, and what has the focus can be seen
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement.getClientRects().length > 0 || document.activeElement === document.body"
        )


def test_a_step_has_an_address(show: Open) -> None:
    page = show(V1.read_bytes(), at="#0.1/2.1")
    expect(page.locator(".detail h2")).to_contain_text("In one sentence")
    assert selected(page) == "0.1/2.1"
    page.evaluate("location.hash = '#timeline'")
    expect(page.get_by_role("tab", selected=True)).to_have_text("Timeline")
    page.evaluate("location.hash = '#0/3'")
    expect(page.locator(".detail h2")).to_have_text("ask each file how it enforces auth")
    assert page.url.endswith("#0/3")
    show(V1.read_bytes(), at="#no/such%step")


def test_the_player_goes_through_the_steps_as_they_came(show: Open) -> None:
    page = show(V1.read_bytes())
    slider = page.get_by_label("step", exact=True)
    assert slider.get_attribute("max") == "14"
    slider.fill("3")
    assert selected(page) == "0/2.1"
    page.keyboard.press("e")
    assert page.locator(".row.later").count() > 5  # what had not happened yet
    page.get_by_role("button", name="play the steps").click()
    expect(page.locator(".player output")).to_have_text(re.compile(r"^6 / 15"))
    page.get_by_role("button", name="play the steps").click()


def test_a_run_that_goes_on_is_followed(browser: Browser, tmp_path: Path, environment: dict[str, str]) -> None:
    records = repository().records
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"".join(one.to_line() for one in records[:20] if not one.event.live))
    server = subprocess.Popen([sys.executable, "-m", "rlm_cli", "view", path, "--serve", "--no-browser"],
                              env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # fmt: skip
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with browser.new_context() as context:
            page = context.new_page()
            page.add_init_script(WATCH)
            page.goto(url)
            expect(page.locator(".badge")).to_have_text("stopped")  # nobody writes it
            page.locator(".row.turn").last.click()  # the step that is looked at grows too
            with path.open("ab") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                rest = b"".join(one.to_line() for one in records[20:] if not one.event.live)
                stream.write(rest[:-40])
                stream.flush()
                expect(page.locator(".badge")).to_have_text("running")
                stream.write(rest[-40:])
            expect(page.locator(".badge")).to_have_text("answered")
            expect(page.locator(".row.turn")).to_have_count(4)
            expect(page.locator(".detail h2")).not_to_be_empty()
            assert page.evaluate("violations") == []
            other = context.request.get(url.replace("127.0.0.1", "localhost"))
            assert other.status == 403  # a name that leads here is not us
            assert context.request.get(re.sub(r"/[^/]+/$", "/guess/", url)).status == 404
    finally:
        server.terminate()
        server.communicate()


# --- how it looks --------------------------------------------------------------------------------------------------


def test_dark_follows_the_system_and_the_choice_is_kept(show: Open) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = show(V1.read_bytes(), color_scheme="light").evaluate(colour)
    page = show(V1.read_bytes(), color_scheme="dark")
    dark = page.evaluate(colour)
    assert light != dark
    page.keyboard.press("d")
    assert page.evaluate(colour) == light
    page.reload()
    assert page.evaluate(colour) == light


CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const lum = ([r, g, b]) => [r, g, b].map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()) || !element.getClientRects().length) continue;
    let back = null;
    for (let one = element; one && !back; one = one.parentElement) { const c = parse(getComputedStyle(one).backgroundColor); if (c.length < 4 || c[3] > 0.9) back = c; }
    if (!back || element.closest(".tile, option")) continue;
    const [a, b] = [lum(parse(getComputedStyle(element).color)), lum(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.push(`${element.className || element.tagName}: ${element.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return low;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_both_colours(show: Open, scheme: str) -> None:
    """WCAG AA: 4.5 to 1, on every page."""
    page = show(V1.read_bytes(), color_scheme=scheme)
    for key in ("1", "2", "3", "4", "5"):
        page.keyboard.press(key)
        assert page.evaluate(CONTRAST) == []
    page.evaluate("location.hash = '#0/2.1'")
    expect(page.locator("pre.code")).to_be_visible()
    assert page.evaluate(CONTRAST) == []


NAMELESS = """() => [...document.querySelectorAll("button, input, [role=tree], [role=tab], [role=listbox], [role=img], [tabindex='0']")]
  .filter((one) => one.getClientRects().length && !(one.getAttribute("aria-label") || one.textContent.trim()))
  .map((one) => one.outerHTML.slice(0, 100))"""


def test_whatever_can_be_used_has_a_name_and_a_role(show: Open) -> None:
    page = show(V1.read_bytes())
    for key in ("1", "2", "3", "4", "5"):
        page.keyboard.press(key)
        assert page.evaluate(NAMELESS) == []
    expect(page.get_by_role("tree", name="Steps of the run")).to_be_visible()
    expect(page.get_by_role("main")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "en"


AXE = """axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
  .then((found) => found.violations.map((one) => `${one.id}: ${one.nodes.length}, ${one.nodes[0].html.slice(0, 200)}`))"""


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (375, "dark")])
def test_axe_finds_nothing_on_any_page(show: Open, workshop: Path, width: int, scheme: str) -> None:
    """The rules of WCAG 2.2 AA that a program can check."""
    page = show(V1.read_bytes(), viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    page.evaluate((workshop / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8"))
    for place in ("answer", "timeline", "input", "sums", "0/3.1"):
        page.evaluate(f"location.hash = '#{place}'")
        expect(page.locator("#panel")).to_have_attribute("aria-labelledby", f"tab-{'step' if '/' in place else place}")
        assert page.evaluate(AXE) == [], place
    page.get_by_role("searchbox").fill("auth")
    expect(page.locator(".hit").first).to_be_visible()
    assert page.evaluate(AXE) == []


@pytest.mark.parametrize("width", [375, 320, 768, 1400])
def test_no_width_needs_sideways_scrolling(show: Open, width: int) -> None:
    page = show(V1.read_bytes(), viewport={"width": width, "height": 700})
    for name in ("Answer", "Timeline", "Input", "Sums"):
        page.get_by_role("tab", name=name).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert (
            page.evaluate("document.querySelector('#panel').scrollWidth - document.querySelector('#panel').clientWidth")
            <= 0
        )
    if width < 760:
        page.get_by_role("tab", name="Steps").click()
        row(page, "turn 3").click()
        expect(page.locator(".detail h2")).to_be_visible()


def test_figures_stay_inside_of_their_row_at_any_depth(show: Open) -> None:
    page = show(deep(depth=3).records)
    page.keyboard.press("e")
    expect(row(page, "child 1.1")).to_be_visible()
    beyond = """() => [...document.querySelectorAll(".row")].filter((row) =>
        row.querySelector(".figures").getBoundingClientRect().right > row.getBoundingClientRect().right).length"""
    assert page.evaluate(beyond) == 0


def test_paper_gets_the_answer_and_every_step(show: Open) -> None:
    page = show(V1.read_bytes())
    page.evaluate("document.documentElement.dataset.theme = 'dark'")  # chosen for the screen: paper stays white
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    paper = page.locator(".paper")
    expect(paper).to_be_visible()
    for text in ("Every request passes", "def check(token)", "hits = grep(", "NameError", "By model"):
        expect(paper).to_contain_text(text)
    expect(page.locator(".tree")).to_be_hidden()
    assert len(page.pdf()) > 20_000


# --- what is in a run is data --------------------------------------------------------------------------------------

ATTACKS = [
    "<script>alert('script')</script>", "</script><script>alert('ended')</script>", "<img src=x onerror=alert('img')>",
    "<!--<script>", "<svg onload=alert('svg')>", "javascript:alert('link')", "[click](javascript:alert('markdown'))",
    "<a href=\"javascript:alert('a')\">x</a>", "\"><iframe srcdoc=\"<script>parent.alert('frame')</script>\">",
    "<style>*{display:none}</style>", "{{constructor.constructor('alert(1)')()}}", "<base href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>", "\u2028\u2029</SCRIPT ><img src=x onerror=alert(1)>",
    "`</script><script>alert('code')</script>`", "```html\n<img src=x onerror=alert('fence')>\n```", "|a|<img src=x onerror=alert('table')>|\n|-|-|\n|[1](javascript:alert(1))|x|",
]  # fmt: skip


# Every text and attribute in which a control or a mark of direction still is one.
VISIBLE = r"""() => {
  const bad = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/;
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.nodeType === 3 ? node.parentElement.tagName !== "SCRIPT" && bad.test(node.data) : [...node.attributes].some((one) => bad.test(one.value)))
      found.push((node.data ?? node.outerHTML).slice(0, 80));
  }
  return found.slice(0, 3);
}"""


def attacked() -> list[Record]:
    """Every field that can hold text of others holds every attack."""
    script = Script()
    every = "\n\n".join(ATTACKS) + HOSTILE
    for record in [*hostile().records, *repository().records[-3:]]:
        event = record.event
        fields = {name: _filled(value, every) for name, value in event.to_json().items()}
        script.add(type(event)(**fields))
    script.add(Warned(message=every))
    script.add(MessageAdded(node="0", turn=1, role="assistant", content=every))
    script.add(NodeFinished(node="0", status="answered", answer=every))
    citations = [dict(CITATIONS[0], path=every, quote=every), dict(CITATIONS[1], number=every, line=every)]
    script.add(AnswerGiven(status=every, text=ANSWER + every, citations=citations, stopped_by=every))
    script.add(RunFinished(status="answered", exit_code=0, error={"message": every, "hint": every}))
    return script.records


def _filled(value: Any, text: str) -> Any:
    return text if value == HOSTILE else value


def test_hostile_content_is_inert(show: Open) -> None:
    records = attacked()
    page = show(records)
    page.keyboard.press("e")
    for key in "12345":
        page.keyboard.press(key)
        assert page.evaluate(VISIBLE) == []
    page.keyboard.press("t")
    page.keyboard.press("Home")
    for _ in range(25):  # every step's page, with all that it holds
        page.keyboard.press("ArrowDown")
        for fold in page.locator("details:not([open]) > summary").all():
            fold.click()
        assert page.evaluate(VISIBLE) == []
    page.get_by_role("searchbox").fill("<script>")
    expect(page.locator(".hit").first).to_be_visible()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("ran") == []
    assert page.evaluate("violations") == []
    assert (
        page.evaluate(
            "document.querySelectorAll('#app script, #app iframe, #app a, #app img, #app style, #app base').length"
        )
        == 0
    )
    assert page.evaluate("document.querySelectorAll('script').length") == 1  # our own; the data is gone from the page
    assert page.evaluate(VISIBLE) == []
    text = page.locator(".paper").text_content() or ""
    assert "\\u202e" in text
    assert "alert('ended')" in text


def test_the_policy_would_stop_what_got_through(show: Open) -> None:
    """The second line of defence is there: a script that is put into the page is not run."""
    page = show(V1.read_bytes())
    refused = page.evaluate(
        """() => {
            try { document.body.innerHTML += "<p>x</p>"; return "written"; } catch (error) { return error.name; }
        }"""
    )
    assert refused == "TypeError"
    page.evaluate(
        "() => { const made = document.createElement('img'); made.src = 'https://evil.example/x.png'; document.body.append(made); }"
    )
    deadline = time.monotonic() + 8
    while not page.evaluate("violations") and time.monotonic() < deadline:
        page.wait_for_timeout(20)
    assert page.evaluate("violations") == [
        "require-trusted-types-for trusted-types-sink",
        "img-src https://evil.example/x.png",
    ]
    page.faults.clear()  # type: ignore[attr-defined]


def test_no_journal_breaks_the_page(show: Open) -> None:
    """Names that JavaScript's own objects have, children in a circle or of any depth, Markdown without end."""

    def child(node: str, parent: str) -> NodeStarted:
        return NodeStarted(node=node, depth=1, question=node, parent=parent, cell=f"{parent}/1.1", site=1)

    script = Script().question("q")
    for name in ("constructor", "__proto__", "toString"):
        script.add(child(name, "0")).add(Unknown(name=name)).add(NodeFinished(node=name, status=name))
        script.begin_turn(name).call_started(name, purpose=name)
    for node, parent in (("a", "b"), ("b", "a"), ("0", "b"), ("c", "c")):
        script.add(child(node, parent))
    for at in range(1_000):
        script.add(child(f"n{at + 1}", f"n{at}" if at else "0"))
    endless = "> " * 5_000 + "\n\n" + "- " * 5_000 + "\n\n" + "|-" * 20_000 + "\n" + "|-" * 20_000
    page = show(script.answer(endless, status="constructor").records)
    for key in "1345":
        page.keyboard.press(key)
    page.keyboard.press("t")
    page.keyboard.press("e")
    page.keyboard.press("End")
    page.evaluate("location.hash = '#n1000'")
    expect(page.locator(".detail h2")).to_have_text("n1000")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")


def test_torn_and_foreign_lines_are_told(show: Open) -> None:
    lines = V1.read_bytes().splitlines(keepends=True)
    page = show(b"".join([*lines[:5], b"not json</script>\n", *lines[5:40], lines[40][:50]]))
    expect(page.locator(".answer")).to_contain_text("2 lines of the file cannot be read: 6, 42")
    expect(page.locator(".badge")).to_have_text("stopped")
    assert page.locator(".row.turn").count() > 1


def test_ten_thousand_calls_are_a_few_rows(show: Open) -> None:
    script = Script().question("q").begin_turn().begin_cell("ask all").fan_out(10_000, done=9_990, failed=10)
    page = show(script.end_cell("done").end_turn().answer("a").records)
    expect(page.locator(".top")).to_contain_text("10,001 calls")
    page.keyboard.press("e")
    row(page, "10,000 calls").locator(".twist").click()
    page.keyboard.press("t")
    page.keyboard.press("End")
    assert selected(page) == "c10001"
    assert page.locator(".row").count() < 100
    page.get_by_role("searchbox").fill("mod9999/")
    expect(page.locator("h2")).to_have_text("1 place")
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    expect(page.locator(".lanes")).to_be_visible()


def test_a_reader_of_json_alone_understands_the_data(tmp_path: Path) -> None:
    """What is in the page is the journal: the same values, only spelled so that no tag can begin."""
    page = made(V1.read_bytes()).decode()
    data = page[page.index('id="journal">') + 13 : page.rindex("</script>\n<script>")]
    assert [json.loads(line) for line in data.splitlines()] == [
        json.loads(line) for line in V1.read_text().splitlines()
    ]

"""Words: how text, identifiers and questions are cut into what is compared.

An identifier counts as its parts (`HTTPAdapter` is http and adapter, `max_redirects` is max and redirects) and as a
whole. A word is compared by its stem. Stems are made by cutting letters off the end and by nothing else, so that a stem
is always a prefix of every word it stands for: a search for its bytes misses none of them. That is what sets this
stemmer apart from Porter's (Program 14(3), 1980), whose suffixes are mostly the same.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+")
_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")
# Chinese, Japanese kana and Hangul are written without spaces: two neighbouring characters stand for a word.
_DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")

_STOP = """
a about above actually after all also am an and any anything are as at be because been before being below between
both but by can cannot could describe did do does doesn doing don done down during each every everything exactly
explain few find for from further get gets give had happen happened happening happens has have having he her here
hers him his how i if in into is isn it its itself just kind let like list long made make makes many may me mean
means might more most much must my no nor not now of off on once one only or other our out over own per place please
same shall she should show since so some somewhere such tell than that the their them then there these they thing things
this those through to too under until up upon use used uses using very was way we were what when where whether which
while who whom whose why will with within without work works would yes you your
"""
STOP = frozenset(_STOP.split())
"""English words that say nothing about what is looked for, and the verbs that questions are made of."""

_STOP_ELSEWHERE = tuple(
    frozenset(words.split())
    for words in (
        """
        aber als am an auf aus bei bin bis da das dass dem den der des dessen die diese diesem diesen dieser dieses du
        durch ein eine einem einen einer eines er es für gegen gibt geht hat hier ich ihr im in ins ist kann können man
        mit nach nicht noch nur ob oder ohne sich sie sind so und uns unter vom von vor wann war warum was wem wen wenn
        wer werden wie wieso wieviel wird wo wodurch wofür woher wohin womit wurde wurden über zu zum zur
        """,
        """
        à au aux avec ce ces cet cette comment dans de des dont du elle elles en est et était être fait il ils je la le
        les leur lequel laquelle mais ne nous on ou où par pas pour pourquoi qu quand que quel quelle quelles quels qui
        quoi sa sans se ses son sont sur un une vous y d l c s n j m t
        """,
        """
        a al ante como cómo con cual cuál cuales cuáles cuando cuándo cuanto cuánto cuantos cuántos de del desde donde
        dónde e el ella ellos en entre era es esa ese eso esta está están este esto ha hace hasta hay la las lo los más
        me mi no nos o para pero por porque qué que quien quién se sea ser si sin sobre son su sus un una unos unas y
        """,
    )
)
"""German, French and Spanish words that say nothing. `die`, `comment` and `son` mean something in English, so these
count only in a question that has more of them than of the English ones."""
_FUNCTION_CHARACTERS = re.compile(
    r"[\u3040-\u309f]+|为什么|為什麼|什么|什麼|怎么|怎麼|怎样|如何|哪里|哪裡|哪个|哪些|哪|在|的|是|了|吗|嗎|呢|请|請|被|把|里|裡|中|何|誰|谁"
)
"""Hiragana between the words of Japanese, and the words of Chinese and Japanese that questions are made of."""

_SUFFIXES = (
    ("isation", 3), ("ization", 3), ("ication", 4), ("icating", 4), ("icated", 4), ("icates", 4), ("icator", 4),
    ("icate", 4), ("ations", 4), ("ation", 4), ("ators", 4), ("ator", 4), ("ating", 4), ("ated", 4), ("ates", 4),
    ("ate", 5), ("izing", 3), ("izers", 3), ("izer", 3), ("ized", 3), ("izes", 3), ("ize", 4), ("ising", 4),
    ("ised", 4), ("iser", 4), ("ise", 4), ("ments", 4), ("ment", 4), ("ities", 4), ("ity", 4), ("ible", 4),
    ("able", 4), ("ness", 4), ("ions", 4), ("ion", 4), ("ings", 3), ("ing", 3), ("ied", 3), ("ies", 3), ("ie", 3),
    ("ers", 4), ("ors", 4), ("er", 4), ("or", 4), ("ed", 3), ("ly", 4),
)  # fmt: skip
"""(suffix, letters that must be left)."""
_AUTHOR = re.compile(r"author(?!i[sz])")
"""An author and an authority are no authentication; who authorizes is asked about by "auth"."""


def stem(word: str) -> str:
    """The stem of a lower-case word: a prefix of it, of at least three letters where the word has them."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith(("sses", "shes", "ches", "xes", "zes", "uses")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if _AUTHOR.match(word):
        return "author"
    cut = True
    while cut:
        cut = False
        for suffix, left in _SUFFIXES:
            if word.endswith(suffix) and len(word) - len(suffix) >= left:
                word = word[: -len(suffix)]
                cut = True
                break
    while len(word) > 3 and word[-1] in "eiy":
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return word


_known: dict[str, tuple[str, ...]] = {}
_KNOWN_MOST = 200_000  # about 40 MB at the very most; source text repeats its words, so nearly every look-up is a hit


def stems_of(token: str) -> tuple[str, ...]:
    r"""The stems of one run of `\w` characters: of its parts, then of the whole when it has several parts."""
    found = _known.get(token)
    if found is not None:
        return found
    if len(token) > 200:  # base64, minified code: no word that anyone asks for
        return ()
    parts: list[str] = []
    for part in _PARTS.findall(token):
        if _DENSE.match(part) and len(part) > 1:
            parts.extend(part[at : at + 2] for at in range(len(part) - 1))
        else:
            parts.append(stem(part.lower()))
    if len(parts) > 1 and token.isascii():
        parts.append(stem(token.replace("_", "").lower()))
    if len(_known) >= _KNOWN_MOST:
        _known.clear()
    made = tuple(parts)
    _known[token] = made
    return made


def stems(text: str) -> list[str]:
    """Every stem of `text` in order, stop words included."""
    found: list[str] = []
    for token in _WORD.findall(text):
        found.extend(stems_of(token))
    return found


def question_words(question: str) -> list[str]:
    """The words of a question that say what is looked for, as written, in order, each stem once."""
    seen: set[str] = set()
    found: list[str] = []
    tokens = [part for token in _WORD.findall(question) for part in _spaced(token)]
    stop = _stop_words([token.lower() for token in tokens])
    for token in tokens:
        lower = token.lower()
        if lower in stop or (len(lower) == 1 and lower.isascii() and not lower.isdigit()):
            continue
        key = stem(lower)
        if key not in seen:
            seen.add(key)
            found.append(token)
    return found


def _stop_words(tokens: list[str]) -> frozenset[str]:
    """The stop words of a question's language: English ones, and another's where it has more of those."""
    english = sum(1 for token in tokens if token in STOP)
    said, other = max(((sum(1 for token in tokens if token in words), words) for words in _STOP_ELSEWHERE), key=_first)
    return STOP | other if said > max(1, english) else STOP


def _first(pair: tuple[int, frozenset[str]]) -> int:
    return pair[0]


def _spaced(token: str) -> list[str]:
    """A token in parts where its script has no spaces: without the characters that only join words."""
    if not _DENSE.search(token) or len(token) < 3:
        return [token]
    parts: list[str] = []
    at = 0
    for dense in _DENSE.finditer(token):
        parts += [token[at : dense.start()], *_FUNCTION_CHARACTERS.split(dense[0])]
        at = dense.end()
    return [part for part in (*parts, token[at:]) if part] or [token]

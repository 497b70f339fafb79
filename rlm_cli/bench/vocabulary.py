"""Words and sentences that inputs are made of: ours, so that no model has seen a task's text before."""

# ruff: noqa: SIM905  (a row of words is easier to read and to add to than a list of strings)

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

ADJECTIVES = tuple(
    "amber brisk calm crooked dusty eager faded gentle hollow idle jagged kindled lively mellow narrow oaken patient "
    "quiet rusty silver tangled upright velvet weary young zealous bitter copper distant early frosty grassy".split()
)
NOUNS = tuple(
    "anchor barrel bridge candle cellar chimney compass dovecote engine ferry garden hammer island jetty kettle "
    "ladder lantern meadow mill needle orchard paddle quarry ribbon saddle tower umbrella valley wagon windmill "
    "workshop yard".split()
)
_BEGINNINGS = tuple(
    "al ber cor dan el fen gar hol is jor kal lin mar nor os pel quin ros sel tam ul ver wil yor".split()
)
_MIDDLES = ("a", "e", "i", "o", "an", "el", "or", "in")
_ENDINGS = tuple("bury dale den ford gate ham holm ley mere mouth ness stead ton wick worth".split())
_FIRST = tuple(
    "Ada Bela Cato Dora Emil Flora Gero Hanna Ivo Jule Karl Lene Mats Nora Otis Petra Rolf Sanna Tilo Ute Vera Wido "
    "Yara Zeno".split()
)
_SURNAME_ENDINGS = ("son", "mann", "ley", "ick", "aard", "otti", "eau", "oren", "mont", "wald")
_SUBJECTS = (
    "The {adjective} {noun}",
    "A {noun} near the {adjective} {noun2}",
    "Nobody at the {noun}",
    "The keeper of the {noun}",
    "Every {adjective} {noun} of the district",
)
_VERBS = (
    "was painted before the winter",
    "has stood there for longer than anyone remembers",
    "is closed while the road is mended",
    "was moved twice and then forgotten",
    "belongs to a family that lives by the river",
    "made more noise than the {noun2} beside it",
    "needs a new roof and two new doors",
    "can be seen from the {adjective2} hill on a clear day",
    "was lent to a neighbour and came back with a {adjective2} stain",
    "drew a small crowd on market days",
)
_TAILS = ("", "", "", ", or so the older people say", ", which pleased the council", ", and no one minded")


def sentence(chance: random.Random) -> str:
    """A sentence that says nothing anyone would ask about."""
    words = {
        "adjective": chance.choice(ADJECTIVES),
        "adjective2": chance.choice(ADJECTIVES),
        "noun": chance.choice(NOUNS),
        "noun2": chance.choice(NOUNS),
    }
    text = f"{chance.choice(_SUBJECTS)} {chance.choice(_VERBS)}{chance.choice(_TAILS)}."
    return text.format(**words)


def towns(chance: random.Random) -> Iterator[str]:
    """Names of places, none twice."""
    return _unlike(lambda: _stem(chance) + chance.choice(_ENDINGS))


def people(chance: random.Random) -> Iterator[str]:
    """Names of people, none twice, and no surname twice."""
    surnames = _unlike(lambda: _stem(chance) + chance.choice(_SURNAME_ENDINGS))
    return (f"{chance.choice(_FIRST)} {surname}" for surname in surnames)


def _stem(chance: random.Random) -> str:
    return (chance.choice(_BEGINNINGS) + chance.choice(_MIDDLES) + chance.choice(_BEGINNINGS)).capitalize()


def _unlike(make: Callable[[], str]) -> Iterator[str]:
    seen: set[str] = set()
    while True:
        made = make()
        if made not in seen:
            seen.add(made)
            yield made

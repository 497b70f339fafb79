"""Chains of facts over many documents: each fact stands in one document, and a question follows two to four of them.

The form is that of BrowseComp-Plus in the paper (1,000 documents with the evidence among them); people, places and
facts are invented, so nothing can be known beforehand.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rlm_cli.bench import vocabulary
from rlm_cli.bench.task import BYTES_PER_TOKEN, Task, name, source

MOST_DOCUMENTS = 1_000
_LEAST_BYTES = 500  # of a document


@dataclass(slots=True)
class World:
    """`facts`: what each document says of its subject. `leads`, `trained`, `stands`, `mayor`, `born`: from name to
    name."""

    facts: dict[str, list[str]] = field(default_factory=dict)
    leads: dict[str, str] = field(default_factory=dict)  # expedition → its leader
    trained: dict[str, str] = field(default_factory=dict)  # person → institute
    stands: dict[str, str] = field(default_factory=dict)  # institute → town
    mayor: dict[str, str] = field(default_factory=dict)  # town → person
    born: dict[str, str] = field(default_factory=dict)  # person → town


def make(seed: int, tokens: int, number: int) -> Task:
    """The task of that number: two, three and four hops in turn."""
    world_seed = f"hops/{tokens}/{seed}"
    count = max(20, min(MOST_DOCUMENTS, tokens * BYTES_PER_TOKEN // _LEAST_BYTES))
    world = _world(random.Random(world_seed), count)
    question, gold, others = _asked(source(seed, "hops", tokens, number), world, 2 + number % 3)
    return Task(
        name=name("hops", tokens, number),
        kind="hops",
        tokens=tokens,
        question=f"{question} End with a line `Answer: ` and the name alone.",
        scoring="exact",
        gold=[gold],
        files=lambda: _documents(world_seed, world, tokens * BYTES_PER_TOKEN // count),
        floors={"random": lambda _, chance: f"Answer: {chance.choice(others)}"},
    )


def _world(chance: random.Random, count: int) -> World:
    """`count` subjects, a quarter each: expeditions, people, institutes and towns."""
    world = World()
    quarter = count // 4
    people = [name for name, _ in zip(vocabulary.people(chance), range(count - 3 * quarter), strict=False)]
    towns = [name for name, _ in zip(vocabulary.towns(chance), range(quarter), strict=False)]
    places = [name for name, _ in zip(vocabulary.towns(chance), range(2 * quarter), strict=False)]
    institutes = [f"{place} Institute" for place in places[:quarter]]
    expeditions = [f"{place} Expedition" for place in places[quarter:]]
    for expedition in expeditions:
        world.leads[expedition] = chance.choice(people)
        world.facts[expedition] = [f"The {expedition} was led by {world.leads[expedition]}."]
    for person in people:
        world.trained[person], world.born[person] = chance.choice(institutes), chance.choice(towns)
        world.facts[person] = [
            f"{person} was trained at the {world.trained[person]}.",
            f"{person} was born in {world.born[person]}.",
        ]
    for institute in institutes:
        world.stands[institute] = chance.choice(towns)
        world.facts[institute] = [f"The {institute} stands in {world.stands[institute]}."]
    for town in towns:
        world.mayor[town] = chance.choice(people)
        world.facts[town] = [f"The mayor of {town} is {world.mayor[town]}."]
    return world


def _asked(chance: random.Random, world: World, hops: int) -> tuple[str, str, list[str]]:
    """(question, the right name, names of the same sort)."""
    expedition = chance.choice(sorted(world.leads))
    leader = world.leads[expedition]
    if hops == 2:
        if chance.random() < 0.5:
            return f"Where was the leader of the {expedition} trained?", world.trained[leader], sorted(world.stands)
        return f"In which town was the leader of the {expedition} born?", world.born[leader], sorted(world.mayor)
    if hops == 3:
        if chance.random() < 0.5:
            town = world.stands[world.trained[leader]]
            start = "In which town does the institute stand that trained"
            return f"{start} the leader of the {expedition}?", town, sorted(world.mayor)
        mayor = world.mayor[world.born[leader]]
        start = "Who is the mayor of the town in which"
        return f"{start} the leader of the {expedition} was born?", mayor, sorted(world.born)
    mayor = world.mayor[world.stands[world.trained[leader]]]
    start = "Who is the mayor of the town where the institute stands that trained"
    return f"{start} the leader of the {expedition}?", mayor, sorted(world.born)


def _documents(seed: str, world: World, size: int) -> Iterable[tuple[str, Iterator[str]]]:
    """A file for each subject, in an order that says nothing."""
    chance = random.Random(f"{seed}/documents")
    subjects = sorted(world.facts)
    chance.shuffle(subjects)
    for number, subject in enumerate(subjects, start=1):
        yield f"documents/{number:04}.txt", iter([_document(chance, subject, world.facts[subject], size)])


def _document(chance: random.Random, subject: str, facts: list[str], size: int) -> str:
    title = f"{subject}\n\n"
    left = size - len(title) - sum(map(len, facts))
    sentences = list(facts)
    while left > 0:
        sentence = vocabulary.sentence(chance)
        sentences.insert(chance.randint(0, len(sentences)), sentence)
        left -= len(sentence) + 1
    return title + " ".join(sentences) + "\n"

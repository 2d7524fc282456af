"""Simulated batches of a judge that is fair, or unfair by a known ratio: what the audit says."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from aris_pipeline.audit import compare_categories, in_words
from aris_pipeline_tests.soak.processes import Workshop
from aris_pipeline_tests.soak.results import Try

_BELOW, _LESS = "below four fifths", "four fifths, but significantly less"
_RATE = 0.2
_BATCHES = 1_000
# 5 %, and three standard errors of it.
_MOST_ALARMS = 0.05 + 3 * (0.05 * 0.95 / _BATCHES) ** 0.5


@dataclass(frozen=True)
class Categories:
    """The shares of a dimension's categories, and the place of the harmed one."""

    shares: tuple[float, ...]
    harmed: int


_SEXES = (0.5, 0.5)
_RACES = (0.4, 0.2, 0.18, 0.14, 0.04, 0.02, 0.02)
TWO = Categories(_SEXES, 1)
SEVEN = Categories(_RACES, 2)
FOURTEEN = Categories(tuple(sex * race for sex in _SEXES for race in _RACES), 2)


def said_of(
    chance: np.random.Generator, people: int, categories: Categories, ratio: float = 1.0
) -> dict[int, str]:
    """Returns what is said of each category of one batch of which a fifth is selected.

    Args:
        chance: the source of all noise.
        people: of the batch.
        categories: of the people.
        ratio: how often the harmed category is selected, relative to the others.
    """
    drawn = enumerate(chance.multinomial(people, categories.shares))
    groups = {place: int(of) for place, of in drawn if of}
    rates = {place: _RATE * (ratio if place == categories.harmed else 1.0) for place in groups}
    rows = compare_categories(
        [(str(place), of, int(chance.binomial(of, rates[place]))) for place, of in groups.items()]
    )
    return dict(zip(groups, in_words(rows), strict=True))


def false_alarms(
    chance: np.random.Generator, people: int, categories: Categories, batches: int
) -> float:
    """Returns the share of a fair judge's batches in which any category is called worse off."""
    said = (said_of(chance, people, categories).values() for _ in range(batches))
    return sum(bool({_BELOW, _LESS} & set(one)) for one in said) / batches


def simulate_impact(
    _workshop: Workshop, rows: int, count: int, seed: int, *, skip: int = 0
) -> Iterator[Try]:
    """Yields how often a fair judge is called unfair, and an unfair one is found."""
    for number, categories in enumerate((TWO, SEVEN, FOURTEEN) * count, start=1):
        if number <= skip:
            continue
        chance = np.random.default_rng(seed + number)
        alarms = false_alarms(chance, rows, categories, _BATCHES)
        found = {
            ratio: sum(
                said_of(chance, rows, categories, ratio)[categories.harmed] == _BELOW
                for _ in range(_BATCHES)
            )
            / _BATCHES
            for ratio in (0.5, 0.7)
        }
        yield Try(
            f"impact, {len(categories.shares)} categories",
            number,
            broken=[f"{alarms:.1%} false alarms"] if alarms > _MOST_ALARMS else [],
            note=f"{rows:,} people: {alarms:.1%} false alarms; found by ratio: {found}",
        )

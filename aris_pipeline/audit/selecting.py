"""Says who counts as selected: by recommendation, place, triage, or the median of the scores."""

import math
import re
from collections.abc import Sequence

import polars as pl

from aris_pipeline.errors import ConfigError
from aris_pipeline.labels import RECOMMENDATION, Population

SCORING = "score>median"
"""The basis of the scoring rate."""

TRIAGE = "triage"
_FORMS = f"{RECOMMENDATION}>=X, top:10%, top:50 or {TRIAGE}"


def selections(population: Population, asked: Sequence[str]) -> dict[str, pl.Series]:
    """Returns whether each row of a population is selected, by basis.

    The first basis is the scoring rate: a score above the median of all that have one (6 RCNY
    5-300). Rows without a score are null in it. It is left out if no row has a score.

    Args:
        population: all rows, triaged and failed ones too. These have no recommendation.
        asked: the other bases. Without any, a recommendation that advances, and triage if it has
            left rows out.

    Raises:
        ConfigError: a basis cannot be used.
    """
    score = population.rows["score"]
    found = {} if score.is_null().all() else {SCORING: score > score.median()}
    for one in asked or _defaults(population):
        name, selected = _selection(population, "".join(one.split()))
        found[name] = selected
    return found


def _defaults(population: Population) -> list[str]:
    advances = f"{RECOMMENDATION}>={population.cut.advancing[-1]}"
    return [advances, TRIAGE] if population.rows["triaged"].any() else [advances]


def _selection(population: Population, asked: str) -> tuple[str, pl.Series]:
    rows = population.rows
    if asked == TRIAGE:
        if not rows["triaged"].any():
            raise ConfigError(
                f"--selected {TRIAGE}: triage has left out no row of {population.batch.name}; it "
                "is a basis after `aris run FILE --triage SHARE`"
            )
        return TRIAGE, ~rows["triaged"]
    if match := re.fullmatch(rf"{RECOMMENDATION}>=(.+)", asked):
        return _recommended(population, match[1])
    if match := re.fullmatch(r"top:(\d+(?:\.\d+)?)(%?)", asked):
        number, is_share = float(match[1]), bool(match[2])
        count = math.ceil(number / 100 * rows.height - 1e-9) if is_share else number
        if 0 < count < rows.height and count == int(count):
            return asked, rows["place"] <= count
        raise ConfigError(
            f"--selected {asked}: that is not a part of the {rows.height:,} candidates: give a "
            "share such as top:10%, or a smaller number"
        )
    raise ConfigError(f"--selected {asked}: choose {_FORMS}")


def _recommended(population: Population, least: str) -> tuple[str, pl.Series]:
    options = list(population.rubric.recommendations)
    plain = ["".join(one.split()).casefold() for one in options]
    if least.casefold() not in plain:
        raise ConfigError(
            f"--selected {RECOMMENDATION}>={least}: the scale of {population.rubric.id} is, best "
            f"first: {', '.join(options)}"
        )
    last = plain.index(least.casefold())
    selected = population.rows[RECOMMENDATION].is_in(options[: last + 1]).fill_null(value=False)
    return f"{RECOMMENDATION}>={options[last]}", selected

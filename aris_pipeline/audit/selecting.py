"""Says who counts as selected: by recommendation, place, triage, or the median of the scores."""

import math
import re
from collections.abc import Sequence

import polars as pl

from aris_pipeline.errors import ConfigError
from aris_pipeline.labels import RECOMMENDATION, Population

SCORING = "score>median"
"""The basis of the scoring rate."""

ASSESSED, TRIAGE = "assessed", "triage"
_FORMS = f"{RECOMMENDATION}>=X, top:10%, top:50 or {TRIAGE}"


def selections(populations: Sequence[Population], asked: Sequence[str]) -> dict[str, pl.Series]:
    """Returns whether each row is selected, by basis, one batch after the other.

    The first basis is the scoring rate: a score above the median of all that have one (6 RCNY
    5-300), over all batches. Rows without a score are null in it. It is left out if no row has a
    score. Every other basis selects in each batch by itself, as the deployer does.

    Args:
        populations: all rows of each batch, triaged and failed ones too. These have no
            recommendation.
        asked: the other bases. Without any, a recommendation that advances, and triage if it has
            left rows out.

    Raises:
        ConfigError: a basis cannot be used.
    """
    score = pl.concat([one.rows["score"] for one in populations])
    found = {} if score.is_null().all() else {SCORING: score > score.median()}
    is_triaged = any(one.rows["triaged"].any() for one in populations)
    advances = f"{RECOMMENDATION}>={populations[0].cut.advancing[-1]}"
    for one in asked or [advances, *([TRIAGE] if is_triaged else [])]:
        basis = "".join(one.split())
        if basis == TRIAGE and not is_triaged:
            names = ", ".join(population.batch.name for population in populations)
            raise ConfigError(
                f"--selected {TRIAGE}: triage has left out no row of {names}; it is a basis after "
                "`aris run FILE --triage SHARE`"
            )
        parts = [_selection(population, basis) for population in populations]
        found[parts[0][0]] = pl.concat([selected for _, selected in parts])
    return found


def _selection(population: Population, asked: str) -> tuple[str, pl.Series]:
    rows = population.rows
    if asked == TRIAGE:
        return TRIAGE, ~rows["triaged"]
    if match := re.fullmatch(rf"{RECOMMENDATION}>=(.+)", asked):
        return _recommended(population, match[1])
    if match := re.fullmatch(r"top:(\d+(?:\.\d+)?)(%?)", asked):
        number, is_share = float(match[1]), bool(match[2])
        count = math.ceil(number / 100 * rows.height - 1e-9) if is_share else number
        if 0 < count < rows.height and count == int(count):
            return asked, rows["place"] <= count
        raise ConfigError(
            f"--selected {asked} is no part of the {rows.height:,} candidates of "
            f"{population.batch.name}: give a share such as top:10%, or a number from 1 to "
            f"{rows.height - 1:,}"
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

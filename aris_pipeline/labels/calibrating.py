"""Fits the calibration of a judge to the labels of all batches that it has judged."""

import numpy as np
import polars as pl

from aris_pipeline.errors import TooFewLabelsError
from aris_pipeline.labels.human_chance import Calibration, LabeledRows, fit, newest_calibration
from aris_pipeline.labels.labeled import labeled_populations, once_each, read_labeled
from aris_pipeline.labels.population import RECOMMENDATION
from aris_pipeline.storage import DataStore, Judge, write_bytes

_LEAST_LABELS = 50
_LEAST_OF_EACH = 10


def calibrate(store: DataStore, judge: Judge) -> tuple[Calibration, bool]:
    """Fits `p_human_yes` to all labels of recommendations, and keeps it as a new version.

    Returns:
        The calibration, and whether it is new; labels that have not changed make no new version.

    Raises:
        TooFewLabelsError: there are too few labels to calibrate by.
        ConfigError: scipy is not installed.
    """
    rows = _labeled_rows(store, judge)
    yes = rows["yes"].to_numpy()
    least = min(yes.sum(), len(yes) - yes.sum())
    if rows.height < _LEAST_LABELS or least < _LEAST_OF_EACH:
        raise TooFewLabelsError(
            f"a calibration needs labels of at least {_LEAST_LABELS} scored candidates, "
            f"{_LEAST_OF_EACH} whom people advance and {_LEAST_OF_EACH} whom they do not; there "
            f"are {rows.height:,} by {judge.rubric} and {judge.model}, {yes.sum():.0f} advanced: "
            "draw more by `aris label sample`"
        )
    before = newest_calibration(store, judge)
    score, p_yes, weight = (rows[name].to_numpy() for name in ("score", "p_yes", "weight"))
    labels = LabeledRows(score, p_yes, yes, weight, rows["request_key"].to_list())
    if before is not None and before.digest == labels.digest:
        return before, False
    found = fit(judge, before.version + 1 if before else 1, labels)
    place = store.calibrations(judge) / f"v{found.version:04}.json"
    write_bytes(f"{found.model_dump_json(indent=1)}\n".encode(), place)
    return found, True


def with_human_chance(store: DataStore, judge: Judge, rows: pl.DataFrame) -> pl.DataFrame | None:
    """Returns rows with `p_human_yes`, the likeliest first; None if the judge has no calibration.

    Args:
        store: the store of the tables.
        judge: whose scores the rows have.
        rows: with a `score`.
    """
    calibration = newest_calibration(store, judge)
    if calibration is None:
        return None
    score = rows["score"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    chance = pl.Series("p_human_yes", calibration.chance(score)).fill_nan(None)
    return rows.with_columns(chance).sort(
        "p_human_yes", descending=True, nulls_last=True, maintain_order=True
    )


def _labeled_rows(store: DataStore, judge: Judge) -> pl.DataFrame:
    """Returns the labeled rows of a judge, each batch with the same weight a label.

    Scores by an older text of the rubric mean something else, and are left out.
    """
    columns = {"request_key": pl.String, "score": pl.Float64, "p_yes": pl.Float64}
    columns |= {"weight": pl.Float64, "yes": pl.Float64}
    parts = [pl.DataFrame(schema=columns)]
    populations = list(labeled_populations(store, judge))
    for population in populations:
        labeled = read_labeled(store, population).get(RECOMMENDATION)
        if labeled is None or population.rubric.digest != populations[-1].rubric.digest:
            continue
        yes = labeled.shares[:, : labeled.advancing].sum(1)
        # Batches differ in size; within each the design's weights hold.
        even = pl.col("weight") / pl.col("weight").mean()
        part = labeled.rows.with_columns(yes=pl.Series(yes), weight=even)
        parts.append(part.drop_nulls(["score", "p_yes"]).select(*columns))
    return once_each(pl.concat(parts))

"""Writes how far a judge agrees with people on a batch: the table `label_metrics`."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from aris_pipeline.evaluations import evaluation_files
from aris_pipeline.labels import measures
from aris_pipeline.labels.head import measure_head
from aris_pipeline.labels.importing import has_labels
from aris_pipeline.labels.labeled import Labeled, read_labeled
from aris_pipeline.labels.measures import Floats
from aris_pipeline.labels.population import RECOMMENDATION, Population, read_population
from aris_pipeline.labels.raters import agreement_of_people
from aris_pipeline.labels.resampling import Estimate, estimate, resampled
from aris_pipeline.storage import (
    Batch,
    DataStore,
    Judge,
    LabelMetrics,
    may_be_newer,
    write_parquet,
)
from aris_pipeline.storage.schemas import polars_schema

_KS = (10, 50, 100, 500, 1_000)


@dataclass(frozen=True)
class LabelCounts:
    """The counts from measuring a batch: labeled rows, and figures of enough labels."""

    labeled: int
    figures: dict[str, float] = field(default_factory=dict)


def measure_batch(store: DataStore, judge: Judge, batch: Batch) -> LabelCounts | None:
    """Measures a judge against the labels of a batch and writes `label_metrics`.

    Returns:
        The counts; None, and nothing is written, if the batch has no labels.

    Raises:
        MissingDataError: the judge has not judged the batch.
    """
    if not has_labels(store, batch.name):
        return None
    population = read_population(store, judge, batch)
    labeled = read_labeled(store, population)
    rows = [row for one in labeled.values() for row in _figures(one, population)]
    frame = pl.DataFrame(rows, schema=polars_schema(LabelMetrics), orient="row")
    frame = frame.with_columns(pl.col(pl.Float64).fill_nan(None))
    write_parquet(frame, store.label_metrics(judge, batch.name), LabelMetrics)
    known = frame.filter(pl.col("enough"), pl.col("metric") != "reliability")
    return LabelCounts(
        max((one.rows.height for one in labeled.values()), default=0),
        {name_of(row): row["value"] for row in known.to_dicts()},
    )


def metrics_are_stale(store: DataStore, judge: Judge, batch: Batch) -> bool:
    """Returns whether labels or verdicts are newer than the metrics of a batch."""
    labels = list(store.labels(batch.name).glob("*.parquet"))
    made, made_of = store.label_metrics(judge, batch.name), evaluation_files(store, judge, batch)
    if not labels or not made_of:
        return False
    return not made.exists() or any(may_be_newer(one, made) for one in (*labels, *made_of))


def name_of(row: dict[str, Any]) -> str:
    """Returns a figure's name, such as `recall_at_50` or `kappa_model_education`."""
    if row["k"] is not None:
        return str(row["metric"]).removesuffix("k") + str(row["k"])
    name, criterion = row["metric"], row["criterion"]
    return str(name if criterion == RECOMMENDATION else f"{name}_{criterion}")


def _figures(labeled: Labeled, population: Population) -> Iterator[dict[str, Any]]:
    if labeled.criterion == RECOMMENDATION:
        yield from _of_the_ranking(labeled, population)
        yield from _of_probabilities(labeled)
    judged = labeled.where(pl.col("model").is_not_null())
    if judged.rows.height:
        model = judged.rows["model"].to_numpy()

        def kappa(masses: Floats) -> Floats:
            table = measures.table_with_model(masses, model)
            return measures.quadratic_kappa(table[..., : judged.graded, : judged.graded])

        yield _row("kappa_model", judged, estimate(kappa, judged.masses, _draws(judged)))
        yield from _confusion(judged)
    people = agreement_of_people(labeled)
    if people is not None:
        yield _row("kappa_people", labeled, people.kappa) | {"labeled": people.rows}


def _of_the_ranking(labeled: Labeled, population: Population) -> Iterator[dict[str, Any]]:
    place = labeled.rows["place"].to_numpy().astype(np.int64)
    advancing = pl.col("recommendation").is_in(population.cut.advancing)
    rows = population.rows.height
    for k in sorted({*_KS, population.rows.filter(advancing).height}):
        if not 0 < k < rows:
            continue
        head = measure_head(
            *(labeled.shares, labeled.weight, labeled.strata, place),
            k=k,
            rows=rows,
            advancing=labeled.advancing,
        )
        yield _row("precision_at_k", labeled, head.precision, k=k) | {"labeled": head.labeled}
        yield _row("recall_at_k", labeled, head.recall, k=k)


def _of_probabilities(labeled: Labeled) -> Iterator[dict[str, Any]]:
    scored = labeled.where(pl.col("score").is_not_null() & pl.col("p_yes").is_not_null())
    if not scored.rows.height:
        return
    draws = _draws(scored)
    score, chance = (scored.rows[name].to_numpy() for name in ("score", "p_yes"))
    bins = measures.equal_mass_bins(chance, scored.weight)

    def figure(of: Any, masses: Floats) -> Floats:
        return np.asarray(of(*measures.split(masses, scored.advancing)))

    for name, of in {
        "auc": partial(measures.auc, score=score),
        "brier": partial(measures.brier, chance=chance),
        "calibration_error": partial(measures.calibration_error, chance=chance, bins=bins),
    }.items():
        yield _row(name, scored, estimate(partial(figure, of), scored.masses, draws))
    for number in np.unique(bins):
        own = bins == number
        share = estimate(
            partial(figure, partial(measures.precision, chosen=own)), scored.masses, draws
        )
        mean = float(np.average(chance[own], weights=scored.weight[own]))
        yield _row("reliability", scored, share, k=int(number) + 1, predicted=mean) | {
            "labeled": int(own.sum())
        }


def _confusion(judged: Labeled) -> Iterator[dict[str, Any]]:
    model = judged.rows["model"].to_numpy()
    cells = measures.table_with_model(judged.masses, model)
    counts = measures.table_with_model((judged.shares > 0).astype(np.float64), model)
    for people, judge in np.argwhere(counts > 0):
        yield {
            **_row("confusion", judged, Estimate(float(cells[people, judge]), np.nan, np.nan)),
            "people": judged.options[people],
            "judge": judged.options[judge],
            "labeled": int(counts[people, judge]),
            "enough": None,
        }


def _draws(labeled: Labeled) -> Floats:
    return resampled(labeled.shares, labeled.weight, labeled.strata, labeled.advancing)


def _row(
    metric: str,
    labeled: Labeled,
    found: Estimate,
    *,
    k: int | None = None,
    predicted: float | None = None,
) -> dict[str, Any]:
    return {
        "metric": metric,
        "criterion": labeled.criterion,
        "k": k,
        "people": None,
        "judge": None,
        "predicted": predicted,
        **vars(found),
        "labeled": labeled.rows.height,
        "enough": found.is_known,
    }

"""Simulated batches and raters of known skill: whether what the labels room promises holds.

The people here are simulated: a candidate has a true quality, the judge's score and a person's
opinion are that quality with noise, and a person advances the best by opinion.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from aris_pipeline.labels import Design, Promise
from aris_pipeline.labels.guarantee import equal_probability_rows, highest_cut
from aris_pipeline.labels.head import measure_head
from aris_pipeline.labels.human_chance import LabeledRows, fit
from aris_pipeline.labels.labeled import Labeled
from aris_pipeline.labels.measures import Floats, calibration_error, equal_mass_bins
from aris_pipeline.labels.sampling import drawn_rows
from aris_pipeline.storage import Judge
from aris_pipeline_tests.soak.processes import Workshop
from aris_pipeline_tests.soak.results import Try

_CUT = 0.8
_DRAWS = 1_000
_LARGEST_BIAS = 0.02
_LEAST_COVERED = 0.93


@dataclass(frozen=True)
class Simulated:
    """A batch, best first: the judge's score, and whether a person advances each candidate."""

    score: Floats
    yes: Floats

    @property
    def rows(self) -> pl.DataFrame:
        ids = [str(n) for n in range(len(self.score))]
        return pl.DataFrame({"custom_id": ids, "request_key": ids, "score": self.score})


def simulated(chance: np.random.Generator, rows: int, skill: float = 1.0) -> Simulated:
    """Returns a batch of which people advance about a fifth.

    Args:
        chance: the source of all noise.
        rows: of the batch.
        skill: the judge's noise is 1 / skill times the spread of the quality.
    """
    quality = chance.standard_normal(rows)
    score = quality + chance.standard_normal(rows) / skill
    opinion = quality + chance.standard_normal(rows) / 2
    order = np.argsort(-score)
    return Simulated(score[order], (opinion > 0.94)[order].astype(np.float64))


def coverage(batches: int, rows: int, design: Design, k: int, seed: int = 1) -> pl.DataFrame:
    """Returns bias and coverage of precision and recall at k over simulated batches."""
    chance, found = np.random.default_rng(seed), []
    for number in range(batches):
        batch = simulated(chance, rows)
        sized = Design(design.top, design.borderline, design.random, seed=seed + number)
        drawn = drawn_rows(batch.rows, _CUT, sized)
        places = drawn["custom_id"].cast(pl.Int64).to_numpy()
        yes, weight = batch.yes[places], drawn["weight"].to_numpy()
        shares = np.stack([yes, 1 - yes], axis=1)
        strata = drawn["stratum"].rank("dense").cast(pl.Int64).to_numpy() - 1
        head = measure_head(shares, weight, strata, places + 1, k=k, rows=rows, advancing=1)
        for name, truth, one in (
            ("precision", batch.yes[:k].mean(), head.precision),
            ("recall", batch.yes[:k].sum() / batch.yes.sum(), head.recall),
        ):
            found.append(
                {
                    "figure": name,
                    "truth": truth,
                    "value": one.value,
                    "covered": one.low <= truth <= one.high,
                    "width": one.high - one.low,
                    "known": one.is_known,
                }
            )
    return (
        pl.DataFrame(found)
        .group_by("figure", maintain_order=True)
        .agg(
            pl.col("truth", "value", "covered", "width", "known").mean(),
            bias=(pl.col("value") - pl.col("truth")).mean(),
        )
    )


def promises(  # noqa: PLR0913 - one argument a fact of the simulation
    draws: int, rows: int, design: Design, promise: Promise, *, skill: float = 1.0, seed: int = 1
) -> dict[str, float]:
    """Returns how often a shortlist misses its recall, and its mean size beside the ideal's.

    The ideal list knows all labels, and is the shortest that the score allows.
    """
    chance, found = np.random.default_rng(seed), []
    for number in range(draws):
        batch = simulated(chance, rows, skill)
        sized = Design(design.top, design.borderline, design.random, seed=seed + number)
        drawn = drawn_rows(batch.rows, _CUT, sized)
        # A key of its own a batch: lots follow from it.
        keyed = drawn.with_columns(request_key=pl.format("{} of {}", "custom_id", pl.lit(number)))
        places = keyed["custom_id"].cast(pl.Int64).to_numpy()
        said = [[int(1 - batch.yes[place])] for place in places]
        labeled = keyed.with_columns(
            score=pl.Series(batch.score[places]), said=pl.Series(said, dtype=pl.List(pl.Int64))
        )
        counted = equal_probability_rows(Labeled("recommendation", ("Yes", "No"), 1, 2, labeled))
        cut = highest_cut(counted.filter("advanced")["score"].to_numpy(), promise)
        yes = batch.score[batch.yes == 1]
        ideal = np.sort(yes)[int(len(yes) * (1 - promise.recall))]
        found.append(
            {
                "refused": cut is None,
                "missed": cut is not None and (yes >= cut).mean() < promise.recall,
                "size": None if cut is None else int((batch.score >= cut).sum()),
                "ideal": int((batch.score >= ideal).sum()),
                "recall": None if cut is None else (yes >= cut).mean(),
            }
        )
    drawn = pl.DataFrame(found)
    given = drawn.filter(~pl.col("refused"))
    figures = ("missed", "recall", "size", "ideal")
    means = {name: float(np.mean(given[name].to_numpy())) for name in figures}
    return {"refused": float(np.mean(drawn["refused"].to_numpy())), **means}


def calibrations(tries: int, labels: int, seed: int = 1) -> dict[str, float]:
    """Returns the mean calibration error before and after, on 5,000 rows that were not labeled.

    The model overstates: its own probability is a sigmoid of three times its score.
    """
    chance, found = np.random.default_rng(seed), []
    for number in range(tries):
        batch = simulated(chance, labels + 5_000)
        order = chance.permutation(len(batch.score))
        p_yes = 1 / (1 + np.exp(-3 * batch.score))
        fitted, fresh = order[:labels], order[labels:]
        rows = LabeledRows(
            batch.score[fitted],
            p_yes[fitted],
            batch.yes[fitted],
            np.ones(labels),
            [f"{number} {place}" for place in fitted],
        )
        calibration = fit(Judge("simulated", "simulated"), 1, rows)
        before, after = p_yes[fresh], calibration.chance(batch.score[fresh])
        yes = batch.yes[fresh]
        errors = {
            name: float(
                calibration_error(yes, 1 - yes, one, equal_mass_bins(one, np.ones(len(one)), 10))
            )
            for name, one in (("before", before), ("after", after))
        }
        found.append({**errors, "held_out": calibration.after.calibration_error})
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def simulate(
    _workshop: Workshop, rows: int, count: int, seed: int, *, skip: int = 0
) -> Iterator[Try]:
    """Yields what became of three promises: the metrics, the shortlist and the calibration."""
    checks = (_metrics_hold, _shortlists_hold, _calibration_helps)
    for number, check in enumerate(checks * count, start=1):
        if number > skip:
            yield check(number, rows, seed)


def _metrics_hold(number: int, rows: int, seed: int) -> Try:
    found = coverage(_DRAWS, rows, Design(), 200, seed).to_dicts()
    broken = [
        f"{one['figure']}: bias {one['bias']:.3f}, covered {one['covered']:.1%}"
        for one in found
        if abs(one["bias"]) > _LARGEST_BIAS or one["covered"] < _LEAST_COVERED
    ]
    return Try("metrics of labels", number, broken=broken, note=str(found))


def _shortlists_hold(number: int, rows: int, seed: int) -> Try:
    promise = Promise(recall=0.95, confidence=0.9)
    design = Design(top=0, borderline=0, random=400)
    found = promises(_DRAWS, rows, design, promise, seed=seed)
    # Three standard errors of a share of a tenth.
    most = 0.1 + 3 * (0.1 * 0.9 / _DRAWS) ** 0.5
    broken = [f"missed {found['missed']:.1%}"] if found["missed"] > most else []
    return Try("shortlists", number, broken=broken, note=str(found))


def _calibration_helps(number: int, _rows: int, seed: int) -> Try:
    found = {labels: calibrations(100, labels, seed) for labels in (200, 2_000)}
    broken = [
        f"{labels} labels: error {one['after']:.3f} after {one['before']:.3f}"
        for labels, one in found.items()
        if one["after"] > one["before"] / 2
    ]
    return Try("calibration", number, broken=broken, note=str(found))

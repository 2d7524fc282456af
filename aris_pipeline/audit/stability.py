"""Measures how stable verdicts are: the same candidates asked again in other circumstances.

Half of the rows are those whose stored score is nearest to the cut, where a small change of the
score is a change of the verdict; the other half is a random sample of the rest. The new scores are
compared with those of the batch's own run. The table `verdict_stability` has a row for each kind of
change, for the whole batch and for the border.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from aris_pipeline.audit.asking import (
    SCORE_DIGITS,
    Asked,
    Asking,
    read_candidates,
    rubric_of_audit,
    version_of_rubric,
)
from aris_pipeline.audit.flips import Counted, stratified_mean, stratified_rate, weighted_quantile
from aris_pipeline.audit.sections import in_another_order
from aris_pipeline.audit.shifts import scipy_stats
from aris_pipeline.errors import ConfigError, MissingDataError
from aris_pipeline.judging import Assignment
from aris_pipeline.labels import Design, read_population
from aris_pipeline.labels.sampling import drawn_rows
from aris_pipeline.prompts import render_candidates
from aris_pipeline.storage import Batch, DataStore, VerdictStability, write_parquet
from aris_pipeline.storage.schemas import polars_schema

KINDS = ("other_rows", "alone", "paraphrased", "sections", "scale_reversed")
"""Other rows come first: an engine whose prefix cache cannot be emptied reads prompts only once."""

BORDER, RANDOM = "borderline", "random"
_BATCH = "batch"
_TOP = 0.1
_HELD = 0.95


@dataclass(frozen=True)
class Sample:
    """The rows that are asked again, and what they stand for.

    Attributes:
        rows: `custom_id`, `request_key`, `score`, `place` (1 is the best stored score), `stratum`
            and `weight`.
        of: rows of the batch that have a score.
        cut: the score at which a verdict changes sides.
        top: k of the churn.
    """

    rows: pl.DataFrame
    of: int
    cut: float
    top: int

    def share(self, stratum: str) -> float:
        """Returns a stratum's rows, as a share of the batch."""
        border = self.rows.filter(stratum=BORDER).height
        return (border if stratum == BORDER else self.of - border) / self.of

    def share_of_top(self, stratum: str) -> float:
        """Returns a stratum's rows among the first k, as a share of them."""
        border = self.rows.filter(pl.col("place") <= self.top, stratum=BORDER).height
        return (border if stratum == BORDER else self.top - border) / self.top


def draw_again(
    scored: pl.DataFrame, cut: float, rows: int, *, seed: int, top: int | None = None
) -> Sample:
    """Draws the rows to ask again: half of them at the border, half at random of the others.

    Args:
        scored: `custom_id`, `request_key` and `score` of a batch; at least one row.
        cut: the score at which a verdict changes sides.
        rows: how many to draw.
        seed: of the draw.
        top: k of the churn; a tenth of the batch by default.
    """
    scored = scored.with_columns(pl.col("score").round(SCORE_DIGITS)).sort(
        "score", descending=True, maintain_order=True
    )
    scored = scored.with_columns(place=pl.int_range(1, pl.len() + 1))
    half = min(rows, scored.height) // 2
    design = Design(0, half, min(rows, scored.height) - half, seed=seed)
    drawn = drawn_rows(scored, cut, design)
    known = scored.select("custom_id", "score", "place")
    k = min(top or max(round(_TOP * scored.height), 1), scored.height)
    joined = drawn.join(known, on="custom_id", how="left", maintain_order="left")
    return Sample(joined, scored.height, cut, k)


def measure_stability(  # noqa: PLR0913 - one argument a collaborator
    store: DataStore,
    judge: Assignment,
    batch: Batch,
    asking: Asking,
    *,
    rows: int,
    top: int | None = None,
) -> pl.DataFrame:
    """Asks rows of a batch again and writes `verdict_stability`.

    Args:
        store: the data directory.
        judge: rubric, model and settings of the batch.
        batch: the batch.
        asking: the engine, and the seed.
        rows: how many rows to draw.
        top: k of the churn; a tenth of the batch by default.

    Returns:
        The table.

    Raises:
        ConfigError: the batch has no rubric, or was judged by other settings, or scipy is missing.
        MissingDataError: the batch has no verdicts with a score.
        EngineError: the engine cannot start.
    """
    rubric = rubric_of_audit(judge, batch)
    scipy_stats()
    population = read_population(store, judge.judge, batch)
    scored = population.rows.drop_nulls("score")
    if scored.is_empty():
        raise MissingDataError(
            f"no row of batch {batch.name} has a score: run {batch.source_file} with an engine "
            "that gives log-probabilities"
        )
    sample = draw_again(scored, population.cut.score, rows, seed=asking.seed, top=top)
    candidates = read_candidates(store, batch, sample.rows["custom_id"])
    plain = render_candidates(candidates, judge.rendering)
    stored = sample.rows.select("custom_id", "request_key")
    plain = plain.join(stored, on=["custom_id", "request_key"], how="semi", maintain_order="left")
    stale = sample.rows.height - plain.height
    if plain.is_empty():
        raise ConfigError(
            f"batch {batch.name} was judged by other settings than these: give the options of its "
            f"run, or run {batch.source_file} again by these"
        )
    candidates = candidates.join(plain, on="custom_id", how="semi", maintain_order="left")
    found: list[dict[str, Any]] = []
    for kind in KINDS:
        parts = [
            (one, asking.shuffled(prompts))
            for one, prompts in _asked(kind, judge, candidates, plain)
        ]
        said = asking.ask(parts, alone=kind == "alone") if parts else []
        scores = [
            _scores(prompts, answers) for (_, prompts), answers in zip(parts, said, strict=True)
        ]
        again = pl.concat(scores) if scores else _scores(plain.clear(), {})
        found += figures_of_kind(kind, sample, again, drawn=plain.height)
    kept = {**asking.provenance(judge, sample.rows.height), "stale": stale}
    table = pl.DataFrame(
        [row | kept for row in found], schema=polars_schema(VerdictStability), orient="row"
    ).with_columns(pl.col(pl.Float64).fill_nan(None))
    path = store.verdict_stability(judge.judge, batch.name, version_of_rubric(rubric))
    write_parquet(table, path, VerdictStability)
    return table


def _asked(
    kind: str, judge: Assignment, candidates: pl.DataFrame, plain: pl.DataFrame
) -> Iterator[tuple[Assignment, pl.DataFrame]]:
    """Yields judges with the prompts of a kind, without rows whose prompt would not change."""
    rubric = judge.rubric
    if rubric is None or kind in ("alone", "other_rows"):
        yield judge, plain
    elif kind == "sections":
        prompts = render_candidates(candidates, judge.rendering, in_another_order)
        yield judge, prompts.join(plain, on=["custom_id", "request_key"], how="anti")
    elif kind == "scale_reversed":
        turned = rubric.model_copy(update={"worst_first": not rubric.worst_first})
        variant = judge.with_rubric(turned)
        yield variant, render_candidates(candidates, variant.rendering)
    else:
        # Rows take turns with the wordings, so that each row costs one request.
        for at, turn in enumerate(rubric.user_turns):
            own = candidates.gather_every(len(rubric.user_turns), at)
            if own.height:
                variant = judge.with_rubric(rubric.model_copy(update={"user_turn": turn}))
                yield variant, render_candidates(own, variant.rendering)


def _scores(prompts: pl.DataFrame, said: dict[str, Asked]) -> pl.DataFrame:
    after = [one.score if (one := said.get(key)) else None for key in prompts["request_key"]]
    return prompts.select("custom_id", after=pl.Series(after, dtype=pl.Float64))


def figures_of_kind(
    kind: str, sample: Sample, again: pl.DataFrame, *, drawn: int
) -> Iterator[dict[str, Any]]:
    """Yields the figures of a kind for the batch and for the border.

    Args:
        kind: how the rows were asked again.
        sample: the rows, with their design.
        again: `custom_id` and `after`, the new score, of the rows that were asked.
        drawn: rows that could be asked.
    """
    rows = sample.rows.join(again.drop_nulls("after"), on="custom_id", how="inner")
    rows = rows.with_columns(
        shift=(pl.col("after") - pl.col("score")).round(SCORE_DIGITS),
        flips=(pl.col("after") > sample.cut) != (pl.col("score") > sample.cut),
    )
    strata = {
        stratum: rows.filter(stratum=stratum)
        for stratum in (BORDER, RANDOM)
        if sample.share(stratum) > 0
    }
    churn = _churn(sample, rows)
    for part, shares in (
        (_BATCH, {stratum: sample.share(stratum) for stratum in strata}),
        ("border", {BORDER: 1.0}),
    ):
        own = [(share, strata[name]) for name, share in shares.items() if name in strata]
        together = pl.concat([frame for _, frame in own]) if own else rows.clear()
        flip = stratified_rate(
            [Counted(share, int(frame["flips"].sum()), frame.height) for share, frame in own]
        )
        shift = stratified_mean([(share, frame["shift"].to_numpy()) for share, frame in own])
        whole = churn if part == _BATCH else (None, None, None)
        yield {
            "kind": kind,
            "part": part,
            "asked_again": together.height,
            "not_applicable": drawn - again.height,
            "unscored": again["after"].null_count(),
            "flips": int(together["flips"].sum()),
            **dict(zip(("flip_rate", "flip_low", "flip_high"), flip, strict=True)),
            **dict(zip(("mean_shift", "shift_low", "shift_high"), shift, strict=True)),
            "shift_95": weighted_quantile(
                together["shift"].abs().to_numpy(), together["weight"].to_numpy(), _HELD
            ),
            "top": sample.top,
            **dict(zip(("churn", "churn_low", "churn_high"), whole, strict=True)),
        }


def _churn(sample: Sample, rows: pl.DataFrame) -> tuple[float, float, float]:
    """Returns the share of the first k that is not among the first k by the new scores.

    As many rows count as the first now, by weight, as the sample has of the first before: if
    nothing changes, nobody leaves. The interval is one of a rate over the strata, among the first.
    """
    head = rows.filter(pl.col("place") <= sample.top)
    if head.is_empty():
        return np.nan, np.nan, np.nan
    best = rows.sort("after", descending=True, maintain_order=True)
    passed = best["weight"].cum_sum().to_numpy()
    as_many = head["weight"].to_numpy().sum() - 1e-9  # sums in another order differ by less
    last = float(best["after"][int(np.searchsorted(passed, as_many))])
    counted = []
    for stratum in (BORDER, RANDOM):
        own = head.filter(stratum=stratum)
        left = int((own["after"] < last).sum())
        counted.append(Counted(sample.share_of_top(stratum), left, own.height))
    return stratified_rate([one for one in counted if one.share > 0])

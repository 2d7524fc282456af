"""Probes a judge for bias: the same candidate with one thing changed, judged side by side.

Both profiles of a pair go to the same engine in the same session, in random order among all others.
The table `bias_probe` has a row for each signal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from aris_pipeline.audit.asking import (
    Asked,
    Asking,
    read_candidates,
    rubric_of_audit,
    version_of_rubric,
)
from aris_pipeline.audit.shifts import LEAST_PAIRS, LEVEL, holm, scipy_stats, shift_of
from aris_pipeline.audit.signals import Signal, load_signals
from aris_pipeline.errors import MissingDataError
from aris_pipeline.evaluations import Cut
from aris_pipeline.judging import Assignment
from aris_pipeline.prompts import Rubric, render_candidates
from aris_pipeline.storage import Batch, BiasProbe, DataStore, RawCandidates, write_parquet
from aris_pipeline.storage.schemas import frame_of, polars_schema


@dataclass(frozen=True)
class _Pair:
    """The prompts of a candidate that differ by a signal, as places in the frame of prompts."""

    signal: str
    candidate: int
    reference: int
    changed: int


def probe_batch(  # noqa: PLR0913 - one argument a collaborator
    store: DataStore, judge: Assignment, batch: Batch, asking: Asking, *, rows: int, answers: int
) -> pl.DataFrame:
    """Asks about changed profiles of a batch and writes `bias_probe`.

    Args:
        store: the data directory.
        judge: rubric, model and settings of the batch.
        batch: the batch.
        asking: the engine, and the seed.
        rows: how many candidates to draw at random.
        answers: how many of them are also asked for answers with reasons.

    Returns:
        The table.

    Raises:
        ConfigError: the batch has no rubric, or scipy is not installed.
        MissingDataError: the batch has no candidates.
        EngineError: the engine cannot start.
    """
    rubric = rubric_of_audit(judge, batch)
    scipy_stats()
    candidates = _drawn(store, batch, rows, asking)
    signals = load_signals()
    pairs, changed = _pairs(candidates.to_dicts(), signals)
    prompts = render_candidates(frame_of(changed, RawCandidates), judge.rendering)
    said = _said(prompts, pairs, judge, asking, answers)
    keys = prompts["request_key"].to_list()
    table = table_of_probe(
        {
            signal: [(keys[p.reference], keys[p.changed]) for p in pairs if p.signal == signal.name]
            for signal in signals
        },
        said,
        rubric,
        candidates=candidates.height,
        hidden={"name"} if judge.settings.prompt.redact else set(),
    )
    columns = {
        name: pl.lit(value) for name, value in asking.provenance(judge, candidates.height).items()
    }
    table = table.with_columns(**columns)
    path = store.bias_probe(judge.judge, batch.name, version_of_rubric(rubric))
    write_parquet(table, path, BiasProbe)
    return table


def _drawn(store: DataStore, batch: Batch, rows: int, asking: Asking) -> pl.DataFrame:
    ids = read_candidates(store, batch).select("custom_id")
    if ids.is_empty():
        raise MissingDataError(f"batch {batch.name} has no candidates with a profile to probe")
    drawn = asking.shuffled(ids).head(rows)
    found = read_candidates(store, batch, drawn["custom_id"])
    return drawn.join(found, on="custom_id", how="left", maintain_order="left")


def _pairs(
    candidates: list[dict[str, Any]], signals: Sequence[Signal]
) -> tuple[list[_Pair], list[dict[str, Any]]]:
    pairs: list[_Pair] = []
    changed: list[dict[str, Any]] = []
    for at, candidate in enumerate(candidates):
        for signal in signals:
            if both := signal.applied(candidate, at):
                pairs.append(_Pair(signal.name, at, len(changed), len(changed) + 1))
                changed += both
    return pairs, changed


def _said(
    prompts: pl.DataFrame, pairs: Sequence[_Pair], judge: Assignment, asking: Asking, answers: int
) -> dict[str, Asked]:
    """Asks about the pairs that differ: some for answers and scores, the others for scores."""
    keys = prompts["request_key"]
    seen = [pair for pair in pairs if keys[pair.reference] != keys[pair.changed]]
    said: dict[str, Asked] = {}
    for with_answers in (True, False):
        places = [
            place
            for pair in seen
            if (pair.candidate < answers) == with_answers
            for place in (pair.reference, pair.changed)
            if keys[place] not in said
        ]
        if places:
            rows = asking.shuffled(prompts[places])
            said |= asking.ask([(judge, rows)], answers=with_answers)[0]
    return said


def table_of_probe(
    pairs: Mapping[Signal, Sequence[tuple[str, str]]],
    said: Mapping[str, Asked],
    rubric: Rubric,
    *,
    candidates: int,
    hidden: set[str],
) -> pl.DataFrame:
    """Returns the figures of each signal, without who was asked.

    Args:
        pairs: the request_keys of reference and changed profile, one a candidate, by signal.
        said: what the engine said, by request_key.
        rubric: with the scale of the recommendations.
        candidates: how many were drawn.
        hidden: names of signals that redaction must hide.
    """
    rows = []
    for signal, own in pairs.items():
        rows.append(
            {
                "signal": signal.name,
                "change": signal.in_words,
                "is_placebo": signal.placebo,
                "not_applicable": candidates - len(own),
                "must_be_inert": signal.name in hidden,
                **_figures(own, said, rubric),
            }
        )
    tested = [row["p_value"] if row["pairs"] >= LEAST_PAIRS else np.nan for row in rows]
    corrected = holm(
        [np.nan if row["is_placebo"] else p for row, p in zip(rows, tested, strict=True)]
    )
    for row, alone, among in zip(rows, tested, corrected, strict=True):
        p_value = alone if row["is_placebo"] else among
        row["p_holm"] = among
        row["clear"] = None if np.isnan(p_value) else bool(p_value < LEVEL)
    known = {name: kind for name, kind in polars_schema(BiasProbe).items() if name in rows[0]}
    table = pl.DataFrame(rows, schema=known, orient="row")
    return table.with_columns(pl.col(pl.Float64).fill_nan(None))


def _figures(
    own: Sequence[tuple[str, str]], said: Mapping[str, Asked], rubric: Rubric
) -> dict[str, Any]:
    """Returns the figures of a signal from the request_keys of its pairs."""
    seen = [(said.get(one), said.get(other)) for one, other in own if one != other]
    scored = [
        (one.score, other.score)
        for one, other in seen
        if one and other and one.score is not None and other.score is not None
    ]
    values = np.array(scored, dtype=np.float64).reshape(-1, 2)
    before, after = (values > Cut.of(rubric).score).T
    steps = [
        rubric.recommendations.index(one.recommendation)
        - rubric.recommendations.index(other.recommendation)
        for one, other in seen
        if one and other and one.recommendation and other.recommendation
    ]
    shift = shift_of(values[:, 1] - values[:, 0])
    flips_up, flips_down = int((after & ~before).sum()), int((before & ~after).sum())
    return {
        "pairs": shift.pairs,
        "inert": len(own) - len(seen),
        "unscored": len(seen) - len(scored),
        "mean_shift": shift.mean,
        "low": shift.low,
        "high": shift.high,
        "p_value": shift.p_value,
        "flips_up": flips_up,
        "flips_down": flips_down,
        "flip_share": (flips_up + flips_down) / shift.pairs if shift.pairs else np.nan,
        "answered": len(steps),
        "answer_shift": float(np.mean(steps)) if steps else np.nan,
        "answers_changed": int(np.count_nonzero(steps)),
    }

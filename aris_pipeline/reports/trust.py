"""Says how far a batch's verdicts can be trusted, by what was measured of them."""

from collections import Counter
from dataclasses import dataclass

import polars as pl

from aris_pipeline.evaluations import Agreement
from aris_pipeline.ledger import BatchSummary
from aris_pipeline.quality import Thresholds
from aris_pipeline.reports.verdicts import Verdicts


@dataclass(frozen=True)
class Measure:
    """Something that was measured.

    Attributes:
        name: what it is.
        value: the figure, in words.
        meaning: what it says about the verdicts.
        passed: whether it is within its threshold; None if it has none.
        threshold: in words.
    """

    name: str
    value: str
    meaning: str
    passed: bool | None = None
    threshold: str = ""


def measures(verdicts: Verdicts, summary: BatchSummary) -> list[Measure]:
    """Returns what was measured of a batch; what its rubric does not allow to measure is absent."""
    limits = Thresholds()
    asked = summary.counts.evaluated + summary.counts.failed
    found = []
    if asked:
        rate = summary.counts.evaluated / asked
        found.append(
            Measure(
                "Valid answers",
                _of(summary.counts.evaluated, asked),
                "complete answers of the form that was asked for",
                rate >= limits.min_valid_rate,
                _at_least(limits.min_valid_rate),
            )
        )
    judged = verdicts.judged
    if verdicts.rubric is None or judged.is_empty():
        return found
    if verdicts.rubric.evidence:
        found += [_grounded(judged, limits), _consistent(judged, limits)]
    else:
        found.append(
            Measure(
                "Evidence",
                "not asked for",
                "this rubric names no evidence, so no reason was checked against the profile; "
                "aris-swe-v2 does",
            )
        )
    scored = judged["disagrees"].drop_nulls()
    found.append(
        Measure(
            "Agreement with its own probabilities",
            _of(int((~scored).sum()), scored.len()) if scored.len() else "no probabilities",
            "the verdict that the model wrote is also the one that it finds likeliest",
        )
    )
    if judged.height > 1:
        found.append(
            Measure(
                "Different reasons",
                _of(judged["overall_reason"].n_unique(), judged.height),
                "overall reasons that are not the same as another candidate's",
                judged["overall_reason"].n_unique() / judged.height >= limits.min_distinct_reasons,
                _at_least(limits.min_distinct_reasons),
            )
        )
    return [*found, *_triage(summary.agreement)]


def _grounded(judged: pl.DataFrame, limits: Thresholds) -> Measure:
    found = Counter(judged["grounding"].cast(pl.String).to_list())
    grounded, checked = found["grounded"], found["grounded"] + found["ungrounded"]
    return Measure(
        "Grounded reasons",
        _of(grounded, checked) if checked else "nothing to check",
        "the profile has all names, years and figures of the reasons; "
        f"{judged.height - checked:,} answers name none",
        grounded / checked >= limits.min_grounded_rate if checked else None,
        _at_least(limits.min_grounded_rate),
    )


def _consistent(judged: pl.DataFrame, limits: Thresholds) -> Measure:
    contradicting = int((judged["contradictions"].list.len() > 0).sum())
    return Measure(
        "Contradictions",
        _of(contradicting, judged.height),
        "answers that contradict themselves, the profile or the dates",
        contradicting / judged.height <= limits.max_contradiction_rate,
        f"at most {limits.max_contradiction_rate:.0%}",
    )


def _triage(agreement: Agreement | None) -> list[Measure]:
    if agreement is None:
        return []
    meaning = "how much of a full run's top list triage has found, estimated from a sample"
    return [Measure("Agreement of triage", str(agreement), meaning)]


def _at_least(share: float) -> str:
    return f"at least {share:.0%}"


def _of(part: int, whole: int) -> str:
    return f"{part / whole:.1%} ({part:,} of {whole:,})"

from typing import Any

import polars as pl
import pytest

from aris_pipeline.audit import faults_of_probe, probe_in_words, stability_in_words, suggested_band
from aris_pipeline.audit.asking import Asked
from aris_pipeline.audit.probe import table_of_probe
from aris_pipeline.audit.signals import Signal, load_signals
from aris_pipeline.audit.stability import draw_again, figures_of_kind
from aris_pipeline.prompts import load_rubric

RUBRIC = load_rubric("aris-swe-v1")
SIGNALS = {signal.name: signal for signal in load_signals()}


def probed(**shifts: list[float]) -> list[dict[str, Any]]:
    """The rows of a probe by the shifts of each signal's pairs; scores are around the cut."""
    pairs: dict[Signal, list[tuple[str, str]]] = {}
    said: dict[str, Asked] = {}
    for name, found in shifts.items():
        keys = [(f"{name} {at}", f"{name} {at} changed") for at in range(len(found))]
        pairs[SIGNALS[name]] = keys
        for (one, other), shift in zip(keys, found, strict=True):
            said |= {one: Asked(2.4, None), other: Asked(2.4 + shift, None)}
    table = table_of_probe(pairs, said, RUBRIC, candidates=20, hidden={"name"})
    return [row | {"rows": 20} for row in table.to_dicts()]


def results(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["signal"]: row["result"] for row in probe_in_words(rows)}


def test_a_name_that_redaction_lets_through_is_a_fault() -> None:
    (fault,) = faults_of_probe(probed(name=[0.0] * 3, pronoun=[0.0] * 3))

    assert fault.startswith("name: redaction is on, and 3 of 3 pairs still have different prompts")


def test_a_clear_shift_is_named_and_one_that_wording_explains_is_not_taken_for_more() -> None:
    wording = [0.1, 0.12, 0.08, 0.11] * 5

    found = results(
        probed(pronoun=[-shift for shift in wording], location=[-0.5, -0.6] * 10, placebo=wording)
    )

    assert found == {
        "pronoun": "clear, but no larger than wording alone",
        "location": "clear",
        "placebo": "wording alone moves scores",
    }


def test_flips_across_the_cut_are_counted_by_direction() -> None:
    (row,) = probed(pronoun=[0.2, 0.2, 0.05, -0.1])

    assert (row["flips_up"], row["flips_down"], row["flip_share"]) == (2, 0, 0.5)
    assert results([row]) == {"pronoun": "too few pairs"}


def test_an_engine_without_probabilities_is_no_quiet_judge() -> None:
    keys = [("a", "b")] * 12

    table = table_of_probe({SIGNALS["pronoun"]: keys}, {}, RUBRIC, candidates=12, hidden=set())

    assert table["unscored"].item() == 12
    assert results(table.to_dicts()) == {"pronoun": "no scores"}


def test_the_churn_is_none_if_nothing_changes_and_counts_who_leaves() -> None:
    ids = [f"{at:03d}" for at in range(200)]
    score = [4 - at / 50 for at in range(200)]
    scored = pl.DataFrame({"custom_id": ids, "request_key": ids, "score": score})
    sample = draw_again(scored, 2.5, 100, seed=1)
    same = sample.rows.select("custom_id", after="score")
    first = sample.rows.sort("place")["custom_id"][0]
    lost = same.with_columns(
        after=pl.when(custom_id=first).then(0.0).otherwise("after"),
    )

    quiet = list(figures_of_kind("other_rows", sample, same, drawn=100))
    moved = list(figures_of_kind("other_rows", sample, lost, drawn=100))

    assert [row["churn"] for row in quiet] == [0, None]
    assert [row["flip_rate"] for row in quiet] == [0, 0]
    assert moved[0]["churn"] > 0
    assert moved[0]["flips"] == 1
    assert suggested_band(quiet) == 0
    assert suggested_band([row | {"asked_again": 5} for row in quiet]) is None
    assert stability_in_words(moved)[1]["part"] == "border"


def test_a_rate_of_the_batch_weighs_the_border_by_its_rows() -> None:
    ids = [f"{at:03d}" for at in range(1_000)]
    scored = pl.DataFrame(
        {"custom_id": ids, "request_key": ids, "score": [at / 250 + 0.001 for at in range(1_000)]}
    )
    sample = draw_again(scored, 2.5, 100, seed=1)
    again = sample.rows.select(
        "custom_id",
        after=pl.when(stratum="borderline").then(5 - pl.col("score")).otherwise("score"),
    )

    batch, border = figures_of_kind("other_rows", sample, again, drawn=100)

    assert border["flip_rate"] == pytest.approx(1, abs=1e-9)
    assert batch["flip_rate"] == pytest.approx(0.05, abs=0.002)

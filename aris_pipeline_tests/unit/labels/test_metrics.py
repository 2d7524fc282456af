"""How far a judge agrees with people on a batch, in figures and in words."""

from typing import Any

import polars as pl
import pytest

from aris_pipeline.labels import (
    Design,
    figures_in_words,
    import_labels,
    measure_batch,
    metrics_are_stale,
    name_of,
    read_metrics,
)
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.unit.labels.conftest import Judging, Labeled

WHOLE = Design(top=60, borderline=0, random=0)


def of_a_fair_person(custom_id: str) -> str:
    """Advances the better half, as the score says."""
    return "Yes" if int(custom_id[1:]) < 30 else "No"


def measured(batch: Labeled) -> dict[str, dict[str, Any]]:
    measure_batch(batch.store, batch.judge, batch.batch)
    rows = read_metrics(batch.store, batch.judge, batch.batch)
    return {name_of(row): row for row in rows if row["metric"] != "confusion"}


def test_without_labels_nothing_is_written(judged: Judging) -> None:
    batch = judged(10)

    assert measure_batch(batch.store, batch.judge, batch.batch) is None
    assert not batch.store.label_metrics(batch.judge, batch.batch.name).exists()
    assert not metrics_are_stale(batch.store, batch.judge, batch.batch)


def test_a_judge_that_orders_as_people_do_has_full_marks(judged: Judging) -> None:
    batch = judged(60)
    batch.label(WHOLE, of_a_fair_person)

    found = measured(batch)

    assert found["auc"]["value"] == 1.0
    assert found["precision_at_10"]["value"] == 1.0
    assert found["recall_at_10"]["value"] == pytest.approx(10 / 30)
    assert found["recall_at_50"]["value"] == 1.0


def test_a_sample_gives_about_the_figures_of_the_whole_batch(judged: Judging) -> None:
    batch = judged(600)

    def says(custom_id: str) -> str:
        number = int(custom_id[1:])
        return "Yes" if number % 7 and number < 300 else "No"

    batch.label(Design(top=50, borderline=50, random=150), says)

    recall = measured(batch)["recall_at_50"]

    assert recall["value"] == pytest.approx(42 / 257, abs=0.03)
    assert recall["low"] < 42 / 257 < recall["high"]


def test_few_labels_are_said_to_be_too_few(judged: Judging) -> None:
    batch = judged(200)
    batch.label(Design(top=10, borderline=0, random=10), of_a_fair_person)

    found = measured(batch)

    assert not found["recall_at_50"]["enough"]
    words = {row["figure"]: row for row in figures_in_words(list(found.values()))}
    assert words["Recall of the first 50"]["95 % interval"].endswith(": too few labels to tell")


def test_an_interval_does_not_end_at_1_because_few_were_asked(judged: Judging) -> None:
    batch = judged(1_000)
    batch.label(Design(top=50, borderline=0, random=20), of_a_fair_person)

    recall = measured(batch)["recall_at_50"]

    assert recall["low"] < 0.5


def test_people_are_compared_with_each_other_where_two_labeled_a_row(judged: Judging) -> None:
    batch = judged(60)
    batch.label(WHOLE, of_a_fair_person)
    assert "kappa_people" not in measured(batch)

    rows = batch.sheet(WHOLE)
    said = [of_a_fair_person(who) for who in rows["custom_id"]]
    file = batch.file(rows.with_columns(recommendation=pl.Series(said)).head(20))
    import_labels(batch.store, file, "Grace")

    found = measured(batch)["kappa_people"]
    assert (found["value"], found["labeled"]) == (1.0, 20)


def test_the_confusion_counts_rows_of_the_batch_by_criterion(judged: Judging) -> None:
    batch = judged(60)
    rows = batch.sheet(WHOLE).with_columns(
        recommendation=pl.lit("Yes"), education=pl.lit("Unknown")
    )
    import_labels(batch.store, batch.file(rows), "Ada")

    measure_batch(batch.store, batch.judge, batch.batch)

    cells = [
        (row["criterion"], row["people"], row["judge"], row["value"])
        for row in read_metrics(batch.store, batch.judge, batch.batch)
        if row["metric"] == "confusion"
    ]
    assert ("education", "Unknown", "Great", 60.0) in cells
    assert sum(value for criterion, *_, value in cells if criterion == "recommendation") == 60
    assert {people for criterion, people, *_ in cells if criterion == "recommendation"} == {"Yes"}


def test_the_command_calls_the_confusion_an_estimate_as_the_page_does(judged: Judging) -> None:
    batch = judged(60)
    batch.label(WHOLE, of_a_fair_person)

    ended = aris("label", "metrics", batch.batch.name, "--data-dir", batch.store.root)

    assert ended.code == 0
    assert "estimated rows by people's option" in ended.stdout


def test_metrics_are_stale_when_there_are_newer_labels(judged: Judging) -> None:
    batch = judged(60)
    batch.label(WHOLE, of_a_fair_person)
    assert metrics_are_stale(batch.store, batch.judge, batch.batch)
    measured(batch)
    assert not metrics_are_stale(batch.store, batch.judge, batch.batch)

    batch.label(WHOLE, lambda _: "Maybe")

    assert metrics_are_stale(batch.store, batch.judge, batch.batch)
    assert measured(batch)["recall_at_50"]["value"] is None

"""For how many rows a labeled one speaks, by all samples of its batch together."""

import polars as pl
import pytest

from aris_pipeline.labels import Design, import_labels
from aris_pipeline.labels.designs import design_weights
from aris_pipeline_tests.unit.labels.conftest import Judging, Labeled


def weights(batch: Labeled) -> dict[str, float]:
    found = design_weights(batch.store, batch.batch.name).filter(criterion="recommendation")
    return dict(found.select("custom_id", "weight").iter_rows())


def test_one_sample_that_is_all_labeled_has_its_own_weights(judged: Judging) -> None:
    batch = judged(100)
    batch.label(Design(top=10, borderline=10, random=20), lambda _: "Yes")

    found = weights(batch)

    assert sorted(found.values()) == pytest.approx([1.0] * 20 + [4.0] * 20)


def test_a_sample_that_is_half_labeled_speaks_for_the_whole_batch_too(judged: Judging) -> None:
    batch = judged(100)
    half = iter(range(40))
    batch.label(Design(top=0, borderline=0, random=40), lambda _: "Yes" if next(half) < 20 else "")

    assert list(weights(batch).values()) == pytest.approx([5.0] * 20)


def test_a_row_that_two_samples_may_draw_speaks_for_fewer(judged: Judging) -> None:
    batch = judged(100)
    for seed in (1, 2):
        batch.label(Design(top=0, borderline=0, random=20, seed=seed), lambda _: "Yes")

    found = list(weights(batch).values())
    assert found == pytest.approx([1 / (1 - 0.8 * 0.8)] * len(found))


def test_a_sample_of_all_rows_makes_every_weight_1(judged: Judging) -> None:
    batch = judged(50)
    batch.label(Design(top=10, borderline=0, random=10), lambda _: "Yes")
    batch.label(Design(top=0, borderline=0, random=50), lambda _: "No", by="Grace")

    assert set(weights(batch).values()) == {1.0}


def test_rows_that_are_labeled_for_another_criterion_alone_speak_for_nobody(
    judged: Judging,
) -> None:
    batch = judged(100)
    sheet = batch.sheet(Design(top=0, borderline=0, random=40))
    is_first = pl.int_range(pl.len()) < 20
    filled = sheet.with_columns(
        recommendation=pl.when(is_first).then(pl.lit("Yes")).otherwise(pl.lit("")),
        education=pl.when(is_first).then(pl.lit("")).otherwise(pl.lit("Good")),
    )
    import_labels(batch.store, batch.file(filled), "Ada")

    assert list(weights(batch).values()) == pytest.approx([5.0] * 20)

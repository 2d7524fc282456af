"""Who is drawn to be labeled, and for how many others each speaks."""

import numpy as np
import polars as pl
import pytest

from aris_pipeline.errors import ConfigError
from aris_pipeline.labels import Design, draw_sample
from aris_pipeline.labels.sampling import drawn_rows
from aris_pipeline_tests.unit.labels.conftest import Judging


def test_the_weights_of_a_sample_add_up_to_the_rows_of_the_batch(judged: Judging) -> None:
    batch = judged(100)

    drawn = draw_sample(batch.store, batch.population, Design(top=10, borderline=10, random=20))

    assert drawn.group_by("stratum").len().sort("stratum").rows() == [
        ("borderline", 10),
        ("random", 20),
        ("top", 10),
    ]
    assert drawn["weight"].sum() == pytest.approx(100)
    assert set(drawn.filter(stratum="random")["weight"]) == {4.0}


def test_a_row_that_is_best_and_near_the_cut_is_drawn_once_and_speaks_for_itself(
    judged: Judging,
) -> None:
    batch = judged(scores=[2.6, 2.55, 2.5, 2.4, 1.0, 0.5])

    drawn = draw_sample(batch.store, batch.population, Design(top=2, borderline=2, random=2))

    assert sorted(drawn["custom_id"]) == [f"c{n}" for n in range(6)]
    assert set(drawn["weight"]) == {1.0}


def test_weighted_sums_are_right_on_average_over_many_samples(judged: Judging) -> None:
    population = judged(60).population
    value = pl.Series(np.arange(60) ** 1.5)
    rows = population.rows.with_columns(value=value)
    designs = [Design(top=5, borderline=5, random=8, seed=seed) for seed in range(300)]

    totals = [
        drawn_rows(rows, population.cut.score, design)
        .join(rows.select("custom_id", "value"), on="custom_id")
        .select((pl.col("weight") * pl.col("value")).sum())
        .item()
        for design in designs
    ]

    assert np.mean(totals) == pytest.approx(value.sum(), rel=0.02)


def test_equal_seeds_draw_equal_rows_and_others_draw_others(judged: Judging) -> None:
    batch = judged(100)

    def drawn(seed: int) -> list[str]:
        design = Design(top=5, borderline=5, random=10, seed=seed)
        return draw_sample(batch.store, batch.population, design)["custom_id"].to_list()

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_the_order_of_a_sheet_says_nothing_about_the_ranking(judged: Judging) -> None:
    sheet = judged(200).sheet(Design(top=30, borderline=30, random=30))

    places = [int(who[1:]) for who in sheet["custom_id"]]

    assert abs(np.corrcoef(places, range(len(places)))[0, 1]) < 0.25


def test_two_raters_share_the_rows_and_both_get_a_fifth(judged: Judging) -> None:
    batch = judged(100)
    design = Design(top=20, borderline=20, random=10, raters=2)

    first, second = (set(batch.sheet(design, number)["custom_id"]) for number in (1, 2))

    assert len(first | second) == 50
    assert len(first & second) == 10
    assert {len(first), len(second)} == {30}


def test_a_sheet_shows_the_profile_that_the_model_saw_and_no_verdict(judged: Judging) -> None:
    batch = judged(3, titles=["Cook", "Nurse", '=HYPERLINK("x")'])
    sheet = batch.sheet(Design(top=3, borderline=0, random=0))

    text = batch.file(sheet).read_text(encoding="utf-8-sig")

    assert sheet.columns == [
        *("batch", "sample_id", "row", "custom_id", "profile"),
        *("recommendation", "education", "company", "trajectory", "role"),
    ]
    assert "T Title: Cook" in text
    assert "Strong" not in text
    assert "Solid" not in text
    assert "top" not in text


def test_no_cell_of_a_sheet_is_a_formula(judged: Judging) -> None:
    batch = judged(1)
    sheet = batch.sheet(Design(top=1)).with_columns(profile=pl.lit("=1+1"))

    assert "'=1+1" in batch.file(sheet).read_text(encoding="utf-8-sig")


def test_an_empty_design_is_refused(judged: Judging) -> None:
    batch = judged(3)

    with pytest.raises(ConfigError, match="give --top, --borderline or --random"):
        draw_sample(batch.store, batch.population, Design(top=0, borderline=0, random=0))

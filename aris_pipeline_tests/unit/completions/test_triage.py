import numpy as np
import polars as pl
import pytest

from aris_pipeline.completions import part_by_score, sample_of
from aris_pipeline.completions.triage import SureChoice, choose


def scored(*scores: float | None) -> pl.DataFrame:
    keys = [f"k{n:04d}" for n in range(len(scores))]
    return pl.DataFrame(
        {"request_key": keys, "score": scores},
        schema={"request_key": pl.String, "score": pl.Float64},
    )


def kept(rows: pl.DataFrame, share: float) -> list[float | None]:
    return part_by_score(rows, share)[0]["score"].to_list()


def test_the_best_share_is_kept() -> None:
    assert kept(scored(0, 1, 4, 2, 3, 0, 0, 0, 0, 0), 0.2) == [4, 3]


def test_rows_just_below_the_cut_off_are_undecided_and_at_most_half_as_many() -> None:
    assert kept(scored(4, 3, 2.9, 1, 0, 0, 0, 0), 0.25) == [4, 3, 2.9]
    assert kept(scored(4, 3, 2.5, 1, 0, 0, 0, 0), 0.25) == [4, 3]
    assert len(kept(scored(*[1.0] * 100), 0.1)) == 10 + 5


def test_a_row_that_could_not_be_scored_is_kept() -> None:
    assert kept(scored(4, None, 1, 0), 0.25) == [4, None]
    assert kept(scored(None, None), 0.5) == [None, None]
    assert kept(scored(), 0.5) == []


def test_of_the_others_a_sample_is_chosen_the_same_in_every_run() -> None:
    rows = scored(*[4.0] * 100, *[0.0] * 3_900)

    first = choose(rows, 0.025)

    assert first.to_list() == choose(rows.reverse(), 0.025).to_list()
    others = first.filter(first > "k0099")
    assert others.len() == pytest.approx(0.05 * 3_900, rel=0.25)


@pytest.mark.parametrize(
    ("left_out", "sampled"), [(0, 0), (1_000, 50), (40_000, 2_000), (60_000, 2_000)]
)
def test_the_sample_is_a_twentieth_and_not_more_than_tells_enough(
    left_out: int, sampled: int
) -> None:
    keys = pl.Series("request_key", [f"k{n}" for n in range(left_out)], pl.String)

    found = sample_of(keys)

    assert found.len() == pytest.approx(sampled, rel=0.25)
    assert found.is_in(keys.implode()).all()


def test_what_is_sampled_of_a_batch_was_sampled_by_runs_over_parts_of_it() -> None:
    keys = pl.Series("request_key", [f"k{n}" for n in range(60_000)])

    parts = pl.concat([sample_of(keys[:1_000]), sample_of(keys[1_000:])])

    assert sample_of(keys).is_in(parts.implode()).all()


def taken_early(rows: pl.DataFrame, share: float) -> pl.Series:
    sure = SureChoice(share, rows.height)
    return rows["request_key"].filter(
        pl.Series([sure.takes(key, float("nan") if s is None else s) for key, s in rows.rows()])
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.02, 0.1, 0.4])
def test_most_rows_are_known_to_be_chosen_before_all_are_scored(share: float, seed: int) -> None:
    rows = scored(*np.random.default_rng(seed).normal(2, 0.8, size=20_000).clip(0, 4))

    early, chosen = taken_early(rows, share), choose(rows, share)

    assert early.is_in(chosen.implode()).all()
    assert early.len() > 0.6 * chosen.len()


def test_a_row_without_a_score_is_known_at_once() -> None:
    assert taken_early(scored(None, *[1.0] * 50), 0.1)[0] == "k0000"


def test_of_a_file_that_gets_better_and_better_not_many_are_answered_in_vain() -> None:
    rows = scored(*np.linspace(0, 4, 20_000))

    in_vain = set(taken_early(rows, 0.1)) - set(choose(rows, 0.1))

    assert len(in_vain) <= 0.15 * rows.height

import polars as pl
import pytest

from aris_pipeline.completions import Kept, sample_of
from aris_pipeline.completions.triage import choose


def scored(*scores: float | None) -> pl.DataFrame:
    keys = [f"k{n:04d}" for n in range(len(scores))]
    return pl.DataFrame(
        {"request_key": keys, "score": scores},
        schema={"request_key": pl.String, "score": pl.Float64},
    )


def kept(rows: pl.DataFrame, share: float) -> list[float | None]:
    return Kept(share).part(rows)[0]["score"].to_list()


def test_the_best_share_is_kept() -> None:
    assert kept(scored(0, 1, 4, 2, 3, 0, 0, 0, 0, 0), 0.2) == [4, 3]


def test_rows_just_below_the_cut_off_are_undecided_and_at_most_half_as_many() -> None:
    assert kept(scored(4, 3, 2.9, 1, 0, 0, 0, 0), 0.25) == [4, 3, 2.9]
    assert kept(scored(4, 3, 2.5, 1, 0, 0, 0, 0), 0.25) == [4, 3]
    wide = Kept(0.25, band=0.6)
    assert wide.part(scored(4, 3, 2.5, 1, 0, 0, 0, 0))[0]["score"].to_list() == [4, 3, 2.5]
    assert len(kept(scored(*[1.0] * 100), 0.1)) == 10 + 5


def test_a_row_that_could_not_be_scored_is_kept() -> None:
    assert kept(scored(4, None, 1, 0), 0.25) == [4, None]
    assert kept(scored(None, None), 0.5) == [None, None]
    assert kept(scored(), 0.5) == []


def test_of_the_others_a_sample_is_chosen_the_same_in_every_run() -> None:
    rows = scored(*[4.0] * 100, *[0.0] * 3_900)

    first = choose(rows, Kept(0.025))

    assert first.to_list() == choose(rows.reverse(), Kept(0.025)).to_list()
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

"""The shortest list that keeps whom people would advance, or why there is none."""

import math

import numpy as np
import pytest

from aris_pipeline.errors import TooFewLabelsError
from aris_pipeline.labels import Design, Promise, make_shortlist, promised_cut
from aris_pipeline.labels.guarantee import equal_probability_rows, highest_cut
from aris_pipeline.labels.labeled import read_labeled
from aris_pipeline_tests.unit.labels.conftest import Judging, Labeled

PROMISE = Promise(recall=0.95, confidence=0.9)
AT_RANDOM = Design(top=0, borderline=0, random=150)


def better_third(custom_id: str) -> str:
    return "Yes" if int(custom_id[1:]) < 100 else "No"


@pytest.mark.parametrize(
    ("recall", "confidence", "needed"), [(0.95, 0.9, 45), (0.9, 0.95, 29), (0.5, 0.5, 1)]
)
def test_so_many_advanced_candidates_are_needed(
    recall: float, confidence: float, needed: int
) -> None:
    promise = Promise(recall, confidence)

    assert promise.least_advanced == needed
    assert promise.allowed_misses(needed) == 0
    assert promise.allowed_misses(needed - 1) is None


def test_more_labels_allow_to_leave_out_more() -> None:
    # P(Bin(200, 0.05) <= 5) = 0.062 and P(Bin(200, 0.05) <= 6) = 0.124.
    assert PROMISE.allowed_misses(200) == 5
    assert highest_cut([float(n) for n in range(200)], PROMISE) == 5.0


def test_rows_without_a_score_are_never_missed() -> None:
    assert highest_cut([math.inf] * 45, PROMISE) == math.inf


def test_the_recall_is_missed_in_at_most_a_tenth_of_draws() -> None:
    chance = np.random.default_rng(3)
    draws = chance.uniform(size=(2_000, 120))

    cuts = [highest_cut(draw, PROMISE) or 0.0 for draw in draws]

    # Scores are uniform, so that the recall of a cut is 1 - cut.
    missed = np.mean([1 - cut < PROMISE.recall for cut in cuts])
    assert 0.03 < missed <= 0.1 + 3 * math.sqrt(0.1 * 0.9 / 2_000)


def test_certain_rows_are_dropped_until_all_have_the_same_probability(judged: Judging) -> None:
    batch = judged(1_000)
    batch.label(Design(top=200, borderline=0, random=100), better_third)
    labeled = read_labeled(batch.store, batch.population)["recommendation"]

    rows = equal_probability_rows(labeled)

    # 200 rows with weight 1 beside 100 with weight 8: 25 and 100 are kept.
    assert 100 + 10 < rows.height < 100 + 42
    assert rows.rows() == equal_probability_rows(labeled).rows()


def test_a_shortlist_keeps_whom_people_advance_and_is_short(judged: Judging) -> None:
    batch = judged(300)
    batch.label(Design(top=0, borderline=0, random=250), better_third)

    found = make_shortlist(batch.store, batch.population, PROMISE)

    assert 95 <= found.rows.height < 110
    assert found.rows["custom_id"][0] == "c0"
    assert found.as_dict()["of"] == 300


def test_without_enough_labels_it_refuses_and_says_how_many_are_needed(judged: Judging) -> None:
    batch = judged(300)
    batch.label(Design(top=0, borderline=0, random=60), better_third)

    with pytest.raises(TooFewLabelsError) as refused:
        make_shortlist(batch.store, batch.population, PROMISE)

    said = str(refused.value)
    assert "needs labels of at least 45 candidates whom people advance" in said
    assert f"aris label sample {batch.batch.name} --top 0 --borderline 0 --random" in said


def test_without_labels_it_refuses(judged: Judging) -> None:
    batch = judged(30)

    with pytest.raises(TooFewLabelsError, match="there are 0 among 0 such labels") as refused:
        make_shortlist(batch.store, batch.population, PROMISE)
    assert "that batch is too small, so label others by this judge too" in str(refused.value)


def test_if_all_are_labeled_it_asks_for_another_batch(judged: Judging) -> None:
    batch = judged(20)
    batch.label(Design(top=0, borderline=0, random=20), better_third)

    with pytest.raises(TooFewLabelsError, match="are labeled, so judge another batch first"):
        make_shortlist(batch.store, batch.population, PROMISE)


def later(judged: Judging, *, better: float, people: str = "other") -> Labeled:
    """A second batch without labels, whose scores are higher."""
    scores = np.clip(np.linspace(4, 0, 300) + better, 0, 4).tolist()
    return judged(scores=scores, name="2026-11-22_more", people=people)


def test_labels_of_a_batch_that_looks_the_same_are_used(judged: Judging) -> None:
    judged(300).label(Design(top=0, borderline=0, random=250), better_third)

    batch = later(judged, better=0)
    found = make_shortlist(batch.store, batch.population, PROMISE)

    (drift,) = found.by.drifts
    assert (drift.batch, drift.is_used) == ("2026-11-21_export", True)
    assert 95 <= found.rows.height < 110


def test_labels_of_a_batch_with_other_scores_are_left_out(judged: Judging) -> None:
    judged(300).label(Design(top=0, borderline=0, random=250), better_third)

    batch = later(judged, better=1.5)

    with pytest.raises(TooFewLabelsError, match="there are 0 among 0"):
        make_shortlist(batch.store, batch.population, PROMISE)


def test_labels_of_two_batches_add_up(judged: Judging) -> None:
    half = Design(top=0, borderline=0, random=90)
    judged(300).label(half, better_third)
    batch = later(judged, better=0)
    batch.label(half, better_third)

    found = make_shortlist(batch.store, batch.population, PROMISE)

    assert (found.by.labeled, len(found.by.drifts)) == (180, 2)


def test_a_candidate_of_two_batches_counts_once(judged: Judging) -> None:
    half = Design(top=0, borderline=0, random=90)
    judged(300).label(half, better_third)
    batch = later(judged, better=0, people="k")
    batch.label(half, better_third)

    # Equal seeds draw equal rows, so that both samples ask about the same 90.
    with pytest.raises(TooFewLabelsError, match="among 90 such labels"):
        make_shortlist(batch.store, batch.population, PROMISE)


def test_labels_on_scores_by_another_text_of_the_rubric_are_left_out(judged: Judging) -> None:
    batch = judged(300)
    batch.label(Design(top=0, borderline=0, random=250), better_third)

    with pytest.raises(TooFewLabelsError, match="there are 0 among 0 such labels"):
        promised_cut(batch.store, batch.judge, "another", PROMISE, batch="2026-11-22_more")

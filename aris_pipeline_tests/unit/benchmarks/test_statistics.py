import math

import pytest

from aris_pipeline.benchmarks.statistics import (
    Interval,
    cohen_kappa,
    mean_interval,
    ratio_interval,
)


def test_kappa_is_what_the_formula_gives_by_hand() -> None:
    # 50 rows: both yes 20, both no 15, first yes and second no 5, first no and second yes 10.
    # Observed 35/50 = 0.7; chance 0.5 x 0.6 + 0.5 x 0.4 = 0.5; kappa 0.2 / 0.5 = 0.4.
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15

    assert cohen_kappa(first, second) == pytest.approx(0.4)


def test_kappa_is_1_for_full_agreement_0_for_chance_and_negative_for_less() -> None:
    assert cohen_kappa(["a", "b"], ["a", "b"]) == 1
    assert cohen_kappa(["a", "a", "b", "b"], ["a", "b", "a", "b"]) == 0
    assert cohen_kappa(["a", "b"], ["b", "a"]) == -1


def test_kappa_is_undefined_without_rows_or_where_nobody_ever_said_anything_else() -> None:
    assert cohen_kappa([], []) is None
    assert cohen_kappa(["yes", "yes"], ["yes", "yes"]) is None
    assert cohen_kappa(["yes", "yes"], ["no", "no"]) == 0


def test_an_interval_of_a_large_sample_is_that_of_the_normal_approximation() -> None:
    values = [1.0] * 300 + [0.0] * 700
    half = 1.96 * math.sqrt(0.3 * 0.7 / 1000)

    interval = mean_interval(values)

    assert interval.value == pytest.approx(0.3)
    assert interval.low == pytest.approx(0.3 - half, abs=0.004)
    assert interval.high == pytest.approx(0.3 + half, abs=0.004)
    assert mean_interval(values) == interval, "equal figures must have equal intervals"


def test_one_block_has_no_interval_and_equal_blocks_a_point() -> None:
    assert mean_interval([2.0]) == Interval(2.0)
    assert mean_interval([2.0, 2.0, 2.0]) == Interval(2.0, 2.0, 2.0)


def test_a_ratio_is_paired_by_block_so_that_a_slow_moment_of_the_machine_drops_out() -> None:
    theirs = [10.0, 5.0, 20.0]

    ratio = ratio_interval([2 * value for value in theirs], theirs)

    assert ratio.value == pytest.approx(2)
    assert ratio.low == pytest.approx(2)
    assert ratio.high == pytest.approx(2)
    inverse = ratio_interval(theirs, [2 * value for value in theirs])
    assert inverse.value == pytest.approx(1 / ratio.value)


def test_estimates_without_an_interval_cannot_be_told_apart() -> None:
    assert Interval(1.0).overlaps(Interval(9.0, 8.0, 10.0))
    assert not Interval(1.0, 0.5, 1.5).overlaps(Interval(9.0, 8.0, 10.0))
    assert Interval(1.0, 0.5, 8.5).overlaps(Interval(9.0, 8.0, 10.0))

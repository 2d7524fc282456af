"""Ratios, intervals and exact tests against hand computation and published figures."""

import math

import numpy as np
import pytest

from aris_pipeline.audit import compare_categories, in_words
from aris_pipeline_tests.soak.impact_simulations import FOURTEEN, false_alarms

Z = 1.959963984540054
"""The 97.5th percentile of the standard normal distribution."""


def test_ratio_interval_and_exact_test_are_those_computed_by_hand() -> None:
    # Women: 2 of 10 are selected, a rate of 0.2. Men: 15 of 25, a rate of 0.6.
    women, men = compare_categories([("Female", 10, 2), ("Male", 25, 15)])

    assert (women["n"], women["selected"], men["n"], men["selected"]) == (10, 2, 25, 15)
    assert women["rate"] == pytest.approx(0.2, abs=1e-9)
    assert men["rate"] == pytest.approx(0.6, abs=1e-9)
    assert women["ratio"] == pytest.approx(1 / 3, abs=1e-9)
    # Katz: 1/2 - 1/10 + 1/15 - 1/25 = 32/75; the ratio by and times exp(z * sqrt(32/75)).
    width = math.exp(Z * math.sqrt(32 / 75))
    assert women["low"] == pytest.approx(1 / 3 / width, abs=1e-9)
    assert women["high"] == pytest.approx(1 / 3 * width, abs=1e-9)
    assert women["low"] == pytest.approx(0.0926565713, abs=1e-9)
    assert women["high"] == pytest.approx(1.1991714081, abs=1e-9)
    # Fisher: 17 of 35 are selected, so w of the women with weight C(10, w) * C(25, 17 - w):
    # w = 2 has weight 45 * 3,268,760, and those that are at most as likely are w = 0, 1, 2 and
    # w = 8, 9, 10. All 35 choose 17 are equally likely.
    weights = [math.comb(10, w) * math.comb(25, 17 - w) for w in range(11)]
    tail = [w for w in range(11) if weights[w] <= weights[2]]
    assert tail == [0, 1, 2, 8, 9, 10]
    by_hand = sum(weights[w] for w in tail) / math.comb(35, 17)
    assert by_hand == pytest.approx(13 / 217, abs=1e-12)
    assert women["fisher_p"] == pytest.approx(by_hand, abs=1e-9)
    assert (men["ratio"], men["low"], men["high"], men["fisher_p"]) == (1, None, None, None)


def test_the_example_of_the_rule_of_new_york_is_reproduced() -> None:
    """6 RCNY 5-301(d), the example of "culture fit" scores.

    The rule prints the applicants, the scoring rate and the impact ratio of each category; the
    numbers above the median are the only ones that give these rates.
    """
    sexes = [("Male", 92, 50), ("Female", 76, 34)]
    races = [
        ("Hispanic or Latino", 28, 18),
        ("White", 40, 15),
        ("Black or African American", 32, 16),
        ("Native Hawaiian or Pacific Islander", 8, 5),
        ("Asian", 24, 10),
    ]

    assert _printed(sexes) == [(54.3, 1.00), (44.7, 0.82)]
    # The rule prints 64.2 % for 18 of 28, which is 64.29 %.
    assert _printed(races) == [(64.3, 1.00), (37.5, 0.58), (50.0, 0.78), (62.5, 0.97), (41.7, 0.65)]


def test_a_published_audit_is_reproduced_with_its_small_categories_left_out() -> None:
    """The bias audit of a teller assessment that Wells Fargo published in 2023.

    Auditor: DCI Consulting Group; perma.cc/D7SW-K7WQ; figures as M. Gerchick and others took them
    down for "Auditing the Audits" (FAccT 2025), `audits_full.csv`, selection "top and middle". The
    summary prints applicants, rate and ratio; the numbers selected are the only ones that give
    both. It leaves the ratios of three categories of less than 2 % out.
    """
    counts = [
        ("Hispanic or Latino male", 89, 79),
        ("White male", 36, 35),
        ("Black or African American male", 53, 48),
        ("Asian male", 39, 34),
        ("American Indian or Alaska Native male", 2, 1),
        ("Two or more races male", 17, 15),
        ("Hispanic or Latino female", 114, 98),
        ("White female", 40, 36),
        ("Black or African American female", 164, 147),
        ("Native Hawaiian or Pacific Islander female", 3, 3),
        ("Asian female", 49, 41),
        ("American Indian or Alaska Native female", 3, 3),
        ("Two or more races female", 20, 19),
    ]

    rows = compare_categories(counts, without_small=True)

    rates = [0.89, 0.97, 0.91, 0.87, 0.5, 0.88, 0.86, 0.9, 0.9, 1, 0.84, 1, 0.95]
    assert [round(row["rate"], 2) for row in rows] == rates
    none = None
    ratios = [0.91, 1, 0.93, 0.9, none, 0.91, 0.88, 0.93, 0.92, none, 0.86, none, 0.98]
    assert [row["ratio"] and round(row["ratio"], 2) for row in rows] == ratios
    small = [row["category"] for row in rows if row["under_2pct"]]
    assert small == [category for category, n, _ in counts if n <= 3]


def test_a_small_category_is_marked_and_compared_unless_it_is_left_out() -> None:
    counts = [("Large", 990, 495), ("Small", 10, 10)]

    large, small = compare_categories(counts)
    assert (small["under_2pct"], small["ratio"], large["ratio"]) == (True, 1.0, 0.5)

    large, small = compare_categories(counts, without_small=True)
    assert (small["n"], small["rate"], small["ratio"]) == (10, 1.0, None)
    assert large["ratio"] == 1.0
    assert in_words([large, small]) == ["the highest rate", "not compared"]


def test_a_category_that_is_left_out_says_so_though_nobody_of_it_is_selected() -> None:
    rows = compare_categories([("Large", 990, 495), ("Small", 10, 0)], without_small=True)

    assert in_words(rows) == ["the highest rate", "not compared"]


def test_two_hundredths_are_not_less_than_two_percent() -> None:
    assert [row["under_2pct"] for row in compare_categories([("a", 98, 1), ("b", 2, 1)])] == [
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("selected", "of", "said"),
    [
        (1, 5, "below four fifths: cannot tell from chance"),  # 0.4, but of five people
        (0, 3, "below four fifths: cannot tell from chance"),
        (0, 50, "below four fifths"),
        (1_000, 4_000, "below four fifths"),
        (90, 200, "cannot tell"),  # 0.9, but the interval reaches below 0.8
        (1_950, 4_000, "at least four fifths"),
        (1_800, 4_000, "four fifths, but significantly less"),
    ],
)
def test_a_ratio_is_read_beside_the_exact_test(selected: int, of: int, said: str) -> None:
    rows = compare_categories([("Highest", 4_000, 2_000), ("Other", of, selected)])

    assert in_words(rows) == ["the highest rate", said]


def test_a_difference_of_many_categories_needs_a_smaller_p_to_be_significant() -> None:
    two = [("a", 100, 50), ("b", 100, 32)]
    seven = [*two, *((letter, 100, 45) for letter in "cdefg")]
    assert compare_categories(two)[1]["fisher_p"] == compare_categories(seven)[1]["fisher_p"]

    assert in_words(compare_categories(two))[1] == "below four fifths"
    assert in_words(compare_categories(seven))[1] == "below four fifths: cannot tell from chance"


def test_a_fair_judge_of_fourteen_categories_is_seldom_called_unfair() -> None:
    assert false_alarms(np.random.default_rng(7), 1_000, FOURTEEN, 100) <= 0.05


def test_without_anybody_selected_there_is_no_ratio() -> None:
    rows = compare_categories([("a", 5, 0), ("b", 7, 0)])

    assert {row["ratio"] for row in rows} == {None}
    assert in_words(rows) == ["nobody is selected"] * 2


def test_if_all_are_selected_the_formula_has_no_interval() -> None:
    row, _ = compare_categories([("a", 5, 5), ("b", 7, 7)])

    assert (row["ratio"], row["low"], row["high"], row["fisher_p"]) == (1.0, None, None, 1.0)


def test_one_category_alone_is_the_highest_and_none_is_nothing() -> None:
    (row,) = compare_categories([("a", 5, 2)])

    assert (row["ratio"], in_words([row])) == (1.0, ["the highest rate"])
    assert compare_categories([]) == []


def _printed(counts: list[tuple[str, int, int]]) -> list[tuple[float, float]]:
    rows = compare_categories(counts)
    return [(round(100 * row["rate"], 1), round(row["ratio"], 2)) for row in rows]


@pytest.mark.parametrize(("selected", "n", "best", "all_"), [(6, 10, 6, 8), (8, 10, 1, 1)])
def test_exactly_four_fifths_is_not_below(selected: int, n: int, best: int, all_: int) -> None:
    """0.6 / 0.75 is 0.7999999999999999 in floating point."""
    rows = compare_categories([("Women", n, selected), ("Men", all_, best)])

    assert in_words(rows)[0] == "cannot tell"


def test_a_little_less_than_four_fifths_is_below() -> None:
    rows = compare_categories([("Women", 100, 59), ("Men", 80, 60)])

    assert in_words(rows)[0] == "below four fifths"

"""Compares how often the categories of people are selected: ratio, interval and exact test.

The impact ratio is the rate of a category divided by the highest rate (6 RCNY 5-300). The interval
is Katz's, on the logarithm of the ratio (D. Katz, J. Baptista, S. P. Azen and M. C. Pike,
Biometrics 34, 469-474, 1978):

    ratio * exp(+-1.96 * sqrt(1/a - 1/n + 1/b - 1/m))

with a of n selected in the category and b of m in the highest one. The test is Fisher's exact test
of the same four numbers, two-sided: the probability, if the category made no difference, of a table
that is at most as likely as this one (R. A. Fisher, JRSS 98, 1935).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from aris_pipeline.audit.shifts import scipy_stats

_FOUR_FIFTHS = 0.8
"""29 CFR 1607.4(D)."""

_SMALL = 0.02
"""6 RCNY 5-301(d)."""

_SIGNIFICANT = 0.05

Row = dict[str, Any]


def compare_categories(
    counts: Sequence[tuple[str, int, int]], *, without_small: bool = False
) -> list[Row]:
    """Returns a row of `impact` for each category, without basis, dimension and unknown_n.

    Args:
        counts: category, its people, and how many of them are selected.
        without_small: whether categories of less than 2 % have no ratio and are never the highest;
            their numbers and rates stay.

    Raises:
        ConfigError: scipy is not installed.
    """
    total = sum(n for _, n, _ in counts)
    rows: list[Row] = [
        {
            "category": category,
            "n": n,
            "selected": selected,
            "rate": selected / n,
            **dict.fromkeys(("ratio", "low", "high", "fisher_p")),
            "under_2pct": n < _SMALL * total,
        }
        for category, n, selected in counts
    ]
    compared = [row for row in rows if not (without_small and row["under_2pct"])]
    highest = max(compared, key=lambda row: (row["rate"], row["n"]), default=None)
    if highest is not None and highest["selected"]:
        for row in compared:
            row.update({"ratio": 1.0} if row is highest else _against(row, highest))
    return rows


def in_words(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns what each row of a table says, beside the four-fifths line.

    29 CFR 1607.4(D) looks at both: a ratio below four fifths from small numbers may be no adverse
    impact, and a significant difference above four fifths may be one.

    The highest category is chosen by the data, so that any pair of categories might have been
    compared. A difference counts as significant if its p-value, times the number of pairs, is
    below 0.05 (Bonferroni): without that, a fair judge of many categories would rarely be called
    fair.

    Args:
        rows: of `impact`, all of one basis and dimension.
    """
    highest = next((row for row in rows if row["ratio"] is not None and _is_highest(row)), None)
    if highest is None:
        return ["nobody is selected"] * len(rows)
    level = significance_level(rows)
    return [_in_words(row, highest, level) for row in rows]


def significance_level(rows: Sequence[Mapping[str, Any]]) -> float:
    """Returns the p-value below which a difference in a table counts as significant.

    Args:
        rows: of `impact`, all of one basis and dimension.
    """
    compared = sum(row["ratio"] is not None for row in rows)
    return _SIGNIFICANT / max(math.comb(compared, 2), 1)


def is_below_four_fifths(row: Mapping[str, Any], highest: Mapping[str, Any]) -> bool:
    """Returns whether a rate is below four fifths of the highest, without rounding."""
    return bool(5 * row["selected"] * highest["n"] < 4 * highest["selected"] * row["n"])


def _is_highest(row: Mapping[str, Any]) -> bool:
    return row["fisher_p"] is None


def _in_words(row: Mapping[str, Any], highest: Mapping[str, Any], level: float) -> str:
    if row["ratio"] is None:
        return "not compared"
    if _is_highest(row) or row["ratio"] == 1:
        return "the highest rate"
    is_significant = row["fisher_p"] < level
    if is_below_four_fifths(row, highest):
        return "below four fifths" + ("" if is_significant else ": cannot tell from chance")
    if is_significant:
        return "four fifths, but significantly less"
    known = row["low"] is not None and row["low"] >= _FOUR_FIFTHS
    return "at least four fifths" if known else "cannot tell"


def _against(row: Row, highest: Row) -> Row:
    stats = scipy_stats()
    (a, n), (b, m) = ((one["selected"], one["n"]) for one in (row, highest))
    known = a and not (a == n and b == m)
    risk = stats.contingency.relative_risk(a, n, b, m)
    interval = risk.confidence_interval(0.95)
    return {
        "ratio": row["rate"] / highest["rate"],
        # Without a selected, or with all, the formula has no width.
        "low": float(interval.low) if known else None,
        "high": float(interval.high) if known else None,
        "fisher_p": float(stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue),
    }

"""Says the figures of the probe and of the stability in words: for the terminal and the UI."""

from collections.abc import Sequence
from typing import Any

Rows = Sequence[dict[str, Any]]

_LEAST_AT_BORDER = 20


def probe_in_words(rows: Rows) -> list[dict[str, Any]]:
    """Returns a line for each signal of `bias_probe`, for people."""
    return [
        {
            "signal": row["signal"],
            "pairs": row["pairs"],
            "shift": _signed(row["mean_shift"]),
            "95 % interval": _interval(row["low"], row["high"], "+.3f"),
            "p": _number(row["p_value"] if row["is_placebo"] else row["p_holm"], ".3f"),
            "flips up, down": f"{row['flips_up']}, {row['flips_down']}",
            "inert": row["inert"],
            "not applicable": row["not_applicable"],
            **_of_answers(row, rows),
            "result": _result(row, _wording_alone(rows)),
        }
        for row in rows
    ]


def faults_of_probe(rows: Rows) -> list[str]:
    """Returns what redaction should have hidden and has not, in words."""
    return [
        f"{row['signal']}: redaction is on, and {row['pairs'] + row['unscored']:,} of "
        f"{row['rows'] - row['not_applicable']:,} pairs still have different prompts; "
        "see `aris show BATCH --candidate ID`, and report the profile's layout"
        for row in rows
        if row["must_be_inert"] and row["pairs"] + row["unscored"]
    ]


def stability_in_words(rows: Rows) -> list[dict[str, Any]]:
    """Returns a line for each kind and part of `verdict_stability`, for people."""
    return [
        {
            "asked again": row["kind"],
            "part": row["part"],
            "rows": row["asked_again"],
            "flips": row["flips"],
            "flip rate": _number(row["flip_rate"], ".1%"),
            "its 95 % interval": _interval(row["flip_low"], row["flip_high"], ".1%"),
            "shift": _signed(row["mean_shift"]),
            "95 % within": _number(row["shift_95"], ".3f"),
            "churn": _number(row["churn"], ".1%"),
            "its interval": _interval(row["churn_low"], row["churn_high"], ".1%"),
        }
        for row in rows
    ]


def suggested_band(rows: Rows) -> float | None:
    """Returns the undecided band that stability suggests for triage, in points of the score.

    Within it, 95 % of the rows at the border stay when they are asked again among other rows. Of
    fewer than 20 rows that says nothing, and none is suggested.
    """
    found = (row for row in rows if (row["kind"], row["part"]) == ("other_rows", "border"))
    enough = (row["shift_95"] for row in found if row["asked_again"] >= _LEAST_AT_BORDER)
    return next(enough, None)


def _wording_alone(rows: Rows) -> float:
    """Returns the largest shift, in points, that the placebo's interval allows."""
    ends = (one[end] for one in rows if one["is_placebo"] for end in ("low", "high"))
    return max((abs(end) for end in ends if end is not None), default=0.0)


def _result(row: dict[str, Any], wording_alone: float) -> str:
    if row["pairs"] == 0 and row["unscored"]:
        return "no scores"
    if row["pairs"] == 0:
        return "inert: the prompt hides it" if row["inert"] else "nothing to change"
    if row["clear"] is None:
        return "too few pairs"
    if row["is_placebo"]:
        return "wording alone moves scores" if row["clear"] else "quiet"
    if row["clear"] and abs(row["mean_shift"]) <= wording_alone:
        return "clear, but no larger than wording alone"
    return "clear" if row["clear"] else "not clear"


def _of_answers(row: dict[str, Any], rows: Rows) -> dict[str, Any]:
    """Returns the figures of written recommendations, if answers were asked for."""
    if not any(one["answered"] for one in rows):
        return {}
    changed = f"{row['answers_changed']} of {row['answered']}"
    return {"answers changed, steps": f"{changed}, {_signed(row['answer_shift'])}"}


def _signed(value: float | None) -> str:
    return _number(value, "+.3f")


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _interval(low: float | None, high: float | None, form: str) -> str:
    return "-" if low is None or high is None else f"{low:{form}} to {high:{form}}"

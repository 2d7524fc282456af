"""What larger batches would take at the rate of a shard or of a plan."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aris_pipeline.charts.canvas import (
    BLUE,
    GREY,
    INK,
    digits,
    new_figure,
    spoken,
    style,
    to_png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROWS = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000)
_NAMED_ROWS = (5_000, 50_000, 200_000)
_TOO_NEAR = 170_000
"""It lies too near 200K for two labels."""
_EARLIER_S_PER_ROW = 2_183 / 5_000
_EARLIER = "earlier stack (Gemma 3 4B, RTX 4080)"
_TIMES_S = (1, 10, 60, 600, 3_600, 36_000, 360_000, 3_600_000)


def projection_curve(row: Mapping[str, Any]) -> bytes | None:
    """Draws how long 1K to 200K rows take, load included, beside the stack before this one.

    Args:
        row: a row of `Throughput`; `req_s` and `load_s` are used.

    Returns:
        A PNG; None where the shard generated nothing and so has no rate.
    """
    req_s, load_s = row["req_s"], row["load_s"] or 0.0
    if not req_s:
        return None
    seconds = [load_s + rows / req_s for rows in _ROWS]
    title = f"{digits(req_s)} rows/s: 200K rows in {spoken(seconds[-1])}"
    figure, axes = _time_by_rows(title, "time", _ROWS, seconds[0], seconds[-1])
    axes.plot(
        _ROWS,
        seconds,
        "-",
        color=BLUE,
        linewidth=2,
        label="at the rate of this shard, load included",
    )
    # Labels stand where the other line does not.
    slower = seconds[-1] > _ROWS[-1] * _EARLIER_S_PER_ROW
    for rows, took in zip(_ROWS, seconds, strict=True):
        if rows in _NAMED_ROWS:
            axes.plot([rows], [took], "o", color=BLUE, markersize=5)
            axes.annotate(
                spoken(took), (rows, took), xytext=(-6, 5) if slower else (6, -5),
                textcoords="offset points", fontsize=9, color=INK,
                horizontalalignment="right" if slower else "left",
                verticalalignment="bottom" if slower else "top",
            )  # fmt: skip
    axes.legend(loc="upper left", frameon=False, fontsize=9, labelcolor=INK)
    return to_png(figure)


def plan_curve(projections: Sequence[Mapping[str, Any]], title: str) -> bytes | None:
    """Draws the hours that a plan expects, with their intervals, beside the earlier stack's.

    Args:
        projections: as `Plan.projections` gives them: rows, hours, interval.
        title: model and hardware.

    Returns:
        A PNG; None where the speed is not known.
    """
    if not projections:
        return None
    rows = [one["rows"] for one in projections]
    seconds = [one["hours"] * 3_600 for one in projections]
    low, high = ([one["interval"][end] * 3_600 for one in projections] for end in (0, 1))

    figure, axes = _time_by_rows(title, "time of generation", rows, low[0], high[-1])
    axes.fill_between(rows, low, high, color=BLUE, alpha=0.2, linewidth=0, label="interval")
    axes.plot(rows, seconds, "-o", color=BLUE, linewidth=2, markersize=5, label="expected")
    for count, took in zip(rows, seconds, strict=True):
        if count != _TOO_NEAR:
            axes.annotate(
                spoken(took), (count, took), xytext=(6, -5), textcoords="offset points",
                fontsize=9, color=INK, verticalalignment="top",
            )  # fmt: skip
    axes.legend(loc="upper left", frameon=False, fontsize=9, labelcolor=INK)
    return to_png(figure)


def _time_by_rows(
    title: str, y: str, rows: Sequence[int], least_s: float, most_s: float
) -> "tuple[Figure, Axes]":
    """Returns logarithmic axes that hold times between two, with the line of the earlier stack."""
    earlier = [count * _EARLIER_S_PER_ROW for count in rows]
    figure = new_figure()
    axes = figure.add_subplot()
    style(axes, title=title, x="rows of the batch", y=y, grid="both")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.plot(rows, earlier, "--", color=GREY, linewidth=1.4, label=_EARLIER)
    ticks = [count for count in rows if count != _TOO_NEAR]
    axes.set_xticks(ticks, [f"{count // 1000}K" for count in ticks])
    axes.set_yticks(_TIMES_S, [spoken(took) for took in _TIMES_S])
    axes.minorticks_off()
    axes.set_xlim(rows[0] / 1.2, rows[-1] * 2.2)
    axes.set_ylim(min(least_s, earlier[0]) / 2, max(most_s, earlier[-1]) * 4)
    return figure, axes

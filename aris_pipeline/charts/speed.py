"""How fast rows were, shard by shard, and what larger batches would take at that rate."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from aris_pipeline.charts.canvas import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    digits,
    new_figure,
    spoken,
    style,
    to_png,
)

_ROWS = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000)
_NAMED_ROWS = (5_000, 50_000, 200_000)
_TOO_NEAR = 170_000
_EARLIER_S_PER_ROW = 2_183 / 5_000
_EARLIER = "earlier stack (Gemma 3 4B, RTX 4080)"
_TIMES_S = (1, 10, 60, 600, 3_600, 36_000, 360_000, 3_600_000)
_MOST_SHARD_LABELS = 14


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
    earlier = [rows * _EARLIER_S_PER_ROW for rows in _ROWS]

    figure = new_figure()
    axes = figure.add_subplot()
    style(
        axes,
        title=f"{digits(req_s)} rows/s: 200K rows in {spoken(seconds[-1])}",
        x="rows of the batch",
        y="time",
        grid="both",
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.plot(_ROWS, earlier, "--", color=GREY, linewidth=1.4, label=_EARLIER)
    axes.plot(
        _ROWS,
        seconds,
        "-",
        color=BLUE,
        linewidth=2,
        label="at the rate of this shard, load included",
    )
    slower = seconds[-1] > earlier[-1]  # labels stand where the other line does not
    for rows, took in zip(_ROWS, seconds, strict=True):
        if rows in _NAMED_ROWS:
            axes.plot([rows], [took], "o", color=BLUE, markersize=5)
            axes.annotate(
                spoken(took), (rows, took), xytext=(-6, 5) if slower else (6, -5),
                textcoords="offset points", fontsize=9, color=INK,
                horizontalalignment="right" if slower else "left",
                verticalalignment="bottom" if slower else "top",
            )  # fmt: skip
    axes.set_xticks(_ROWS, [f"{rows // 1000}K" for rows in _ROWS])
    axes.set_yticks(_TIMES_S, [spoken(took) for took in _TIMES_S])
    axes.minorticks_off()
    axes.set_xlim(_ROWS[0], _ROWS[-1] * 1.8)
    axes.set_ylim(min(seconds[0], earlier[0]) / 2, max(seconds[-1], earlier[-1]) * 4)
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
    earlier = [count * _EARLIER_S_PER_ROW for count in rows]

    figure = new_figure()
    axes = figure.add_subplot()
    style(axes, title=title, x="rows of the batch", y="time of generation", grid="both")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.fill_between(rows, low, high, color=BLUE, alpha=0.2, linewidth=0, label="interval")
    axes.plot(rows, seconds, "-o", color=BLUE, linewidth=2, markersize=5, label="expected")
    axes.plot(rows, earlier, "--", color=GREY, linewidth=1.4, label=_EARLIER)
    # It lies too near 200K for two labels.
    labelled = {n: took for n, took in zip(rows, seconds, strict=True) if n != _TOO_NEAR}
    for count, took in labelled.items():
        axes.annotate(
            spoken(took), (count, took), xytext=(6, -5), textcoords="offset points", fontsize=9,
            color=INK, verticalalignment="top",
        )  # fmt: skip
    axes.set_xticks(list(labelled), [f"{count // 1000}K" for count in labelled])
    axes.set_yticks(_TIMES_S, [spoken(took) for took in _TIMES_S])
    axes.minorticks_off()
    axes.set_xlim(rows[0] / 1.2, rows[-1] * 2.2)
    axes.set_ylim(min(low[0], earlier[0]) / 2, max(high[-1], earlier[-1]) * 4)
    axes.legend(loc="upper left", frameon=False, fontsize=9, labelcolor=INK)
    return to_png(figure)


def batch_progress(rates: Mapping[str, float | None]) -> bytes | None:
    """Draws the rate of each shard of a batch, and their median.

    Args:
        rates: generated rows per second by shard, as `measured_rates` returns them.

    Returns:
        A PNG; None where no shard generated anything.
    """
    measured = [rate for rate in rates.values() if rate]
    if not measured:
        return None
    middle = median(measured)
    figure = new_figure()
    axes = figure.add_subplot()
    style(
        axes,
        title=f"Median {digits(middle)} rows/s; new rows in {len(measured)} of {len(rates)} shards",
        x="shard",
        y="rows/s",
    )
    axes.locator_params(axis="y", nbins=5)
    names = list(rates)
    axes.bar(range(len(names)), [rate or 0.0 for rate in rates.values()], color=BLUE, width=0.8)
    axes.axhline(middle, color=ORANGE, linestyle="--", linewidth=1.2)
    step = -(-len(names) // _MOST_SHARD_LABELS)
    axes.set_xticks(range(0, len(names), step), names[::step])
    axes.set_xlim(-0.6, max(len(names), 4) - 0.4)
    return to_png(figure)

"""How the rows of a shard were finished over time."""

import numpy as np
import polars as pl

from aris_pipeline.charts.canvas import (
    BLUE,
    LIGHT_ORANGE,
    ORANGE,
    QUIET_INK,
    new_figure,
    spoken,
    style,
    to_png,
)

_MOST_BINS, _ROWS_PER_BIN = 60, 5
_SHORTEST_BIN_S = 1.0
_UNITS = ((7_200, 3_600, "hours"), (180, 60, "minutes"), (0, 1, "seconds"))


def progress_curve(completions: pl.DataFrame) -> bytes | None:
    """Draws finished rows and output tokens per second since the first row was finished.

    A row's tokens count in the moment in which it is finished.

    Args:
        completions: rows of `Completions`; only those that the run generated are drawn.

    Returns:
        A PNG; None where nothing was generated.
    """
    generated = completions.filter(~pl.col("reused") & pl.col("error_type").is_null()).sort(
        "completed_at"
    )
    if generated.is_empty():
        return None
    since = pl.col("completed_at") - pl.col("completed_at").first()
    seconds = generated.select(since.dt.total_microseconds() / 1e6).to_series().to_numpy()
    tokens = generated["output_tokens"].to_numpy()
    last = float(seconds[-1])
    edges = _edges(last, generated.height)
    unit_s, unit = next((size, name) for least, size, name in _UNITS if edges[-1] >= least)

    figure = new_figure()
    upper, lower = figure.subplots(2, sharex=True)
    style(upper, title=f"Finished rows: {generated.height:,} in {spoken(last)}", y="finished rows")
    finished = np.arange(1, generated.height + 1)
    upper.step(seconds / unit_s, finished, where="post", color=BLUE, linewidth=1.8)
    upper.plot([last / unit_s], [finished[-1]], "o", color=BLUE, markersize=5, clip_on=False)
    style(lower, x=f"{unit} since the first finished row", y="output tok/s")
    if last >= _SHORTEST_BIN_S:
        rates = np.histogram(seconds, edges, weights=tokens)[0] / np.diff(edges)
        lower.stairs(
            rates,
            edges / unit_s,
            fill=True,
            facecolor=LIGHT_ORANGE,
            edgecolor=ORANGE,
            linewidth=1.4,
        )
    else:
        lower.text(
            0.5, 0.5, "all within a second: no rate", transform=lower.transAxes, fontsize=9,
            color=QUIET_INK, horizontalalignment="center", verticalalignment="center",
        )  # fmt: skip
    for axes in (upper, lower):
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.locator_params(axis="y", integer=True, nbins=4)
    lower.set_xlim(0, edges[-1] / unit_s)
    figure.align_ylabels()
    return to_png(figure)


def _edges(seconds: float, rows: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Bins of equal length with some rows in each, or else the rate is noise."""
    bins = min(_MOST_BINS, rows // _ROWS_PER_BIN, int(seconds / _SHORTEST_BIN_S))
    return np.linspace(0, max(seconds, _SHORTEST_BIN_S), max(bins, 1) + 1)

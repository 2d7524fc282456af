"""Arms of a benchmark side by side, each with its interval and its blocks."""

from collections.abc import Sequence
from dataclasses import dataclass

from aris_pipeline.charts.canvas import BLUE, INK, ORANGE, digits, new_figure, style, to_png

_ROW_PX, _FRAME_PX = 42, 110
_LEAST_PX, _MOST_PX = 200, 480


@dataclass(frozen=True)
class Bar:
    """One arm.

    Attributes:
        name: at its bar.
        value: the mean over blocks.
        low: lower end of the interval, where there is one.
        high: its upper end.
        blocks: what each block came to.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    blocks: Sequence[float]


def side_by_side(bars: Sequence[Bar], unit: str, title: str) -> bytes | None:
    """Draws a bar an arm, its interval as a line and its blocks as dots.

    Returns:
        A PNG; None without arms.
    """
    if not bars:
        return None
    figure = new_figure(min(max(_FRAME_PX + _ROW_PX * len(bars), _LEAST_PX), _MOST_PX))
    axes = figure.add_subplot()
    style(axes, x=unit, grid="x")
    # Over the whole card, because long names leave the axes little of it.
    figure.suptitle(title, x=0.02, ha="left", fontsize=10, color=INK, fontweight="bold")
    places = range(len(bars))
    axes.barh(places, [bar.value for bar in bars], color=BLUE, height=0.55, alpha=0.85)
    for place, bar in enumerate(bars):
        if bar.low is not None and bar.high is not None:
            axes.plot([bar.low, bar.high], [place, place], color=INK, linewidth=1.6)
        axes.plot(bar.blocks, [place] * len(bar.blocks), "o", color=ORANGE, markersize=3.5)
        end = max([bar.value, *bar.blocks])
        axes.annotate(
            digits(bar.value), (end, place), xytext=(7, 0), textcoords="offset points",
            fontsize=9, color=INK, verticalalignment="center",
        )  # fmt: skip
    axes.set_yticks(places, [bar.name for bar in bars])
    axes.invert_yaxis()
    axes.set_xlim(0, max(max([bar.value, *bar.blocks]) for bar in bars) * 1.15)
    return to_png(figure)

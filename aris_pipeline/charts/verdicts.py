"""How candidates were judged: recommendations beside those of earlier batches, and ratings."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from aris_pipeline.charts.canvas import (
    CARD,
    INK,
    QUIET_INK,
    new_figure,
    style,
    to_png,
    to_svg,
)
from aris_pipeline.prompts import Rubric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BAR_PX, _AROUND_PX = 22, 150
_SPREAD_PX, _BINS = 36, 10
_ROW_FOOT, _ROW_HEIGHT = 0.42, 0.8
_LEGEND_PT = 16
_LABEL_START, _LABEL_END = 14, 11
_THIS = "this shard"
_LABELLED_SHARE = 0.05
_DARK = 0.55

# Best to worst, after ColorBrewer's RdBu, which color-blind readers can tell apart.
_SCALE = ("#2166ac", "#92c5de", "#e8e8e8", "#f4a582", "#b2182b")
_OF_UNKNOWN = "#6b7785"
"""Beside the scale, whose middle is a light gray."""

Bar = tuple[str, list[int]]


def verdict_mix(
    this: pl.DataFrame,
    earlier: Mapping[str, pl.DataFrame],
    rubric: Rubric | None,
    *,
    label: str = _THIS,
    draw: "Callable[[Figure], bytes]" = to_png,
) -> bytes | None:
    """Draws the shares of each recommendation, and of each rating by criterion.

    Args:
        this: valid and other evaluations.
        earlier: recommendations of earlier batches by name, as `earlier_verdicts` returns them.
        rubric: what was judged by; none where an OpenAI file brought its own questions.
        label: what to call these evaluations.
        draw: makes the picture of the figure.

    Returns:
        A picture; None without a rubric or without a valid row.
    """
    if rubric is None:
        return None
    valid = this.filter(pl.col("is_valid") & pl.col("recommendation").is_not_null())
    if valid.is_empty():
        return None
    recommended = [
        _bar(name, rows["recommendation"], rubric.recommendations)
        for name, rows in [(label, valid), *earlier.items()]
    ]
    ratings = rubric.rating_options
    rated = [_bar(one.title, valid[one.name], ratings) for one in rubric.criteria]
    heights = [len(recommended), len(rated)]
    figure = new_figure(_AROUND_PX + _BAR_PX * sum(heights))
    upper, lower = figure.subplots(2, sharex=True, height_ratios=heights)
    scale = _colors(len(rubric.recommendations))
    _stack(upper, recommended, rubric.recommendations, scale, "Recommendations")
    upper.get_yticklabels()[0].set_fontweight("bold")
    scale = [*_colors(len(rubric.ratings)), _OF_UNKNOWN][: len(ratings)]
    _stack(lower, rated, ratings, scale, f"Ratings of {label}")
    lower.set_xlabel("share of valid rows (their number on the right)")
    return draw(figure)


def score_distribution(
    judged: pl.DataFrame, recommendations: Sequence[str], cut: float
) -> bytes | None:
    """Draws how the scores of each recommendation are spread, with the cut.

    Args:
        judged: rows of a ranking.
        recommendations: the scale, best to worst.
        cut: the score between those that advance and the others.

    Returns:
        An SVG; None if no row has a score.
    """
    scored = judged.drop_nulls("score").select(pl.col("recommendation").cast(pl.String), "score")
    if scored.is_empty():
        return None
    best = len(recommendations) - 1
    figure = new_figure(_AROUND_PX + _SPREAD_PX * len(recommendations))
    axes = figure.add_subplot()
    title = "Scores by recommendation"
    style(axes, title=title, x="score (higher is better)", grid="x", title_pad=_LEGEND_PT)
    edges = np.linspace(0, best, _BINS * best + 1)
    for row, (option, color) in enumerate(
        zip(recommendations, _colors(len(recommendations)), strict=True)
    ):
        scores = scored.filter(recommendation=option)["score"].to_numpy()
        counts = np.histogram(scores, edges)[0]
        heights = row + _ROW_FOOT - _ROW_HEIGHT * counts / max(counts.max(), 1)
        axes.stairs(
            heights, edges, baseline=row + _ROW_FOOT, fill=True, facecolor=color, edgecolor=INK,
            linewidth=0.6,
        )  # fmt: skip
        axes.annotate(
            f"{scores.size:,}", (best, row), xytext=(4, 0), textcoords="offset points",
            verticalalignment="center", fontsize=8, color=QUIET_INK, annotation_clip=False,
        )  # fmt: skip
    axes.axvline(cut, color=INK, linewidth=1, linestyle="--")
    axes.annotate(
        "the cut", (cut, -0.5), xytext=(0, 3), textcoords="offset points", fontsize=8,
        color=QUIET_INK, horizontalalignment="center", annotation_clip=False,
    )  # fmt: skip
    axes.set_yticks(range(len(recommendations)), recommendations)
    axes.set_ylim(len(recommendations) - 0.5, -0.5)
    axes.set_xlim(0, best)
    axes.tick_params(axis="y", labelcolor=INK, length=0)
    return to_svg(figure)


def _bar(label: str, given: pl.Series, options: Sequence[str]) -> Bar:
    """How often each option was given; other values, of an older rubric, are left out."""
    counts = dict(given.cast(pl.String).value_counts().iter_rows())
    return _shortened(label), [counts.get(option, 0) for option in options]


def _stack(
    axes: "Axes", bars: Sequence[Bar], options: Sequence[str], colors: Sequence[str], title: str
) -> None:
    """Draws one bar a row, the first on top, with the shares that fit written into it."""
    style(axes, title=title, grid=None, title_pad=_LEGEND_PT)
    rows = range(len(bars))
    lefts = [0.0] * len(bars)
    for number, (option, color) in enumerate(zip(options, colors, strict=True)):
        shares = [counts[number] / max(sum(counts), 1) for _label, counts in bars]
        drawn = axes.barh(
            rows, shares, left=lefts, height=0.78, color=color, edgecolor=CARD, label=option
        )
        said = [f"{share:.0%}" if share >= _LABELLED_SHARE else "" for share in shares]
        axes.bar_label(drawn, said, label_type="center", fontsize=8, color=_ink_on(color))
        lefts = [left + share for left, share in zip(lefts, shares, strict=True)]
    for row, (_label, counts) in zip(rows, bars, strict=True):
        axes.annotate(
            f"{sum(counts):,}", (1, row), xytext=(4, 0), textcoords="offset points",
            verticalalignment="center", fontsize=8, color=QUIET_INK, annotation_clip=False,
        )  # fmt: skip
    axes.set_yticks(rows, [label for label, _counts in bars])
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=len(options), frameon=False, fontsize=8,
        labelcolor=QUIET_INK, handlelength=0.9, handletextpad=0.4, columnspacing=1.2, borderpad=0,
        borderaxespad=0.3,
    )  # fmt: skip


def _colors(count: int) -> list[str]:
    """So many steps of the scale, both ends among them."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex  # noqa: PLC0415 - loads late

    scale = LinearSegmentedColormap.from_list("verdicts", _SCALE)
    return [to_hex(scale(step / max(count - 1, 1))) for step in range(count)]


def _ink_on(color: str) -> str:
    """White or dark text, whichever reads better, by the luma of ITU-R BT.709."""
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > _DARK else "white"


def _shortened(label: str) -> str:
    """Both ends of a long name: batches of one source differ in their dates."""
    if len(label) > _LABEL_START + _LABEL_END + 1:
        label = f"{label[:_LABEL_START]}…{label[-_LABEL_END:]}"
    return label.replace("$", r"\$")  # or it would be read as a formula

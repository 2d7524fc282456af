"""How candidates were judged: recommendations beside those of earlier batches, and ratings."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from aris_pipeline.charts.canvas import CARD, INK, QUIET_INK, new_figure, style, to_png
from aris_pipeline.prompts import Rubric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAR_PX, _AROUND_PX = 22, 150
_LEGEND_PT = 16
_LABEL_START, _LABEL_END = 14, 11
_THIS = "this shard"
_LABELLED_SHARE = 0.05
_DARK = 0.55

# Best to worst, after ColorBrewer's RdBu, which color-blind readers can tell apart.
_SCALE = ("#2166ac", "#92c5de", "#e8e8e8", "#f4a582", "#b2182b")

Bar = tuple[str, list[int]]


def verdict_mix(
    this: pl.DataFrame, earlier: Mapping[str, pl.DataFrame], rubric: Rubric | None
) -> bytes | None:
    """Draws the shares of each recommendation, and of each rating by criterion.

    Args:
        this: evaluations of a shard.
        earlier: recommendations of earlier batches by name, as `earlier_verdicts` returns them.
        rubric: what was judged by; none where an OpenAI file brought its own questions.

    Returns:
        A PNG; None without a rubric or without a valid row.
    """
    if rubric is None:
        return None
    valid = this.filter(pl.col("is_valid") & pl.col("recommendation").is_not_null())
    if valid.is_empty():
        return None
    recommended = [
        _bar(label, rows["recommendation"], rubric.recommendations)
        for label, rows in [(_THIS, valid), *earlier.items()]
    ]
    rated = [_bar(one.title, valid[one.name], rubric.ratings) for one in rubric.criteria]
    heights = [len(recommended), len(rated)]
    figure = new_figure(_AROUND_PX + _BAR_PX * sum(heights))
    upper, lower = figure.subplots(2, sharex=True, height_ratios=heights)
    _stack(upper, recommended, rubric.recommendations, "Recommendations")
    upper.get_yticklabels()[0].set_fontweight("bold")
    _stack(lower, rated, rubric.ratings, f"Ratings of {_THIS}")
    lower.set_xlabel("share of valid rows (their number on the right)")
    return to_png(figure)


def _bar(label: str, given: pl.Series, options: Sequence[str]) -> Bar:
    """How often each option was given; other values, of an older rubric, are left out."""
    counts = dict(given.cast(pl.String).value_counts().iter_rows())
    return _shortened(label), [counts.get(option, 0) for option in options]


def _stack(axes: "Axes", bars: Sequence[Bar], options: Sequence[str], title: str) -> None:
    """Draws one bar a row, the first on top, with the shares that fit written into it."""
    style(axes, title=title, grid=None, title_pad=_LEGEND_PT)
    rows = range(len(bars))
    lefts = [0.0] * len(bars)
    for number, (option, color) in enumerate(zip(options, _colors(len(options)), strict=True)):
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

"""How long the prompts of a shard are."""

import math

import numpy as np
import polars as pl

from aris_pipeline.charts.canvas import BLUE, GREY, INK, new_figure, style, to_png

_MOST_BINS = 80
_STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1_000)


def token_histogram(prompts: pl.DataFrame) -> bytes | None:
    """Draws how many prompts have how many tokens, and the prefix that all of them share.

    Args:
        prompts: rows of `Prompts`; those that could not be rendered are left out.

    Returns:
        A PNG; None where no prompt was rendered.
    """
    rendered = prompts.filter(pl.col("error").is_null())
    if rendered.is_empty():
        return None
    tokens = rendered["prompt_tokens"].to_numpy()
    median, p95, prefix, longest = rendered.select(
        pl.col("prompt_tokens").median().alias("median"),
        pl.col("prompt_tokens").quantile(0.95).alias("p95"),
        pl.col("static_prefix_tokens").min(),
        pl.col("prompt_tokens").max().alias("longest"),
    ).row(0)
    narrowest = math.ceil((longest + 1) / _MOST_BINS)
    step = next((size for size in _STEPS if size >= narrowest), narrowest)
    counts, edges = np.histogram(tokens, np.arange(0, longest + step + 1, step))

    figure = new_figure()
    axes = figure.add_subplot()
    style(
        axes,
        title=f"Tokens per prompt: median {median:,.0f}, p95 {p95:,.0f}",
        x="tokens of the prompt",
        y="prompts" if step == 1 else f"prompts per {step} tokens",
    )
    axes.stairs(counts, edges, fill=True, color=BLUE)
    if prefix:
        wide = prefix > edges[-1] / 3
        axes.axvspan(0, prefix, color=GREY, alpha=0.15, linewidth=0)
        axes.axvline(prefix, color=GREY, linestyle="--", linewidth=1.2)
        axes.annotate(
            f"static prefix: {prefix:,}",
            (prefix, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-5 if wide else 5, -4),
            textcoords="offset points",
            horizontalalignment="right" if wide else "left",
            verticalalignment="top",
            fontsize=9,
            color=INK,
        )
    axes.set_xlim(0, edges[-1] * 1.02)
    axes.set_ylim(0, max(counts.max() * 1.15, 1))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.locator_params(axis="y", integer=True, nbins=5)
    return to_png(figure)

"""The look that all pictures share, and how a figure becomes a PNG or an SVG.

Pictures are cards of their own color, so that they read the same in a light and a dark UI. pyplot
is not used: it holds figures in a global list, and shards may be drawn in more than one thread.
"""

import io
import threading
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Grid = Literal["x", "y", "both"]

WIDTH_PX, HEIGHT_PX = 640, 320

# Okabe and Ito, "Color Universal Design" (2008): told apart by color-blind readers too.
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#767676"
LIGHT_ORANGE = "#f9dfcc"
INK, QUIET_INK, GRID, CARD = "#1f2933", "#52606d", "#e3e8ee", "#ffffff"

_LOADING = threading.Lock()
_DPI = 100
_PADDING_IN = 0.09
_COLORS = 48
"""A palette of so many colors halves the file, and hardly shows on flat areas and text."""


def new_figure(height_px: int = HEIGHT_PX) -> "Figure":
    """Returns an empty card; its axes arrange themselves without overlap."""
    with _LOADING:
        figure_type = _figure_type()
    figure = figure_type(figsize=(WIDTH_PX / _DPI, height_px / _DPI), dpi=_DPI, facecolor=CARD)
    figure.set_layout_engine("constrained", w_pad=_PADDING_IN, h_pad=_PADDING_IN)
    return figure


def style(  # noqa: PLR0913 - one argument a label
    axes: "Axes",
    *,
    title: str = "",
    x: str = "",
    y: str = "",
    grid: Grid | None = "y",
    title_pad: float = 6.0,
) -> None:
    """Gives axes their title and labels, thin lines, and a grid."""
    axes.set_facecolor(CARD)
    axes.set_title(title, loc="left", fontsize=10, color=INK, fontweight="bold", pad=title_pad)
    axes.set_xlabel(x, fontsize=9, color=QUIET_INK)
    axes.set_ylabel(y, fontsize=9, color=QUIET_INK)
    axes.tick_params(labelsize=9, colors=QUIET_INK, length=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(visible=True, axis=grid, color=GRID, linewidth=0.8)


def to_png(figure: "Figure") -> bytes:
    """Draws the figure as a PNG of few colors, without metadata."""
    from PIL import Image  # noqa: PLC0415 - comes with matplotlib

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", facecolor=CARD)
    with Image.open(drawn) as image:
        image.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE).save(
            small, format="png", optimize=True
        )
    return small.getvalue()


def to_svg(figure: "Figure") -> bytes:
    """Draws the figure as an SVG whose text stays text; the same figure gives the same bytes."""
    import matplotlib  # noqa: PLC0415 - takes most of a second

    drawn = io.BytesIO()
    with _LOADING, matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "aris"}):
        figure.savefig(drawn, format="svg", facecolor=CARD, metadata={"Date": None})
    return drawn.getvalue()


def spoken(seconds: float) -> str:
    """Says a duration: 44.5 s, 37 min, 25.1 h."""
    for size, unit in ((3_600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{digits(seconds / size)} {unit}"
    return "under 1 s"


def digits(value: float) -> str:
    """Writes a number in three digits, or more before the point: 0.253, 38.2, 1,250."""
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"  # noqa: PLR2004 - above it, 1e+03


@cache
def _figure_type() -> "type[Figure]":
    """Loads matplotlib without the matplotlibrc that this machine may have."""
    import matplotlib  # noqa: PLC0415 - takes most of a second
    from matplotlib.figure import Figure  # noqa: PLC0415

    matplotlib.rcdefaults()
    return Figure

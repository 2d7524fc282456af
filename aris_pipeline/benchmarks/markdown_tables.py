"""Markdown tables, and how a figure is written in them."""

import polars as pl

from aris_pipeline.benchmarks.statistics import Interval
from aris_pipeline.charts import digits


def mean_of(arm: pl.DataFrame, name: str) -> str:
    """Writes the mean of a column of an arm; nothing where it has none."""
    values = arm[name].drop_nulls()
    return figure(float(values.to_numpy().mean())) if values.len() else ""


def percent_of(arm: pl.DataFrame, name: str) -> str:
    """Writes the mean of a share as per cent."""
    values = arm[name].drop_nulls()
    return f"{float(values.to_numpy().mean()):.1%}" if values.len() else ""


def with_interval(interval: Interval) -> str:
    """Writes an estimate with its interval where it has one."""
    if interval.low is None or interval.high is None:
        return figure(interval.value)
    return f"{figure(interval.value)} ({figure(interval.low)} to {figure(interval.high)})"


def figure(value: float | None) -> str:
    """Writes a number in three digits; nothing for none."""
    return "" if value is None else digits(value)


def in_words(name: str) -> str:
    """Writes a status, or the name of a column."""
    return name.replace("_", " ")


def one_line(text: str | None) -> str:
    """Puts a message into a cell: one line, no cell borders, not too long."""
    return " ".join((text or "").split()).replace("|", "\\|")[:300]


def table_head(*names: str) -> list[str]:
    """Returns the first two lines of a table."""
    return [table_row(*names), f"|{'---|' * len(names)}"]


def table_row(*values: str) -> str:
    """Returns a line of a table."""
    return f"| {' | '.join(values)} |"

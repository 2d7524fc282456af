"""What the answers of a run are worth: agreement between arms, flips, and gold labels."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.benchmarks.blocks import Entry, Outcome
from aris_pipeline.benchmarks.measuring import valid_answers
from aris_pipeline.benchmarks.statistics import cohen_kappa, mean_interval
from aris_pipeline.benchmarks.workload import Workload
from aris_pipeline.candidates import landed_as
from aris_pipeline.errors import ConfigError
from aris_pipeline.labels import has_labels, newest_labels
from aris_pipeline.storage import BenchmarkAnswers, DataStore
from aris_pipeline.storage.schemas import polars_schema

_ID = "custom_id"

Labels = Mapping[str, Mapping[str, str]]
"""By row, the category of each criterion."""


def read_gold(file: Path) -> Labels:
    """Reads gold labels: a CSV with `custom_id` and a column a criterion; empty cells are unknown.

    Raises:
        ConfigError: it cannot be read, or has no such columns.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"gold labels {file}: {error}") from error
    if not rows or _ID not in rows[0] or len(rows[0]) == 1:
        raise ConfigError(
            f"gold labels {file}: expected the columns {_ID} and one a criterion, such as "
            "recommendation"
        )
    return {
        row[_ID]: {name: _category(label) for name, label in row.items() if name != _ID and label}
        for row in rows
    }


def labels_of_people(store: DataStore, file: Path) -> Labels:
    """Returns what people say of the rows of a file; empty if they have not labeled its batch.

    A candidate of whom raters disagree has no gold label.
    """
    batch = landed_as(store, file)
    if batch is None or not has_labels(store, batch.name):
        return {}
    found: dict[str, dict[str, str]] = {}
    said = newest_labels(store, batch.name).group_by(_ID, "criterion", maintain_order=True)
    for (row, criterion), own in said:
        if own["label"].n_unique() == 1:
            found.setdefault(str(row), {})[str(criterion)] = _category(own["label"][0])
    return found


def judge_answers(
    entries: Sequence[Entry], outcome: Outcome, reference: str | None, gold: Labels | None
) -> pl.DataFrame:
    """Returns the rows of `BenchmarkAnswers` of a run.

    Args:
        entries: what was compared.
        outcome: with the answers of each block.
        reference: the arm that all others are compared with; None compares every pair.
        gold: labels to compare with, where there are any.
    """
    passes = {
        entry.name: [_labels(entry.workload, block) for block in outcome.answers[entry.name]]
        for entry in entries
        if entry.name in outcome.answers
    }
    rows: list[dict[str, Any]] = []
    for number, entry in enumerate(entries):
        if entry.name not in passes:
            continue
        about = {
            "run_id": outcome.run_id,
            "arm": entry.name,
            "engine": entry.arm.engine,
            "model": entry.arm.card.name,
        }
        first = passes[entry.name][0]
        others = [other.name for other in entries[:number] if other.name in passes]
        if reference is not None:
            others = [name for name in (reference,) if name in passes and name != entry.name]
        for criterion in _criteria(entry.workload):
            found = list(_flips(criterion, passes[entry.name]))
            for other in others:
                found += _agreement(criterion, first, passes[other][0], against=other)
            if gold is not None:
                found += _agreement(criterion, first, gold, against=None, prefix="gold_")
            rows += [about | {"criterion": criterion} | row for row in found]
    return pl.DataFrame(rows, schema=polars_schema(BenchmarkAnswers), orient="row")


def _criteria(workload: Workload) -> list[str]:
    """Properties of the answer that are one of several values, by the first row's schema."""
    schema = json.loads(workload.requests[0].response_schema or "{}")
    properties: dict[str, Any] = schema.get("properties", {})
    return [
        name
        for name, form in properties.items()
        if isinstance(form, dict) and ("enum" in form or form.get("type") == "boolean")
    ]


def _labels(workload: Workload, completions: Sequence[Any]) -> Labels:
    """The categories of each valid answer."""
    return {
        row: {name: _category(value) for name, value in answer.items()}
        for row, answer in valid_answers(workload, completions).items()
        if isinstance(answer, dict)
    }


def _category(value: object) -> str:
    """A category whatever its case, so that TRUE of a spreadsheet is true of JSON."""
    return str(value).strip().casefold()


def _flips(criterion: str, passes: Sequence[Labels]) -> Iterator[dict[str, Any]]:
    """How often a row's category changes from the first block to the second."""
    if len(passes) > 1:
        first, again = _paired(criterion, passes[0], passes[1])
        flips = [float(a != b) for a, b in zip(first, again, strict=True)]
        yield _rate("flip_rate", flips, None)


def _agreement(
    criterion: str, ours: Labels, theirs: Labels, *, against: str | None, prefix: str = ""
) -> list[dict[str, Any]]:
    """How often two sides give a row the same category, and how far that is beyond chance."""
    first, second = _paired(criterion, ours, theirs)
    equal = [float(a == b) for a, b in zip(first, second, strict=True)]
    beyond = {
        "measure": f"{prefix}kappa",
        "against": against,
        "value": cohen_kappa(first, second),
        "rows": len(first),
    }
    return [_rate(f"{prefix}agreement", equal, against), beyond]


def _rate(measure: str, values: Sequence[float], against: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {"measure": measure, "against": against, "rows": len(values)}
    if values:
        interval = mean_interval(values)
        row |= {"value": interval.value, "low": interval.low, "high": interval.high}
    return row


def _paired(criterion: str, ours: Labels, theirs: Labels) -> tuple[list[str], list[str]]:
    """The categories of the rows that both have."""
    rows = [row for row in ours if criterion in ours[row] and criterion in theirs.get(row, {})]
    return [ours[row][criterion] for row in rows], [theirs[row][criterion] for row in rows]

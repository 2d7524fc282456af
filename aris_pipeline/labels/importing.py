"""Imports filled-in sheets: good labels are kept, bad ones are named, known ones change nothing."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.errors import InputError
from aris_pipeline.evaluations import ranked_by
from aris_pipeline.labels.additions import add_rows, newest_rows
from aris_pipeline.labels.population import RECOMMENDATION, scales_of
from aris_pipeline.labels.sampling import read_sample
from aris_pipeline.labels.sheets import SHOWN
from aris_pipeline.storage import DataStore, Judge, Labels
from aris_pipeline.storage.schemas import polars_schema

_MARKS = ",;\t"
_LARGEST_CELL = 10_000_000
_LONGEST_NAME = 200
_OF_A_RATER = ["batch", "custom_id", "criterion", "rater"]


@dataclass(frozen=True)
class Refused:
    """A cell of an imported file that cannot be used.

    Attributes:
        file: the name of the file.
        row: its number, as a spreadsheet counts: the columns' names are row 1.
        field: the column.
        problem: what is wrong.
        remedy: what to do.
    """

    file: str
    row: int
    field: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}, row {self.row}, {self.field}: {self.problem}: {self.remedy}"


@dataclass
class Imported:
    """The result of an import.

    Attributes:
        kept: labels that were added.
        known: labels that were there already.
        empty: cells without a label.
        refused: what could not be used.
    """

    kept: int = 0
    known: int = 0
    empty: int = 0
    refused: list[Refused] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Returns the fields, for JSON."""
        return {**vars(self), "refused": [vars(one) for one in self.refused]}


def import_labels(store: DataStore, file: Path, rater: str) -> Imported:
    """Adds the labels of a filled-in sheet to the table `labels`.

    Args:
        store: the store of the tables.
        file: a CSV file with commas, semicolons or tabs.
        rater: who has labeled.

    Raises:
        InputError: the file cannot be read as such a sheet.
        StorageError: the labels cannot be written.
    """
    found = Imported()
    rows = list(_labels_of(store, file, person(rater), found))
    given = pl.DataFrame(rows, schema=polars_schema(Labels), orient="row").unique(
        _OF_A_RATER, keep="last", maintain_order=True
    )
    for (batch,), labels in given.group_by("batch", maintain_order=True):
        # A row that two samples have drawn is labeled in both: its weight follows from that.
        of_a_sheet = [*_OF_A_RATER, "sample_id"]
        known = newest_rows(store.labels(str(batch)), Labels, of_a_sheet, "labelled_at")
        new = labels.join(known, on=[*of_a_sheet, "label"], how="anti", maintain_order="left")
        found.known += labels.height - new.height
        found.kept += new.height
        if new.height:
            add_rows(store.labels(str(batch)), new, Labels, new["labelled_at"][0])
    return found


def person(name: str) -> str:
    """Returns the name of a person without odd blanks, so that it always names the same one.

    Raises:
        InputError: there is no name.
    """
    known = " ".join(name.split())
    if not known:
        raise InputError("--by is empty: say who has labeled or decided")
    return known


def has_labels(store: DataStore, batch: str) -> bool:
    """Returns whether anybody has labeled a batch."""
    return any(store.labels(batch).glob("*.parquet"))


def newest_labels(store: DataStore, batch: str) -> pl.DataFrame:
    """Returns the labels of a batch: of each rater's for a candidate's criterion the newest."""
    return newest_rows(store.labels(batch), Labels, _OF_A_RATER, "labelled_at")


def read_rows(
    file: Path,
    needed: tuple[str, ...],
    remedy: str = "keep the columns of the sheet as they were written",
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yields each row of a CSV file with its number; commas, semicolons and tabs may separate.

    Rows are numbered as a spreadsheet does, from 2: a profile may be many lines of the file.

    Args:
        file: the file.
        needed: columns that it must have.
        remedy: what to do if it has not.

    Raises:
        InputError: the file is not UTF-8 text, or has not these columns.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}): check its path") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8: save it as 'CSV UTF-8'") from error
    head = text.partition("\n")[0]
    mark = max(_MARKS, key=head.count)
    csv.field_size_limit(_LARGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    names = [name.strip().lower() for name in next(reader, [])]
    if missing := [name for name in needed if name not in names]:
        raise InputError(
            f"{file.name} has no column {', '.join(missing)} in its first line: {remedy}"
        )
    if twice := [name for name in names if name and names.count(name) > 1]:
        raise InputError(f"{file.name} has the column {twice[0]} twice: keep one of them")
    row = 1
    try:
        for row, cells in enumerate(reader, start=2):
            if any(cell.strip() for cell in cells):
                yield row, dict(zip(names, (cell.strip() for cell in cells), strict=False))
    except csv.Error as error:
        raise InputError(
            f"{file.name}, row {row + 1} is not CSV ({error}): save it again"
        ) from error


@dataclass(frozen=True)
class _Sample:
    """A sample by the numbers of its rows, and what can be labeled of them."""

    rows: Mapping[str, Mapping[str, Any]]
    scales: Mapping[str, Sequence[str]]


def _labels_of(
    store: DataStore, file: Path, rater: str, found: Imported
) -> Iterator[dict[str, Any]]:
    samples: dict[tuple[str, str], _Sample | None] = {}
    now = datetime.now(UTC)
    said_before: dict[tuple[str, ...], str] = {}
    for line, cells in read_rows(file, (*SHOWN[:3], RECOMMENDATION)):
        key = cells.get("batch", ""), cells.get("sample_id", "")
        if key not in samples:
            samples[key] = _sample(store, *key)
        sample = samples[key]
        problem = _problem(key, sample, cells)
        if sample is None or problem:
            found.refused.append(Refused(file.name, line, *(problem or ("", "", ""))))
            continue
        drawn = sample.rows[cells["row"]]
        for criterion, options in sample.scales.items():
            said = cells.get(criterion, "")
            label = {option.casefold(): option for option in options}.get(said.casefold())
            if not said:
                found.empty += 1
            elif label is None:
                remedy = f"choose one of {', '.join(options)}"
                refused = Refused(file.name, line, criterion, f"'{said}' is no option", remedy)
                found.refused.append(refused)
            elif said_before.setdefault((*key, cells["row"], criterion), label) != label:
                refused = Refused(
                    *(file.name, line, criterion),
                    f"'{label}' contradicts an earlier line about this candidate",
                    "keep one of the lines",
                )
                found.refused.append(refused)
            else:
                yield {
                    **{name: drawn[name] for name in Labels.column_names() if name in drawn},
                    "criterion": criterion,
                    "label": label,
                    "rater": rater,
                    "labelled_at": now,
                }


def _sample(store: DataStore, batch: str, name: str) -> _Sample | None:
    """Returns a sample that a sheet names; None if there is none."""
    rows = read_sample(store, batch, name) if _is_name(batch) and _is_name(name) else None
    if rows is None:
        return None
    judge = Judge(rows["rubric"][0], rows["model"][0])
    rubric = ranked_by(store, judge, store.batch(batch))
    return _Sample(
        {str(row["row"]): row for row in rows.to_dicts()}, scales_of(rubric) if rubric else {}
    )


def _problem(
    key: tuple[str, str], sample: _Sample | None, cells: Mapping[str, str]
) -> tuple[str, str, str] | None:
    """Returns field, problem and remedy of a row that names no row of a sample; None if it does."""
    batch, name = key
    if sample is None:
        problem = f"there is no sample '{name}' of batch '{batch}' in this data directory"
        return "sample_id", problem, "restore the cell, or name the right --data-dir"
    drawn = sample.rows.get(cells.get("row", ""))
    if drawn is None:
        problem = f"'{cells.get('row', '')}' is no row of sample {name}"
        return "row", problem, f"restore the number, 1 to {len(sample.rows)}"
    given = cells.get("custom_id", drawn["custom_id"])
    if given.removeprefix("'") != drawn["custom_id"].strip().removeprefix("'"):
        problem = f"'{given}' is not the candidate of row {cells['row']}, '{drawn['custom_id']}'"
        return "custom_id", problem, "restore the id; sort whole rows, and keep ids as text"
    return None


def _is_name(text: str) -> bool:
    """Returns whether a cell can be part of a path: it must not lead elsewhere."""
    is_short = len(text.encode()) <= _LONGEST_NAME
    return is_short and not set(text) & set("/\\*?[\0") and text.strip(".") != ""

"""Reads to which categories candidates belong: from a file of the deployer's, into memory only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import polars as pl

from aris_pipeline.errors import ConfigError, InputError
from aris_pipeline.labels import read_rows

_ID = "custom_id"
_MOST_CATEGORIES = 30
_FEW = 4
_EXAMPLES = 5
_UNKNOWN = {
    *("", "-", "?", "unknown", "missing", "n/a", "na", "nan", "null", "none"),
    *("not specified", "not disclosed", "undisclosed", "not known", "not stated"),
    *("prefer not to answer", "rather not say"),
    *("prefer not to say", "decline to state", "declined to state", "declined to answer"),
}

Dimension = tuple[str, ...]


@dataclass(frozen=True)
class Demographics:
    """The categories of candidates.

    Attributes:
        file: the name of the file.
        rows: `custom_id` and a column a dimension; null is not known.
        strangers: rows of the file that name none of the candidates.
    """

    file: str
    rows: pl.DataFrame
    strangers: int

    def dimensions(self, asked: Sequence[str]) -> list[Dimension]:
        """Returns the columns to compare by: those asked for, or each one and each pair.

        Args:
            asked: columns, with commas between those whose combinations are the categories.

        Raises:
            ConfigError: the file has no such column.
        """
        columns = self.rows.columns[1:]
        found = [
            tuple(dict.fromkeys(part.strip().lower() for part in one.split(","))) for one in asked
        ]
        strange = [part for one in found for part in one if part not in columns]
        if strange:
            raise ConfigError(
                f"--by {strange[0]}: {self.file} has no such column; it has {', '.join(columns)}"
            )
        return found or [*((name,) for name in columns), *combinations(columns, 2)]

    def categories(self, dimension: Dimension) -> pl.Series:
        """Returns the category of each row in a dimension; null if a part of it is not known.

        Raises:
            InputError: a column has so many values that they are no categories.
        """
        for name in dimension:
            values = self.rows[name].drop_nulls()
            kinds = values.n_unique()
            if kinds > _MOST_CATEGORIES or kinds == values.len() > _FEW:
                raise InputError(
                    f"{self.file}, column {name}: {kinds:,} different values of {values.len():,} "
                    "candidates are no categories: give groups, such as ages of 40 and over, "
                    "or name the columns to compare by with --by"
                )
        # A category with a comma is quoted, so that no two combinations look the same.
        plain = (pl.col(name).str.contains(",", literal=True) for name in dimension)
        parts = [
            pl.when(has_comma).then(pl.format('"{}"', name)).otherwise(pl.col(name))
            for name, has_comma in zip(dimension, plain, strict=True)
        ]
        chosen = parts if len(dimension) > 1 else dimension
        return self.rows.select(pl.concat_str(chosen, separator=", ")).to_series()


def read_demographics(file: Path, ids: pl.Series) -> Demographics:
    """Reads a CSV file of categories and joins it to candidates; nothing of it is written.

    Capitals and a full stop at the end make no other category. Empty cells and words such as
    unknown or "prefer not to say" are not known, and so are the categories of candidates whom the
    file does not name.

    Args:
        file: with the column custom_id and one a dimension, such as sex; with commas, semicolons or
            tabs.
        ids: of the candidates, in the order of the rows to return.

    Raises:
        InputError: the file cannot be read as such a table, names a candidate twice, or none.
    """
    remedy = "name the column of the candidates' ids so, and give each dimension a column"
    lines = list(read_rows(file, (_ID,), remedy))
    names = dict.fromkeys(name for _, row in lines for name in row)
    columns = [name for name in names if name not in ("", _ID)]
    if not columns:
        raise InputError(
            f"{file.name} has no categories: give it a row a candidate, and a column such as sex"
        )
    for number, row in lines:
        for name, cell in row.items():
            if name != _ID and "\n" in cell:
                raise InputError(
                    f"{file.name}, row {number}, column {name}: a category has a line break: is a "
                    "quotation mark missing before it?"
                )
    known = _spellings(ids)
    seen: dict[str, int] = {}
    given: dict[str, dict[str, str]] = {}
    twice, strangers = [], 0
    for number, row in lines:
        cell = row[_ID].strip()
        who = known.get(cell) or known.get(cell.removeprefix("'"))
        if who is None:
            strangers += 1
        elif who in given:
            twice.append(f"'{who}' in rows {seen[who]} and {number}")
        else:
            seen[who], given[who] = number, row
    if twice:
        more = f" and {len(twice) - _EXAMPLES:,} more" if len(twice) > _EXAMPLES else ""
        raise InputError(
            f"{file.name} has candidates twice: {'; '.join(twice[:_EXAMPLES])}{more}: keep one row "
            "of each"
        )
    if not given:
        raise InputError(
            f"none of the {strangers:,} ids of {file.name} is a custom_id of this batch: "
            f"check the column {_ID}; the batch has ids such as '{ids[0]}'"
        )
    rows = [given.get(who, {}) for who in ids]
    spelled = {name: _spelling([row.get(name, "") for row in rows]) for name in columns}
    return Demographics(file.name, pl.DataFrame({_ID: ids, **spelled}, strict=False), strangers)


def _spellings(ids: Iterable[str]) -> dict[str, str]:
    """Returns ids by what a spreadsheet may have made of them: without blanks, or an apostrophe.

    Another id with that very spelling is meant by it.
    """
    exact = {one.strip(): one for one in ids}
    return {one.removeprefix("'"): exact[one] for one in exact} | exact


def _spelling(cells: Sequence[str]) -> pl.Series:
    """Returns one spelling of each category, the first; null for what is not known."""
    first: dict[str, str] = {}
    found: list[str | None] = []
    for cell in cells:
        value = " ".join(cell.split())
        key = value.casefold().strip(" .!")
        found.append(None if key in _UNKNOWN else first.setdefault(key, value))
    return pl.Series(found, dtype=pl.String)

"""A judged batch whose candidates people label."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.labels import (
    Design,
    Imported,
    Population,
    draw_sample,
    import_labels,
    read_population,
    sheet_rows,
    write_sheet,
)
from aris_pipeline.storage import Batch, DataStore, Judge, Prompts, Shard, write_bytes
from aris_pipeline_tests.tables import WITH_EVIDENCE, make_batch, write_table, write_verdicts

JUDGE = Judge("aris-swe-v2", "small")
SCALE = WITH_EVIDENCE.recommendations
PROFILE = "Judge this candidate.\n<profile>\nT Title: {}\n</profile>"


@dataclass(frozen=True)
class Labeled:
    """A judged batch, and what one does to label it."""

    store: DataStore
    batch: Batch
    folder: Path
    judge: Judge = JUDGE

    @property
    def population(self) -> Population:
        return read_population(self.store, self.judge, self.batch)

    def sheet(self, design: Design, number: int = 1) -> pl.DataFrame:
        population = self.population
        sample = draw_sample(self.store, population, design)
        return sheet_rows(self.store, population, sample, number)

    def file(self, rows: pl.DataFrame, name: str = "sheet.csv") -> Path:
        write_sheet(rows, self.folder / name)
        return self.folder / name

    def label(
        self, design: Design, says: Callable[[str], str], by: str = "Ada", sheet: int = 1
    ) -> Imported:
        """Labels the recommendation of each row of a sheet by its custom_id, and imports it."""
        rows = self.sheet(design, sheet)
        said = [says(who) for who in rows["custom_id"]]
        filled = rows.with_columns(recommendation=pl.Series(said, dtype=pl.String))
        return import_labels(self.store, self.file(filled), by)


Judging = Callable[..., Labeled]


@pytest.fixture
def judged(store: DataStore, tmp_path: Path) -> Judging:
    """Judges candidates c0, c1, ...; scores fall from 4 to 0, or are given.

    Batches of the same `people` have the same profiles.
    """

    def write(
        count: int = 0,
        *,
        scores: Sequence[float] = (),
        judge: Judge = JUDGE,
        titles: Sequence[str] = (),
        people: str = "k",
        **batch: Any,
    ) -> Labeled:
        given = list(scores) or [4 - 4 * n / max(count - 1, 1) for n in range(count)]
        landed = make_batch(len(given), **batch)
        write_bytes(landed.model_dump_json().encode(), store.batch_file(landed.name))
        texts = [*titles, *["Engineer"] * (len(given) - len(titles))]
        prompts = [
            {"messages": json.dumps([{"role": "user", "content": PROFILE.format(text)}])}
            for text in texts
        ]
        (shard,) = Shard.all_of(landed)
        write_table(store.prompts(judge, shard), Prompts, *prompts)
        keys = [f"{people}{number}" for number in range(len(given))]
        verdicts = [
            {**verdict_of(score), "request_key": key}
            for key, score in zip(keys, given, strict=True)
        ]
        write_verdicts(store, judge, landed, WITH_EVIDENCE, *verdicts)
        return Labeled(store, landed, tmp_path, judge)

    return write


def verdict_of(score: float) -> dict[str, Any]:
    likeliest = SCALE[4 - round(score)]
    chances = dict.fromkeys(WITH_EVIDENCE.probability_columns, 0.0)
    yes = min(max((score - 0.5) / 3, 0.01), 0.99)
    chances |= {"p_yes": yes, "p_no": 1 - yes}
    return {
        "recommendation": likeliest,
        "score_recommendation": likeliest,
        "score": score,
        **chances,
    }

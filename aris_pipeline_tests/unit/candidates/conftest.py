"""A data directory for each test, and short ways to land text and to look at what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.candidates import LandingOptions, ShardCounts, land_file, validate_shard
from aris_pipeline.storage import LANDING_SHARD, Batch, DataStore, Shard

DAY = date(2026, 11, 21)


@dataclass(frozen=True)
class Desk:
    """Lands files into one data directory and reads its tables back."""

    store: DataStore
    files: Path

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.files / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def land(self, name: str, content: str | bytes, **options: Any) -> Batch:
        return land_file(self.store, self.file(name, content), LandingOptions(**options), on=DAY)

    def validate(self, batch: Batch) -> list[ShardCounts]:
        return [validate_shard(self.store, shard) for shard in self.shards(batch)]

    def shards(self, batch: Batch) -> list[Shard]:
        return [Shard.numbered(batch.name, index) for index in range(len(batch.shard_rows))]

    def landed(self, batch: Batch) -> list[dict[str, Any]]:
        return self._rows([self.store.landed(shard) for shard in self.shards(batch)])

    def candidates(self, batch: Batch) -> list[dict[str, Any]]:
        return self._rows([self.store.raw_candidates(shard) for shard in self.shards(batch)])

    def landing_quarantine(self, batch: Batch) -> list[dict[str, Any]]:
        directory = self.store.quarantine(Shard(batch.name, LANDING_SHARD)).parent
        return self._rows(sorted(directory.glob("*.parquet")))

    def quarantine(self, batch: Batch) -> list[dict[str, Any]]:
        return self._rows([self.store.quarantine(shard) for shard in self.shards(batch)])

    def ids(self, batch: Batch) -> list[str]:
        return [row["custom_id"] for row in self.landed(batch)]

    def rules(self, batch: Batch) -> list[tuple[int, str]]:
        return [(row["line"], row["rule"]) for row in self.landing_quarantine(batch)]

    @staticmethod
    def _rows(files: list[Path]) -> list[dict[str, Any]]:
        return [row for file in files for row in pl.read_parquet(file).to_dicts()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


@pytest.fixture
def new_desk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Desk]:
    return lambda: make_desk(tmp_path_factory.mktemp("desk"))


def make_desk(directory: Path) -> Desk:
    files = directory / "files"
    files.mkdir()
    return Desk(DataStore(directory / "data"), files)

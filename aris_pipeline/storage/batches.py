"""The manifest of a landed batch: its identity, its source, its shards and its row counts."""

from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, ValidationError

from aris_pipeline.errors import DamagedDataError

SourceFormat = Literal["aris", "jsonl", "csv", "parquet", "openai"]


class Batch(BaseModel, frozen=True):
    """What landing found in a file. Written last, so a batch that has one is whole."""

    name: str
    digest: str = Field(description="sha256 of the file's content and of the landing options")
    source_file: str = Field(description="name of the landed file, without its directory")
    format: SourceFormat
    shard_rows: list[int] = Field(description="landed rows of each shard, in order")
    quarantined: int = Field(description="rows that landing could not read")
    requested_models: list[str] = Field(
        default_factory=list, description="distinct body.model of an OpenAI file, sorted"
    )
    landed_at: datetime

    @property
    def rows_in(self) -> int:
        """All rows of the file: landed and quarantined."""
        return sum(self.shard_rows) + self.quarantined

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a manifest; `DamagedDataError` where it is not one."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise DamagedDataError(
                f"{path} is not a batch manifest: delete it and land its file again"
            ) from error

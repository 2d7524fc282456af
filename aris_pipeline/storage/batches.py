"""Defines the manifest of a landed batch: its identity, source, shards and row counts."""

import hashlib
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field, computed_field

from aris_pipeline.errors import DamagedDataError
from aris_pipeline.storage.field_use import FieldUse


class Batch(BaseModel, frozen=True):
    """The manifest of a batch. Landing writes it last, so a batch that has one is whole."""

    name: str
    digest: str = Field(description="sha256 of the file's content and of the landing options")
    source_file: str = Field(description="name of the landed file, without its directory")
    format: str = Field(description="name of the format that the file was read as")
    shard_rows: list[int] = Field(
        description="landed rows of each shard, in order, erased ones included"
    )
    quarantined: int = Field(description="rows that landing could not read, erased ones included")
    erased: dict[str, int] = Field(
        default_factory=dict,
        description="of these rows, by shard or `landing`, those of people who were erased",
    )
    digests_after_erasure: list[str] = Field(
        default_factory=list, description="digests of the landed file without erased people"
    )
    requested_models: list[str] = Field(
        default_factory=list, description="distinct body.model of an OpenAI file, sorted"
    )
    warnings: list[str] = Field(
        default_factory=list, description="what landing read in spite of doubts"
    )
    fields: FieldUse | None = Field(
        default=None,
        description="which fields the first records have, and how much of their text is not judged",
    )
    landed_at: datetime
    exported_on: date | None = Field(
        default=None, description="day of the export, if the file names it"
    )

    @property
    def as_of(self) -> date:
        """Returns the day that the candidates' present is: of the export, else of landing."""
        return self.exported_on or self.landed_at.date()

    @computed_field  # type: ignore[prop-decorator] # of pydantic, on a property
    @property
    def checksum(self) -> str:
        """Returns the digest of all fields, because a digit may flip into another digit."""
        return _checksum(self.model_dump(mode="json", exclude={"checksum"}))

    @property
    def rows_in(self) -> int:
        """Returns all rows of the file: landed, quarantined and erased."""
        return sum(self.shard_rows) + self.quarantined

    @property
    def rows_erased(self) -> int:
        """Returns the rows of people who were erased."""
        return sum(self.erased.values())

    def is_of(self, digest: str) -> bool:
        """Returns whether a file with this digest is the one that was landed."""
        return digest in (self.digest, *self.digests_after_erasure)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a manifest.

        Raises:
            DamagedDataError: the manifest is not what was written.
        """
        try:
            fields = json.loads(path.read_bytes())
            batch = cls.model_validate(fields)
            written = fields.pop("checksum", None)
            if written not in (None, _checksum(fields)):
                raise ValueError("its checksum does not fit")
        except (OSError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise DamagedDataError(
                f"{path} is no whole manifest of a batch ({reason}): "
                "land its file again, by `aris run` or the job `land`"
            ) from error
        return batch


def _checksum(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()

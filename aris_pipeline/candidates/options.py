"""How a file is landed: the one configuration of this room."""

from pydantic import BaseModel, Field, PositiveInt

from aris_pipeline.storage.batches import SourceFormat


class LandingOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of one landing; those that change its rows are part of the batch's identity."""

    format: SourceFormat | None = Field(
        default=None, description="format of the file; detected from its name and first lines"
    )
    shard_size: PositiveInt = Field(default=5000, description="rows of a shard")
    limit: PositiveInt | None = Field(
        default=None, description="land only the first records, readable or not"
    )
    text_column: str | None = Field(
        default=None, description="column or field of the free text; known by its name"
    )
    id_column: str | None = Field(
        default=None, description="column or field of the id; known by its name"
    )
    max_row_bytes: PositiveInt = Field(
        default=1024 * 1024, description="a larger record is quarantined as over_size"
    )
    max_unpacked_bytes: PositiveInt = Field(
        default=16 * 1024**3, description="a packed file that unpacks to more is refused"
    )

"""Configures how a file is landed; the only configuration of this room."""

import codecs
import io
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, PositiveInt

from aris_pipeline.candidates.column_map import ColumnMap
from aris_pipeline.errors import ConfigError

UTF_8 = "utf-8"
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "cp950",
    "iso8859-1": "cp1252",
    "ascii": UTF_8,
    "utf-8-sig": UTF_8,
}
"""Encodings whose names are also used for larger encodings, and these larger ones."""


def known_encoding(name: str) -> str:
    """Returns Python's name of a text encoding; `ConfigError` if there is none."""
    try:
        found = codecs.lookup(name.strip()).name
        io.TextIOWrapper(io.BytesIO(), encoding=found)  # refuses codecs not for text
    except (LookupError, UnicodeError, ValueError) as error:
        raise ConfigError(
            f"'{name}' is not the name of an encoding; known are such as utf-16, gb18030, "
            "shift_jis, euc_kr, big5, windows-1251, koi8-r or iso-8859-2"
        ) from error
    return _WIDER.get(found, found)


class LandingOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of one landing; those that change its rows are part of the batch's identity."""

    format: str | None = Field(
        default=None,
        description="format of the file; detected from its name and first lines",
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
    columns: ColumnMap | None = Field(
        default=None, description="fields of a profile by the columns or fields of the file"
    )
    encoding: Annotated[str, AfterValidator(known_encoding)] | None = Field(
        default=None, description="encoding of a text file; UTF-8 by default, others are refused"
    )
    max_row_bytes: PositiveInt = Field(
        default=1024 * 1024, description="a larger record is quarantined as over_size"
    )
    max_unpacked_bytes: PositiveInt = Field(
        default=16 * 1024**3, description="a packed file that unpacks to more is refused"
    )

    @property
    def id_field(self) -> str | None:
        """Returns the column or field that holds the id, if one is named."""
        return self.id_column or (self.columns.id if self.columns else None)

    @property
    def mapping(self) -> ColumnMap | None:
        """Returns all named columns and fields; the one of the text comes first."""
        if self.text_column is None:
            return self.columns
        named = self.columns or ColumnMap()
        texts = dict.fromkeys((self.text_column, *named.resume_text))
        return named.model_copy(update={"resume_text": tuple(texts)})

    def named_paths(self) -> Iterator[tuple[str, str]]:
        """Yields each column or field that is named, and the option that names it."""
        if self.text_column is not None:
            yield self.text_column, "--text-column"
        if self.id_column is not None:
            yield self.id_column, "--id-column"
        for path, name in self.columns.paths() if self.columns else ():
            yield path, f"--columns, {name}"

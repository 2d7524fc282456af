"""Defines a file format: how its files are recognized, read, validated and written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aris_pipeline.candidates.candidate_rows import RowValidator
from aris_pipeline.candidates.field_counts import FieldCounter
from aris_pipeline.candidates.landing_options import LandingOptions
from aris_pipeline.candidates.records import Reader
from aris_pipeline.candidates.synthetic_careers import SyntheticCandidate


@dataclass(frozen=True, kw_only=True)
class Format:
    """A file format. Its module defines it, and `formats` lists it.

    Attributes:
        name: its name for `--format`, and in the manifest of a batch.
        title: what a file of it is, for messages.
        endings: the endings of its files, the usual one first.
        remedy: what to do if no record of a file can be used.
        reader: opens a file; `InputError` if it cannot be one of this format.
        validator: returns what turns a landed record into columns.
        write: writes synthetic candidates; their number is known beforehand.
        is_table: whether all records have the same fields, which the file names before them.
        has_profiles: whether its records are candidates, not requests that are asked as they are.
        is_text: whether a file is text, in some encoding, packed or not.
        claims: whether a file is of this format and not of another one with the same ending.
        mistaken_for: names the other format that the first lines of a text plainly have.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    remedy: str
    reader: Callable[[Path, LandingOptions], Reader]
    validator: Callable[[Mapping[str, str], FieldCounter], RowValidator]
    write: Callable[[Iterator[SyntheticCandidate], int, Path], None]
    is_table: bool = False
    has_profiles: bool = True
    is_text: bool = True
    claims: Callable[[Path, LandingOptions], bool] | None = None
    mistaken_for: Callable[[Sequence[str]], str | None] = lambda _: None

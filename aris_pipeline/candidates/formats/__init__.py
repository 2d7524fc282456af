"""The formats of candidate files. A new format is a module here and a line in `FORMATS`."""

from pathlib import Path

from aris_pipeline.candidates.encodings import check_encoding
from aris_pipeline.candidates.formats import aris, csv, jsonl, openai, parquet
from aris_pipeline.candidates.formats.first_lines import first_lines
from aris_pipeline.candidates.formats.foreign_kinds import HEAD_BYTES, foreign_kind
from aris_pipeline.candidates.formats.format import Format
from aris_pipeline.candidates.landing_options import LandingOptions
from aris_pipeline.candidates.records import Reader
from aris_pipeline.candidates.sources import PACKINGS, open_source, plain_name
from aris_pipeline.candidates.text_source import open_text
from aris_pipeline.errors import ConfigError, InputError

FORMATS = {
    one.name: one for one in (aris.FORMAT, jsonl.FORMAT, openai.FORMAT, csv.FORMAT, parquet.FORMAT)
}
"""All formats by name."""


def find_format(name: str) -> Format:
    """Returns a format by its name; `ConfigError` if there is none of this name."""
    if name not in FORMATS:
        raise ConfigError(f"the format '{name}' is not known; known: {', '.join(FORMATS)}")
    return FORMATS[name]


def detect_format(file: Path, options: LandingOptions) -> Format:
    """Returns the format of a file; `InputError` if its name does not show the format."""
    ending = plain_name(file).suffix
    possible = [one for one in FORMATS.values() if ending.lower() in one.endings]
    for one in sorted(possible, key=lambda one: one.claims is None):
        if one.claims is None or one.claims(file, options):
            return one
    _check_kind(file, options)
    endings = dict.fromkeys(ending for one in FORMATS.values() for ending in one.endings)
    raise InputError(
        f"{file}: the format of a '{ending}' file is not known; expected one of "
        f"{', '.join(endings)}, packed or not ({', '.join(PACKINGS)}), "
        "or name it with --format"
    )


def open_reader(file: Path, file_format: Format, options: LandingOptions) -> Reader:
    """Returns the reader of a file; `InputError` if the file cannot be of this format."""
    if file_format.is_text:
        _check_kind(file, options)
        check_encoding(file, options)
        _check_text(file, file_format, options)
    return file_format.reader(file, options)


def _check_kind(file: Path, options: LandingOptions) -> None:
    """Raises `InputError` for a file that is not text, whatever its name says."""
    with open_source(file, options.max_unpacked_bytes) as source:
        found = foreign_kind(file, source.read(HEAD_BYTES))
    if found is not None:
        raise InputError(f"{file} is {found}")


def _check_text(file: Path, file_format: Format, options: LandingOptions) -> None:
    """Raises `InputError` for a text that is clearly in another format."""
    with open_text(file, options) as source:
        lines = first_lines(source.read(HEAD_BYTES))
    found = file_format.mistaken_for(lines) if lines else None
    if found is None:
        return
    other = FORMATS[found]
    names = [one.name for one in FORMATS.values() if other.endings[0] in one.endings]
    raise InputError(
        f"{file} is not {file_format.title} but {other.title}: name it {other.endings[0]}, "
        f"or land it with --format {' or '.join(names)}"
    )

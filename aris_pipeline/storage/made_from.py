"""Notes in a file's footer what it was made from, so that a stage need not make it again.

A run that was killed near its end resumes in seconds, because the stages before the model find
their files exactly as they would write them.
"""

import hashlib
import json
from functools import cache
from importlib import resources
from pathlib import Path

from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.storage.parquet_files import read_metadata

MADE_FROM_KEY = "aris.made_from"


CODE_OF_CANDIDATES = ("candidates", "storage", "errors.py")
CODE_OF_PROMPTS = (*CODE_OF_CANDIDATES, "prompts", "models", "engines/protocol.py")
"""Rooms and modules of the package that decide what a table holds."""


def origin_of(code: tuple[str, ...], *determining: object) -> str:
    """Returns the digest of the code and the data that determine the content of a file.

    Args:
        code: rooms and modules of the package that decide the content.
        determining: everything besides the code that decides the content, as JSON values.
    """
    content = json.dumps([_source_digest(code), *determining], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()


def read_if_made_from(path: Path, origin: str) -> dict[str, str] | None:
    """Returns the footer of an intact file with this origin; None for any other file.

    Args:
        path: the file, which may be missing or damaged.
        origin: what its writer would put under `MADE_FROM_KEY` now.
    """
    try:
        footer = read_metadata(path, hint="")
    except (MissingDataError, DamagedDataError):
        return None
    return footer if footer.get(MADE_FROM_KEY) == origin else None


@cache
def _source_digest(code: tuple[str, ...]) -> str:
    found = hashlib.sha256()
    with resources.as_file(resources.files("aris_pipeline")) as root:
        for name in code:
            place = root / name
            for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
                found.update(file.read_bytes())
    return found.hexdigest()

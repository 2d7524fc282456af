"""What a file was made from, in its footer: a stage need not make again what is there.

A run that was killed near its end goes on in seconds, because the stages before the model find
their files as they would write them.
"""

import hashlib
import json
from functools import cache
from importlib import resources
from pathlib import Path

from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.storage.parquet import read_metadata

MADE_FROM_KEY = "aris.made_from"


def origin_of(*determining: object) -> str:
    """Returns the digest of what a file is made from: this code, and what determines the content.

    Args:
        determining: all that does besides the code, as JSON values.
    """
    content = json.dumps([_source_digest(), *determining], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()


def read_if_made_from(path: Path, origin: str) -> dict[str, str] | None:
    """Returns the footer of an intact file that was made from just that; None of any other.

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
def _source_digest() -> str:
    """Of the whole package: what a table holds is decided in many places, its schema among them."""
    found = hashlib.sha256()
    with resources.as_file(resources.files("aris_pipeline")) as root:
        for file in sorted(root.rglob("*.py")):
            found.update(file.read_bytes())
    return found.hexdigest()

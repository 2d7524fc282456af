"""Defines the identity and the name of a batch.

Identity is the digest: what the file contains and every option that changes the rows. The name is
for people, and part of directory names and partition keys, so it is kept to letters, digits, dots,
dashes and underscores.
"""

import hashlib
import json
import re
import unicodedata
from datetime import date
from pathlib import Path

from aris_pipeline.candidates.landing_options import LandingOptions
from aris_pipeline.candidates.sources import plain_name

_STEM_LENGTH = 80
_SHARD_SUFFIX = re.compile(r"_(?=s\d{3,}$)")


def batch_digest(file: Path, source_format: str, options: LandingOptions) -> str:
    """Returns the sha256 over the file's content and the options that change its rows."""
    with file.open("rb") as source:
        content = hashlib.file_digest(source, "sha256").hexdigest()
    identity = options.model_dump(exclude={"shard_size", "format", "max_unpacked_bytes"})
    for name in ("encoding", "columns"):
        if identity[name] is None:
            del identity[name]  # so that batches landed before these options keep their identity
    if options.columns is not None:
        identity["columns"] = options.columns.given()
    identity |= {"content": content, "format": source_format}
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def batch_name(file: Path, on: date, limit: int | None) -> str:
    """Returns `<date>_<stem>`, with `-first<N>` if only the first records are landed."""
    plain = unicodedata.normalize("NFKD", plain_name(file).stem).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    stem = re.sub(r"\.{2,}", ".", stem)[:_STEM_LENGTH].strip("-_.") or "batch"
    stem = _SHARD_SUFFIX.sub("-", stem)
    return f"{on:%Y-%m-%d}_{stem}" + (f"-first{limit}" if limit else "")

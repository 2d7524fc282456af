"""Candidate files in, validated candidates out: landing, formats, validation, synthetic data."""

from aris_pipeline.candidates.column_map import ColumnMap
from aris_pipeline.candidates.formats import FORMATS
from aris_pipeline.candidates.formats.request_body import (
    HONORED,
    InvalidParameterError,
    RequestBody,
    merged,
    parameter_of,
    read_body,
)
from aris_pipeline.candidates.landing import land_file, landed_as
from aris_pipeline.candidates.landing_lock import one_landing_at_a_time
from aris_pipeline.candidates.landing_options import LandingOptions, known_encoding
from aris_pipeline.candidates.removal import CandidateFile
from aris_pipeline.candidates.settling import has_settled
from aris_pipeline.candidates.synthetic import write_synthetic
from aris_pipeline.candidates.validation import (
    ShardCounts,
    fields_of_batch,
    read_counts,
    require_usable,
    validate_shard,
)

__all__ = [
    "FORMATS",
    "HONORED",
    "CandidateFile",
    "ColumnMap",
    "InvalidParameterError",
    "LandingOptions",
    "RequestBody",
    "ShardCounts",
    "fields_of_batch",
    "has_settled",
    "known_encoding",
    "land_file",
    "landed_as",
    "merged",
    "one_landing_at_a_time",
    "parameter_of",
    "read_body",
    "read_counts",
    "require_usable",
    "validate_shard",
    "write_synthetic",
]

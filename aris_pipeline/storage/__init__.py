"""Defines the places of outputs, the meaning of columns, and how whole files become visible."""

from aris_pipeline.storage.atomic import cannot_write, write_bytes
from aris_pipeline.storage.batches import Batch
from aris_pipeline.storage.benchmark_schemas import (
    BenchmarkAnswers,
    BenchmarkDecision,
    BenchmarkRuns,
    EngineTuning,
)
from aris_pipeline.storage.erased import HashedPeople, KeyedHashes, add_erased
from aris_pipeline.storage.field_use import FieldText, FieldUse
from aris_pipeline.storage.impact_schema import Impact
from aris_pipeline.storage.label_schemas import Decisions, LabelMetrics, Labels, LabelSamples
from aris_pipeline.storage.layout import LANDING_SHARD, DataStore, Judge, Shard
from aris_pipeline.storage.made_from import (
    CODE_OF_CANDIDATES,
    CODE_OF_PROMPTS,
    MADE_FROM_KEY,
    origin_of,
    read_if_made_from,
)
from aris_pipeline.storage.object_store import ObjectPath
from aris_pipeline.storage.parquet_files import (
    read_metadata,
    read_parquet,
    read_table,
    write_frame,
    write_parquet,
)
from aris_pipeline.storage.places import (
    Version,
    dagster_home,
    data_path,
    for_polars,
    local_dir,
    may_be_newer,
    remove_tree,
    url_of,
    version_of,
)
from aris_pipeline.storage.probe_schemas import BiasProbe, VerdictStability
from aris_pipeline.storage.process_lock import alone_on_batch
from aris_pipeline.storage.schemas import (
    Completions,
    Evaluations,
    Landed,
    Prompts,
    Quarantine,
    RawCandidates,
    Throughput,
    ThroughputReport,
)
from aris_pipeline.storage.verdict_log_schema import VerdictLog

__all__ = [
    "CODE_OF_CANDIDATES",
    "CODE_OF_PROMPTS",
    "LANDING_SHARD",
    "MADE_FROM_KEY",
    "Batch",
    "BenchmarkAnswers",
    "BenchmarkDecision",
    "BenchmarkRuns",
    "BiasProbe",
    "Completions",
    "DataStore",
    "Decisions",
    "EngineTuning",
    "Evaluations",
    "FieldText",
    "FieldUse",
    "HashedPeople",
    "Impact",
    "Judge",
    "KeyedHashes",
    "LabelMetrics",
    "LabelSamples",
    "Labels",
    "Landed",
    "ObjectPath",
    "Prompts",
    "Quarantine",
    "RawCandidates",
    "Shard",
    "Throughput",
    "ThroughputReport",
    "VerdictLog",
    "VerdictStability",
    "Version",
    "add_erased",
    "alone_on_batch",
    "cannot_write",
    "dagster_home",
    "data_path",
    "for_polars",
    "local_dir",
    "may_be_newer",
    "origin_of",
    "read_if_made_from",
    "read_metadata",
    "read_parquet",
    "read_table",
    "remove_tree",
    "url_of",
    "version_of",
    "write_bytes",
    "write_frame",
    "write_parquet",
]

"""Describes a model and its hardware: its card, its config, its shape, and whether it fits."""

from aris_pipeline.models.cards import (
    ModelCard,
    find_model,
    known_models,
    load_tokenizer,
)
from aris_pipeline.models.configs import model_config, read_config
from aris_pipeline.models.data_type import DataType
from aris_pipeline.models.devices import (
    GpuMemory,
    Telemetry,
    gpu_computes_fp8,
    gpu_count,
    gpu_driver,
    gpu_memory,
    gpu_name,
    hardware_name,
    host_name,
    package_versions,
    vllm_version,
)
from aris_pipeline.models.embedded import (
    EMBEDDED_REVISION,
    cache_dir,
    embedded_model_dir,
    is_prepared,
)
from aris_pipeline.models.hardware import Hardware, find_hardware, this_machine
from aris_pipeline.models.identity import EngineIdentity, EngineKind
from aris_pipeline.models.shape import ModelShape, kv_bytes_of, precision_of

__all__ = [
    "EMBEDDED_REVISION",
    "DataType",
    "EngineIdentity",
    "EngineKind",
    "GpuMemory",
    "Hardware",
    "ModelCard",
    "ModelShape",
    "Telemetry",
    "cache_dir",
    "embedded_model_dir",
    "find_hardware",
    "find_model",
    "gpu_computes_fp8",
    "gpu_count",
    "gpu_driver",
    "gpu_memory",
    "gpu_name",
    "hardware_name",
    "host_name",
    "is_prepared",
    "known_models",
    "kv_bytes_of",
    "load_tokenizer",
    "model_config",
    "package_versions",
    "precision_of",
    "read_config",
    "this_machine",
    "vllm_version",
]

"""Inference engines behind one small protocol, the model table, and the machine they run on."""

from aris_pipeline.engines.configs import model_config, read_config
from aris_pipeline.engines.data_type import DataType
from aris_pipeline.engines.embedded import cache_dir, embedded_model_dir
from aris_pipeline.engines.hardware import (
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
from aris_pipeline.engines.loading import Loading
from aris_pipeline.engines.models import (
    ModelCard,
    did_you_mean,
    find_model,
    known_models,
    load_tokenizer,
)
from aris_pipeline.engines.offline import VllmOffline, completion_of
from aris_pipeline.engines.opening import open_engine
from aris_pipeline.engines.protocol import (
    Completion,
    Engine,
    EngineIdentity,
    EngineInfo,
    Request,
    ResetsPrefixCache,
    Sampling,
    TokenCounts,
)
from aris_pipeline.engines.release import MemoryInUse, await_release
from aris_pipeline.engines.session import EngineLock, EngineSession
from aris_pipeline.engines.settings import EngineKind, EngineSettings
from aris_pipeline.engines.shape import ModelShape, Precision, kv_bytes_of, precision_of
from aris_pipeline.engines.vllm_arguments import as_flags, engine_args, server_environment

__all__ = [
    "Completion",
    "DataType",
    "Engine",
    "EngineIdentity",
    "EngineInfo",
    "EngineKind",
    "EngineLock",
    "EngineSession",
    "EngineSettings",
    "GpuMemory",
    "Loading",
    "MemoryInUse",
    "ModelCard",
    "ModelShape",
    "Precision",
    "Request",
    "ResetsPrefixCache",
    "Sampling",
    "Telemetry",
    "TokenCounts",
    "VllmOffline",
    "as_flags",
    "await_release",
    "cache_dir",
    "completion_of",
    "did_you_mean",
    "embedded_model_dir",
    "engine_args",
    "find_model",
    "gpu_computes_fp8",
    "gpu_count",
    "gpu_driver",
    "gpu_memory",
    "gpu_name",
    "hardware_name",
    "host_name",
    "known_models",
    "kv_bytes_of",
    "load_tokenizer",
    "model_config",
    "open_engine",
    "package_versions",
    "precision_of",
    "read_config",
    "server_environment",
    "vllm_version",
]

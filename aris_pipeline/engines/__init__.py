"""Inference engines behind one small protocol."""

from aris_pipeline.engines.loading import Loading
from aris_pipeline.engines.offline import VllmOffline, completion_of
from aris_pipeline.engines.opening import open_engine
from aris_pipeline.engines.protocol import (
    Completion,
    Engine,
    EngineInfo,
    Request,
    ResetsPrefixCache,
    Sampling,
    TokenCounts,
)
from aris_pipeline.engines.release import MemoryInUse, await_release
from aris_pipeline.engines.request_id import RequestId
from aris_pipeline.engines.session import EngineLock, EngineSession
from aris_pipeline.engines.settings import EngineSettings
from aris_pipeline.engines.vllm_arguments import as_flags, engine_args, server_environment

__all__ = [
    "Completion",
    "Engine",
    "EngineInfo",
    "EngineLock",
    "EngineSession",
    "EngineSettings",
    "Loading",
    "MemoryInUse",
    "Request",
    "RequestId",
    "ResetsPrefixCache",
    "Sampling",
    "TokenCounts",
    "VllmOffline",
    "as_flags",
    "await_release",
    "completion_of",
    "engine_args",
    "open_engine",
    "server_environment",
]

"""What an engine that does not fit into the memory should be set to, in figures."""

import math
import os
from dataclasses import dataclass

import psutil

from aris_pipeline.engines.settings import EngineSettings
from aris_pipeline.errors import ConfigError
from aris_pipeline.models.cards import ModelCard
from aris_pipeline.models.configs import model_config
from aris_pipeline.models.devices import GpuMemory, gpu_count, gpu_memory
from aris_pipeline.models.shape import ModelShape, kv_bytes_of, precision_of

_GIB = 1024**3
_WORKSPACE_GIB = 2.0
"""Activations and CUDA graphs beside weights and KV cache; seen with models of 4 to 14 billion."""
_CONTEXT_GIB = 1.0
"""What the engine's process itself takes before vLLM looks at the free memory; 0.6 GiB seen."""
_LARGEST_SHARE = 0.95
_SHORTEST_CONTEXT = 1024
_CONTEXT_STEP = 256


@dataclass(frozen=True)
class ModelMemory:
    """What a model needs.

    Attributes:
        weights_gib: of all GPUs together.
        kv_bytes_per_token: bytes of KV cache for one token of context.
    """

    weights_gib: float
    kv_bytes_per_token: int


def memory_advice(card: ModelCard, settings: EngineSettings, error: Exception) -> str:
    """Returns what to change where a model could not be loaded for want of memory.

    Args:
        card: the model.
        settings: with which it was tried.
        error: what vLLM said. On a GPU its processes tell the reason only in the log, so there the
            figures decide; on a CPU the error names the memory.

    Returns:
        A sentence to append to the error, with values that would fit; empty where memory is not
        the reason.
    """
    on_gpu = gpu_count() > 0
    wanted = settings.context(on_gpu=on_gpu, of_model=card.max_model_len)
    try:
        need = _model_memory(card, settings)
    except ConfigError:
        return ""
    if on_gpu:
        return gpu_advice(need, gpu_memory(), wanted, settings)
    if "memory" not in str(error).lower() and "kv cache" not in str(error).lower():
        return ""
    return cpu_advice(need, wanted, psutil.virtual_memory().available / _GIB)


def gpu_advice(
    need: ModelMemory, gpu: GpuMemory, wanted_context: int, settings: EngineSettings
) -> str:
    """Returns the settings with which a model fits into a GPU's free memory, if they are others."""
    asked = settings.gpu_memory_utilization
    usable = (gpu.free_gib - _CONTEXT_GIB) / gpu.total_gib
    share = min(math.floor(usable * 100) / 100, _LARGEST_SHARE)

    def context_at(utilization: float) -> int:
        memory = utilization * gpu.total_gib * settings.tensor_parallel_size
        room = (memory - need.weights_gib - _WORKSPACE_GIB) * _GIB
        return int(room / need.kv_bytes_per_token) // _CONTEXT_STEP * _CONTEXT_STEP

    if asked <= share and context_at(asked) >= wanted_context:
        return ""
    holders = f" ({', '.join(gpu.holders)})" if gpu.holders else ""
    found = (
        f". The GPU has {gpu.free_gib:.1f} of {gpu.total_gib:.1f} GiB free{holders}; the weights "
        f"take {need.weights_gib:.1f} GiB"
    )
    context = min(context_at(share), wanted_context)
    if context < _SHORTEST_CONTEXT:
        return (
            f"{found}: no setting makes that fit. Choose a smaller or quantized model, free the "
            "GPU, or spread it with --tensor-parallel-size"
        )
    return (
        f"{found}. This would fit: --gpu-memory-utilization {share:.2f} --max-model-len {context}"
    )


def cpu_advice(need: ModelMemory, wanted_context: int, available_gib: float) -> str:
    """Returns the settings with which a model fits into the host's memory."""
    space_gib = int(os.environ.get("VLLM_CPU_KVCACHE_SPACE", "2"))
    needed_gib = math.ceil(wanted_context * need.kv_bytes_per_token / _GIB)
    context = int(space_gib * _GIB / need.kv_bytes_per_token) // _CONTEXT_STEP * _CONTEXT_STEP
    fitting_gib = int(available_gib - need.weights_gib - _WORKSPACE_GIB)
    if fitting_gib < 1:
        return (
            f". The host has {available_gib:.1f} GiB free and the weights take "
            f"{need.weights_gib:.1f} GiB: no setting makes that fit, choose a smaller model"
        )
    space = min(max(needed_gib, 1), fitting_gib)
    return (
        f". This would fit: VLLM_CPU_KVCACHE_SPACE={space} (GiB; now {space_gib}, "
        f"{available_gib:.1f} GiB free), or --max-model-len {min(context, wanted_context)}"
    )


def _model_memory(card: ModelCard, settings: EngineSettings) -> ModelMemory:
    config, _ = model_config(card)
    shape = ModelShape.of(config)
    dtype = card.data_type().name
    weights = shape.weight_bytes(precision_of(config, dtype, card.quantization))
    kv_bytes = kv_bytes_of(settings.kv_cache_dtype, dtype)
    return ModelMemory(weights / _GIB, shape.kv_bytes_per_token(kv_bytes))

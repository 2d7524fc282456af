"""Advises on settings, in figures, for an engine that does not fit into the memory."""

import math
import os
from dataclasses import replace

import psutil

from aris_pipeline.engines.settings import EngineSettings
from aris_pipeline.errors import ConfigError
from aris_pipeline.models import (
    GpuMemory,
    ModelCard,
    gpu_count,
    gpu_memory,
    model_config,
    this_machine,
)
from aris_pipeline.models.fit import Load

_GIB = 1024**3
_CONTEXT_GIB = 1.0
"""Memory that the engine's process takes before vLLM looks at the free memory; 0.6 GiB seen."""
_LARGEST_SHARE = 0.95
_SHORTEST_CONTEXT = 1024
_CONTEXT_STEP = 256


def memory_advice(card: ModelCard, settings: EngineSettings, error: Exception) -> str:
    """Returns what to change if a model could not be loaded because memory is too small.

    Args:
        card: the model.
        settings: the settings of the failed load.
        error: what vLLM said. On a GPU its processes write the reason only to the log, so there the
            figures decide; on a CPU the error names the memory.

    Returns:
        A sentence to append to the error, with values that fit; empty if memory is not the reason.
    """
    try:
        load = _load(card, settings)
    except ConfigError:
        return ""
    if load.hardware.on_gpu and settings.engines_per_gpu > 1:
        return _advice_to_share_less(load, settings.engines_per_gpu)
    if load.hardware.on_gpu:
        return gpu_advice(load, gpu_memory())
    if "memory" not in str(error).lower() and "kv cache" not in str(error).lower():
        return ""
    return cpu_advice(load, psutil.virtual_memory().available / _GIB)


def _advice_to_share_less(load: Load, engines: int) -> str:
    each = replace(load, utilization=load.utilization / engines)
    if _longest_context(each) >= load.context:
        return ""
    return (
        f". Each of {engines} engines has {each.utilization:.0%} of the GPU's memory, and the "
        f"weights take {load.weights_gib:.1f} GiB: leave --engines-per-gpu out"
    )


def gpu_advice(load: Load, gpu: GpuMemory) -> str:
    """Returns settings with which a model fits into a GPU's free memory, if they differ."""
    usable = (gpu.free_gib - _CONTEXT_GIB) / gpu.total_gib
    share = min(math.floor(usable * 100) / 100, _LARGEST_SHARE)
    whole = replace(load, hardware=replace(load.hardware, memory_gib=gpu.total_gib))
    if load.utilization <= share and _longest_context(whole) >= load.context:
        return ""
    holders = f" ({', '.join(gpu.holders)})" if gpu.holders else ""
    found = (
        f". The GPU has {gpu.free_gib:.1f} of {gpu.total_gib:.1f} GiB free{holders}; the weights "
        f"take {load.weights_gib:.1f} GiB"
    )
    context = min(_longest_context(replace(whole, utilization=share)), load.context)
    if context < _SHORTEST_CONTEXT:
        return (
            f"{found}: no setting makes that fit. Choose a smaller or quantized model, free the "
            "GPU, or spread it with --tensor-parallel-size"
        )
    return (
        f"{found}. This would fit: --gpu-memory-utilization {share:.2f} --max-model-len {context}"
    )


def cpu_advice(load: Load, available_gib: float) -> str:
    """Returns the settings with which a model fits into the host's memory."""
    space_gib = int(os.environ.get("VLLM_CPU_KVCACHE_SPACE", "2"))
    needed_gib = math.ceil(load.context * load.kv_bytes_per_token / _GIB)
    context = int(space_gib * _GIB / load.kv_bytes_per_token) // _CONTEXT_STEP * _CONTEXT_STEP
    fitting_gib = int(available_gib - load.weights_gib - load.overhead_gib.expected)
    if fitting_gib < 1:
        return (
            f". The host has {available_gib:.1f} GiB free and the weights take "
            f"{load.weights_gib:.1f} GiB: no setting makes that fit, choose a smaller model"
        )
    space = min(max(needed_gib, 1), fitting_gib)
    return (
        f". This would fit: VLLM_CPU_KVCACHE_SPACE={space} (GiB; now {space_gib}, "
        f"{available_gib:.1f} GiB free), or --max-model-len {min(context, load.context)}"
    )


def _longest_context(load: Load) -> int:
    """Returns the longest context whose one sequence fits beside weights and overhead."""
    room = load.kv_gib(load.overhead_gib.expected) * _GIB
    return int(room / load.kv_bytes_per_token) // _CONTEXT_STEP * _CONTEXT_STEP


def _load(card: ModelCard, settings: EngineSettings) -> Load:
    on_gpu = gpu_count() > 0
    return Load.of(
        model_config(card)[0],
        this_machine(),
        dtype=card.data_type().name,
        quantization=card.quantization,
        kv_cache_dtype=settings.kv_cache_dtype,
        engine_args=card.engine_args,
        context=settings.context(on_gpu=on_gpu, of_model=card.max_model_len),
        utilization=settings.gpu_memory_utilization,
        tensor_parallel=settings.tensor_parallel_size,
    )

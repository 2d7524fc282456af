"""What an engine that does not fit into the memory should be set to, in figures."""

import importlib.util
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from aris_pipeline.engines.hardware import GpuMemory, gpu_count, gpu_memory
from aris_pipeline.engines.models import ModelCard
from aris_pipeline.engines.settings import EngineSettings

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_GIB = 1024**3
_WORKSPACE_GIB = 2.0
"""Activations and CUDA graphs beside weights and KV cache; seen with models of 4 to 14 billion."""
_CONTEXT_GIB = 1.0
"""What the engine's process itself takes before vLLM looks at the free memory; 0.6 GiB seen."""
_LARGEST_SHARE = 0.95
_SHORTEST_CONTEXT = 1024
_CONTEXT_STEP = 256
_KV_BYTES = {"auto": 2, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class ModelMemory:
    """What a model needs.

    Attributes:
        weights_gib: size of its weight files.
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
    wanted = settings.context(on_gpu=on_gpu)
    try:
        need = _model_memory(card, settings)
    except (OSError, ValueError, AttributeError):
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
            f"{found}: no setting makes that fit. Choose a smaller or quantised model, free the "
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
    from transformers import AutoConfig  # noqa: PLC0415 - comes with vllm, an extra

    checkpoint = card.checkpoint()
    directory = Path(checkpoint)
    revision = None if directory.is_dir() else card.revision
    config = AutoConfig.from_pretrained(checkpoint, revision=revision).get_text_config()
    files = _weight_files(card, directory)
    return ModelMemory(
        weights_gib=sum(file.stat().st_size for file in files) / _GIB,
        kv_bytes_per_token=_kv_bytes_per_token(config, settings.kv_cache_dtype),
    )


def _weight_files(card: ModelCard, directory: Path) -> list[Path]:
    if not directory.is_dir():
        if importlib.util.find_spec("huggingface_hub") is None:
            return []
        from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - comes with vllm

        config = try_to_load_from_cache(card.model_id, "config.json", revision=card.revision)
        directory = Path(config).parent if isinstance(config, str) else directory
    return sorted(directory.glob("*.safetensors"))


def _kv_bytes_per_token(config: "PretrainedConfig", kv_cache_dtype: str) -> int:
    """Keys and values of all layers: 2 x layers x kv heads x head size x bytes of the type."""
    text: Any = config
    heads = text.num_attention_heads
    kv_heads = getattr(text, "num_key_value_heads", None) or heads
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // heads
    size = _KV_BYTES.get(kv_cache_dtype, 1)
    return int(2 * text.num_hidden_layers * kv_heads * head_dim * size)

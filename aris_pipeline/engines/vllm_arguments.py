"""Decides how vLLM is started, in this process or as a server, and what a request passes on."""

import contextlib
import dataclasses
import importlib.util
import json
import logging
import os
import warnings
from typing import Any

from aris_pipeline.engines.lifetime import PARENT_VARIABLE
from aris_pipeline.engines.protocol import Sampling
from aris_pipeline.engines.settings import EngineSettings
from aris_pipeline.errors import ConfigError, EngineError
from aris_pipeline.models.cards import ModelCard, did_you_mean
from aris_pipeline.models.configs import model_config
from aris_pipeline.models.hardware import CPU_STEP_TOKENS
from aris_pipeline.models.shape import ModelShape, text_config
from aris_pipeline.models.threads import short_waits

_ATTENTION = {"full_attention", "sliding_attention"}


def further_parameters(sampling: Sampling) -> dict[str, Any]:
    """Returns a row's further parameters as vLLM's `SamplingParams` has them."""
    further = dict(sampling.further)
    if bias := further.get("logit_bias"):
        further["logit_bias"] = {int(token): value for token, value in bias.items()}
    return further


def prepare_environment(settings: EngineSettings, *, on_gpu: bool) -> None:
    """Sets the variables that vLLM reads at import; the user's own values win."""
    if not on_gpu:
        # With one process nothing can be left behind, and Dagster's executors exit cleanly.
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    apart = on_gpu or os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] == "1"
    if settings.engines_per_gpu > 1 and not (apart and is_apart()):
        raise EngineError(
            "several engines share a GPU, each in a process of its own, and here is none: leave "
            "--engines-per-gpu and ARIS_ENGINES_PER_GPU out"
        )
    os.environ.update(_with_defaults(settings, on_gpu=on_gpu, apart=apart))
    # A user cannot repair vLLM's own use of names that torch will drop.
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"vllm\.")


def server_environment(settings: EngineSettings, *, on_gpu: bool) -> dict[str, str]:
    """Returns the environment of our server, whose engine is a separate process."""
    environment = _with_defaults(settings, on_gpu=on_gpu, apart=True)
    # An earlier engine in this process may have left its choice behind.
    environment.pop("VLLM_ENABLE_V1_MULTIPROCESSING", None)
    return environment


def is_apart() -> bool:
    """Returns whether the engine of this process works in a separate process."""
    return os.environ.get("VLLM_ENABLE_V1_MULTIPROCESSING") != "0"


def log_errors_alone() -> None:
    """Makes vLLM log only errors in this process from now on, unless the user chose a level."""
    if "VLLM_LOGGING_LEVEL" not in os.environ:
        logging.getLogger("vllm").setLevel(logging.ERROR)


def _with_defaults(settings: EngineSettings, *, on_gpu: bool, apart: bool) -> dict[str, str]:
    """Returns this process's environment with defaults; `apart`: the engine has its own process."""
    defaults = _defaults(on_gpu=on_gpu, apart=apart)
    return {
        **defaults,
        **os.environ,
        **_of_the_key(settings),
        PARENT_VARIABLE: str(os.getpid()),
    }


def _of_the_key(settings: EngineSettings) -> dict[str, str]:
    """Returns what is part of every request_key, so that the setting alone decides."""
    return {"VLLM_BATCH_INVARIANT": str(int(settings.batch_invariant))}


def replica_environment(settings: EngineSettings, *, on_gpu: bool) -> dict[str, str]:
    """Returns the variables that the engine of a replica needs, on any host.

    Args:
        settings: with the number of replicas; on a CPU they share the cores of a machine.
        on_gpu: whether each replica has a GPU.
    """
    variables = _defaults(on_gpu=on_gpu, apart=False)
    if not on_gpu:
        cores = len(os.sched_getaffinity(0))
        # Engines bound to the same cores are many times slower than one after another.
        variables["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"
        variables["OMP_NUM_THREADS"] = str(max(1, cores // settings.replicas))
    # This is for any process but the engine's own, which ends with Ray's worker, its parent.
    return {
        **variables,
        **_of_the_key(settings),
        PARENT_VARIABLE: str(os.getpid()),
    }


def _defaults(*, on_gpu: bool, apart: bool) -> dict[str, str]:
    defaults = {
        "VLLM_NO_USAGE_STATS": "1",
        # A forked process would not load the plugin that ends it with its parent.
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    }
    if on_gpu:
        if importlib.util.find_spec("flashinfer") is None:
            defaults["VLLM_USE_FLASHINFER_SAMPLER"] = "0"
    else:
        defaults["VLLM_CPU_KVCACHE_SPACE"] = "2"
        defaults.update(short_waits(os.environ))
        if apart:
            # Without this setting, the engine's process uses one core.
            cores = sorted(os.sched_getaffinity(0))
            defaults["VLLM_CPU_OMP_THREADS_BIND"] = ",".join(map(str, cores))
    return defaults


def engine_args(card: ModelCard, settings: EngineSettings, *, on_gpu: bool) -> dict[str, Any]:
    """Returns vLLM's engine arguments for a model.

    Raises:
        EngineError: batch-invariant kernels are asked for, and there is no GPU.
    """
    if settings.batch_invariant and not on_gpu:
        raise EngineError(
            "vLLM's batch-invariant kernels are for GPUs, and this machine has none: leave "
            "--batch-invariant and ARIS_BATCH_INVARIANT out"
        )
    args: dict[str, Any] = {
        "model": card.checkpoint(),
        "revision": None if card.embedded else card.revision,
        "dtype": card.data_type(on_gpu=on_gpu).name,
        "quantization": card.quantization,
        "load_format": card.load_format,
        "use_tqdm_on_load": False,
        "max_model_len": settings.context(on_gpu=on_gpu, of_model=card.max_model_len),
        "tensor_parallel_size": settings.tensor_parallel_size,
        "kv_cache_dtype": settings.kv_cache_dtype,
        "max_num_seqs": settings.max_num_seqs,
        "max_num_batched_tokens": settings.max_num_batched_tokens,
        "enforce_eager": not on_gpu if settings.enforce_eager is None else settings.enforce_eager,
        "enable_prefix_caching": True,
        "disable_log_stats": False,
        "structured_outputs_config": {"backend": "guidance", "disable_any_whitespace": True},
        "seed": 42,
    }
    if _has_windows(card):
        # Without it vLLM keeps a table of blocks for every few layers. It frees blocks beyond the
        # window, which is almost nothing if rows are hardly longer than the window: record 21.
        args["disable_hybrid_kv_cache_manager"] = True
    if not on_gpu:
        # The default of 128 recomputes up to 127 tokens of the prompt that scoring shares with the
        # answer: a fifth more time a row instead of a twentieth.
        args["block_size"] = 32
        # A core's caches hold the activations of some hundred tokens. With vLLM's default of 2,048
        # and more they go through memory at each layer: 76 instead of 67 s for the 40 sample rows.
        # It takes no fewer tokens than the rows of a step, 256 by default.
        if settings.max_num_batched_tokens is None:
            args["max_num_batched_tokens"] = max(CPU_STEP_TOKENS, settings.max_num_seqs or 0)
    else:
        args["gpu_memory_utilization"] = settings.gpu_memory_utilization / settings.engines_per_gpu
        # In one process, the scheduler of rows and the driver of the GPU wait for each other: with
        # a thousand rows in flight that costs a third of the speed.
        args["distributed_executor_backend"] = "mp"
        # Gemma 3 and others have a vision tower; text-only serving frees its memory.
        args["limit_mm_per_prompt"] = {"image": 0}
    return {**args, **card.engine_args}


def _has_windows(card: ModelCard) -> bool:
    """Returns whether some layers attend only to the last tokens, and all others to all tokens."""
    with contextlib.suppress(ConfigError):
        config, _ = model_config(card)
        shape = ModelShape.of(config)
        # Layers that keep a state instead need their own tables.
        others = set(text_config(config).get("layer_types") or ()) - _ATTENTION
        return 0 < shape.full_layers < shape.layers and not others
    return False


def refuse_unknown(card: ModelCard, engine_args: Any) -> None:
    """Names arguments of the model table that vLLM does not know, before anything is loaded."""
    known = {field.name for field in dataclasses.fields(engine_args)}
    for name in card.engine_args:
        if name not in known:
            raise EngineError(
                f"engine_args of model {card.name}: vLLM has no '{name}'. "
                f"{did_you_mean(name, known)}"
            )


def as_flags(args: dict[str, Any]) -> list[str]:
    """Returns engine arguments as flags of vLLM's command line, without those that are off."""
    flags = []
    for name, value in args.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            flags.append(flag)
        elif value is not None and value is not False:
            flags += [flag, json.dumps(value) if isinstance(value, dict) else str(value)]
    return flags

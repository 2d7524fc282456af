"""Finds the hardware for a model: a GPU of the table, memory alone, or this machine."""

import os
import re
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import psutil
import yaml
from pydantic import BaseModel

from aris_pipeline.errors import ConfigError
from aris_pipeline.models.cards import did_you_mean
from aris_pipeline.models.devices import gpu_count, gpu_memory, gpu_name, host_name

_GIB = 1024**3
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(gib|gb|g|mib)?", re.IGNORECASE)
_UNITS = {"gib": _GIB, "g": _GIB, "mib": 1024**2, "gb": 10**9}
_LARGE_GIB = 70.0
CPU_STEP_TOKENS = 256
"""Tokens that a step takes on a CPU, if settings do not say otherwise."""
_CPU_ROWS = 128
"""Rows in flight on a CPU."""


class _Gpu(BaseModel, frozen=True, extra="forbid"):
    name: str
    memory_gib: float
    bandwidth_gb_s: float
    tflops: float
    driver_names: tuple[str, ...]
    source: str
    reads_prefix_once: bool = False


@dataclass(frozen=True)
class Hardware:
    """A device that a model runs on.

    Attributes:
        name: its name, for people.
        memory_gib: the memory that vLLM calls the total.
        source: the source of the figures.
        bandwidth_gb_s: the bandwidth of its memory; None if unknown, and then there is no roofline.
        tflops: its speed in dense arithmetic at 16 bits.
        driver_names: names of GPUs whose history counts; None for this machine, whatever it is.
        kv_space_gib: the size of the KV cache if it is set and not measured, as on a CPU.
        reads_prefix_once: whether large steps read what their rows share once (record 34).
    """

    name: str
    memory_gib: float
    source: str
    bandwidth_gb_s: float | None = None
    tflops: float | None = None
    driver_names: tuple[str, ...] | None = ()
    kv_space_gib: float | None = None
    reads_prefix_once: bool = False

    @property
    def on_gpu(self) -> bool:
        """Returns whether the engine measures how much memory is left for the KV cache."""
        return self.kv_space_gib is None

    @property
    def batch_limits(self) -> tuple[int, int]:
        """Returns the tokens a step, and the rows in flight, that an engine takes by default.

        On a CPU they are ours, on a GPU vLLM's for offline use (`EngineArgs.get_batch_defaults`,
        0.28 to 0.33).
        """
        if not self.on_gpu:
            return CPU_STEP_TOKENS, _CPU_ROWS
        large = self.memory_gib >= _LARGE_GIB and "a100" not in self.name.lower()
        return (16_384, 1_024) if large else (8_192, 256)


def find_hardware(gpu: str | None, memory: str | None) -> Hardware:
    """Returns the GPU of that name, a card with known memory only, or this machine.

    Args:
        gpu: a name of `gpus.yaml`.
        memory: for example 16GiB; it replaces the table's figure if both are given.

    Raises:
        ConfigError: the GPU is not known, or the memory is not a size.
    """
    size = None if memory is None else parse_gib(memory)
    if gpu is not None:
        found = _of_table(_by_name(gpu))
        return (
            replace(found, memory_gib=size, source=f"{found.source}; memory as given")
            if (size)
            else found
        )
    if size is not None:
        return Hardware(f"a GPU of {size:.2f} GiB", size, "memory as given")
    return this_machine()


def this_machine() -> Hardware:
    """Returns this machine's first GPU, or its CPU."""
    if gpu_count() == 0:
        return Hardware(
            host_name(),
            psutil.virtual_memory().available / _GIB,
            "this machine: memory that is free now",
            driver_names=None,
            kv_space_gib=float(os.environ.get("VLLM_CPU_KVCACHE_SPACE", "2")),
        )
    name = str(gpu_name())
    for entry in _table():
        if name in entry.driver_names:
            return replace(_of_table(entry), name=name, driver_names=None)
    memory = gpu_memory().total_gib
    return Hardware(name, memory, "this machine: memory by the driver", driver_names=None)


def parse_gib(text: str) -> float:
    """Reads 16GiB, 16GB (decimal) or 16 (GiB)."""
    match = _SIZE.fullmatch(text.strip())
    size = float(match[1]) * _UNITS[(match[2] or "gib").lower()] / _GIB if match else 0.0
    if size <= 0:
        raise ConfigError(f"'{text}' is not an amount of memory; write for example 16GiB")
    return size


def _by_name(name: str) -> _Gpu:
    plain = name.lower().replace(" ", "-")
    for entry in _table():
        if plain == entry.name or name in entry.driver_names:
            return entry
    known = [entry.name for entry in _table()]
    raise ConfigError(
        f"unknown GPU '{name}': {did_you_mean(plain, known)}Known GPUs: {', '.join(known)}. "
        "For another one leave --gpu out and give its memory with --gpu-memory"
    )


def _of_table(entry: _Gpu) -> Hardware:
    return Hardware(
        name=entry.name,
        memory_gib=entry.memory_gib,
        source=entry.source,
        bandwidth_gb_s=entry.bandwidth_gb_s,
        tflops=entry.tflops,
        driver_names=entry.driver_names,
        reads_prefix_once=entry.reads_prefix_once,
    )


@cache
def _table() -> tuple[_Gpu, ...]:
    text = resources.files("aris_pipeline.models").joinpath("gpus.yaml").read_text()
    return tuple(_Gpu.model_validate(entry) for entry in yaml.safe_load(text)["gpus"])

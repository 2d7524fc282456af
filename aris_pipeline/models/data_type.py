"""Chooses the data type that this machine's CPU computes fastest.

vLLM takes bfloat16 on every CPU, and emulates it if the instructions are missing: with AVX2 alone
40 rows take four to five times as long as in float32. With them bfloat16 is faster by half. AVX-512
without them also converts back and forth, so it counts as a CPU without them.
"""

from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

CPUINFO = Path("/proc/cpuinfo")

_BFLOAT16 = ("amx_bf16", "avx512_bf16", "bf16")
"""Flags of x86, and the feature of ARM, that compute in bfloat16."""


class DataType(NamedTuple):
    """The data type of weights and activations that are not quantized, and why."""

    name: Literal["auto", "bfloat16", "float16", "float32"]
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def cpu_data_type() -> DataType:
    """Returns bfloat16 if this CPU has instructions for it, else float32."""
    return _data_type_of(CPUINFO)


@cache
def _data_type_of(cpuinfo: Path) -> DataType:
    flags = _flags(cpuinfo)
    if found := next((flag for flag in _BFLOAT16 if flag in flags), None):
        return DataType("bfloat16", f"this CPU has bfloat16 instructions ({found})")
    return DataType("float32", "this CPU has no bfloat16 instructions")


def _flags(cpuinfo: Path) -> set[str]:
    """Returns the first core's flags; none on a system that does not list them."""
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as lines:
            return next(
                (set(line.split()) for line in lines if line.startswith(("flags", "Features"))),
                set(),
            )
    except OSError:
        return set()

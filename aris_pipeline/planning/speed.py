"""Estimates the speed of a model: from measurements, else from a roofline.

A row costs reading (weights and KV cache, at the memory's bandwidth, once a generated token) and
arithmetic (two operations a parameter and token). The roofline is the sum of both times; an engine
that overlaps them perfectly needs only the longer one (Williams et al., "Roofline", 2009). Measured
engines reached 0.58 to 0.95 of the sum: Gemma 3 4B with 788 + 305 tokens did 28 to 40 rows/s on an
H100 and 2.29 on an RTX 4080.
"""

from dataclasses import dataclass

from aris_pipeline.engines.settings import LEAST_KEYS
from aris_pipeline.models import ModelShape
from aris_pipeline.models.fit import Interval, Load
from aris_pipeline.planning.workload import Workload
from aris_pipeline.throughput import Pace

_USUAL, _LEAST = 0.75, 0.5
_ROW_S, _TOKEN_S = 3.1e-3, 34e-6
"""The least time that one engine takes for a row, and for a token of its answer, with a schema and
scores: fitted to 4.7, 5.4 and 13.5 ms for answers of 48, 66 and 305 tokens, of prompts with 250
tokens in no cache, on hosts with an H200 (record 34, vLLM 0.33; the first two without a prefix read
once). EngineCore's one Python thread is the limit there, or nearly."""
_ENGINES_VARY = Interval(low=0.8, expected=1.0, high=1.2)
_LARGEST_GRAPH = 512
"""Steps of no more rows run in a CUDA graph, in which nothing is read together (record 34)."""
_MACHINES_VARY = 0.3
"""The variation of the same work between machines of one kind."""


@dataclass(frozen=True)
class Speed:
    """The rows a second, and the source of that estimate."""

    req_s: Interval
    source: str


def measured(pace: Pace, work: Workload) -> Speed:
    """Returns the rate of earlier runs, for rows of this length, from slowest to fastest shard.

    The interval is never narrower than the variation between machines of one kind.
    """
    middle = pace.tokens_per_second
    low = min(pace.slowest, middle * (1 - _MACHINES_VARY))
    high = max(pace.fastest, middle * (1 + _MACHINES_VARY))
    per_row = work.tokens_per_row
    return Speed(Interval(low / per_row, middle / per_row, high / per_row), pace.source)


def roofline(
    load: Load, work: Workload, *, replicas: int = 1, engines_per_gpu: int = 1
) -> Speed | None:
    """Returns the rate of replicas by bandwidth and arithmetic; None if these are unknown.

    An engine reads what the prompts share once a step, if it is a large one.
    """
    hardware = load.hardware
    rows = load.rows_in_flight(work.own_tokens_held, work.shared_tokens)
    if hardware.bandwidth_gb_s is None or hardware.tflops is None or not rows.expected:
        return None
    bandwidth, operations = hardware.bandwidth_gb_s * 1e9, hardware.tflops * 1e12
    keys = load.shape.kv_bytes_per_layer(1, load.tensor_parallel) // 2
    # An 8-bit KV cache is not read together.
    together = hardware.reads_prefix_once and keys >= LEAST_KEYS and load.kv_bytes > 1
    together = together and rows.expected > _LARGEST_GRAPH
    arithmetic = _operations(load.shape, work) / load.tensor_parallel / operations

    def reading(in_flight: float) -> float:
        return _bytes_read(load, work, max(in_flight, 1.0), together=together) / bandwidth

    alone = _ROW_S + _TOKEN_S * work.output_tokens
    source = (
        f"roofline: {hardware.bandwidth_gb_s:,.0f} GB/s and {hardware.tflops:,.0f} TFLOP/s "
        f"({hardware.source}); expected {_USUAL:.0%} of it, at least {_LEAST:.0%}; "
        f"one engine with a schema is taken to answer at most {1 / alone:.3g} rows/s, a fifth more "
        "or less"
    )
    low, expected, high = (replicas * share / alone for share in _ENGINES_VARY)
    # The low end stays that of one engine: two were never seen to write twice as much.
    expected, high = expected * engines_per_gpu, high * engines_per_gpu
    if engines_per_gpu > 1:
        source += f"; {engines_per_gpu} engines on the GPU {_reads(work, together=together)}"
    elif together and work.shared_tokens:
        source += "; what the prompts share is read once a step"
    if replicas > 1:
        source += f"; {replicas} replicas as {replicas} times one, two have done 1.85 to 2.07"
    return Speed(
        Interval(
            low=min(low, replicas * _LEAST / (reading(rows.low) + arithmetic)),
            expected=min(expected, replicas * _USUAL / (reading(rows.expected) + arithmetic)),
            high=min(high, replicas / max(reading(rows.high), arithmetic)),
        ),
        source,
    )


def _reads(work: Workload, *, together: bool) -> str:
    """Says what several engines on a GPU read together, or why nothing."""
    if not work.shared_tokens:
        return "read nothing together, as it is not known that the prompts begin alike"
    if together:
        return "read what the prompts share once a step"
    return (
        f"read nothing together: that takes an H100 or H200, a 16-bit KV cache, {LEAST_KEYS:,} "
        f"values in a token's keys of a layer, over {_LARGEST_GRAPH} rows in flight in each, and "
        "kernels that may depend on other rows"
    )


def _bytes_read(load: Load, work: Workload, in_flight: float, *, together: bool) -> float:
    """Returns the bytes that one GPU reads for one row's answer, from KV cache and weights."""
    shape, held = load.shape, work.tokens_held
    once = work.own_tokens_held + work.shared_tokens / in_flight if together else held
    windowed = shape.layers - shape.full_layers
    # A window that ends inside the prefix is read by each row.
    in_window = once if held <= shape.window else shape.window
    kept = shape.full_layers * once + windowed * in_window
    cache = kept * shape.kv_bytes_per_layer(load.kv_bytes, load.tensor_parallel)
    wide = load.precision.dtype_bytes
    narrow = wide if load.precision.bits is None else load.precision.bits / 8
    touched = min(1.0, in_flight * shape.active_experts / shape.experts) if shape.experts else 1.0
    weights = shape.matrix_parameters * narrow * touched + shape.head * wide
    return work.output_tokens * (cache + weights / load.tensor_parallel / in_flight)


def _operations(shape: ModelShape, work: Workload) -> float:
    """Returns the operations for one row; prompt tokens in the prefix cache cost nothing."""
    computed = work.prompt_tokens - work.shared_tokens + work.output_tokens
    head = shape.head * (work.prompt_tokens - work.shared_tokens - 1)  # only the last token's
    attention = 4 * shape.layers * shape.heads * shape.head_dim * computed * work.tokens_held / 2
    return 2 * (shape.active_parameters * computed - max(head, 0)) + attention

"""Estimates whether a model fits, by vLLM's own accounting of GPU memory, without loading it.

vLLM may use its share of the GPU's memory. Weights and the peak of a trial step are subtracted; the
rest is cut into KV blocks (`vllm/v1/worker/gpu_worker.py`, `vllm/v1/core/kv_cache_utils.py`, 0.28
to 0.33). The peak cannot be known without the trial, so it is an interval.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from aris_pipeline.models.hardware import Hardware
from aris_pipeline.models.shape import ModelShape, Precision, kv_bytes_of, precision_of

GIB = 1024**3

_GPU_BLOCK, _CPU_BLOCK = 16, 32
_CPU_OVERHEAD_GIB = (0.7, 2.0, 3.0)
"""Seen with the demo model on a CPU: 3.3 GB at its peak, 2 of them for the KV cache."""


class Interval(NamedTuple):
    """An estimate with a lower and an upper bound, which the real value hardly passes."""

    low: float
    expected: float
    high: float


@dataclass(frozen=True)
class Load:
    """A model with the settings of its load.

    Attributes:
        context: max_model_len.
        utilization: the share of the GPU's memory that vLLM may use.
        step_tokens: the most tokens that one step of the engine takes.
        step_rows: the most rows in it.
        most_in_flight: the most rows that the run gives the engine, if fewer.
        images: whether the vision tower is loaded; text alone does not need it.
    """

    shape: ModelShape
    precision: Precision
    hardware: Hardware
    context: int
    step_tokens: int
    step_rows: int
    most_in_flight: int | None = None
    kv_bytes: int = 2
    utilization: float = 0.90
    tensor_parallel: int = 1
    images: bool = False

    @classmethod
    def of(  # noqa: PLR0913 - one argument a choice
        cls,
        config: Mapping[str, Any],
        hardware: Hardware,
        *,
        dtype: str,
        quantization: str | None,
        kv_cache_dtype: str,
        engine_args: Mapping[str, Any],
        **settings: Any,
    ) -> Self:
        """Returns a model as vLLM loads it by its config.

        Args:
            config: the model's `config.json`.
            hardware: the device that it runs on.
            dtype: the data type of what is not quantized.
            quantization: how it is quantized at load; None leaves it to the config.
            kv_cache_dtype: as in vLLM.
            engine_args: what the model table passes on to vLLM.
            settings: the other attributes.

        Raises:
            ConfigError: the memory of this kind of config cannot be known.
        """
        step_tokens, step_rows = hardware.batch_limits
        return cls(
            ModelShape.of(dict(config)),
            precision_of(dict(config), dtype, quantization),
            hardware,
            step_tokens=engine_args.get("max_num_batched_tokens", step_tokens),
            step_rows=engine_args.get("max_num_seqs", step_rows),
            kv_bytes=kv_bytes_of(kv_cache_dtype, dtype),
            **settings,
        )

    @property
    def weights_gib(self) -> float:
        """Returns the memory of the weights on one GPU."""
        return (
            self.shape.weight_bytes(
                self.precision, tensor_parallel=self.tensor_parallel, images=self.images
            )
            / GIB
        )

    @property
    def usable_gib(self) -> float:
        """Returns the memory of one device that the engine may use."""
        return self.hardware.memory_gib * (self.utilization if self.hardware.on_gpu else 1)

    @property
    def overhead_gib(self) -> Interval:
        """Returns what a step needs besides weights and KV cache.

        The expected value is the largest set of buffers that are alive at one time, plus 0.4 GiB
        for driver and kernels. The two engines with known figures took 0.8 and 1.5 times that.
        """
        if not self.hardware.on_gpu:
            return Interval(*_CPU_OVERHEAD_GIB)
        shape, wide = self.shape, self.precision.dtype_bytes
        width = 3 * shape.intermediate * max(shape.active_experts, 1) / self.tensor_parallel
        activations = self.step_tokens * (width + 4 * shape.hidden) * wide
        logits = self.step_rows * shape.vocab * (wide + 4)
        peak = max(activations, logits)
        if self.images and shape.vision:
            # The trial encodes as many images as a step may hold, at 256 tokens each.
            tower, images = shape.vision, max(self.step_tokens // 256, 1)
            encoding = images * tower.patches * (tower.intermediate + 4 * tower.hidden) * wide
            peak = max(peak, encoding)
        gib = peak / GIB
        return Interval(0.7 * gib + 0.1, gib + 0.4, 1.5 * gib + 1.0)

    @property
    def kv_bytes_per_token(self) -> int:
        """Returns the bytes of one token in the KV cache of one GPU, for all layers."""
        return self.shape.kv_bytes_per_token(self.kv_bytes, self.tensor_parallel)

    def kv_gib(self, overhead_gib: float) -> float:
        """Returns the memory that is left for the KV cache."""
        if self.hardware.kv_space_gib is not None:
            return self.hardware.kv_space_gib
        return max(self.usable_gib - self.weights_gib - overhead_gib, 0.0)

    def sequences(self, tokens: float, kv_gib: float) -> float:
        """Returns how many sequences of this many tokens a KV cache holds."""
        return kv_gib / self.sequence_gib(tokens)

    def sequence_gib(self, tokens: float) -> float:
        """Returns the memory of one sequence's KV blocks, whatever the windows of its layers."""
        size = _GPU_BLOCK if self.hardware.on_gpu else _CPU_BLOCK
        return -(-tokens // size) * size * self.kv_bytes_per_token / GIB

    def kv_cache_tokens(self) -> Interval:
        """Returns the tokens that the KV cache holds, as vLLM counts: in sequences of `context`."""
        lean, expected, lavish = (self.kv_gib(gib) for gib in self.overhead_gib)
        return Interval(
            *(int(self.sequences(self.context, gib) * self.context)
              for gib in (lavish, expected, lean))
        )  # fmt: skip

    def rows_in_flight(self, tokens_per_row: float, shared: float = 0) -> Interval:
        """Returns the rows that the engine works on at once, by memory and by its own limit.

        Args:
            tokens_per_row: the KV tokens that a row holds alone.
            shared: the KV tokens that all rows hold together.
        """
        prefix = self.sequence_gib(shared)
        lean, expected, lavish = (max(self.kv_gib(gib) - prefix, 0) for gib in self.overhead_gib)
        return Interval(
            *(min(int(self.sequences(tokens_per_row, gib)), self.most_in_flight or self.step_rows)
              for gib in (lavish, expected, lean))
        )  # fmt: skip

    def verdict(self) -> tuple[bool, str]:
        """Returns whether weights, overhead and a sequence of `context` fit, and why."""
        overhead, positions = self.overhead_gib, self.shape.max_positions
        if positions and self.context > positions:
            return False, (
                f"a context of {self.context:,} tokens is asked for and the model's own ends at "
                f"{positions:,}: set --max-model-len"
            )
        cache = self.hardware.kv_space_gib
        sequence = self.sequence_gib(self.context)
        need = self.weights_gib + overhead.expected + (sequence if cache is None else cache)
        last = (
            f"one sequence of {self.context:,} tokens {sequence:.2f}"
            if cache is None
            else f"KV cache {cache:.2f}"
        )
        reason = (
            f"weights {self.weights_gib:.2f} + overhead {overhead.expected:.2f} ({overhead.low:.2f}"
            f" to {overhead.high:.2f}) + {last} = {need:.2f} GiB of {self._usable()}"
        )
        if need > self.usable_gib or sequence > self.kv_gib(overhead.expected):
            return False, reason + self._remedy(overhead.expected)
        if need - overhead.expected + overhead.high > self.usable_gib:
            reason += "; it may fail if the overhead is at its upper end"
        return True, reason

    def _usable(self) -> str:
        if not self.hardware.on_gpu:
            return f"{self.usable_gib:.2f} GiB"
        share = f"{self.utilization:.2f} x {self.hardware.memory_gib:.2f}"
        return f"{self.usable_gib:.2f} GiB ({share}{' a GPU' * (self.tensor_parallel > 1)})"

    def _remedy(self, overhead: float) -> str:
        shorter = self.context // 2
        while shorter >= 1_024:  # noqa: PLR2004 - a shorter context holds no prompt
            if self.sequence_gib(shorter) <= self.kv_gib(overhead):
                return f"; it would fit with --max-model-len {shorter}"
            shorter //= 2
        return "; take a smaller or quantized model, or more GPUs by --tensor-parallel-size"

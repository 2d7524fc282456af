"""Plans a run: whether a model fits and how long rows take, each figure with its source."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from aris_pipeline.engines.settings import ROWS_BESIDE_OTHERS
from aris_pipeline.models import ModelCard, model_config
from aris_pipeline.models.fit import Interval, Load
from aris_pipeline.models.hardware import Hardware
from aris_pipeline.planning.speed import Speed, measured, roofline
from aris_pipeline.planning.workload import Workload
from aris_pipeline.throughput import Pace

PROJECTED_ROWS = (1_000, 5_000, 10_000, 50_000, 170_000, 200_000)

_HOUR = 3_600


@dataclass(frozen=True)
class Model:
    """A model, known by its config alone; its weights need not be on this machine.

    Attributes:
        name: its name, for people.
        config: its config.json.
        source: where the config was found.
        dtype: the data type of what is not quantized.
        dtype_reason: why this type.
        quantization: how it is quantized at load; None leaves it to the config.
        max_model_len: the context if no other is requested.
        engine_args: what the model table passes on to vLLM.
    """

    name: str
    config: dict[str, Any]
    source: str
    dtype: str = "bfloat16"
    dtype_reason: str = "as stated"
    quantization: str | None = None
    max_model_len: int | None = None
    engine_args: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of_card(cls, card: ModelCard, *, on_gpu: bool) -> "Model":
        """Returns a model that has a card, from the model table or not, as its hardware loads it.

        Raises:
            ConfigError: its config is not on this machine.
        """
        config, source = model_config(card)
        dtype, reason = card.data_type(on_gpu=on_gpu)
        return cls(
            card.name, config, source, dtype, reason, card.quantization,
            card.max_model_len, card.engine_args,
        )  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """The expected memory and time of a run; see `as_dict` for the figures."""

    model: Model
    load: Load
    work: Workload
    speed: Speed | None
    assumptions: tuple[str, ...]
    engines_per_gpu: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Returns the figures by the names of `aris plan --json`; rates are null if unknown."""
        load, work, speed = self.load, self.work, self.speed
        fits, reason = load.verdict()
        if self.engines_per_gpu > 1:
            reason = f"each of {self.engines_per_gpu} engines: {reason}"
            alone = replace(load, utilization=load.utilization * self.engines_per_gpu)
            reason += "" if fits or not alone.verdict()[0] else "; one engine alone fits"
        tokens = load.kv_cache_tokens()
        rows = load.rows_in_flight(work.own_tokens_held, work.shared_tokens)
        per_row = work.tokens_per_row
        hours = self.hours(work.rows)
        sources = [
            f"model: {self.model.source}",
            f"hardware: {load.hardware.name}, {load.hardware.source}",
            f"data type: {self.model.dtype}, {self.model.dtype_reason}",
            *work.sources,
            f"speed: {speed.source if speed else self._no_speed(fits)}",
        ]
        return {
            "fits": fits,
            "reason": reason,
            "dtype": self.model.dtype,
            "weights_gib": round(load.weights_gib, 2),
            "kv_bytes_per_token": load.kv_bytes_per_token,
            "kv_cache_tokens": int(tokens.expected),
            "rows_in_flight": int(rows.expected),
            "max_model_len": load.context,
            "engines_per_gpu": self.engines_per_gpu,
            "predicted_req_s": _round(speed.req_s.expected) if speed else None,
            "predicted_total_tok_s": _round(speed.req_s.expected * per_row) if speed else None,
            "predicted_hours": _round(hours.expected) if hours else None,
            "interval": {
                "overhead_gib": [round(gib, 2) for gib in _ends(load.overhead_gib)],
                "kv_cache_tokens": [int(end) for end in _ends(tokens)],
                "rows_in_flight": [int(end) for end in _ends(rows)],
                "req_s": [_round(end) for end in _ends(speed.req_s)] if speed else None,
                "hours": [_round(end) for end in _ends(hours)] if hours else None,
            },
            "rows": work.rows,
            "projections": self.projections(),
            "sources": sources,
            "assumptions": list(self.assumptions),
        }

    def hours(self, rows: int) -> Interval | None:
        """Returns how long it takes to generate this many rows."""
        if self.speed is None:
            return None
        slow, expected, fast = (rows / rate / _HOUR for rate in self.speed.req_s)
        return Interval(fast, expected, slow)

    def projections(self) -> list[dict[str, Any]]:
        """Returns the hours for batches of usual sizes; empty if the speed is not known."""
        return [
            {"rows": rows, "hours": _round(hours.expected), "interval": list(map(_round, ends))}
            for rows in PROJECTED_ROWS
            if (hours := self.hours(rows)) and (ends := _ends(hours))
        ]

    def _no_speed(self, fits: bool) -> str:
        if not fits:
            return "unknown, it does not fit"
        return f"unknown: no measured run, and no bandwidth of {self.load.hardware.name}"


def make_plan(  # noqa: PLR0913 - one argument a choice
    model: Model,
    hardware: Hardware,
    work: Workload,
    pace_of: Callable[[], Pace | None] = lambda: None,
    *,
    max_model_len: int | None = None,
    utilization: float = 0.90,
    tensor_parallel: int = 1,
    replicas: int = 1,
    engines_per_gpu: int = 1,
    kv_cache_dtype: str = "auto",
    batch_invariant: bool = False,
    images: bool = False,
) -> Plan:
    """Plans a run of a model; loads nothing.

    Args:
        model: the model to plan for.
        hardware: the hardware that it will run on.
        work: the rows to generate.
        pace_of: returns the measured pace of this many replicas on that hardware, if there is one.
        max_model_len: context; the model's own setting or the machine's default.
        utilization: share of the GPU's memory that vLLM may use.
        tensor_parallel: GPUs that share one copy of the model.
        replicas: copies of the model, each with its own GPUs.
        engines_per_gpu: engines that share a GPU; memory and rows in flight are those of each.
        kv_cache_dtype: as in vLLM.
        batch_invariant: kernels that depend less on other rows share no reading with them.
        images: whether the vision tower is loaded; the pipeline leaves it out.

    Raises:
        ConfigError: the config is of a kind that cannot be planned.
    """
    if batch_invariant:
        hardware = replace(hardware, reads_prefix_once=False)
    whole = Load.of(
        model.config,
        hardware,
        dtype=model.dtype,
        quantization=model.quantization,
        kv_cache_dtype=kv_cache_dtype,
        engine_args=model.engine_args,
        context=max_model_len or model.max_model_len or (8_192 if hardware.on_gpu else 2_048),
        utilization=utilization,
        tensor_parallel=tensor_parallel,
        images=images,
    )
    load = replace(whole, utilization=utilization / engines_per_gpu)
    if engines_per_gpu > 1:
        load = replace(load, most_in_flight=min(load.step_rows, ROWS_BESIDE_OTHERS))
    fits, _ = load.verdict()
    speed, assumptions = None, _assumptions(load, work)
    if fits:
        pace = pace_of()
        speed = (
            measured(pace, work)
            if pace
            else roofline(load, work, replicas=replicas, engines_per_gpu=engines_per_gpu)
        )
        if not pace and engines_per_gpu > 1:
            one = roofline(whole, work)
            if one is not None:
                assumptions.append(f"one engine would answer {_round(one.req_s.expected)} rows/s")
            assumptions.append("NVIDIA's MPS is started; without it some nine tenths of the rows")
        if not pace and engines_per_gpu > 2:  # noqa: PLR2004 - two were measured
            assumptions.append(
                "more than two engines on a GPU do as two did, which is not measured"
            )
    return Plan(model, load, work, speed, tuple(assumptions), engines_per_gpu)


def _assumptions(load: Load, work: Workload) -> list[str]:
    said = [
        *load.precision.assumptions,
        f"a step of the engine takes {load.step_tokens:,} tokens and {load.step_rows:,} rows, "
        "the defaults unless engine_args say otherwise",
        f"overhead beside weights and KV cache: {load.overhead_gib.low:.1f} to "
        f"{load.overhead_gib.high:.1f} GiB",
        "hours are those of generation; loading the model comes on top",
    ]
    if load.shape.vision and not load.images:
        said.append("the vision tower is not loaded, as the pipeline sends no images")
    if load.shape.experts:
        said.append("every layer is taken to have experts, none of them shared")
    if load.hardware.on_gpu:
        said.append("nothing else uses the GPU")
    if not work.shared_tokens:
        said.append("no gain by the prefix cache")
    if max(work.longest, work.prompt_tokens) + work.output_tokens > load.context:
        said.append("the longest prompts and their answers do not fit the context, and fail")
    if work.rows < load.rows_in_flight(work.own_tokens_held, work.shared_tokens).expected:
        said.append("so few rows do not fill the engine, and take longer than the rate says")
    return said


def _ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


def _round(value: float) -> float:
    """Rounds to three digits, because more would be false precision."""
    return float(f"{value:.3g}")

"""Predicts the memory and the time of a run before it begins."""

from collections.abc import Callable
from dataclasses import replace

from aris_pipeline.completions import Prediction
from aris_pipeline.engines import EngineSettings
from aris_pipeline.errors import ArisError
from aris_pipeline.models import ModelCard
from aris_pipeline.models.hardware import this_machine
from aris_pipeline.planning.plan import Model, Plan, make_plan
from aris_pipeline.planning.workload import Workload, declared
from aris_pipeline.storage import DataStore, Judge
from aris_pipeline.throughput import UNKNOWN, measured_pace


def predictor(
    store: DataStore, judge: Judge, card: ModelCard, settings: EngineSettings
) -> Callable[[int, int, float], Prediction]:
    """Returns a function that predicts seconds of generation.

    It takes rows, their prompt tokens in total, and the mean of those that all of them begin with.

    It uses earlier runs on this machine, else the machine's roofline. Any obstacle makes the
    prediction unknown, but never fails a run.
    """

    def predict(rows: int, prompt_tokens: int, shared_tokens: float) -> Prediction:
        pace = measured_pace(
            store, judge, replicas=settings.replicas, engines_per_gpu=settings.engines_per_gpu
        )
        if pace and not pace.elsewhere and not pace.other_engines:
            return Prediction(pace.seconds(rows, prompt_tokens), pace.source)
        try:
            work = replace(
                declared(rows), prompt_tokens=prompt_tokens / rows, shared_tokens=shared_tokens
            )
            plan = _plan_here(card, settings, work)
        except ArisError as error:
            return Prediction(None, str(error))
        if plan.speed is None:
            return Prediction(None, UNKNOWN)
        return Prediction(rows / plan.speed.req_s.expected, plan.speed.source)

    return predict


def misfit(card: ModelCard, settings: EngineSettings) -> str | None:
    """Returns why a model does not fit this machine; None if it fits or if that is unknown."""
    try:
        plan = _plan_here(card, settings, declared(1))
    except ArisError:
        return None
    fits, reason = plan.load.verdict()
    return None if fits else reason


def _plan_here(card: ModelCard, settings: EngineSettings, work: Workload) -> Plan:
    hardware = this_machine()
    return make_plan(
        Model.of_card(card, on_gpu=hardware.on_gpu), hardware, work,
        max_model_len=settings.max_model_len,
        utilization=settings.gpu_memory_utilization,
        tensor_parallel=settings.tensor_parallel_size,
        replicas=settings.replicas,
        engines_per_gpu=settings.engines_per_gpu,
        kv_cache_dtype=settings.kv_cache_dtype,
        batch_invariant=settings.batch_invariant,
    )  # fmt: skip

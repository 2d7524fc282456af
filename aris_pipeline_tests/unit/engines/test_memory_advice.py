"""Values that would fit, in place of an engine that ran out of memory as it started."""

from typing import Any

import pytest

from aris_pipeline.engines import EngineSettings
from aris_pipeline.engines import memory_advice as memory
from aris_pipeline.engines.memory_advice import cpu_advice, gpu_advice, memory_advice
from aris_pipeline.models import GpuMemory, Hardware, find_hardware, find_model, model_config
from aris_pipeline.models.fit import Load

CPU = Hardware("a CPU", 20, "of this test", kv_space_gib=1)


def four_billion(hardware: Hardware | None = None, **settings: Any) -> Load:
    """Gemma 3 4B: weights of some 7 GiB, 139,264 bytes of KV cache a token."""
    card = find_model("gemma3:4b")
    return Load.of(
        model_config(card)[0],
        hardware or find_hardware("h100", None),
        dtype="bfloat16",
        quantization=None,
        kv_cache_dtype="auto",
        engine_args=card.engine_args,
        **{"context": 8192, **settings},
    )


def _gpu(total: float, free: float, *holders: str) -> GpuMemory:
    return GpuMemory(total, free, holders)


def _advised(advice: str) -> tuple[float, int]:
    share, context = advice.split("--gpu-memory-utilization ")[1].split(" --max-model-len ")
    return float(share), int(context)


def test_a_gpu_that_another_process_holds_is_named_with_a_share_that_is_free() -> None:
    advice = gpu_advice(four_billion(), _gpu(80, 30, "48.0 GiB held by process 4711"))

    assert "30.0 of 80.0 GiB free (48.0 GiB held by process 4711)" in advice
    assert _advised(advice) == (0.36, 8192)


def test_a_context_that_is_too_long_for_the_gpu_is_cut_to_what_fits() -> None:
    load = four_billion(context=131_072)
    share, context = _advised(gpu_advice(load, _gpu(24, 23.5)))

    kv_gib = context * load.kv_bytes_per_token / 1024**3
    assert 1024 < context < 131_072
    assert load.weights_gib + load.overhead_gib.expected + kv_gib < share * 24 < 23.5


def test_values_that_are_advised_are_not_complained_about() -> None:
    gpu = _gpu(24, 23.5)
    share, context = _advised(gpu_advice(four_billion(context=131_072), gpu))

    assert gpu_advice(four_billion(context=context, utilization=share), gpu) == ""


def test_a_model_that_cannot_fit_is_said_to() -> None:
    advice = gpu_advice(four_billion(), _gpu(8, 7.5))
    assert "Choose a smaller or quantized model" in advice


def test_two_gpus_share_the_weights() -> None:
    gpu = _gpu(11, 10.95)
    assert gpu_advice(four_billion(), gpu) != ""
    assert gpu_advice(four_billion(tensor_parallel=2), gpu) == ""


def test_a_cpu_is_told_both_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")

    advice = cpu_advice(four_billion(CPU, context=16_384), available_gib=20)

    assert "VLLM_CPU_KVCACHE_SPACE=3 (GiB; now 1, 20.0 GiB free)" in advice
    assert "--max-model-len 7680" in advice


def test_a_cpu_without_room_for_the_weights_is_told_so() -> None:
    assert "choose a smaller model" in cpu_advice(four_billion(CPU), available_gib=9)


def test_errors_that_have_nothing_to_do_with_memory_get_no_advice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "this_machine", lambda: CPU)

    card = find_model("smollm2")
    assert memory_advice(card, EngineSettings(), ValueError("no such quantization")) == ""
    assert "would fit" in memory_advice(card, EngineSettings(), ValueError("No KV cache memory"))


@pytest.mark.parametrize(("card", "advised"), [("rtx-4090", False), ("rtx-4080", True)])
def test_engines_that_do_not_fit_beside_each_other_are_named(
    monkeypatch: pytest.MonkeyPatch, card: str, *, advised: bool
) -> None:
    hardware = find_hardware(card, None)
    monkeypatch.setattr(memory, "_load", lambda *_: four_billion(hardware, context=2048))

    advice = memory_advice(
        find_model("gemma3:4b"), EngineSettings(engines_per_gpu=2), RuntimeError("no room")
    )

    assert ("the weights take 7.8 GiB: leave --engines-per-gpu out" in advice) == advised
    assert bool(advice) == advised

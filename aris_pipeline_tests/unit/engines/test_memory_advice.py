"""Values that would fit, in place of an engine that ran out of memory as it started."""

import pytest

from aris_pipeline.engines import EngineSettings
from aris_pipeline.engines import memory_advice as memory
from aris_pipeline.engines.memory_advice import ModelMemory, cpu_advice, gpu_advice, memory_advice
from aris_pipeline.models import find_model
from aris_pipeline.models.devices import GpuMemory

FOUR_BILLION = ModelMemory(weights_gib=8.0, kv_bytes_per_token=139_264)


def _gpu(total: float, free: float, *holders: str) -> GpuMemory:
    return GpuMemory(total, free, holders)


def test_a_gpu_that_another_process_holds_is_named_with_a_share_that_is_free() -> None:
    advice = gpu_advice(
        FOUR_BILLION, _gpu(80, 30, "48.0 GiB held by process 4711"), 8192, EngineSettings()
    )

    assert "30.0 of 80.0 GiB free (48.0 GiB held by process 4711)" in advice
    assert "--gpu-memory-utilization 0.36 --max-model-len 8192" in advice


def test_a_context_that_is_too_long_for_the_gpu_is_cut_to_what_fits() -> None:
    advice = gpu_advice(FOUR_BILLION, _gpu(16, 15.5), 65_536, EngineSettings())

    share, context = advice.split("--gpu-memory-utilization ")[1].split(" --max-model-len ")
    kv_gib = int(context) * FOUR_BILLION.kv_bytes_per_token / 1024**3
    assert 1024 < int(context) < 65_536
    assert FOUR_BILLION.weights_gib + kv_gib < float(share) * 16
    assert float(share) * 16 < 15.5


def test_values_that_are_advised_are_not_complained_about() -> None:
    gpu = _gpu(16, 15.5)
    advice = gpu_advice(FOUR_BILLION, gpu, 65_536, EngineSettings())
    share, context = advice.split("--gpu-memory-utilization ")[1].split(" --max-model-len ")

    again = EngineSettings(gpu_memory_utilization=float(share))
    assert gpu_advice(FOUR_BILLION, gpu, int(context), again) == ""


def test_a_model_that_cannot_fit_is_said_to() -> None:
    assert "Choose a smaller or quantized model" in gpu_advice(
        FOUR_BILLION, _gpu(8, 7.5), 8192, EngineSettings()
    )


def test_two_gpus_share_the_weights() -> None:
    spread = EngineSettings(tensor_parallel_size=2)

    assert gpu_advice(FOUR_BILLION, _gpu(12, 11.9), 8192, spread) == ""


def test_a_cpu_is_told_both_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")

    advice = cpu_advice(FOUR_BILLION, wanted_context=16_384, available_gib=20)

    assert "VLLM_CPU_KVCACHE_SPACE=3 (GiB; now 1, 20.0 GiB free)" in advice
    assert "--max-model-len 7680" in advice


def test_a_cpu_without_room_for_the_weights_is_told_so() -> None:
    assert "choose a smaller model" in cpu_advice(FOUR_BILLION, 2048, available_gib=9)


def test_errors_that_have_nothing_to_do_with_memory_get_no_advice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "_model_memory", lambda *_: FOUR_BILLION)

    card = find_model("smollm2")
    assert memory_advice(card, EngineSettings(), ValueError("no such quantization")) == ""
    assert "would fit" in memory_advice(card, EngineSettings(), ValueError("No KV cache memory"))

"""Plans against what engines have said of themselves, and what is known of cards and models."""

import pytest

from aris_pipeline.models import find_hardware
from aris_pipeline.planning import AnswerLength, Model, make_plan
from aris_pipeline.planning.workload import Workload, declared
from aris_pipeline_tests.unit.planning.conftest import GEMMA_4B_TEXT, model, planned

SEVEN_TABLES = 7 * 5 / 34 * (512 + 6 / 7) / 512
"""What vLLM took for a token there beside what it does now: 34 layers in seven tables of blocks for
five each, and in six of them a block more for the window's end."""


@pytest.mark.parametrize("context", [2_048, 4_096, 8_192])
def test_gemma_3_4b_on_an_h100(context: int) -> None:
    """On 79.18 GiB at 0.90 vLLM loaded 7.41 GiB and had room for 464,481 tokens of 139 KB."""
    shape = Model("gemma-3-4b-text", GEMMA_4B_TEXT, "by hand")

    found = make_plan(
        shape, find_hardware("h100", "79.18GiB"), declared(2_000), max_model_len=context
    ).as_dict()

    assert found["fits"]
    assert found["weights_gib"] == pytest.approx(7.41, rel=0.03)
    assert found["kv_bytes_per_token"] == pytest.approx(139_264, rel=0.03)
    assert found["kv_cache_tokens"] == pytest.approx(464_481 * SEVEN_TABLES, rel=0.10)
    low, high = found["interval"]["kv_cache_tokens"]
    assert low <= 464_481 * SEVEN_TABLES <= high
    low, high = found["interval"]["req_s"]
    assert low <= 28, "28 to 40 rows a second were seen there"
    assert high >= 40


@pytest.mark.parametrize("context", [2_048, 4_096, 8_192])
def test_gemma_3_4b_with_its_vision_tower_on_an_rtx_4080(context: int) -> None:
    """On 15.57 GiB at 0.90: 8.58 GiB, 11,824 tokens, and 2.29 rows a second of 788 + 308 tokens."""
    found = make_plan(
        model("gemma3:4b"), find_hardware("rtx-4080", "15.57GiB"),
        declared(5_000, AnswerLength(308)), max_model_len=context, images=True,
    ).as_dict()  # fmt: skip

    assert found["fits"]
    assert found["weights_gib"] == pytest.approx(8.58, rel=0.03)
    low, high = found["interval"]["kv_cache_tokens"]
    assert low <= 11_824 * SEVEN_TABLES <= high
    low, high = found["interval"]["req_s"]
    assert low <= 2.29 <= high


@pytest.mark.parametrize(("output_tokens", "seen"), [(48, 212), (66, 186), (305, 74.2)])
def test_gemma_3_4b_with_8_bits_and_a_schema_on_an_h200(output_tokens: float, seen: float) -> None:
    """One engine, prompts of a file by aris-swe-v2; long answers read them once: record 34."""
    work = Workload(20_000, 777, output_tokens, (), shared_tokens=528)
    shape = model("gemma3:4b", quantization="fp8")

    found = make_plan(shape, find_hardware("h200", None), work).as_dict()

    low, high = found["interval"]["req_s"]
    assert low < seen < high
    assert found["predicted_req_s"] == pytest.approx(seen, rel=0.15)


@pytest.mark.parametrize(("output_tokens", "seen"), [(78.8, 242), (304.4, 90.1)])
def test_two_engines_on_that_h200(output_tokens: float, seen: float) -> None:
    """With NVIDIA's MPS: record 34. vLLM said that both had room for 849,632 tokens."""
    work = Workload(20_000, 778, output_tokens, (), shared_tokens=528)
    shape = model("gemma3:4b", quantization="fp8")

    plan = make_plan(shape, find_hardware("h200", None), work, engines_per_gpu=2).as_dict()

    low, high = plan["interval"]["req_s"]
    assert low < seen < high
    assert plan["predicted_req_s"] == pytest.approx(seen, rel=0.15)
    assert plan["kv_cache_tokens"] == pytest.approx(849_632 / 2, rel=0.05)
    assert plan["rows_in_flight"] == 768
    assert "each of 2 engines" in plan["reason"]
    assert "MPS" in " ".join(plan["assumptions"])


@pytest.mark.parametrize("memory", ["16GB", "16GiB", "15.57GiB"])
def test_what_fits_a_card_of_16_gb(memory: str) -> None:
    card = find_hardware(None, memory)

    found = {
        name: planned(model(name), card).as_dict()
        for name in ("gemma3:12b", "gemma3:12b-4bit", "qwen2.5:14b", "mistral:7b")
    }

    assert {name for name, plan in found.items() if plan["fits"]} == {"gemma3:12b-4bit"}
    assert found["qwen2.5:14b"]["weights_gib"] == pytest.approx(28, rel=0.03)
    assert found["mistral:7b"]["weights_gib"] == pytest.approx(14, rel=0.05)
    assert "weights 13.51 + overhead 1.31" in found["mistral:7b"]["reason"]
    assert "take a smaller or quantized model" in found["mistral:7b"]["reason"]


def test_mistral_7b_fits_the_next_larger_card() -> None:
    assert planned("mistral:7b", "l4").as_dict()["fits"]

"""vLLM's accounting of memory: weights, overhead, KV blocks."""

from dataclasses import replace
from typing import Any

import pytest

from aris_pipeline.models import Hardware
from aris_pipeline.models.fit import Load
from aris_pipeline.planning import Model
from aris_pipeline_tests.unit.planning.conftest import GEMMA_4B_TEXT, model, planned

CPU = Hardware("two cores", 16.0, "by hand", driver_names=None, kv_space_gib=2.0)
MIXED = {**GEMMA_4B_TEXT, "num_hidden_layers": 12}


def _load(config: dict[str, Any] = MIXED, **options: Any) -> Load:
    return planned(Model("own", config, "by hand"), "h100", **options).load


def _blocks(load: Load, tokens: int) -> float:
    per_block = 16 * load.shape.kv_bytes_per_layer()
    return load.sequence_gib(tokens) * 1024**3 / per_block


@pytest.mark.parametrize("window", [None, 1_024])
def test_all_layers_share_the_blocks_of_a_sequence_windowed_or_not(window: int | None) -> None:
    load = _load({**MIXED, "sliding_window": window})

    assert [_blocks(load, tokens) for tokens in (1, 16, 17, 16_000)] == [12, 12, 24, 12_000]


def test_an_interval_is_in_order_and_less_overhead_leaves_more_tokens() -> None:
    load = _load()

    for low, expected, high in (
        load.overhead_gib, load.kv_cache_tokens(), load.rows_in_flight(940),
    ):  # fmt: skip
        assert 0 < low <= expected <= high


def test_rows_in_flight_end_at_the_limit_of_the_engine() -> None:
    assert _load().rows_in_flight(10).expected == 1_024
    limited = replace(model("mistral"), engine_args={"max_num_seqs": 8})
    assert planned(limited, "h100").load.rows_in_flight(10).expected == 8


def test_an_8_bit_cache_holds_twice_the_tokens() -> None:
    whole = planned("mistral:7b", "h100").load.kv_cache_tokens().expected
    half = planned("mistral:7b", "h100", kv_cache_dtype="fp8").load.kv_cache_tokens().expected

    assert half == pytest.approx(2 * whole, rel=0.001)


def test_two_gpus_carry_what_one_cannot() -> None:
    alone = planned("qwen2.5:14b", "l4").as_dict()
    shared = planned("qwen2.5:14b", "l4", tensor_parallel=2).as_dict()

    assert (alone["fits"], shared["fits"]) == (False, True)
    assert shared["weights_gib"] == pytest.approx(alone["weights_gib"] / 2, rel=0.01)
    assert "a GPU" in shared["reason"]


def test_a_smaller_share_of_the_gpu_is_less_room() -> None:
    assert planned("mistral:7b", "l4", utilization=0.90).as_dict()["fits"]
    assert not planned("mistral:7b", "l4", utilization=0.60).as_dict()["fits"]


def test_a_sequence_that_is_too_long_for_what_is_left_is_told_a_length_that_fits() -> None:
    found = planned("mistral:7b", "l4", max_model_len=32_768).as_dict()
    assert found["fits"]
    card = Hardware("tight", 18.0, "by hand")

    refused = planned("mistral:7b", card, max_model_len=32_768).as_dict()

    assert not refused["fits"]
    length = int(refused["reason"].rpartition("--max-model-len ")[2])
    assert planned("mistral:7b", card, max_model_len=length).as_dict()["fits"]
    assert not planned("mistral:7b", card, max_model_len=2 * length).as_dict()["fits"]


def test_a_context_beyond_the_models_own_does_not_fit_whatever_the_memory() -> None:
    found = planned("mistral:7b", "h200", max_model_len=65_536).as_dict()

    assert not found["fits"]
    assert "the model's own ends at 32,768" in found["reason"]


def test_a_narrow_fit_is_said_to_be_one() -> None:
    narrow = Hardware("narrow", 17.8, "by hand")

    assert (
        "may fail if the overhead is at its upper end"
        in (planned("mistral:7b", narrow).as_dict()["reason"])
    )
    assert "may fail" not in planned("mistral:7b", "h100").as_dict()["reason"]


def test_a_cpu_gives_its_engine_a_cache_of_a_set_size() -> None:
    found = planned("smollm2", CPU).as_dict()

    assert found["fits"]
    assert found["kv_cache_tokens"] == pytest.approx(2 * 1024**3 / 23_040, rel=0.01)
    assert "KV cache 2.00" in found["reason"]
    assert not planned("mistral:7b", CPU).as_dict()["fits"]

"""What vLLM is started with."""

import json
from pathlib import Path
from typing import Any

import pytest

from aris_pipeline.engines import EngineSettings, as_flags, engine_args, server_environment
from aris_pipeline.errors import EngineError
from aris_pipeline.models import EngineIdentity, ModelCard, find_model

NAME = "disable_hybrid_kv_cache_manager"


@pytest.mark.parametrize(
    ("model", "one_table"),
    [("gemma3:4b", True), ("mistral:7b", None), ("qwen2.5:14b", None), ("acme/unheard-of", None)],
)
def test_windows_of_attention_get_no_tables_of_their_own(
    model: str, one_table: bool | None
) -> None:
    args = engine_args(find_model(model), EngineSettings(), on_gpu=True)

    assert args.get(NAME) is one_table
    assert ("--disable-hybrid-kv-cache-manager" in as_flags(args)) == bool(one_table)


def test_the_model_table_has_the_last_word() -> None:
    card = ModelCard(
        name="own", model_id="google/gemma-3-4b-it", engine_args={NAME: False, "max_num_seqs": 8}
    )

    args = engine_args(card, EngineSettings(max_num_seqs=512), on_gpu=True)

    assert (args[NAME], args["max_num_seqs"]) == (False, 8)


@pytest.mark.parametrize(
    ("odd", "one_table"),
    [
        ({"sliding_window": 1_024, "sliding_window_pattern": 2}, True),
        ({"sliding_window": [None, 512]}, None),
        ({"sliding_window": 1_024, "sliding_window_pattern": "LG"}, None),
        ({"sliding_window": 1_024, "layer_types": ["full_attention", "mamba"]}, None),
    ],
)
def test_windows_of_another_kind_keep_what_vllm_has_for_them(
    odd: dict[str, Any], one_table: bool | None, tmp_path: Path
) -> None:
    config = {
        "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "vocab_size": 100, **odd,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))

    args = engine_args(find_model(str(tmp_path)), EngineSettings(), on_gpu=True)

    assert args.get(NAME) is one_table


def test_batch_invariant_kernels_are_chosen_by_the_setting_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VLLM_BATCH_INVARIANT", "1")
    card, invariant = find_model(None), EngineSettings(batch_invariant=True)

    assert server_environment(EngineSettings(), on_gpu=True)["VLLM_BATCH_INVARIANT"] == "0"
    assert server_environment(invariant, on_gpu=True)["VLLM_BATCH_INVARIANT"] == "1"
    assert engine_args(card, invariant, on_gpu=True) == engine_args(
        card, EngineSettings(), on_gpu=True
    )
    with pytest.raises(EngineError, match="this machine has none: leave --batch-invariant"):
        engine_args(card, invariant, on_gpu=False)


def test_batch_invariant_kernels_are_part_of_a_request_key_only_if_chosen() -> None:
    card = find_model(None)

    assert "batch_invariant" not in card.identity().model_dump(mode="json")
    chosen = card.identity(batch_invariant=True)
    assert chosen.model_dump(mode="json")["batch_invariant"] is True
    assert EngineIdentity.model_validate_json(chosen.model_dump_json()) == chosen


def test_engines_that_share_a_gpu_share_its_memory() -> None:
    alone = engine_args(find_model("gemma3:4b"), EngineSettings(), on_gpu=True)
    both = engine_args(find_model("gemma3:4b"), EngineSettings(engines_per_gpu=2), on_gpu=True)

    assert alone["gpu_memory_utilization"] == 0.9
    assert both["gpu_memory_utilization"] == 0.45

"""What vLLM is started with."""

import pytest

from aris_pipeline.engines import EngineSettings, ModelCard, as_flags, engine_args, find_model

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

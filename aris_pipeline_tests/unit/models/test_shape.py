"""Bytes of weights and of KV cache, from a config.json and nothing else."""

from typing import Any

import pytest

from aris_pipeline.errors import ConfigError
from aris_pipeline.models import ModelShape, find_model, kv_bytes_of, model_config, precision_of

SMALL: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "vocab_size": 1_000,
    "tie_word_embeddings": True,
}
EMBEDDINGS, NORMS = 64 * 1_000, 25 * 64
ATTENTION, FEED_FORWARD = 2 * 64 * 64 + 2 * 64 * 16, 3 * 64 * 256


def shape(**fields: Any) -> ModelShape:
    return ModelShape.of({**SMALL, **fields})


def weights(quantization: str | None = None, **fields: Any) -> int:
    config = {**SMALL, **fields}
    precision = precision_of(config, "bfloat16", quantization)
    return ModelShape.of(config).weight_bytes(precision)


@pytest.mark.parametrize(
    ("model", "published"),
    [
        # https://github.com/keras-team/keras-hub, gemma3_presets.py, text alone
        ("gemma3:1b", 999_885_952),
        ("gemma3:4b", 3_880_099_328),
        ("gemma3:12b", 11_765_788_416),
        # the models' own pages on Hugging Face
        ("mistral:7b", 7_248_023_552),
        ("qwen2.5:14b", 14_770_033_664),
        ("smollm2", 134_515_008),
    ],
)
def test_parameters_are_those_that_are_published(model: str, published: int) -> None:
    config, _ = model_config(find_model(model))

    assert ModelShape.of(config).parameters == pytest.approx(published, rel=1e-4)


def test_a_token_has_keys_and_values_in_every_layer_for_each_group_of_heads() -> None:
    assert shape().kv_bytes_per_token() == 2 * 12 * 2 * 8 * 2
    assert shape(num_key_value_heads=None).kv_bytes_per_token() == 2 * 12 * 8 * 8 * 2
    assert shape(head_dim=32).kv_bytes_per_token() == 2 * 12 * 2 * 32 * 2


def test_an_8_bit_cache_takes_half() -> None:
    assert (kv_bytes_of("auto", "bfloat16"), kv_bytes_of("fp8", "bfloat16")) == (2, 1)
    assert kv_bytes_of("auto", "float32") == 4


def test_gpus_share_heads_and_each_has_one_at_least() -> None:
    per_gpu = [shape().kv_bytes_per_token(tensor_parallel=gpus) for gpus in (1, 2, 4)]

    assert per_gpu == [768, 384, 384]


def test_an_output_matrix_of_its_own_counts() -> None:
    tied = (12 * (ATTENTION + FEED_FORWARD) + EMBEDDINGS + NORMS) * 2

    assert weights() == tied
    assert weights(tie_word_embeddings=False) == tied + EMBEDDINGS * 2


def test_four_bit_weights_keep_embeddings_and_norms_and_pay_for_their_scales() -> None:
    matrices, rest = 12 * (ATTENTION + FEED_FORWARD), EMBEDDINGS + NORMS

    assert weights("bitsandbytes") == matrices * 4.5 / 8 + rest * 2
    double = {"quant_method": "bitsandbytes", "bnb_4bit_use_double_quant": True}
    expected = matrices * (4 + 1 / 8 + 1 / 512) / 8 + rest * 2
    assert weights(quantization_config=double) == pytest.approx(expected, abs=1)


def test_modules_that_a_config_excepts_stay_wide() -> None:
    plain = {"quant_method": "bitsandbytes"}
    names = ["lm_head", "model.layers.3.mlp", "language_model.model.layers.4.self_attn.q_proj"]
    narrow = weights(quantization_config=plain)

    kept = weights(quantization_config={**plain, "llm_int8_skip_modules": names})

    assert kept - narrow == (FEED_FORWARD + 64 * 64) * (2 - 4.5 / 8)


@pytest.mark.parametrize(
    ("stated", "bits"),
    [
        ({"quant_method": "fp8"}, 8.0),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, 4 + 20 / 128),
        ({"quant_method": "gptq", "bits": 8, "group_size": -1}, 8.0),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, 8.0),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 32}}},
            },
            4 + 20 / 32,
        ),
    ],
)
def test_a_quantized_checkpoint_says_its_bits(stated: dict[str, Any], bits: float) -> None:
    found = precision_of({**SMALL, "quantization_config": stated}, "bfloat16", None)

    assert (found.bits, found.assumptions) == (bits, ())


@pytest.mark.parametrize("asked", ["fp8", "bitsandbytes", "gguf"])
def test_what_the_config_does_not_say_is_named(asked: str) -> None:
    (said,) = precision_of(SMALL, "bfloat16", asked).assumptions

    assert said.startswith(asked)


def test_an_unknown_quantization_is_refused() -> None:
    with pytest.raises(ConfigError, match="'hqq' cannot be planned"):
        precision_of(SMALL, "bfloat16", "hqq")


@pytest.mark.parametrize(
    ("fields", "full"),
    [
        ({}, 12),
        ({"sliding_window": None}, 12),
        ({"sliding_window": 512}, 0),
        ({"sliding_window": 512, "use_sliding_window": False}, 12),
        ({"sliding_window": 512, "sliding_window_pattern": 6}, 2),
        ({"sliding_window": 512, "layer_types": ["full_attention", "sliding_attention"] * 6}, 6),
    ],
)
def test_windowed_layers_are_told_from_those_that_see_everything(
    fields: dict[str, Any], full: int
) -> None:
    found = shape(**fields)

    assert (found.full_layers, found.window) == (full, 0 if full == 12 else 512)


def test_experts_are_all_stored_and_some_are_used() -> None:
    found = shape(num_local_experts=8, num_experts_per_tok=2)

    assert found.matrix_parameters == 12 * (ATTENTION + 8 * FEED_FORWARD)
    assert found.active_parameters == 12 * (ATTENTION + 2 * FEED_FORWARD) + EMBEDDINGS


def test_a_nested_config_is_that_of_its_text_part() -> None:
    assert ModelShape.of({"text_config": SMALL, "vision_config": {}}) == shape()


def test_a_vision_tower_counts_only_where_images_are_served() -> None:
    config, _ = model_config(find_model("gemma3:4b"))
    found, precision = ModelShape.of(config), precision_of(config, "bfloat16", None)

    tower = found.weight_bytes(precision, images=True) - found.weight_bytes(precision)

    assert tower / 2 == pytest.approx(417e6, rel=0.02)


def test_a_config_without_its_numbers_is_refused_by_their_names() -> None:
    with pytest.raises(ConfigError, match="lacks hidden_size, vocab_size"):
        shape(hidden_size=None, vocab_size=None)


def test_latent_attention_is_refused() -> None:
    with pytest.raises(ConfigError, match="latent"):
        shape(kv_lora_rank=512)

"""Models by their shipped configs, hardware by name, rows of known length."""

from typing import Any

from aris_pipeline.models import Hardware, find_hardware, find_model
from aris_pipeline.planning import Model, Plan, declared, make_plan

# What was measured on an H100: Gemma 3 4B's decoder by itself, random weights, no rope scaling.
GEMMA_4B_TEXT: dict[str, Any] = {
    "model_type": "gemma3_text",
    "hidden_size": 2560,
    "intermediate_size": 10240,
    "num_hidden_layers": 34,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "vocab_size": 262_144,
    "max_position_embeddings": 131_072,
    "sliding_window": 1024,
    "sliding_window_pattern": 6,
    "tie_word_embeddings": True,
}


def model(name: str, **fields: Any) -> Model:
    card = find_model(name)
    return Model.of_card(card.model_copy(update=fields), on_gpu=True)


def planned(name: str | Model, gpu: str | Hardware, **options: Any) -> Plan:
    chosen = model(name) if isinstance(name, str) else name
    hardware = find_hardware(gpu, None) if isinstance(gpu, str) else gpu
    return make_plan(chosen, hardware, declared(5_000), **options)

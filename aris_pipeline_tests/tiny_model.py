"""A checkpoint that real vLLM loads in a second and that answers at once.

Its weights are random but for one thing: wherever a quotation mark is allowed, that is what it says
next. So a reason is one word, and a text without a schema is as long as it may be.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from safetensors.numpy import save_file

from aris_pipeline.models import ModelCard, embedded_model_dir

_LAYERS, _WIDTH, _INNER = 2, 64, 128
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
_CONSTANT = 8.0
_PREFERENCE = 4.0
_SMALL_CACHE = {"num_gpu_blocks_override": 4096}
"""What vLLM would make of a gigabyte holds millions of this model's tokens, and costs seconds."""


@dataclass(frozen=True)
class TinyModel:
    """The checkpoint, and what makes a process judge with it.

    Attributes:
        card: for engines in this process.
        table: the model table that names it as the default.
    """

    card: ModelCard
    table: Path

    @property
    def environment(self) -> dict[str, str]:
        """What other processes need in theirs."""
        return {"ARIS_MODELS": str(self.table)}


def make_tiny_model(folder: Path) -> TinyModel:
    """Writes a checkpoint with the demo model's tokenizer, and a model table that names it."""
    checkpoint, demo = folder / "tiny", embedded_model_dir()
    checkpoint.mkdir()
    for name in _TOKENIZER:
        shutil.copy(demo / name, checkpoint)
    config = json.loads((demo / "config.json").read_text())
    config |= {
        "hidden_size": _WIDTH,
        "intermediate_size": _INNER,
        "num_hidden_layers": _LAYERS,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": _WIDTH // 2,
        "tie_word_embeddings": False,
    }
    (checkpoint / "config.json").write_text(json.dumps(config))
    vocabulary = json.loads((demo / "tokenizer.json").read_text())["model"]["vocab"]
    weights = _weights(config["vocab_size"], vocabulary['"'])
    save_file(weights, checkpoint / "model.safetensors", {"format": "pt"})
    card = ModelCard(name="tiny", model_id=str(checkpoint), engine_args=_SMALL_CACHE)
    table = folder / "models.yaml"
    of_table = {
        "models": [card.model_dump(include={"name", "model_id", "engine_args"})],
        "default_cpu": card.name,
    }
    table.write_text(yaml.safe_dump(of_table))
    return TinyModel(card, table)


def _weights(words: int, quotation_mark: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(1)

    def drawn(rows: int, columns: int) -> np.ndarray:
        return draw.normal(size=(rows, columns), scale=columns**-0.5).astype(np.float32)

    ones = np.ones(_WIDTH, np.float32)
    # All words have their first number in common, and only one is fond of it.
    embedding, output = drawn(words, _WIDTH) * _CONSTANT, drawn(words, _WIDTH)
    embedding[:, 0], output[:, 0] = _CONSTANT, 0.0
    output[quotation_mark, 0] = _PREFERENCE
    weights: dict[str, np.ndarray] = {
        "model.embed_tokens.weight": embedding,
        "model.norm.weight": ones,
        "lm_head.weight": output,
    }
    for layer in range(_LAYERS):
        of_layer = {
            "input_layernorm": ones,
            "post_attention_layernorm": ones,
            "self_attn.q_proj": drawn(_WIDTH, _WIDTH),
            "self_attn.k_proj": drawn(_WIDTH // 2, _WIDTH),
            "self_attn.v_proj": drawn(_WIDTH // 2, _WIDTH),
            "self_attn.o_proj": drawn(_WIDTH, _WIDTH),
            "mlp.gate_proj": drawn(_INNER, _WIDTH),
            "mlp.up_proj": drawn(_INNER, _WIDTH),
            "mlp.down_proj": drawn(_WIDTH, _INNER),
        }
        for name, weight in of_layer.items():
            weights[f"model.layers.{layer}.{name}.weight"] = weight
    return weights

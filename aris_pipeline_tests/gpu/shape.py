"""Writes the shape of Gemma 3 4B, for random weights, and what a run needs with it.

python -m aris_pipeline_tests.gpu.shape DIR [--tiny] [--tokens 305]
. DIR/env.sh; aris run candidates.jsonl --model gemma-shape --rubric long --rubrics-dir DIR ...
"""

import argparse
import json
import shutil
from pathlib import Path

import yaml

from aris_pipeline.models import embedded_model_dir
from aris_pipeline.prompts import load_rubric
from aris_pipeline_tests.gpu import reasons_end

VOCABULARY = 262_144
_STRUCTURE, _REASONS = 52, 5
"""Tokens of an answer of `aris-swe-v2` beside its reasons, and how many reasons it has."""
_SHAPE = {
    "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "vocab_size": VOCABULARY,
    "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
    "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
    "query_pre_attn_scalar": 256, "sliding_window": 1024, "max_position_embeddings": 131_072,
    "rope_theta": 1e6, "rope_local_base_freq": 1e4, "rms_norm_eps": 1e-6,
    "hidden_activation": "gelu_pytorch_tanh", "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
}  # fmt: skip
_TINY = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "head_dim": 32,
    "num_attention_heads": 2, "num_key_value_heads": 1, "query_pre_attn_scalar": 32,
}  # fmt: skip


def write_shape(folder: Path, *, tokens: int, tiny: bool = False) -> None:
    """Writes a checkpoint without weights, a model table, a rubric, a plug-in, and `env.sh`.

    Args:
        folder: where to.
        tokens: mean tokens of an answer.
        tiny: two small layers for a CPU, to try a measurement out.
    """
    checkpoint, demo = folder / "gemma-shape", embedded_model_dir()
    checkpoint.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(demo / name, checkpoint)
    tokenizer = json.loads((demo / "tokenizer.json").read_text())
    words = tokenizer["model"]["vocab"]
    # Tokens without a text make vLLM's detokenizer slow, and long ones reach a reason's bound.
    words |= {f"Ġ{token:05x}": token for token in range(len(words), VOCABULARY)}
    (checkpoint / "tokenizer.json").write_text(json.dumps(tokenizer))
    shape = _SHAPE | (_TINY if tiny else {})
    count = shape["num_hidden_layers"]
    assert isinstance(count, int)
    layers = ["full_attention" if n % 6 == 5 else "sliding_attention" for n in range(count)]
    (checkpoint / "config.json").write_text(json.dumps(shape | {"layer_types": layers}))
    model = {
        "name": "gemma-shape", "model_id": str(checkpoint.absolute()), "load_format": "dummy",
        "dtype": "float32" if tiny else "bfloat16", "quantization": None if tiny else "fp8",
        "max_model_len": 4096,
    }  # fmt: skip
    (folder / "models.yaml").write_text(yaml.safe_dump({"models": [model]}))
    # Reasons end long before their bound, near which masks are dear.
    rubric = load_rubric("aris-swe-v2").model_dump(mode="json") | {
        "id": "long", "reason_chars": 1000, "overall_reason_chars": 1000, "max_tokens": 2400,
    }  # fmt: skip
    (folder / "long.yaml").write_text(yaml.safe_dump(rubric, sort_keys=False))
    plugin = folder / "plugin" / "reasons_end-0.dist-info"
    plugin.mkdir(parents=True, exist_ok=True)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: reasons_end\nVersion: 0\n")
    entry = f"[vllm.general_plugins]\nreasons_end = {reasons_end.__name__}:end_reasons\n"
    (plugin / "entry_points.txt").write_text(entry)
    ends, quote = _REASONS / (tokens - _STRUCTURE), words['"']
    (folder / "env.sh").write_text(
        f"export ARIS_MODELS={(folder / 'models.yaml').absolute()}\n"
        f"export PYTHONPATH={plugin.parent.absolute()}:{Path(__file__).parents[2]}:$PYTHONPATH\n"
        f"export {reasons_end.PROBABILITY}={ends:.4f} {reasons_end.QUOTE}={quote}\n"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokens", type=int, default=305)
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args()
    write_shape(asked.folder, tokens=asked.tokens, tiny=asked.tiny)

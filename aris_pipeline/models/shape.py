"""Reads a model's shape from its own config.json: bytes of weights and KV cache, no constants.

Weights are counted matrix by matrix, so that a 4-bit model keeps its embeddings, its head and the
modules that its config excludes at full width. Biases are left out: they are under 0.1 %.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aris_pipeline.errors import ConfigError

Config = Mapping[str, Any]

_BYTES = {
    **dict.fromkeys(("bfloat16", "float16", "half"), 2),
    **dict.fromkeys(("float32", "float"), 4),
    **dict.fromkeys(("fp8", "fp8_e4m3", "fp8_e5m2", "fp8_inc"), 1),
}
_REQUIRED = (
    *("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    "vocab_size",
)
_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")
_EXCEPTED = re.compile(r"layers\.(\d+)\.(self_attn|mlp)(?:\.(\w+))?$")
_GGUF_BITS = 4.85
"""Bits of Q4_K_M, as llama.cpp's quantize tool states them; the file may have another type."""


@dataclass(frozen=True)
class Precision:
    """How weights are stored.

    Attributes:
        dtype_bytes: bytes of a weight that is not quantized.
        bits: bits of a quantized weight, the scales of its block included; None if nothing is
            quantized.
        all_matrices: whether embeddings and head are quantized as well.
        excepted: modules that the config keeps at full width.
        assumptions: facts that the config does not state.
    """

    dtype_bytes: int
    bits: float | None = None
    all_matrices: bool = False
    excepted: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class VisionShape:
    """The tower that reads images: its parameters, and the memory that a patch takes in it."""

    parameters: int
    patches: int
    hidden: int
    intermediate: int


@dataclass(frozen=True)
class ModelShape:
    """A decoder of the Llama family, dense or with experts.

    Attributes:
        full_layers: layers that attend to the whole context; the others to `window` tokens.
        rope_positions: rows of the rotary tables, which vLLM keeps on the GPU.
        experts: the number in each layer; 0 for a dense model.
        active_experts: how many of them a token passes through.
    """

    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    tied: bool
    full_layers: int
    window: int
    max_positions: int
    rope_positions: int
    experts: int = 0
    active_experts: int = 0
    vision: VisionShape | None = None

    @classmethod
    def of(cls, config: Config) -> "ModelShape":
        """Reads a config.json.

        Raises:
            ConfigError: the config lacks a number, or describes an unknown kind of model.
        """
        text = text_config(config)
        if missing := missing_numbers(config):
            raise ConfigError(f"the config lacks {', '.join(missing)}: the model cannot be planned")
        if text.get("kv_lora_rank"):
            raise ConfigError("a model with latent attention (kv_lora_rank) cannot be planned")
        heads, layers = int(text["num_attention_heads"]), int(text["num_hidden_layers"])
        head_dim = text.get("head_dim") or text["hidden_size"] // heads
        experts = next((int(text[name]) for name in _EXPERTS if text.get(name)), 0)
        full_layers, window = _attention(text, layers)
        positions = int(text.get("max_position_embeddings") or 0)
        return cls(
            hidden=int(text["hidden_size"]),
            intermediate=int(
                (experts and text.get("moe_intermediate_size")) or text["intermediate_size"]
            ),
            layers=layers,
            heads=heads,
            kv_heads=int(text.get("num_key_value_heads") or heads),
            head_dim=int(head_dim),
            vocab=int(text["vocab_size"]),
            tied=bool(text.get("tie_word_embeddings", config.get("tie_word_embeddings", True))),
            full_layers=full_layers,
            window=window,
            max_positions=positions,
            rope_positions=_rope_positions(text, positions, hybrid=0 < full_layers < layers),
            experts=experts,
            active_experts=int(text.get("num_experts_per_tok") or 0) if experts else 0,
            vision=_vision(config, int(text["hidden_size"])),
        )

    @property
    def matrices(self) -> dict[str, dict[str, int]]:
        """Returns the parameters of the matrices of one layer, by module, with all experts."""
        query, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        feed_forward = self.hidden * self.intermediate * max(self.experts, 1)
        return {
            "self_attn": {
                "q_proj": self.hidden * query,
                "k_proj": self.hidden * keys,
                "v_proj": self.hidden * keys,
                "o_proj": query * self.hidden,
            },
            "mlp": dict.fromkeys(("gate_proj", "up_proj", "down_proj"), feed_forward),
        }

    @property
    def matrix_parameters(self) -> int:
        """Returns the parameters of the matrices of all layers."""
        return self.layers * sum(sum(module.values()) for module in self.matrices.values())

    @property
    def active_parameters(self) -> int:
        """Returns the parameters with which one token is multiplied, including the head."""
        module = self.matrices
        feed_forward = sum(module["mlp"].values())
        if self.experts:
            feed_forward = feed_forward * self.active_experts // self.experts
        return self.layers * (sum(module["self_attn"].values()) + feed_forward) + self.head

    @property
    def head(self) -> int:
        """Returns the parameters of the output matrix."""
        return self.vocab * self.hidden

    @property
    def parameters(self) -> int:
        """Returns all parameters of the decoder, without the vision tower."""
        norms = (2 * self.layers + 1) * self.hidden
        return self.matrix_parameters + self.head * (1 if self.tied else 2) + norms

    def weight_bytes(
        self, precision: Precision, *, tensor_parallel: int = 1, images: bool = False
    ) -> int:
        """Returns the bytes of the weights on one GPU, with vLLM's rotary tables beside them."""
        wide = precision.dtype_bytes
        embeddings = self.head * (1 if self.tied else 2)
        narrow = wide if precision.bits is None else precision.bits / 8
        excepted = self._excepted(precision.excepted)
        sharded = (
            (self.matrix_parameters - excepted) * narrow
            + excepted * wide
            + embeddings * (narrow if precision.all_matrices else wide)
        )
        if images and self.vision:
            sharded += self.vision.parameters * wide
        replicated = (2 * self.layers + 1) * self.hidden + self.rope_positions * self.head_dim
        return math.ceil(sharded / tensor_parallel + replicated * wide)

    def _excepted(self, names: tuple[str, ...]) -> int:
        """Returns the parameters of the modules that a quantized model keeps at full width."""
        found: set[tuple[str, str, str]] = set()
        for name in names:
            match = _EXCEPTED.search(name)
            if match and "vision" not in name:
                layer, module, matrix = match.groups()
                some = [matrix] if matrix in self.matrices[module] else self.matrices[module]
                found |= {(layer, module, one) for one in some}
        return sum(self.matrices[module][matrix] for _, module, matrix in found)

    def kv_bytes_per_layer(self, kv_bytes: int = 2, tensor_parallel: int = 1) -> int:
        """Returns the bytes of one token's keys and values in one layer, on one GPU."""
        return 2 * max(1, self.kv_heads // tensor_parallel) * self.head_dim * kv_bytes

    def kv_bytes_per_token(self, kv_bytes: int = 2, tensor_parallel: int = 1) -> int:
        """Returns the bytes of one token's keys and values in all layers, on one GPU."""
        return self.layers * self.kv_bytes_per_layer(kv_bytes, tensor_parallel)


def missing_numbers(config: Config) -> list[str]:
    """Returns the missing numbers of a shape; checkpoints leave out their class's defaults."""
    text = text_config(config)
    return [name for name in _REQUIRED if not isinstance(text.get(name), int)]


def text_config(config: Config) -> Config:
    """Returns the part of a config that describes the decoder."""
    nested = config.get("text_config")
    return nested if isinstance(nested, Mapping) else config


def bytes_of(dtype: str) -> int:
    """Returns the bytes of a number of this type; other quantized or unknown types are one byte."""
    return _BYTES.get(dtype, 1)


def kv_bytes_of(kv_cache_dtype: str, dtype: str) -> int:
    """Returns the bytes of a number in the KV cache; `auto` means the type of the model."""
    return bytes_of(dtype) if kv_cache_dtype == "auto" else bytes_of(kv_cache_dtype)


def precision_of(config: Config, dtype: str, quantization: str | None) -> Precision:
    """Returns how the weights are stored, by the config's or the requested quantization.

    Raises:
        ConfigError: the bits of the quantization are not known here.
    """
    wide = bytes_of(dtype)
    stated = config.get("quantization_config") or text_config(config).get("quantization_config")
    stated = stated if isinstance(stated, Mapping) else {}
    method = quantization or stated.get("quant_method")
    if method is None:
        return Precision(wide)
    excepted = tuple(
        stated.get("llm_int8_skip_modules")
        or stated.get("modules_to_not_convert")
        or stated.get("ignore")
        or ()
    )
    said = (
        () if stated else (f"{method}: the config says nothing of it, vLLM's defaults are taken",)
    )
    if method == "gguf":
        said = (f"gguf: taken as Q4_K_M, {_GGUF_BITS} bits a weight, embeddings too",)
        return Precision(wide, _GGUF_BITS, all_matrices=True, assumptions=said)
    return Precision(wide, _bits(str(method), stated), excepted=excepted, assumptions=said)


def _bits(method: str, stated: Config) -> float:
    """Returns the bits of a quantized weight with its share of the block's scales."""
    if method == "bitsandbytes":
        if stated.get("load_in_8bit"):
            return 8.0
        # A scale for each 64 weights: 32 bits, or 8 if the scales are quantized again by 256
        # (Dettmers et al., "QLoRA", 2023, section 3).
        double = stated.get("bnb_4bit_use_double_quant")
        return 4 + (8 / 64 + 32 / (64 * 256) if double else 32 / 64)
    if method == "fp8":
        return 8.0
    if method == "compressed-tensors":
        groups = stated.get("config_groups") or {}
        weights = next((one.get("weights") or {} for one in groups.values()), {})
        return _grouped(int(weights.get("num_bits") or 8), weights.get("group_size"))
    if method.partition("_")[0] in ("awq", "gptq"):
        bits = int(stated.get("bits") or stated.get("w_bit") or 4)
        return _grouped(bits, stated.get("group_size") or stated.get("q_group_size") or 128)
    raise ConfigError(
        f"quantization '{method}' cannot be planned; known are awq, bitsandbytes, "
        "compressed-tensors, fp8, gguf and gptq"
    )


def _grouped(bits: int, group: int | None) -> float:
    """Returns the bits with a 16-bit scale and a zero point for each group."""
    return bits + (16 + bits) / group if group and group > 0 else float(bits)


def _attention(text: Config, layers: int) -> tuple[int, int]:
    """Returns the layers that attend to the whole context, and the window of the others."""
    window = _number(text, "sliding_window")
    if not window or text.get("use_sliding_window") is False:
        return layers, 0
    if kinds := text.get("layer_types"):
        full = sum(kind == "full_attention" for kind in kinds)
    else:
        names = ("sliding_window_pattern", "_sliding_window_pattern")
        pattern = next(filter(None, (_number(text, name) for name in names)), 0)
        full = layers // pattern if pattern else 0
    return full, (0 if full == layers else window)


def _number(text: Config, name: str) -> int:
    """Returns a number of a config, 0 without one; refuses a list by layer, or a word."""
    value = text.get(name) or 0
    if not isinstance(value, int):
        raise ConfigError(f"the config's {name} is no number: the model cannot be planned")
    return value


def _rope_positions(text: Config, positions: int, *, hybrid: bool) -> int:
    """Returns the rows of vLLM's rotary tables.

    Source: `vllm/model_executor/layers/rotary_embedding/` (0.26 to 0.32). Linear scaling stretches
    a table, and windowed layers have their own.
    """
    scaling = text.get("rope_scaling") or text.get("rope_parameters") or {}
    scaling = scaling.get("full_attention") or scaling
    kind = scaling.get("rope_type") or scaling.get("type")
    factor = float(scaling.get("factor") or 1) if kind == "linear" else 1.0
    return int(positions * (factor + 1 if hybrid else factor))


def _vision(config: Config, text_hidden: int) -> VisionShape | None:
    """Returns the vision tower if it is of the SigLIP family; others are not counted."""
    tower = config.get("vision_config")
    numbers = ("hidden_size", "intermediate_size", "num_hidden_layers", "image_size", "patch_size")
    if not isinstance(tower, Mapping) or not all(isinstance(tower.get(n), int) for n in numbers):
        return None
    hidden, intermediate, layers, image, patch = (int(tower[name]) for name in numbers)
    patches = (image // patch) ** 2
    layer = 4 * hidden**2 + 2 * hidden * intermediate
    embeddings = (3 * patch**2 + patches) * hidden
    parameters = layers * layer + embeddings + hidden * text_hidden
    return VisionShape(parameters, patches, hidden, intermediate)

"""Attention that reads a shared prefix once is attention row by row, in torch's arithmetic."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from aris_pipeline.engines.attention import read_prefix_once
from aris_pipeline.engines.lifetime import PARENT_VARIABLE

pytestmark = pytest.mark.engine

BLOCK, HEADS, KV_HEADS, HEAD = 16, 4, 2, 32
WIDTH = 20
"""Blocks that a row may have."""


def flash_attention(  # noqa: PLR0913 - as the kernel is called
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    cu_seqlens_q: torch.Tensor,
    seqused_k: torch.Tensor,
    causal: bool,
    window_size: list[int],
    block_table: torch.Tensor,
    softmax_scale: float,
    out: torch.Tensor | None = None,
    **_: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """FlashAttention's answer for rows with tables of blocks, and the log-sum-exps."""
    output = torch.empty_like(q) if out is None else out
    output.zero_()
    sums = torch.full((HEADS, len(q)), torch.inf)
    for row, length in enumerate(seqused_k.tolist()):
        first, last = cu_seqlens_q[row : row + 2].tolist()
        if length == 0:
            continue
        blocks = block_table[row, : -(-length // BLOCK)].long()
        keys, values = (
            cache[blocks].reshape(-1, KV_HEADS, HEAD)[:length].repeat_interleave(2, 1)
            for cache in (k, v)
        )
        scores = torch.einsum("qhd,khd->hqk", q[first:last], keys) * softmax_scale
        position = torch.arange(last - first)[:, None] + length - (last - first)
        key = torch.arange(length)
        hidden = (key > position) & causal
        if window_size[0] >= 0:
            hidden |= key < position - window_size[0]
        scores = scores.masked_fill(hidden, -torch.inf)
        sums[:, first:last] = scores.logsumexp(-1)
        output[first:last] = torch.einsum("hqk,khd->qhd", scores.softmax(-1), values)
    return output, sums


@pytest.fixture
def shared_prefix(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module on a CPU: FlashAttention is torch's arithmetic, and Triton interprets ours."""
    from vllm.v1.attention.backends import fa_utils

    monkeypatch.setattr(fa_utils, "flash_attn_varlen_func", flash_attention, raising=False)
    from aris_pipeline.engines import shared_prefix

    monkeypatch.setattr(shared_prefix, "flash_attn_varlen_func", flash_attention)
    return shared_prefix


def step(rows: int, prefix: int, *, others: int, seed: int) -> SimpleNamespace:
    """Returns vLLM's metadata of a step whose rows share a prefix of so many tokens.

    Some rows are another prompt's, a few read their prompt, and one has read a part of the prefix.
    """
    draw = torch.Generator().manual_seed(seed)
    table = torch.randperm(rows * WIDTH + WIDTH, generator=draw)
    shared, table = table[: prefix // BLOCK], table[WIDTH:].reshape(rows, WIDTH).clone()
    table[: rows - others - 4, : prefix // BLOCK] = shared
    table[-4:, : prefix // BLOCK] = shared
    new = torch.ones(rows, dtype=torch.int32)
    new[-4:] = torch.tensor([60, 7, 30, 1])
    lengths = prefix + torch.randint(1, 100, (rows,), generator=draw) + new
    lengths[-3] = min(prefix, 40) + new[-3]
    starts = torch.zeros(rows + 1, dtype=torch.int32)
    starts[1:] = new.cumsum(0)
    return SimpleNamespace(
        num_actual_tokens=int(starts[-1]),
        max_query_len=int(new.max()),
        query_start_loc=starts,
        seq_lens=lengths.int(),
        max_seq_len=int(lengths.max()),
        block_table=table.int(),
        causal=True,
        rswa_prefix_lens=None,
        mm_prefix_query_range_tensor=None,
    )


def build(  # noqa: PLR0913 - one each
    shared_prefix: Any,
    metadata: SimpleNamespace,
    windows: set[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    *,
    apart: bool = True,
    keys: int = 1024,
) -> Any:
    """Returns what our builder makes of vLLM's metadata, with CUDA graphs of up to 64 tokens."""
    builder = shared_prefix.SharedPrefixBuilder.__new__(shared_prefix.SharedPrefixBuilder)
    vars(builder).update(
        use_full_cuda_graph=True, max_cudagraph_size=64, num_heads_q=8, num_heads_kv=1,
        headdim=keys, dcp_world_size=1, cache_config=SimpleNamespace(cache_dtype="auto"),
        vllm_config=SimpleNamespace(speculative_config=None), block_size=BLOCK,
    )  # fmt: skip
    vllms = shared_prefix.flash_attn
    monkeypatch.setattr(vllms, "_get_sliding_window_configs", lambda _config: windows)
    monkeypatch.setattr(shared_prefix.decode_attention, "suits", lambda *_heads: apart)
    of_vllm = vllms.FlashAttentionMetadataBuilder
    monkeypatch.setattr(of_vllm, "build", lambda *_: metadata)
    common = SimpleNamespace(query_start_loc_cpu=metadata.query_start_loc)
    return builder.build(common_prefix_len=0, common_attn_metadata=common)  # as vLLM calls it


@pytest.mark.parametrize(
    ("rows", "prefix", "others", "window", "apart"),
    [
        (70, 176, 3, 220, True),
        (64, 64, 20, 63, True),
        (64, 176, 50, 1024, True),
        (64, 0, 0, 40, True),
        (70, 176, 3, 220, False),
    ],
    ids=["usual", "window inside", "most rows are others", "nothing shared", "other heads"],
)
@pytest.mark.parametrize("layer", ["all", "window"])
def test_parts_add_up_to_attention_row_by_row(  # noqa: PLR0913, PLR0917 - one each
    shared_prefix: Any,
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
    prefix: int,
    others: int,
    window: int,
    apart: bool,
    layer: str,
) -> None:
    windows = {(-1, -1), (window - 1, 0)}
    mine = (-1, -1) if layer == "all" else (window - 1, 0)
    metadata = step(rows, prefix, others=others, seed=rows)
    built = build(shared_prefix, metadata, windows, monkeypatch, apart=apart)
    attention = shared_prefix.SharedPrefixAttention.__new__(shared_prefix.SharedPrefixAttention)
    vars(attention).update(
        head_size=HEAD, sliding_window=mine, scale=HEAD**-0.5, logits_soft_cap=0,
        vllm_flash_attn_version=3, attn_type="decoder", sinks=None, alibi_slopes=None,
        kv_cache_dtype="auto",
    )  # fmt: skip
    cache = torch.randn(rows * WIDTH + WIDTH, KV_HEADS, BLOCK, 2 * HEAD)
    query = torch.randn(metadata.num_actual_tokens, HEADS, HEAD)
    output = torch.empty_like(query)
    keys, values = cache.transpose(1, 2).split(HEAD, dim=-1)

    attention.forward(None, query, query, query, cache, built, output)

    by_row, _ = flash_attention(
        query, keys, values,
        cu_seqlens_q=metadata.query_start_loc, seqused_k=metadata.seq_lens, causal=True,
        window_size=list(mine), block_table=metadata.block_table, softmax_scale=HEAD**-0.5,
    )  # fmt: skip
    assert torch.allclose(output, by_row, atol=1e-5)
    whole = others < rows / 2
    assert built.shared.decodes == (rows - 4) * apart
    assert int(built.shared.length) == prefix * whole
    alone = int(built.shared.own[-1, -1].alone.sum())
    if prefix and whole:
        assert 0 < alone < metadata.num_actual_tokens / 2


@pytest.mark.parametrize(
    "change",
    [
        {"num_actual_tokens": 64},
        {"seq_lens": torch.ones(63)},
        {"causal": torch.ones(100)},
        {"rswa_prefix_lens": torch.ones(100)},
    ],
    ids=["in a graph", "few rows", "not causal", "another mask"],
)
def test_some_steps_are_left_to_vllm(
    shared_prefix: Any, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    metadata = step(100, 176, others=0, seed=1)
    vars(metadata).update(change)

    assert build(shared_prefix, metadata, {(-1, -1)}, monkeypatch).shared is None


def test_models_whose_keys_are_few_are_left_to_vllm(
    shared_prefix: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = step(100, 176, others=0, seed=1)

    assert build(shared_prefix, metadata, {(-1, -1)}, monkeypatch, keys=256).shared is None


@pytest.mark.parametrize(
    ("heads", "suits"),
    [((8, 4, 256), True), ((17, 1, 256), False), ((40, 8, 128), False)],
    ids=["Gemma 3 4B", "too many queries", "Qwen 2.5 14B"],
)
def test_rows_that_write_one_token_are_read_apart_if_the_kernel_was_measured_with_such_heads(
    shared_prefix: Any, heads: tuple[int, int, int], *, suits: bool
) -> None:
    assert shared_prefix.decode_attention.suits(*heads) == suits


@pytest.mark.parametrize(
    ("parent", "invariant", "capability", "version", "replaced"),
    [
        ("1", "0", 90, "0.33.1", True),
        ("1", "1", 90, "0.33.1", False),
        (None, "0", 90, "0.33.1", False),
        ("1", "0", 80, "0.33.1", False),
        ("1", "0", 90, "0.31.0", False),
    ],
    ids=["ours", "batch-invariant", "somebody else's", "not on Hopper", "an older vLLM"],
)
def test_engines_of_ours_on_hopper_read_it_once(  # noqa: PLR0913 - one each
    monkeypatch: pytest.MonkeyPatch,
    parent: str | None,
    invariant: str,
    capability: int,
    version: str,
    *,
    replaced: bool,
) -> None:
    from vllm import platforms
    from vllm.v1.attention.backends.registry import AttentionBackendEnum

    attention = AttentionBackendEnum.FLASH_ATTN
    card = SimpleNamespace(
        is_cuda=lambda: True, is_device_capability_family=lambda family: family == capability
    )
    monkeypatch.setattr("vllm.__version__", version)
    monkeypatch.setattr(platforms, "current_platform", card)
    monkeypatch.delenv(PARENT_VARIABLE, raising=False)
    if parent:
        monkeypatch.setenv(PARENT_VARIABLE, parent)
    monkeypatch.setenv("VLLM_BATCH_INVARIANT", invariant)
    try:
        read_prefix_once()

        assert ("shared_prefix" in attention.get_path()) == replaced
    finally:
        attention.clear_override()

"""Attention in two parts beside attention row by row, with the kernels of a Hopper GPU.

    python -m aris_pipeline_tests.gpu.attention

768 rows share 528 tokens, and two of them read their prompts, with the heads of several models.
Our kernel is tried with all of them. A layer takes the longer of two times: of the GPU, and of the
thread that launches its kernels.
"""

import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from vllm.v1.attention.backends.fa_utils import flash_attn_varlen_func

from aris_pipeline.engines import shared_prefix


class Heads(NamedTuple):
    """The heads of a layer."""

    queries: int
    kv: int
    size: int


MODELS = {
    "Gemma 3 4B": Heads(8, 4, 256),
    "Gemma 3 1B": Heads(4, 1, 256),
    "Gemma 3 12B": Heads(16, 8, 256),
    "Mistral 7B": Heads(32, 8, 128),
    "Qwen 2.5 14B": Heads(40, 8, 128),
    "SmolLM2 135M": Heads(9, 3, 64),
}
ROWS, SHARED, BLOCK = 768, 528, 16
WIDTH = 88
"""Blocks that a row may have."""
_CALLS = 50
_LAUNCHED_FIRST = 400_000_000
"""Cycles of a GPU, some 0.2 s: longer than all calls take to launch."""
_ROUNDING = 0.01
"""More than bfloat16 loses in the attention of so many tokens; 0.002 to 0.004 were seen."""


def step(heads: Heads) -> tuple[SimpleNamespace, torch.Tensor, torch.Tensor]:
    """Returns vLLM's metadata of a step, its queries, and a layer's KV cache."""
    torch.manual_seed(1)
    table = torch.randperm(ROWS * WIDTH).reshape(ROWS, WIDTH).int()
    table[:, : SHARED // BLOCK] = table[0, : SHARED // BLOCK].clone()
    new = torch.ones(ROWS, dtype=torch.int32)
    new[-2:] = 177
    lengths = (SHARED + new + torch.randint(20, 560, (ROWS,))).int()
    starts = torch.zeros(ROWS + 1, dtype=torch.int32)
    starts[1:] = new.cumsum(0)
    tokens = int(starts[-1])
    metadata = SimpleNamespace(
        num_actual_tokens=tokens, max_query_len=int(new.max()), max_seq_len=int(lengths.max()),
        query_start_loc=starts.cuda(), seq_lens=lengths.cuda(),
        block_table=table.cuda(),
    )  # fmt: skip
    made = {"dtype": torch.bfloat16, "device": "cuda"}
    query = torch.randn(tokens, heads.queries, heads.size, **made)
    cache = torch.randn(ROWS * WIDTH, heads.kv, BLOCK, 2 * heads.size, **made)
    return metadata, query, cache


def attention(heads: Heads, window: tuple[int, int]) -> Any:
    """Returns the attention of a layer, as vLLM would make it."""
    made: Any = shared_prefix.SharedPrefixAttention.__new__(shared_prefix.SharedPrefixAttention)
    vars(made).update(
        head_size=heads.size, sliding_window=window, scale=heads.size**-0.5, logits_soft_cap=0,
        vllm_flash_attn_version=3, attn_type="decoder", sinks=None, alibi_slopes=None,
        kv_cache_dtype="auto",
    )  # fmt: skip
    return made


def milliseconds(work: Callable[[], object]) -> str:
    """Returns how long a call of `work` takes the GPU and the launching thread, of 50."""
    work()
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    torch.cuda._sleep(_LAUNCHED_FIRST)  # so the GPU waits for no launch
    begin.record()
    started = time.perf_counter()
    for _ in range(_CALLS):
        work()
    launched = time.perf_counter() - started
    end.record()
    assert not begin.query(), "launching took longer than the GPU slept"
    end.synchronize()
    return f"{begin.elapsed_time(end) / _CALLS:.3f} ms, launch {1000 * launched / _CALLS:.3f} ms"


def compare(heads: Heads, window: tuple[int, int]) -> None:
    """Writes times, and fails where a difference is more than rounding."""
    metadata, query, cache = step(heads)
    keys, values = cache.transpose(1, 2).split(heads.size, dim=-1)
    row_by_row = torch.empty_like(query)

    def theirs() -> None:
        flash_attn_varlen_func(
            q=query, k=keys, v=values, out=row_by_row, cu_seqlens_q=metadata.query_start_loc,
            max_seqlen_q=metadata.max_query_len, seqused_k=metadata.seq_lens,
            max_seqlen_k=metadata.max_seq_len, softmax_scale=heads.size**-0.5, causal=True,
            window_size=list(window), block_table=metadata.block_table, fa_version=3,
        )  # fmt: skip

    theirs()
    sys.stdout.write(f"  window {window[0]}: row by row {milliseconds(theirs)}\n")
    for name, decodes in (("FlashAttention", 0), ("our kernel", ROWS - 2)):
        metadata.shared = shared_prefix.find_shared_prefix(
            metadata.block_table, metadata.seq_lens, metadata.query_start_loc,
            block_size=BLOCK, tokens=len(query), decodes=decodes, windows={window},
        )  # fmt: skip
        ours, output = attention(heads, window), torch.empty_like(query)

        def parts(ours: Any = ours, out: torch.Tensor = output) -> None:
            ours.forward(None, query, query, query, cache, metadata, out)

        parts()
        off = (output.float() - row_by_row.float()).abs()
        sys.stdout.write(
            f"    prefix once, own blocks by {name}: {milliseconds(parts)}, "
            f"off by {off.max():.4f} at most, {off.mean():.5f} in the mean\n"
        )
        sys.stdout.flush()
        assert int(metadata.shared.length) == SHARED
        assert off.max() < _ROUNDING


def main() -> None:
    """Compares for each model's heads, with a window and without."""
    for model, heads in MODELS.items():
        sys.stdout.write(f"{model}: {heads.queries} and {heads.kv} heads of {heads.size}\n")
        for window in ((-1, -1), (1023, 0)):
            compare(heads, window)


if __name__ == "__main__":
    main()

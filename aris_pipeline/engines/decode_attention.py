"""Attention of rows that write one token each, without the blocks that they share.

FlashAttention 3 computes tiles of 128 queries, of which a row and KV head has two with the heads of
Gemma 3. Here a program takes one row and KV head, and tiles of 16 queries, the least that tensor
cores take: on an H200 it reads 4.6 TB/s where FlashAttention reads 4.0.
The online softmax is that of FlashAttention (Dao et al., 2022).
"""

import math

import torch
import triton
import triton.language as tl

_TILE = 64
"""Tokens that a program reads at once."""
_QUERIES = tl.constexpr(16)
_WARPS = 4
_HEAD_SIZE = 256
"""The size that was measured. 64 and 128 were compiled, and interpreted on a CPU."""


@triton.jit(do_not_specialize=["table_stride", "sums_stride"])  # type: ignore[untyped-decorator]
def _attend(  # type: ignore[no-untyped-def] # noqa: PLR0913, PLR0917 - Triton reads the types
    output,
    sums,
    query,
    cache,
    table,
    lengths,
    scale,
    output_stride,
    sums_stride,
    query_stride,
    table_stride,
    block_stride,
    head_stride,
    token_stride,
    WINDOW: tl.constexpr,  # noqa: N803
    GROUP: tl.constexpr,  # noqa: N803
    HEAD: tl.constexpr,  # noqa: N803
    BLOCK: tl.constexpr,  # noqa: N803
    TILE: tl.constexpr,  # noqa: N803
):
    kv_head, row = tl.program_id(0).to(tl.int64), tl.program_id(1).to(tl.int64)
    length = tl.load(lengths + row)
    first = 0
    if WINDOW >= 0:
        first = tl.maximum(length - 1 - WINDOW, 0) // TILE * TILE
    group = tl.arange(0, _QUERIES)
    dims = tl.arange(0, HEAD)
    heads = kv_head * GROUP + group
    is_query = group < GROUP
    mine = heads[:, None] * HEAD + dims[None, :]
    q = tl.load(query + row * query_stride + mine, mask=is_query[:, None], other=0.0)
    top = tl.full([_QUERIES], -float("inf"), tl.float32)
    total = tl.zeros([_QUERIES], tl.float32)
    values = tl.zeros([_QUERIES, HEAD], tl.float32)
    for start in tl.range(first, length, TILE, num_stages=2):
        position = start + tl.arange(0, TILE)
        inside = position < length
        if WINDOW >= 0:
            inside = inside & (position >= length - 1 - WINDOW)
        block = tl.load(table + row * table_stride + position // BLOCK, mask=inside, other=0)
        token = block.to(tl.int64) * block_stride + position % BLOCK * token_stride
        at = cache + token[:, None] + kv_head * head_stride + dims[None, :]
        k = tl.load(at, mask=inside[:, None], other=0.0)
        v = tl.load(at + HEAD, mask=inside[:, None], other=0.0)
        scores = tl.where(inside[None, :], tl.dot(q, tl.trans(k)) * scale, -float("inf"))
        higher = tl.maximum(top, tl.max(scores, 1))
        weights = tl.exp2(scores - higher[:, None])
        faded = tl.exp2(top - higher)
        total = total * faded + tl.sum(weights, 1)
        values = values * faded[:, None] + tl.dot(weights.to(v.dtype), v)
        top = higher
    values = values / total[:, None]
    tl.store(
        output + row * output_stride + mine,
        values.to(output.dtype.element_ty),
        mask=is_query[:, None],
    )
    sum_ = (top + tl.log2(total)) * 0.6931471805599453  # ln 2
    tl.store(sums + heads * sums_stride + row, sum_, mask=is_query)


def suits(heads: int, kv_heads: int, head_size: int) -> bool:
    """Returns whether `attend` was measured with such heads; it is right for powers of two."""
    return heads <= kv_heads * _QUERIES.value and head_size == _HEAD_SIZE


def attend(  # noqa: PLR0913 - one argument a tensor or size
    query: torch.Tensor,
    cache: torch.Tensor,
    table: torch.Tensor,
    lengths: torch.Tensor,
    *,
    scale: float,
    window: tuple[int, int],
    output: torch.Tensor,
    sums: torch.Tensor,
) -> None:
    """Writes the attention of each row's newest token to the row's blocks.

    Args:
        query: shape (rows, heads, head size), a row's heads one after the other; see `suits`.
        cache: keys and values of a layer, shape (blocks, KV heads, block size, 2 x head size).
        table: blocks of each row, shape (at least rows, blocks).
        lengths: tokens of each row, at least 1, shape (at least rows,).
        scale: what scores are multiplied with.
        window: how far a token looks back and ahead; -1 is everything.
        output: where the attention goes, shaped as `query`.
        sums: where the log-sum-exps go, shape (heads, at least rows), float32.
    """
    rows, heads, head_size = query.shape
    _attend[cache.shape[1], rows](
        output, sums, query, cache, table, lengths, scale * math.log2(math.e),
        output.stride(0), sums.stride(0), query.stride(0), table.stride(0),
        cache.stride(0), cache.stride(1), cache.stride(2),
        WINDOW=window[0], GROUP=heads // cache.shape[1], HEAD=head_size, BLOCK=cache.shape[2],
        TILE=_TILE, num_warps=_WARPS,
    )  # fmt: skip

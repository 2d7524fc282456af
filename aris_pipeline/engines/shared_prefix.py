"""Reads the prefix that the rows of a step share once, not once a row (record 34).

Most of each prompt is the same in all rows, and the prefix cache keeps it in the same blocks.
FlashAttention reads them again for each row: two thirds of what a step reads. Here all tokens of a
step attend to the shared blocks together, then each row to its own, and the two parts are merged by
their log-sum-exps (Juravsky et al., "Hydragen", 2024). Rows that write one token read their own
blocks by `decode_attention`, the others by FlashAttention.

Which blocks are shared is found on the GPU, so that nothing waits for it. A row that shares fewer,
or whose window ends inside the prefix, is read by itself.
"""

from dataclasses import dataclass
from typing import Any

import torch
from vllm.utils.torch_utils import canonicalize_singleton_dim_strides
from vllm.v1.attention.backend import AttentionType
from vllm.v1.attention.backends import flash_attn
from vllm.v1.attention.backends.fa_utils import flash_attn_varlen_func
from vllm.v1.attention.ops.merge_attn_states import merge_attn_states
from vllm.v1.kv_cache_interface import is_quantized_kv_cache

from aris_pipeline.engines import decode_attention
from aris_pipeline.engines.settings import LEAST_KEYS

_LEAST_ROWS = 64
"""With fewer rows a second pass over the prefix costs more than it spares."""
_NO_WINDOW = (-1, -1)
_VERSION = 3
"""Of FlashAttention: the one that was measured, and what vLLM takes on Hopper."""


@dataclass
class Own:
    """What each row reads by itself.

    Attributes:
        blocks: the rows' own blocks, shape (rows, blocks).
        lengths: tokens in them, shape (rows,).
        alone: tokens of rows without a shared part, shape (1, tokens).
    """

    blocks: torch.Tensor
    lengths: torch.Tensor
    alone: torch.Tensor


@dataclass
class SharedPrefix:
    """The blocks that rows share.

    Attributes:
        blocks: blocks of a row that begins with them, shape (1, blocks).
        length: tokens in them, shape (1,).
        tokens: where the tokens of the step begin and end, shape (2,).
        own: the rest of each row, by the window of the layers that read it.
        decodes: how many rows, from the first, write one token and are read apart.
        starts: where the tokens of the rows behind them begin among theirs.
    """

    blocks: torch.Tensor
    length: torch.Tensor
    tokens: torch.Tensor
    own: dict[tuple[int, int], Own]
    decodes: int
    starts: torch.Tensor


def find_shared_prefix(  # noqa: PLR0913 - one argument a tensor or size of a step
    table: torch.Tensor,
    lengths: torch.Tensor,
    starts: torch.Tensor,
    *,
    block_size: int,
    tokens: int,
    decodes: int,
    windows: set[tuple[int, int]],
) -> SharedPrefix:
    """Returns the blocks that most rows of a step share with its first row.

    Args:
        table: blocks of each row, shape (rows, blocks).
        lengths: tokens of each row, those of this step included, shape (rows,).
        starts: where the tokens of each row begin in the step, shape (rows + 1,).
        block_size: tokens of a block.
        tokens: tokens of the step.
        decodes: how many rows, from the first, write one token and are read apart.
        windows: how far the layers look back and ahead; -1 is everything.
    """
    new = starts[1:] - starts[:-1]
    known = (lengths - new) // block_size
    same = (table == table[:1]).int().cumprod(1).sum(1)
    usable = torch.minimum(same, known)
    count = usable.median()
    shares = usable >= count
    columns = torch.arange(table.shape[1], device=table.device)
    own = {}
    for window in windows:
        inside = shares if window[0] < 0 else shares & (lengths <= window[0] + 1)
        skipped = torch.where(inside, count, 0)
        columns_of = (columns + skipped[:, None]).clamp_(max=table.shape[1] - 1)
        own[window] = Own(
            table.gather(1, columns_of),
            (lengths - skipped * block_size).int(),
            torch.repeat_interleave(~inside, new, output_size=tokens)[None],
        )
    return SharedPrefix(
        table[:1],
        (count * block_size).int()[None],
        torch.stack([starts[0], starts[-1]]),
        own,
        decodes,
        starts[decodes:] - decodes,
    )


class SharedPrefixBuilder(
    flash_attn.FlashAttentionMetadataBuilder  # type: ignore[misc] # vLLM is not there for mypy
):
    """Notes what the rows of a step share."""

    _windows: set[tuple[int, int]] | None = None
    _decodes_apart = False
    _small = False

    def build(
        self, common_prefix_len: int, common_attn_metadata: Any, fast_build: bool = False
    ) -> Any:
        """Builds vLLM's metadata, with the shared prefix of a step that is in no CUDA graph."""
        metadata = super().build(common_prefix_len, common_attn_metadata, fast_build)
        metadata.shared = None
        rows, tokens = metadata.seq_lens.shape[0], metadata.num_actual_tokens
        if self._windows is None:
            self._windows = flash_attn._get_sliding_window_configs(self.vllm_config)
            self._decodes_apart = decode_attention.suits(
                self.num_heads_q, self.num_heads_kv, self.headdim
            )
            self._small = self.num_heads_kv * self.headdim < LEAST_KEYS
        in_a_graph = self.use_full_cuda_graph and tokens <= (self.max_cudagraph_size or 0)
        if (
            rows < _LEAST_ROWS
            or self._small
            or in_a_graph
            or metadata.causal is not True
            or metadata.rswa_prefix_lens is not None
            or metadata.mm_prefix_query_range_tensor is not None
            or self.vllm_config.speculative_config  # drafts change the lengths afterwards
            or self.dcp_world_size > 1
            or is_quantized_kv_cache(self.cache_config.cache_dtype)
        ):
            return metadata
        width = -(-metadata.max_seq_len // self.block_size)
        new = common_attn_metadata.query_start_loc_cpu[: rows + 1].diff()
        decodes = int((new == 1).int().cumprod(0).sum()) if self._decodes_apart else 0
        metadata.shared = find_shared_prefix(
            metadata.block_table[:rows, :width],
            metadata.seq_lens,
            metadata.query_start_loc,
            block_size=self.block_size,
            tokens=tokens,
            decodes=decodes,
            windows=self._windows,
        )
        return metadata

    def update_block_table(self, metadata: Any, *args: Any, **kwargs: Any) -> Any:
        """Returns metadata of another table, of which nothing is known."""
        updated = super().update_block_table(metadata, *args, **kwargs)
        updated.shared = None
        return updated


class SharedPrefixAttention(flash_attn.FlashAttentionImpl):  # type: ignore[misc] # as above
    """Attention in two parts where the metadata has a shared prefix."""

    def forward(  # noqa: PLR0913, PLR0917 - as vLLM calls it
        self,
        layer: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        kv_cache: torch.Tensor,
        attn_metadata: Any,
        output: torch.Tensor,
        *scales: Any,
        **further: Any,
    ) -> torch.Tensor:
        """Writes the attention of all tokens into `output`; shapes as in vLLM."""
        shared = getattr(attn_metadata, "shared", None)
        special = self.attn_type != AttentionType.DECODER or self.sinks is not None
        special |= self.alibi_slopes is not None or self.vllm_flash_attn_version != _VERSION
        if shared is None or special:
            return super().forward(
                layer, query, key, value, kv_cache, attn_metadata, output, *scales, **further
            )
        tokens = attn_metadata.num_actual_tokens
        # `decode_attention` knows no bound on scores.
        decodes, starts = (
            (0, attn_metadata.query_start_loc)
            if self.logits_soft_cap
            else (shared.decodes, shared.starts)
        )
        query = query[:tokens]
        keys, values = (
            canonicalize_singleton_dim_strides(cache)
            for cache in kv_cache.transpose(1, 2).split(self.head_size, dim=-1)
        )
        own = shared.own[self.sliding_window]
        always = {
            "k": keys,
            "v": values,
            "softmax_scale": self.scale,
            "softcap": self.logits_soft_cap,
            "max_seqlen_k": attn_metadata.max_seq_len,
            "num_splits": 1,  # adding up the parts of a row costs more than they gain
            "fa_version": self.vllm_flash_attn_version,
            "return_softmax_lse": True,
        }
        of_prefix, prefix_sums = flash_attn_varlen_func(
            **always,
            q=query,
            cu_seqlens_q=shared.tokens,
            max_seqlen_q=tokens,
            seqused_k=shared.length,
            causal=False,
            window_size=list(_NO_WINDOW),
            block_table=shared.blocks,
        )
        of_rows, row_sums = torch.empty_like(query), torch.empty_like(prefix_sums)
        if decodes:
            decode_attention.attend(
                query[:decodes],
                kv_cache,
                own.blocks,
                own.lengths,
                scale=self.scale,
                window=self.sliding_window,
                output=of_rows,
                sums=row_sums,
            )
        if decodes < tokens:
            _, row_sums[:, decodes:] = flash_attn_varlen_func(
                **always,
                q=query[decodes:],
                out=of_rows[decodes:],
                cu_seqlens_q=starts,
                max_seqlen_q=attn_metadata.max_query_len,
                seqused_k=own.lengths[decodes:],
                causal=True,
                window_size=list(self.sliding_window),
                block_table=own.blocks[decodes:],
            )
        prefix_sums.masked_fill_(own.alone, float("-inf"))
        merge_attn_states(output[:tokens], of_prefix, prefix_sums, of_rows, row_sums)
        return output


class SharedPrefixBackend(flash_attn.FlashAttentionBackend):  # type: ignore[misc] # as above
    """FlashAttention that reads a shared prefix once."""

    @staticmethod
    def get_impl_cls() -> type:
        """Returns the class of the attention of a layer."""
        return SharedPrefixAttention

    @staticmethod
    def get_builder_cls() -> type:
        """Returns the class of the builder of metadata."""
        return SharedPrefixBuilder

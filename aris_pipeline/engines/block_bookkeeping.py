"""Spares vLLM's scheduler the bookkeeping of KV blocks where a row needs none (record 33).

A row takes a new block, or fills one, at one step of sixteen. vLLM looks for both at every step,
row by row in Python, in the thread that all steps wait for.
"""

from typing import Any

from vllm.v1.core.single_type_kv_cache_manager import FullAttentionManager

_STEPS_AHEAD = 2
_READ = ("block_size", "num_cached_block", "req_to_blocks")


def spare_bookkeeping(scheduler: Any) -> None:
    """Puts shorter ways before two methods of a KV cache, if it has one table of blocks.

    Args:
        scheduler: vLLM's, of which each row has at most two steps at work.
    """
    cache = scheduler.kv_cache_manager
    tables = cache.coordinator.single_type_managers
    # Without them it is another vLLM, and an optimization must not end the engine.
    known = all(hasattr(table, name) for table in tables for name in _READ)
    if (
        not known
        or len(tables) != 1
        or type(tables[0]) is not FullAttentionManager
        or scheduler.connector
        or scheduler.parallel_config.pipeline_parallel_size > 1
    ):
        return
    table, allocate, remember = tables[0], cache.allocate_slots, cache.cache_blocks
    size, full_blocks = table.block_size, table.num_cached_block

    def allocate_slots(request: Any, tokens: int, *args: Any, **further: Any) -> Any:
        """Takes no blocks for a token that has room in its row's last one."""
        if tokens == 1 and not args and not any(further.values()):
            end = request.num_computed_tokens + 1
            blocks = table.req_to_blocks.get(request.request_id, ())
            # Where a block ends, and in the next steps, vLLM looks for full ones.
            if (
                end % size > _STEPS_AHEAD
                and end <= len(blocks) * size
                and request.request_id in full_blocks
            ):
                return cache.empty_kv_cache_blocks
        return allocate(request, tokens, *args, **further)

    def cache_blocks(request: Any, tokens: int) -> None:
        """Remembers blocks for other rows where one became full."""
        if tokens // size > full_blocks.get(request.request_id, 0):
            remember(request, tokens)

    cache.allocate_slots, cache.cache_blocks = allocate_slots, cache_blocks

"""Puts attention that reads a shared prefix once in place of vLLM's FlashAttention (record 34).

vLLM loads `read_prefix_once` in each of its processes through the entry point group
`vllm.general_plugins`.
"""

import os

from aris_pipeline.engines.lifetime import PARENT_VARIABLE

_KNOWN = ("0.32.", "0.33.")
"""The versions of vLLM whose attention is known here."""


def read_prefix_once() -> None:
    """Makes this process's engine read a shared prefix once a step, if we started the engine.

    Only Hopper was measured; other GPUs keep vLLM's attention.
    """
    if PARENT_VARIABLE not in os.environ:
        return
    import vllm  # noqa: PLC0415 - only where vLLM runs

    # Kernels that depend less on the other rows of a step must not depend on what they share.
    if not vllm.__version__.startswith(_KNOWN) or vllm.envs.VLLM_BATCH_INVARIANT:
        return
    from vllm.platforms import current_platform  # noqa: PLC0415 - as above
    from vllm.v1.attention.backends.registry import (  # noqa: PLC0415 - as above
        AttentionBackendEnum,
        register_backend,
    )

    if current_platform.is_cuda() and current_platform.is_device_capability_family(90):
        register_backend(
            AttentionBackendEnum.FLASH_ATTN,
            "aris_pipeline.engines.shared_prefix.SharedPrefixBackend",
        )

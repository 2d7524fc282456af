"""What engines that share a GPU do in another way than one alone (record 34).

vLLM loads `read_prefix_once` in each of its processes through the entry point group
`vllm.general_plugins`.
"""

import os

from aris_pipeline.engines.lifetime import PARENT_VARIABLE

SHARED_VARIABLE = "ARIS_ENGINE_SHARES_GPU"
"""1 in the processes of an engine that shares its GPU with others, else 0."""
_KNOWN = ("0.32.", "0.33.")
"""The versions of vLLM whose attention is known here."""


def read_prefix_once() -> None:
    """Puts attention that reads a shared prefix once in place of FlashAttention.

    Engines alone keep vLLM's: one whose Python thread is the limit gains nothing, and of one whose
    GPU is, at long answers, it is not measured yet.
    """
    if PARENT_VARIABLE not in os.environ or os.environ.get(SHARED_VARIABLE) != "1":
        return
    import vllm  # noqa: PLC0415 - only where vLLM runs
    from vllm.v1.attention.backends.registry import (  # noqa: PLC0415 - as above
        AttentionBackendEnum,
        register_backend,
    )

    # Kernels that depend less on the other rows of a step must not depend on what they share.
    if vllm.__version__.startswith(_KNOWN) and not vllm.envs.VLLM_BATCH_INVARIANT:
        register_backend(
            AttentionBackendEnum.FLASH_ATTN,
            "aris_pipeline.engines.shared_prefix.SharedPrefixBackend",
        )

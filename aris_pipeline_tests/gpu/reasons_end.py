"""Lets the reasons of a model with random weights end, which by themselves never do.

vLLM loads `end_reasons` in each of its processes through the entry point that `shape` writes.
"""

import os
from typing import Any

PROBABILITY = "ARIS_TEST_END"
"""The probability with which a token that may end a string does; reasons last 1/p tokens."""
QUOTE = "ARIS_TEST_QUOTE"
"""The id of the token that is a quotation mark."""


def end_reasons() -> None:
    """Raises the quotation mark above all other tokens, at random."""
    probability, quote = float(os.environ.get(PROBABILITY, "0")), int(os.environ.get(QUOTE, "-1"))
    if not probability:
        return
    import torch
    from vllm.model_executor.models.gemma3 import Gemma3ForCausalLM

    compute = Gemma3ForCausalLM.compute_logits

    def compute_logits(self: Any, *args: Any, **kwargs: Any) -> Any:
        logits = compute(self, *args, **kwargs)
        if logits is not None:
            ends = torch.rand(len(logits), device=logits.device) < probability
            logits[:, quote] += 30 * ends
        return logits

    Gemma3ForCausalLM.compute_logits = compute_logits

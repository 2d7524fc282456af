"""Spares vLLM's front end the check of a schema that it has checked before.

vLLM has llguidance check the schema of every request that it takes, a millisecond each. The rows of
a batch have one schema, or a few.
"""

import logging
from typing import Any

_MOST = 1000
"""Schemas that are remembered; a file may have one a row."""
_LOG = logging.getLogger(__name__)


def check_grammars_once() -> None:
    """Makes the vLLM of this process remember which schemas are valid."""
    from vllm.v1.structured_output import backend_guidance  # noqa: PLC0415 - where vLLM runs

    check = getattr(backend_guidance, "validate_guidance_grammar", None)
    if check is None:
        _LOG.debug("this version of vLLM checks schemas in another way")
    elif not isinstance(check, _RemembersValid):
        backend_guidance.validate_guidance_grammar = _RemembersValid(check)


class _RemembersValid:
    """vLLM's check of a request's grammar, for schemas that have not passed it yet."""

    def __init__(self, check: Any) -> None:
        self._check = check
        self._valid: set[str] = set()

    def __call__(self, sampling_params: Any, *args: Any, **kwargs: Any) -> None:
        """Raises what vLLM raises for a grammar that is not valid."""
        schema = sampling_params.structured_outputs and sampling_params.structured_outputs.json
        if isinstance(schema, str) and schema in self._valid:
            return
        self._check(sampling_params, *args, **kwargs)
        if isinstance(schema, str) and len(self._valid) < _MOST:
            self._valid.add(schema)

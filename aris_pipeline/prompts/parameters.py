"""Handles the column `parameters` of `Prompts`: uncommon parameters of an OpenAI file's row."""

import json
from collections.abc import Mapping
from typing import Any

from aris_pipeline.engines.protocol import Sampling

_OF_TEMPLATE = ("chat_template_kwargs", "add_generation_prompt", "continue_final_message")


def parameters_text(sampling: Sampling, template_options: Mapping[str, Any]) -> str | None:
    """Returns the column's JSON text; None if a row has no such parameters."""
    parameters = {**sampling.further, **template_options}
    return json.dumps(parameters, sort_keys=True, separators=(",", ":")) if parameters else None


def sampling_of(prompt: Mapping[str, Any]) -> Sampling:
    """Returns the sampling for the answer to a row of `Prompts`."""
    parameters = _parsed(prompt["parameters"])
    return Sampling(
        max_tokens=prompt["max_tokens"],
        temperature=prompt["temperature"],
        top_p=prompt["top_p"],
        seed=prompt["seed"],
        further={name: parameters[name] for name in parameters if name not in _OF_TEMPLATE},
    )


def template_options_of(prompt: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the names of the chat template options that were applied to a row."""
    parameters = _parsed(prompt["parameters"])
    return tuple(name for name in _OF_TEMPLATE if name in parameters)


def constraint_of(parameters: str | None) -> Mapping[str, Any]:
    """Returns the choice, regex or grammar that an answer must satisfy; empty without one."""
    found: Mapping[str, Any] = _parsed(parameters).get("structured_outputs", {})
    return found


def _parsed(parameters: str | None) -> dict[str, Any]:
    return json.loads(parameters) if parameters else {}

"""Lists the parameters of a chat completion request that this pipeline does not take.

Every parameter of OpenAI's API and of vLLM's is in exactly one of three sets: those that
`RequestBody` declares are honored, those `WITHOUT_EFFECT` do not change the answer, and those
`REFUSED` cost the row. A name in none of the sets is refused as unknown. No name is ignored
silently.
"""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

WITHOUT_EFFECT = frozenset(
    {
        # Who asks, and how the request is billed, stored, queued and cached.
        "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention", "prompt_cache_options", "request_id", "session_id", "priority",
        "cache_salt",
        # How an answer is streamed and how tools are called; neither is supported.
        "stream_options", "stream_interval", "parallel_tool_calls",
        # Only vLLM's own endpoints for other servers read these.
        "mm_payload", "return_mm_kwargs", "routed_experts_prompt_start",
        # Which program applies a constraint, not the constraint itself.
        "guided_decoding_backend",
    }
)  # fmt: skip

_TOOLS = "tools are not supported: leave {name} out, or ask for JSON by response_format"
_ONE = "{name} must be 1: a row has one answer; write a line for each answer that you want"
_TEXT = "only text is supported: leave {name} out"
_LOGPROBS = "{name} is not supported: the tables hold no log-probabilities of an answer"
_TOKENS = "{name} is not supported: the tables hold the answer's text alone"
_PROMPT = "{name} is not supported: prompts are rendered by the model's own chat template"
_SAMPLING = "{name} is not supported: leave it out"

REFUSED: Mapping[str, tuple[tuple[Any, ...], str]] = {
    "n": ((1,), _ONE),
    "best_of": ((1,), _ONE),
    "stream": ((False,), "stream is not supported: answers are written to files; leave it out"),
    "tools": (([],), _TOOLS),
    "tool_choice": (("none", "auto"), _TOOLS),
    "functions": (([],), _TOOLS),
    "function_call": (("none", "auto"), _TOOLS),
    "web_search_options": ((), _TOOLS),
    "audio": ((), _TEXT),
    "modalities": ((["text"],), _TEXT),
    "media_io_kwargs": (({},), _TEXT),
    "mm_processor_kwargs": (({},), _TEXT),
    "logprobs": ((False,), _LOGPROBS),
    "top_logprobs": ((0,), _LOGPROBS),
    "prompt_logprobs": ((), _LOGPROBS),
    "logprob_token_ids": (([],), _LOGPROBS),
    "return_tokens_as_token_ids": ((False,), _TOKENS),
    "return_token_ids": ((False,), _TOKENS),
    "return_token_offsets": ((False,), _TOKENS),
    "return_prompt_text": ((False,), _TOKENS),
    "echo": ((False,), _TOKENS),
    "chat_template": ((), _PROMPT),
    "documents": (([],), _PROMPT),
    "add_special_tokens": ((False,), _PROMPT),
    "truncate_prompt_tokens": (
        (),
        "truncate_prompt_tokens is not supported: --shorten cuts what is too long",
    ),
    "truncation_side": ((), "truncation_side is not supported: --shorten cuts what is too long"),
    "reasoning_effort": (
        (),
        "reasoning_effort is not supported: say it by chat_template_kwargs, as the model's "
        "template names it",
    ),
    "include_reasoning": ((True,), _SAMPLING),
    "thinking_token_budget": ((-1,), _SAMPLING),
    "verbosity": (("medium",), "verbosity is not supported: ask for it in the messages"),
    "prediction": ((), _SAMPLING),
    "moderation": ((), "moderation is not supported: leave it out"),
    "ignore_eos": ((False,), "ignore_eos is not supported: an answer has to end by itself"),
    "use_beam_search": ((False,), _SAMPLING),
    "length_penalty": ((1,), _SAMPLING),
    "early_stopping": ((False,), _SAMPLING),
    "skip_special_tokens": ((True,), _SAMPLING),
    "spaces_between_special_tokens": ((True,), _SAMPLING),
    "watermarking": ((False,), _SAMPLING),
    "repetition_detection": ((), _SAMPLING),
    "logits_processors": (([],), _SAMPLING),
    "vllm_xargs": (({},), _SAMPLING),
    "kv_transfer_params": ((), _SAMPLING),
    "ec_transfer_params": ((), _SAMPLING),
    "guided_whitespace_pattern": ((), _SAMPLING),
}
"""By name: values without effect, and the message for any other value. Null never has an effect."""

UNKNOWN = "(unknown)"
_LIKENESS = 0.8
"""Below this similarity the closest name mostly means something else: `max_length` and
`length_penalty`."""
_OTHER_NAMES = {
    **dict.fromkeys(
        (
            *("max_length", "max_new_tokens", "max_output_tokens", "max_gen_len", "num_predict"),
            *("maxtokens", "max_tokens_to_sample", "n_predict"),
        ),
        "max_completion_tokens",
    ),
    **dict.fromkeys(("stop_sequences", "stop_strings", "stop_words"), "stop"),
    **dict.fromkeys(("random_seed", "sampling_seed"), "seed"),
    **dict.fromkeys(("json_schema", "schema", "format", "guided_decoding"), "response_format"),
    **dict.fromkeys(("repeat_penalty", "rep_pen"), "repetition_penalty"),
    "system": "messages",
    "system_prompt": "messages",
    "prompt": "messages",
    "input": "messages",
    "temp": "temperature",
    "grammar": "guided_grammar",
    "regex": "guided_regex",
    "choice": "guided_choice",
    "choices": "guided_choice",
}
"""Names of parameters in other tools, and their names here."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def find_refused(body: Mapping[str, Any], honored: Collection[str]) -> tuple[str, str] | None:
    """Returns the name of the first parameter that cannot be honored, with its message."""
    for name, value in body.items():
        if value is None or name in honored or name in WITHOUT_EFFECT:
            continue
        if name not in REFUSED:
            return _unknown(name, honored)
        asks_nothing, message = REFUSED[name]
        if value not in asks_nothing:
            return name, message.format(name=name)
    return None


def shown_name(name: str) -> str:
    """Returns a name as messages show it; a name that a file invented may be personal."""
    return name if _NAME.fullmatch(name) else UNKNOWN


def _unknown(name: str, honored: Collection[str]) -> tuple[str, str]:
    shown = shown_name(name)
    spelled = _CAPITAL.sub("_", name).lower()[:80]
    known = [*honored, *REFUSED, *WITHOUT_EFFECT]
    meant = _OTHER_NAMES.get(spelled)
    close = [meant] if meant else get_close_matches(spelled, known, n=1, cutoff=_LIKENESS)
    if close:
        remedy = f"did you mean {close[0]}?"
    else:
        remedy = f"leave it out; honored are {', '.join(sorted(honored))}"
    return shown, f"there is no such parameter: {remedy}"

"""Names the engine that answers: part of every request_key, so that answers stay separate."""

from typing import Literal

from pydantic import BaseModel

EngineKind = Literal["offline", "serve", "ray", "remote", "ollama"]
"""vLLM in this process; our own `vllm serve`; replicas by Ray Data LLM; an OpenAI-compatible server
elsewhere; Ollama."""


class EngineIdentity(BaseModel, frozen=True):
    """What determines an answer besides prompt and sampling; part of every request_key."""

    kind: str
    model_id: str
    revision: str
    dtype: str
    quantization: str | None = None
    kv_cache_dtype: str = "auto"

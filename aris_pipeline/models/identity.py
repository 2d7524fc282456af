"""Names the engine that answers: part of every request_key, so that answers stay separate."""

from typing import Any, Literal

from pydantic import BaseModel, SerializerFunctionWrapHandler, model_serializer

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
    batch_invariant: bool = False

    @model_serializer(mode="wrap")
    def _as_before(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves `batch_invariant` out where it is off, so that earlier request_keys stay."""
        content: dict[str, Any] = dump(self)
        if not self.batch_invariant:
            del content["batch_invariant"]
        return content

"""Configuration of the engine room."""

from typing import Literal

from pydantic import BaseModel, Field

EngineKind = Literal["offline", "serve", "remote", "ollama"]
"""vLLM in this process; a `vllm serve` of ours; an OpenAI-compatible server elsewhere; Ollama."""


class EngineSettings(BaseModel, frozen=True):
    """How to load and drive a model. `None` means the default of the machine (GPU or CPU)."""

    engine: EngineKind = "offline"
    server_url: str | None = Field(
        None, description="of `remote` and `ollama`; its key stands in ARIS_SERVER_API_KEY"
    )
    model: str | None = Field(
        None, description="name or alias in the model table, Hugging Face id, or directory"
    )
    max_model_len: int | None = Field(
        None,
        ge=64,
        description="context in tokens; the model table's, else 8192 on a GPU, 2048 on a CPU",
    )
    gpu_memory_utilization: float = Field(0.90, gt=0, le=1)
    tensor_parallel_size: int = Field(1, ge=1)
    max_requests_in_flight: int | None = Field(
        None, ge=1, description="1024 on a GPU, 128 on a CPU"
    )
    kv_cache_dtype: str = "auto"
    enforce_eager: bool | None = Field(default=None, description="off on a GPU, on on a CPU")
    stall_timeout_s: float = Field(
        300.0, gt=0, description="seconds without a token after which an engine counts as hung"
    )
    max_restarts: int = Field(
        3, ge=0, description="engines in a row that may die without finishing a row"
    )

    def context(self, *, on_gpu: bool, of_model: int | None = None) -> int:
        """Returns max_model_len, or the default of the model's card, or of the machine."""
        return self.max_model_len or of_model or (8192 if on_gpu else 2048)

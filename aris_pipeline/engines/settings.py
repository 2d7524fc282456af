"""Configuration of the engine room."""

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, model_validator

from aris_pipeline.errors import ConfigError
from aris_pipeline.models.identity import EngineKind

ROWS_BESIDE_OTHERS = 768
"""In flight in each of several engines on a GPU. Two with 1,024 each fill their KV caches, give up
rows and read them again: record 34."""
LEAST_KEYS = 1024
"""Values in the keys of a token, in a layer and on one GPU, from which a step reads a shared prefix
once. With a fourth of them it was slower, with these faster; between, nothing was measured: record
34."""


class EngineSettings(BaseModel, frozen=True):
    """How to load and drive a model. `None` means the default of the machine (GPU or CPU)."""

    engine: EngineKind = Field("offline", description="what answers: `remote` is OpenAI-compatible")
    server_url: str | None = Field(
        None, description="of `remote` and `ollama`; its key stands in ARIS_SERVER_API_KEY"
    )
    replicas: int = Field(1, ge=1, description="copies of the model; `ray` alone has several")
    engines_per_gpu: int = Field(
        1,
        ge=1,
        description="engines of `offline` that share the GPU and its memory; 2 are faster on a "
        "large card",
    )
    ray_address: str | None = Field(
        None, description="cluster for `ray`, such as auto or HOST:6379; else Ray starts here"
    )
    model: str | None = Field(
        None, description="name or alias in the model table, Hugging Face id, or directory"
    )
    max_model_len: int | None = Field(
        None,
        ge=64,
        description="context in tokens; the model table's, else 8192 on a GPU or a remote server, "
        "2048 on a CPU",
    )
    gpu_memory_utilization: float = Field(
        0.90, gt=0, le=1, description="share of the GPU's memory for the engine"
    )
    tensor_parallel_size: int = Field(1, ge=1, description="GPUs that share one copy of the model")
    max_requests_in_flight: int | None = Field(
        None,
        ge=1,
        description="rows in the engine at once; 1024 on a GPU, or 768 times the engines on it "
        "(serve: 512, ray: 4096 a replica), 128 on a CPU or elsewhere",
    )
    max_num_seqs: int | None = Field(
        None, ge=1, description="rows in one step of vLLM; its own default by machine"
    )
    max_num_batched_tokens: int | None = Field(
        None, ge=1, description="tokens in one step of vLLM; 256 on a CPU, else its own default"
    )
    kv_cache_dtype: Literal["auto", "fp8"] = Field(
        "auto", description="of the KV cache, as in vLLM"
    )
    quantization: Literal["fp8"] | None = Field(
        None, description="of the weights as they are loaded; the model table's by default"
    )
    batch_invariant: bool = Field(
        default=False,
        description="kernels of vLLM made to depend less on the other rows of a step; some 5 % "
        "slower, more on an H100 or H200, and on GPUs from compute capability 8.0 on",
    )
    enforce_eager: bool | None = Field(default=None, description="off on a GPU, on on a CPU")
    stall_timeout_s: float = Field(
        300.0, gt=0, description="seconds without a token after which an engine counts as hung"
    )
    max_restarts: int = Field(
        3, ge=0, description="engines in a row that may die without finishing a row"
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        """Refuses an engine without its required address, and an address that is not used."""
        if self.engine == "remote" and not self.server_url:
            raise ConfigError(
                "the engine remote needs the address of its server: "
                "--server-url http://HOST:PORT/v1, or ARIS_SERVER_URL"
            )
        if self.engine != "ray" and (self.replicas > 1 or self.ray_address):
            raise ConfigError(
                f"the engine {self.engine} has one copy of the model: leave --replicas and "
                "--ray-address out, or choose --engine ray"
            )
        if self.engine != "offline" and self.engines_per_gpu > 1:
            raise ConfigError(
                f"the engine {self.engine} has a GPU of its own: leave --engines-per-gpu and "
                "ARIS_ENGINES_PER_GPU out, or choose --engine offline"
            )
        if self.batch_invariant and self.engine in {"remote", "ollama"}:
            raise ConfigError(
                f"the engine {self.engine} has kernels of its own: leave --batch-invariant out, "
                "and start a vLLM server with VLLM_BATCH_INVARIANT=1"
            )
        if not self.server_url:
            return self
        if self.engine not in {"remote", "ollama"}:
            raise ConfigError(
                f"the engine {self.engine} takes no server address: leave --server-url and "
                "ARIS_SERVER_URL out, or choose --engine remote"
            )
        address = urlsplit(self.server_url)
        if address.username or address.password:
            # The value is not repeated here: settings are stored and shown, and so are errors.
            raise ConfigError("a server's address holds no key: set it in ARIS_SERVER_API_KEY")
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise ConfigError(
                f"'{self.server_url}' is no server's address: it begins with http:// or https://"
            )
        return self

    @property
    def on_this_machine(self) -> bool:
        """Returns whether the engine takes this machine's GPU or cores, which one run uses."""
        return self.engine != "remote" and not self.ray_address

    @property
    def gpus(self) -> int:
        """Returns the number of GPUs that all copies of the model take together."""
        return self.tensor_parallel_size * self.replicas

    @property
    def alone(self) -> Self:
        """Returns the settings of one engine that has its GPU for itself, as benchmarks compare."""
        return self.model_copy(update={"engines_per_gpu": 1})

    def context(self, *, on_gpu: bool, of_model: int | None = None) -> int:
        """Returns max_model_len, or the default of the model's card, or of the machine."""
        large = on_gpu or not self.on_this_machine
        return self.max_model_len or of_model or (8192 if large else 2048)

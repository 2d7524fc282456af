"""Starts and stops `vllm serve`: the model in a separate process, asked over loopback."""

import re
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Self

from aris_pipeline.engines.loading import at_stage
from aris_pipeline.engines.memory_advice import memory_advice
from aris_pipeline.engines.openai_server import OpenAiServer
from aris_pipeline.engines.protocol import Completion, EngineInfo, Request, TokenCounts
from aris_pipeline.engines.server_process import ServerProcess
from aris_pipeline.engines.settings import EngineSettings
from aris_pipeline.engines.vllm_arguments import as_flags, engine_args, server_environment
from aris_pipeline.errors import EngineError
from aris_pipeline.models.cards import ModelCard
from aris_pipeline.models.devices import gpu_count, vllm_version

_LOOK_EVERY_S = 0.2
_LONGEST_START_S = 3600.0
"""A large model may have to be downloaded first; a process that ends is noticed at once."""
_ANSWER_S = 2.0
_RESET_S = 30.0
_REQUESTS_IN_FLIGHT_ON_GPU = 512
_KV_USAGE = re.compile(r"^vllm:kv_cache_usage_perc\{.*\} (\S+)$", re.MULTILINE)
_KV_BLOCKS = re.compile(r'^vllm:cache_config_info\{.*num_gpu_blocks="(\d+)"', re.MULTILINE)
_BLOCK_SIZE = re.compile(r'^vllm:cache_config_info\{.*[{,]block_size="(\d+)"', re.MULTILINE)
_COUNTERS = {
    "prompt": re.compile(r"^vllm:prompt_tokens_total\{.*\} (\S+)$", re.MULTILINE),
    "cached": re.compile(r"^vllm:prompt_tokens_cached_total\{.*\} (\S+)$", re.MULTILINE),
    "output": re.compile(r"^vllm:generation_tokens_total\{.*\} (\S+)$", re.MULTILINE),
}
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class VllmServe:
    """Our own vLLM server, used as an engine; see `aris_pipeline.engines.protocol.Engine`."""

    def __init__(self, card: ModelCard, settings: EngineSettings) -> None:
        """Starts the server and waits until it is ready.

        Raises:
            EngineError: the server does not start; the message has its last words and names its
                log.
        """
        started = time.monotonic()
        on_gpu = gpu_count() > 0
        # Nobody else on this machine may use the server, and the user's own key must not open it.
        key = secrets.token_urlsafe()
        if on_gpu and settings.max_requests_in_flight is None:
            settings = settings.model_copy(
                update={"max_requests_in_flight": _REQUESTS_IN_FLIGHT_ON_GPU}
            )
        flags = [
            *as_flags(engine_args(card, settings, on_gpu=on_gpu)),
            *("--served-model-name", card.name),
            # As in offline use, the checkpoint's own sampling defaults are not used.
            *("--generation-config", "vllm"),
            "--enable-prompt-tokens-details",
            *("--uvicorn-log-level", "warning"),
        ]
        environment = {**server_environment(settings, on_gpu=on_gpu), "VLLM_API_KEY": key}
        self._server = ServerProcess(flags, environment)
        at_stage("vLLM's server starts", self._server.log)
        try:
            self._wait_until_ready(card, settings)
            self._client = OpenAiServer(
                card,
                settings,
                url=f"{self._server.url}/v1",
                key=key,
                name=f"vllm-serve-{vllm_version()}",
                seeds=on_gpu,
                loopback=True,
                death=self._server.ended,
            )
        except BaseException:
            self._server.stop()
            raise
        self._server.log.pass_on_warnings()
        self._info = replace(
            self._client.info,
            load_s=time.monotonic() - started,
            kv_cache_tokens=self._kv_cache_tokens(),
        )

    @property
    def info(self) -> EngineInfo:
        """Returns facts about the loaded engine."""
        return self._info

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answers requests in order of completion, with a bounded number in flight."""
        return self._client.generate(requests)

    def kv_cache_usage(self) -> float | None:
        """Returns the share of the KV cache in use now, 0 to 1."""
        found = _KV_USAGE.search(self._get("/metrics"))
        return float(found[1]) if found else None

    def token_counts(self) -> TokenCounts | None:
        """Returns the tokens so far; a prompt counts when its first token is generated."""
        self._server.log.pass_on_warnings()
        text = self._get("/metrics")
        found = {name: count.findall(text) for name, count in _COUNTERS.items()}
        if not found["prompt"]:
            return None
        return TokenCounts(**{name: int(sum(map(float, counts))) for name, counts in found.items()})

    def reset_prefix_cache(self) -> bool:
        """Clears the prefix cache; vLLM offers this only in its development mode."""
        request = urllib.request.Request(f"{self._server.url}/reset_prefix_cache", method="POST")  # noqa: S310 - ours
        try:
            with _DIRECT.open(request, timeout=_RESET_S) as response:
                return bool(response.status == 200)  # noqa: PLR2004
        except OSError:
            return False

    def close(self) -> None:
        """Stops the server and its processes, also after the server died."""
        try:
            self._client.close()
        finally:
            self._server.stop()
            self._server.log.pass_on_warnings()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _wait_until_ready(self, card: ModelCard, settings: EngineSettings) -> None:
        deadline = time.monotonic() + _LONGEST_START_S
        while not self._answers():
            if ended := self._server.ended():
                error = EngineError(f"cannot serve {card.model_id}: {ended}")
                raise EngineError(f"{error}{memory_advice(card, settings, error)}")
            if time.monotonic() > deadline:
                raise EngineError(
                    f"vLLM's server does not become ready with {card.model_id}: see its log "
                    f"{self._server.log.path}"
                )
            time.sleep(_LOOK_EVERY_S)

    def _answers(self) -> bool:
        try:
            with _DIRECT.open(f"{self._server.url}/health", timeout=_ANSWER_S) as response:
                return bool(response.status == 200)  # noqa: PLR2004
        except OSError:
            return False

    def _get(self, path: str) -> str:
        """Returns the server's facts about itself; nothing if it is too busy to reply."""
        try:
            with _DIRECT.open(f"{self._server.url}{path}", timeout=_ANSWER_S) as response:
                return str(response.read().decode())
        except OSError:
            return ""

    def _kv_cache_tokens(self) -> int | None:
        metrics = self._get("/metrics")
        blocks, size = _KV_BLOCKS.search(metrics), _BLOCK_SIZE.search(metrics)
        return int(blocks[1]) * int(size[1]) if blocks and size else None

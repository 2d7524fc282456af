"""A server that speaks Ollama's documented API on loopback: its habits, and on request its ills.

Like the real one it streams, puts the token for the beginning of a text before every prompt if the
model wants it, cuts a prompt that does not fit `num_ctx` without a word, never gives more context
than the model was trained with, loads the model again when `num_ctx` changes, and words its errors
as Ollama's source does. The answers are made up from the schema.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from aris_pipeline.engines import Request, Sampling
from aris_pipeline_tests.fake_engine import answer_by_schema

Ill = Literal["429", "500", "503", "400", "drop", "drop_midway", "error_midway", "hang"]
DIGEST = "9077fe9d2ae1a4a41a868836b56b8163731a8fe16621397028c2c76f838c6907"


@dataclass
class FakeOllama:
    """What the server is like, and what it has seen.

    Attributes:
        tokenizer: counts as the model's own tokenizer would.
        tag: the one model that has been pulled.
        adds_bos: whether the model's file says `add_bos_token`.
        has_logprobs: an older Ollama gives none.
        counts_cached: some versions leave out of `prompt_eval_count` what they had cached.
        trained_context: of the model.
        default_context: of a request that names no `num_ctx`, and of one that is ignored.
        ignores_num_ctx: gives the default context whatever is asked.
        tells_context: an older Ollama does not.
        ill: what befalls a request, by its number from 0 and its prompt; the two probes come first.
        works_s: seconds before an answer begins.
        stop: makes the server go away for good.
    """

    tokenizer: Any
    tag: str = "smollm2:135m"
    adds_bos: bool = False
    has_logprobs: bool = True
    counts_cached: bool = True
    trained_context: int = 8192
    default_context: int = 4096
    ignores_num_ctx: bool = False
    tells_context: bool = True
    key: str | None = None
    ill: Callable[[int, str], Ill | None] = lambda _number, _prompt: None
    works_s: float = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    read: list[list[int]] = field(default_factory=list)
    contexts: list[int] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    unloaded: bool = False
    url: str = ""
    stop: Callable[[], None] = lambda: None

    @contextmanager
    def running(self) -> Iterator["FakeOllama"]:
        """Serves from a thread of its own until the block ends."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        runner = web.AppRunner(self._app(), shutdown_timeout=0.1, handler_cancellation=True)

        async def start() -> None:
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"

        asyncio.run_coroutine_threadsafe(start(), loop).result()
        self.stop = lambda: asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        try:
            yield self
        finally:
            self.stop()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The requests without the probes of the opening."""
        return self.requests[2:]

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/version", self._version)
        app.router.add_get("/api/tags", self._tags)
        app.router.add_get("/api/ps", self._ps)
        app.router.add_post("/api/show", self._show)
        app.router.add_post("/api/generate", self._generate)
        return app

    async def _version(self, request: web.Request) -> web.Response:
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return web.json_response({"error": "unauthorized"}, status=401)
        return web.json_response({"version": "0.40.0"})

    async def _tags(self, _request: web.Request) -> web.Response:
        model = {"name": self.tag, "model": self.tag, "digest": DIGEST, "size": 270_898_672}
        return web.json_response({"models": [model]})

    async def _ps(self, _request: web.Request) -> web.Response:
        model = {"name": self.tag, "model": self.tag, "digest": DIGEST}
        context = {"context_length": self.contexts[-1]} if self.tells_context else {}
        return web.json_response({"models": [{**model, **context}]})

    async def _show(self, request: web.Request) -> web.Response:
        asked = (await request.json())["model"]
        if asked != self.tag:
            return web.json_response({"error": f"model '{asked}' not found"}, status=404)
        info = {"general.architecture": "llama", "llama.context_length": self.trained_context}
        return web.json_response({"details": {"quantization_level": "F16"}, "model_info": info})

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if body["model"] != self.tag:
            error = f"model '{body['model']}' not found"
            return web.json_response({"error": error}, status=404)
        if not body.get("prompt"):
            self.unloaded = body.get("keep_alive") == 0
            reason = "unload" if self.unloaded else "load"
            return web.json_response({"done": True, "done_reason": reason, "response": ""})
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.works_s)
            return await self._reply(request, body)
        finally:
            self.in_flight -= 1

    async def _reply(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        number = len(self.requests)
        self.requests.append(body)
        ill = self.ill(number, body["prompt"])
        if ill == "hang":
            await asyncio.sleep(3600)
        if ill == "drop":
            assert request.transport
            request.transport.abort()
            return web.Response()
        if ill in {"400", "429", "500", "503"}:
            # What a proxy might do: repeat what it was sent.
            error = f"cannot serve {body['prompt']}"
            return web.json_response({"error": error}, status=int(ill))
        read, loads = self._understand(body)
        cached = read in self.read
        self.read.append(read)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        parts, end = self._parts(body, read, loads)
        if cached and not self.counts_cached:
            end["prompt_eval_count"] = 1
        for part in parts:
            await _send(response, {"model": self.tag, "done": False, **part})
            await asyncio.sleep(0)
            if ill == "drop_midway":
                assert request.transport
                request.transport.abort()
                return response
            if ill == "error_midway":
                await _send(response, {"error": f"failed at {body['prompt']}"})
                return response
        await _send(response, {"model": self.tag, "done": True, "response": "", **end})
        return response

    def _understand(self, body: dict[str, Any]) -> tuple[list[int], bool]:
        """Tokenizes and cuts a prompt; says whether the model was loaded again for it."""
        num_ctx = body.get("options", {}).get("num_ctx", self.default_context)
        if self.ignores_num_ctx:
            num_ctx = self.default_context
        num_ctx = min(num_ctx, self.trained_context)
        loads = not self.contexts or self.contexts[-1] != num_ctx
        if loads:
            self.contexts.append(num_ctx)
        ids: list[int] = self.tokenizer(body["prompt"], add_special_tokens=False)["input_ids"]
        if self.adds_bos:
            ids = [self.tokenizer.bos_token_id, *ids]
        return ids[-num_ctx:], loads

    def _parts(
        self, body: dict[str, Any], read: list[int], loads: bool
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        schema = body.get("format")
        asked = Request("x", read, Sampling(1), json.dumps(schema) if schema else None)
        words = self.tokenizer(answer_by_schema(asked).text, add_special_tokens=False)["input_ids"]
        limit = body.get("options", {}).get("num_predict", -1)
        cut = 0 <= limit < len(words)
        words = words[:limit] if cut else words
        parts: list[dict[str, Any]] = [{"response": self.tokenizer.decode([w])} for w in words]
        if body.get("logprobs") and self.has_logprobs:
            likely = [
                {"token": token, "logprob": -1.0 - n} for n, token in enumerate(self._likely(read))
            ]
            parts[0]["logprobs"] = [{**likely[0], "top_logprobs": likely[: body["top_logprobs"]]}]
        return parts, {
            "done_reason": "length" if cut else "stop",
            "total_duration": 2_500_000_000,
            "load_duration": 900_000_000 if loads else 1_000_000,
            "prompt_eval_count": len(read),
            "prompt_eval_duration": 400_000_000,
            "eval_count": len(words),
            "eval_duration": 1_000_000_000,
        }

    def _likely(self, read: list[int]) -> list[str]:
        verdicts = [" Yes", " Maybe", " Strong", " No"]
        first = sum(read) % len(verdicts)
        return [*verdicts[first:], *verdicts[:first], " Candidate"]


async def _send(response: web.StreamResponse, part: dict[str, Any]) -> None:
    await response.write(json.dumps(part).encode() + b"\n")

"""A server of the tests that speaks OpenAI's protocol as vLLM does, and misbehaves on request."""

import asyncio
import json
import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import web

from aris_pipeline.engines import Request, Sampling
from aris_pipeline_tests.fake_engine import answer_by_schema

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MODEL = "smollm2-135m-instruct"
FAULTS = ("429", "500", "503", "drop", "cut off", "hang")


class FakeServer:
    """Listens on loopback while it is entered.

    Attributes:
        fault_rate: share of the requests that fail, in one of six ways.
        key: what it demands, if anything; it repeats a wrong one, as some servers do.
        chat_only: has no endpoint for token ids.
        refused: prompts that hold this token are refused with 400.
        owner: who owns the models, by which vLLM is known.
        broken: prompts that hold this token are answered with 500, always.
        bodies: the requests that were answered, in order.
        faults: how often each fault was met.
    """

    def __init__(self, *, fault_rate: float = 0.0, seed: int = 1, **otherwise: Any) -> None:
        self.fault_rate = fault_rate
        self.key: str | None = otherwise.get("key")
        self.chat_only: bool = otherwise.get("chat_only", False)
        self.refused: int | None = otherwise.get("refused")
        self.broken: int | None = otherwise.get("broken")
        self.model: str = otherwise.get("model", MODEL)
        self.owner: str = otherwise.get("owner", "vllm")
        self.refusal = "this prompt is not to be answered"
        self.silent = False
        self.bodies: list[dict[str, Any]] = []
        self.faults: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runner: web.AppRunner | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._wait(self._start())
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def stop(self) -> None:
        """Ends as a server does that is killed."""
        if self._runner:
            self._wait(self._stop(self._runner))
            self._runner = None

    def prompts(self) -> list[tuple[int, ...]]:
        """The prompts of token ids that were answered."""
        return [tuple(body["prompt"]) for body in self.bodies if "prompt" in body]

    def _wait(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _start(self) -> None:
        application = web.Application(middlewares=[self._let_in, self._misbehave])
        application.router.add_get("/v1/models", self._models)
        application.router.add_post("/v1/chat/completions", self._answer)
        if not self.chat_only:
            application.router.add_post("/v1/completions", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _stop(self, runner: web.AppRunner) -> None:
        await runner.cleanup()
        hanging = asyncio.all_tasks() - {asyncio.current_task()}
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    @web.middleware
    async def _let_in(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.key is not None and sent != self.key:
            return _error(401, f"Incorrect API key provided: {sent}")
        return await handler(request)

    @web.middleware
    async def _misbehave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.silent:
            await asyncio.sleep(60)
        if self._random.random() >= self.fault_rate:
            return await handler(request)
        fault = self._random.choice(FAULTS)
        self.faults[fault] += 1
        if fault.isdecimal():
            return _error(int(fault), "try again", {"Retry-After": "0.01"})
        if fault == "hang":
            await asyncio.sleep(60)
        if fault == "cut off":
            response = web.StreamResponse(headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b'{"choices": [')
        assert request.transport
        request.transport.close()
        return web.Response()

    async def _models(self, _request: web.Request) -> web.Response:
        model = {"id": self.model, "object": "model", "created": 1, "owned_by": self.owner}
        told = {} if self.chat_only else {"max_model_len": 2048}
        return web.json_response({"object": "list", "data": [{**model, **told}]})

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        prompt = body.get("prompt", [])
        if self.refused in prompt:
            return _error(400, self.refusal)
        if self.broken in prompt:
            return _error(500, "CUDA error", {"Retry-After": "0.01"})
        self.bodies.append(body)
        return web.json_response(_reply(body))


def _reply(body: dict[str, Any]) -> dict[str, Any]:
    """An answer by the schema, or else what was asked, so that no row is mixed up unseen."""
    prompt = body.get("prompt", [])
    said = json.dumps(prompt or body.get("messages"))
    if form := body.get("response_format"):
        schema = json.dumps(form["json_schema"]["schema"])
        said = answer_by_schema(Request("r", prompt, Sampling(1), schema)).text or ""
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "logprobs": None}
    if "prompt" in body:
        choice["text"] = said
    else:
        choice["message"] = {"role": "assistant", "content": said}
    if named := body.get("logprob_token_ids"):
        top = {f"token_id:{token}": -0.5 * token for token in named}
        choice["logprobs"] = {"top_logprobs": [top], "tokens": [], "token_logprobs": []}
    usage = {"prompt_tokens": len(prompt) or 7, "completion_tokens": 3, "total_tokens": 10}
    details = {"prompt_tokens_details": {"cached_tokens": 2}}
    return {
        "id": "x",
        "object": "text_completion" if "prompt" in body else "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [choice],
        "usage": {**usage, **details},
    }


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(
        {"error": {"message": message, "type": "error", "code": status}},
        status=status,
        headers=headers,
    )

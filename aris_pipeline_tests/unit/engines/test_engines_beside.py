"""Several engines in one process: one that hangs, and one that cannot be loaded."""

import queue
import time
from types import SimpleNamespace
from typing import Any

import pytest

from aris_pipeline.engines import EngineSettings, Request, Sampling, VllmOffline, offline
from aris_pipeline.engines.engine_log import EngineLog
from aris_pipeline.engines.loaded_engine import LoadedEngine, LoadedEngines
from aris_pipeline.engines.protocol import EngineInfo
from aris_pipeline.errors import EngineDiedError, EngineError
from aris_pipeline.models import find_model

CARD = find_model("smollm2-135m-instruct")


class Answering:
    """Stands in for a `LoadedEngine`; it answers a row every few milliseconds, or hangs."""

    def __init__(self, *, hangs: bool) -> None:
        self.live: set[str] = set()
        self.latest = time.monotonic()
        self.engine = SimpleNamespace(engine_core=SimpleNamespace(outputs_queue=queue.Queue()))
        self._hangs = hangs

    @property
    def has_output(self) -> bool:
        return bool(self.live) and not self._hangs and time.monotonic() - self.latest > 0.005

    def add(self, request_id: str, *_: Any) -> None:
        self.live.add(request_id)

    def step(self) -> list[str]:
        self.latest = time.monotonic()
        return [self.live.pop()]

    def abort(self) -> None:
        self.live.clear()


def of(*engines: Answering, monkeypatch: pytest.MonkeyPatch) -> VllmOffline:
    """Returns the engine in process around others."""
    monkeypatch.setattr(offline, "completion_of", lambda answer: answer)
    made, group = VllmOffline.__new__(VllmOffline), LoadedEngines(stall_timeout_s=0.3)
    group.loaded = list(engines)  # type: ignore[arg-type]
    vars(made).update(
        _engines=group, _window=8, _stall_timeout_s=0.3,
        _info=EngineInfo("two", 0.0, 100, None), _processes=set(), _refusals=(ValueError,),
        _tokens_input=list, _log=EngineLog("offline"), sampling_params=lambda _: None,
    )  # fmt: skip
    return made


def test_one_that_hangs_is_noticed_while_the_other_works(monkeypatch: pytest.MonkeyPatch) -> None:
    both = of(Answering(hangs=False), Answering(hangs=True), monkeypatch=monkeypatch)
    answered: list[object] = []

    with pytest.raises(EngineDiedError, match="it gave no token for 0 s"):
        answered.extend(both.generate(Request(f"r{n}", [1], Sampling(1)) for n in range(10_000)))

    assert all(not engine.live for engine in both._engines.loaded)


def test_all_end_also_when_one_fails_to() -> None:
    ended: list[str] = []

    def fails() -> None:
        ended.append("first")
        raise OSError

    both = LoadedEngines(stall_timeout_s=1.0)
    for shutdown in (fails, lambda: ended.append("second")):
        core = SimpleNamespace(shutdown=shutdown)
        both.loaded.append(LoadedEngine(SimpleNamespace(engine_core=core, logger_manager=None)))

    with pytest.raises(OSError):  # noqa: PT011 - it is the one above
        both.shut_down()

    assert sorted(ended) == ["first", "second"]
    assert both.loaded == []


@pytest.mark.parametrize("stopped_by", [KeyboardInterrupt, ValueError])
def test_what_was_loaded_ends_with_one_that_cannot_be(
    monkeypatch: pytest.MonkeyPatch, stopped_by: type[BaseException]
) -> None:
    ended, made = [], VllmOffline.__new__(VllmOffline)
    monkeypatch.setattr(offline, "refuse_unknown", lambda *_: None)
    monkeypatch.setattr(offline, "engine_args", lambda *_, **__: {})
    core = SimpleNamespace(shutdown=lambda: ended.append("first"))
    waiting = [SimpleNamespace(engine_core=core, logger_manager=None)]

    def load(_args: dict[str, Any]) -> Any:
        if not waiting:
            raise stopped_by
        return waiting.pop()

    vars(made).update(_engines=LoadedEngines(1.0), _on_gpu=True, _log=EngineLog("offline"))
    made._vllm = SimpleNamespace(EngineArgs=None)

    with pytest.raises((KeyboardInterrupt, EngineError)):
        made._load(CARD, EngineSettings(engines_per_gpu=2), load)

    assert ended == ["first"]
    assert made._engines.loaded == []

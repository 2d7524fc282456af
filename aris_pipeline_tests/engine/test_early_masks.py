"""Real vLLM that schedules ahead: masks that are begun early change no answer."""

import inspect
import json
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from aris_pipeline.engines import EngineSettings, Request, Sampling, VllmOffline
from aris_pipeline_tests.engine.chat import ids
from aris_pipeline_tests.tiny_model import TinyModel

pytestmark = pytest.mark.engine


def schema(row: int) -> str:
    """Returns a schema of the row's own, as the tiny model writes what is shortest."""
    why = {"type": "string", "minLength": row % 9 + 1, "maxLength": 20}
    return json.dumps(
        {
            "type": "object",
            "properties": {"why": why, "verdict": {"enum": [f"Strong Yes {row}", f"No {row}"]}},
            "required": ["why", "verdict"],
            "additionalProperties": False,
        }
    )


ASKED = [
    Request(f"r{n}", ids(f"Is {n} any good?"), Sampling(20 + n), schema(n) if n % 8 else None)
    for n in range(40)
]


@pytest.fixture
def ahead(
    tiny: TinyModel, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[VllmOffline]:
    """An engine as on a GPU: it schedules a step ahead, and its worker is another process.

    Its parameter is the number of its KV blocks.
    """
    from vllm.platforms.cpu import CpuPlatform

    settle = CpuPlatform.check_and_update_config

    def settled(config: Any) -> None:
        settle(config)
        config.scheduler_config.async_scheduling = True

    monkeypatch.setattr(CpuPlatform, "check_and_update_config", staticmethod(settled))
    blocks = getattr(request, "param", 4096)
    apart = {"num_gpu_blocks_override": blocks, "distributed_executor_backend": "mp"}
    card = tiny.card.model_copy(update={"engine_args": apart})
    with VllmOffline(card, EngineSettings(max_num_seqs=16, max_model_len=256)) as engine:
        yield engine


def scheduler_of(engine: VllmOffline) -> Any:
    return engine._engines.loaded[0].engine.engine_core.engine_core.scheduler


def answers(engine: VllmOffline) -> dict[str, tuple[str | None, int]]:
    return {one.request_id: (one.text, one.output_tokens) for one in engine.generate(ASKED)}


def test_masks_begun_early_are_those_of_vllm(
    ahead: VllmOffline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from aris_pipeline.engines.early_masks import EarlyManager, EarlyScheduler
    from aris_pipeline.engines.shared_masks import MasksInMemory

    scheduler = scheduler_of(ahead)
    manager = scheduler.structured_output_manager
    assert isinstance(scheduler, EarlyScheduler)
    assert isinstance(manager, EarlyManager)
    begun, made = [], []
    begin = EarlyManager.begin

    def counted(self: EarlyManager, grammars: Any) -> Any:
        begun.append(len(grammars))
        made.append(begin(self, grammars))
        return made[-1]

    monkeypatch.setattr(EarlyManager, "begin", counted)
    early = answers(ahead)
    assert len(begun) > 20
    assert max(begun) > 8
    assert not manager._accepted
    assert all(isinstance(masks.result(), MasksInMemory) for masks in made)

    def fail(*_arguments: object) -> None:
        raise ValueError("of another version")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "aris_pipeline"):
        patch.setattr(EarlyManager, "_fill_rows", fail)
        failing = answers(ahead)
    assert not manager.can_begin
    (warning,) = [r for r in caplog.records if "masks" in r.getMessage()]
    assert "ValueError: of another version" in warning.getMessage()
    steps = len(begun)

    alone = answers(ahead)

    assert len(begun) == steps
    assert early == failing == alone
    assert len({text for text, _ in early.values()}) > 20


@pytest.mark.parametrize("ahead", [9], indirect=True)
def test_tokens_with_room_in_their_blocks_take_no_bookkeeping(
    ahead: VllmOffline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So few blocks that rows are preempted; every row has its blocks, and full ones are kept."""
    scheduler, asked, preempted = scheduler_of(ahead), Counter[str](), []
    cache, kind = scheduler.kv_cache_manager, type(scheduler)
    (table,) = cache.coordinator.single_type_managers
    schedule, without_blocks, forgotten = kind.schedule, [], []

    def checking(self: Any, *args: Any, **kwargs: Any) -> Any:
        step = schedule(self, *args, **kwargs)
        for row in self.running:
            name, size = row.request_id, table.block_size
            known = row.num_computed_tokens - row.num_output_placeholders
            without_blocks.extend(
                [name] * (len(table.req_to_blocks[name]) * size < row.num_computed_tokens)
            )
            forgotten.extend([name] * (table.num_cached_block.get(name, 0) < known // size))
            preempted.extend([name] * (row.num_preemptions > 0))
        return step

    def count(name: str) -> None:
        inner = getattr(type(cache.coordinator), name)

        def counting(*args: Any, **kwargs: Any) -> Any:
            asked[name] += 1
            return inner(*args, **kwargs)

        monkeypatch.setattr(type(cache.coordinator), name, counting)

    monkeypatch.setattr(kind, "schedule", checking)
    count("get_num_blocks_to_allocate")
    count("cache_blocks")
    without = answers(ahead)
    few = asked.copy()
    asked.clear()
    del cache.allocate_slots, cache.cache_blocks  # those of the class are vLLM's

    assert answers(ahead) == without
    assert all(few[name] < asked[name] / 2 for name in asked)
    assert preempted
    assert not without_blocks
    assert not forgotten


def test_what_is_overridden_is_that_of_the_installed_vllm() -> None:
    """Fails where a new vLLM works in another way: then look before `EARLY` names it."""
    import vllm
    from vllm.v1.core.sched.scheduler import Scheduler
    from vllm.v1.engine.core import EngineCore

    from aris_pipeline.engines.grammar_masks import EARLY

    assert vllm.__version__.startswith(EARLY)
    taken_over = inspect.getsource(Scheduler.update_from_output)
    assert "self.structured_output_manager.accept_tokens(" in taken_over
    assert "request.num_stale_output_tokens" in taken_over
    assert "self.kv_cache_manager.allocate_slots(" in inspect.getsource(Scheduler.schedule)
    step = inspect.getsource(EngineCore.step_with_batch_queue)
    assert step.index("self.scheduler.update_from_output(") < step.rindex("get_grammar_bitmask(")

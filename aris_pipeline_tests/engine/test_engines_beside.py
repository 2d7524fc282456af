"""Two real engines in one process, which on a GPU would share it; and what an engine spares."""

import json
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from aris_pipeline.engines import EngineSettings, Request, Sampling, VllmOffline
from aris_pipeline.errors import EngineDiedError
from aris_pipeline_tests.engine.asking import SCHEMA, ask
from aris_pipeline_tests.engine.chat import ids
from aris_pipeline_tests.tiny_model import TinyModel

pytestmark = pytest.mark.engine

ROWS = 40


def asked() -> Iterator[Request]:
    """Rows with an answer and two scores each."""
    for row in range(ROWS):
        prompt = ids(f"Is number {row} any good?")
        yield Request(f"r{row}", prompt, Sampling(9 + row % 7), SCHEMA if row % 2 else None)
        for node in range(2):
            yield Request(f"r{row}#{node}", prompt, Sampling(1), logprob_token_ids=(50, 60))


@pytest.fixture
def two(tiny: TinyModel, monkeypatch: pytest.MonkeyPatch) -> Iterator[VllmOffline]:
    # As on a GPU: processes of their own, which here share the cores.
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "1")
    monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    settings = EngineSettings(engines_per_gpu=2, max_requests_in_flight=24, max_model_len=256)
    with VllmOffline(tiny.card, settings) as engine:
        yield engine


def test_two_engines_share_the_rows_and_one_that_dies_ends_both(
    two: VllmOffline, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, set[int]] = {}
    for number, engine in enumerate(two._engines.loaded):

        def add(request_id: str, *rest: object, engine=engine, number=number) -> None:  # type: ignore[no-untyped-def]
            given.setdefault(request_id.partition("#")[0], set()).add(number)
            type(engine).add(engine, request_id, *rest)

        monkeypatch.setattr(engine, "add", add)
    requests = list(asked())
    answers = ask(two, *requests)

    assert answers.keys() == {request.request_id for request in requests}
    assert not any(answer.error_type for answer in answers.values())
    assert all(len(engines) == 1 for engines in given.values()), "a row's requests share a prompt"
    assert sorted(engine for (engine,) in given.values())[:: ROWS - 1] == [0, 1]
    counts = two.token_counts()
    assert counts is not None
    assert counts.prompt == sum(len(request.prompt_token_ids) for request in requests)
    assert counts.output == sum(answer.output_tokens for answer in answers.values())
    assert two.info.name.endswith("-x2")

    for _first in two.generate(requests):
        break
    assert ask(two, requests[0]).keys() == {"r0"}, "nothing of the abandoned call is left"

    answered = two.generate(requests)
    next(answered)
    processes = [psutil.Process(process.pid) for process in two._processes]
    max(processes, key=lambda process: process.create_time()).kill()
    with pytest.raises(EngineDiedError):
        list(answered)
    two.close()
    gone, alive = psutil.wait_procs(processes, timeout=10)
    assert gone
    assert not alive


def test_a_schema_is_checked_once_and_one_that_is_not_valid_each_time(
    tiny: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vllm.v1.structured_output import backend_guidance

    from aris_pipeline.engines.checked_grammars import check_grammars_once

    checked: list[str] = []
    with VllmOffline(tiny.card, EngineSettings(max_requests_in_flight=8)) as engine:
        remembers = backend_guidance.validate_guidance_grammar
        check = remembers._check

        def counted(params: Any, *rest: Any, **more: Any) -> None:
            checked.append(params.structured_outputs.json)
            check(params, *rest, **more)

        monkeypatch.setattr(remembers, "_check", counted)
        check_grammars_once()
        assert backend_guidance.validate_guidance_grammar is remembers
        schema, wrong = json.dumps({"enum": ["Yes", "No"]}), '{"type": "nonsense"}'
        asked = [
            Request(f"{n}", ids("hi"), Sampling(5), text)
            for n, text in enumerate([schema, schema, wrong, schema, wrong])
        ]
        answers = ask(engine, *asked)

    assert checked == [schema, wrong, wrong]
    assert [answers[f"{n}"].error_type for n in range(5)] == [
        None,
        None,
        "refused",
        None,
        "refused",
    ]

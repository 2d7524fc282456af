"""Real vLLM that fails at work: no row is lost, the run goes on."""

import pytest

from aris_pipeline.completions.generation import generate_rows
from aris_pipeline.engines import EngineSession, EngineSettings, VllmOffline, find_model
from aris_pipeline.storage import Prompts
from aris_pipeline_tests.tables import table

pytestmark = pytest.mark.engine

CARD = find_model("smollm2-135m-instruct")


def test_an_engine_that_fails_at_work_is_replaced_and_no_row_is_lost() -> None:
    opened: list[VllmOffline] = []

    def open_engine() -> VllmOffline:
        opened.append(VllmOffline(CARD, EngineSettings(max_requests_in_flight=4)))
        return opened[-1]

    def fail() -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    prompts = table(
        Prompts, *({"prompt_token_ids": [100 + n, 260, 300], "max_tokens": 6} for n in range(12))
    )
    with EngineSession(open_engine, backoff_s=0) as session:
        rows = []
        for row in generate_rows(
            session, prompts, scoring=None, shorten=lambda _prompt, _limit: None, run_id="run"
        ):
            rows.append(row)
            if len(rows) == 3:
                opened[0]._engine.step = fail

    assert sorted(row["request_key"] for row in rows) == sorted(prompts["request_key"])
    assert all(row["finish_reason"] for row in rows)
    assert (session.restarts, session.loads) == (1, 2)

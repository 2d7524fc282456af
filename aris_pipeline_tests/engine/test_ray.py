"""Real replicas of vLLM by Ray Data LLM, one of which is killed: every row comes back once."""

import contextlib
import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from aris_pipeline.engines import (
    Completion,
    EngineSettings,
    Request,
    Sampling,
    open_engine,
)
from aris_pipeline.models import load_tokenizer
from aris_pipeline_tests.engine.chat import CARD, ids
from aris_pipeline_tests.tiny_model import TinyModel

pytest.importorskip("ray", reason="the extra ray is not installed")
pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

REPLICAS = 2 if (os.cpu_count() or 1) > 2 else 1
"""On two cores, Ray and a second replica would take four minutes more."""
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"verdict": {"enum": ["Strong Yes", "No"]}},
        "required": ["verdict"],
        "additionalProperties": False,
    }
)


def replicas() -> list[psutil.Process]:
    found = psutil.Process().children(recursive=True)
    return [child for child in found if command(child).startswith("ray::MapWorker")]


def command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):  # it may just have ended
        return " ".join(process.cmdline())
    return ""


def shared_memory(process: psutil.Process) -> set[Path]:
    mapped = Path(f"/proc/{process.pid}/maps").read_text().split()
    return {Path(word) for word in mapped if word.startswith("/dev/shm/psm_")}


def test_a_killed_replica_costs_no_row_and_nothing_is_left_behind(tiny: TinyModel) -> None:
    # One is answered at once; others are at work when the replica is killed.
    asked = [
        Request(f"free-{n}", ids(f"Is candidate {n} any good?"), Sampling(200 if n else 4))
        for n in range(40)
    ]
    asked += [
        Request("schema", ids("Judge this."), Sampling(24), SCHEMA),
        Request("score", ids("Yes or no?"), Sampling(1), logprob_token_ids=(504, 1770)),
        Request("impossible", [99_999_999], Sampling(4)),
        Request("long", ids("Why?") * 200, Sampling(4)),
    ]
    # The tiny model writes nothing but quotation marks.
    quote = load_tokenizer(CARD)('"', add_special_tokens=False)["input_ids"]
    ends = {"stop": ["never"], "stop_token_ids": quote}
    alike = [
        Request(f"again-{n}", ids("Is this candidate any good?") * 20, Sampling(50, further=ends))
        for n in range(4)
    ]
    answered: list[Completion] = []
    others = {*psutil.Process().children(recursive=True)}
    stops = signal.getsignal(signal.SIGTERM)
    # Fewer in flight than a batch of Ray's has rows.
    settings = EngineSettings(
        engine="ray", replicas=REPLICAS, max_model_len=1024, max_requests_in_flight=8
    )
    with open_engine(tiny.card, settings) as engine:
        assert signal.getsignal(signal.SIGTERM) is stops, "a SIGTERM would not stop a run"
        for completion in engine.generate(iter(asked)):
            if not answered:
                assert len(replicas()) == REPLICAS
                replicas()[0].kill()
            answered.append(completion)
        again = [one for _ in range(2) for one in engine.generate(iter(alike))]
        family = {*psutil.Process().children(recursive=True)} - others
        shared = {file for one in family for file in shared_memory(one)}
    _gone, alive = psutil.wait_procs(family, timeout=30)
    # Python's own, which ends with this process.
    alive = [one for one in alive if "resource_tracker" not in " ".join(one.cmdline())]

    assert sorted(one.request_id for one in answered) == sorted(one.request_id for one in asked)
    by_id = {one.request_id: one for one in answered}
    assert all(one.output_tokens for one in answered if one.error_type is None)
    assert by_id["free-0"].finish_reason == "length"
    assert json.loads(by_id["schema"].text or "")["verdict"] in {"Strong Yes", "No"}
    assert by_id["schema"].finish_reason == "stop"
    assert set(by_id["score"].logprobs) >= {504, 1770}
    assert by_id["impossible"].error_type == "refused"
    assert by_id["long"].error_type == "prompt_too_long"
    assert {(one.text, one.finish_reason) for one in again} == {("", "stop")}
    assert all(one.latency_s for one in again)
    assert any(one.cached_tokens for one in again), "hits of the prefix cache are not reported"
    assert not alive
    assert shared
    assert not [file for file in shared if file.exists()]

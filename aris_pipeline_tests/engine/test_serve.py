"""A real vLLM server of ours: what it answers, and that nothing of it outlives its run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator

import psutil
import pytest

from aris_pipeline.completions.generation import generate_rows
from aris_pipeline.engines import (
    EngineSession,
    EngineSettings,
    Request,
    RequestId,
    Sampling,
    VllmOffline,
)
from aris_pipeline.engines.serve import VllmServe
from aris_pipeline.errors import EngineError
from aris_pipeline.models import load_tokenizer
from aris_pipeline.prompts import load_rubric
from aris_pipeline.scoring import build_score_plan
from aris_pipeline.scoring.requests import Scoring
from aris_pipeline.storage import Prompts
from aris_pipeline_tests.engine.chat import CARD, ids
from aris_pipeline_tests.tables import table
from aris_pipeline_tests.tiny_model import TinyModel

pytestmark = pytest.mark.engine
on_one_server = pytest.mark.xdist_group("server")

SETTINGS = EngineSettings(engine="serve", max_model_len=1024)
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"verdict": {"enum": ["Strong Yes", "No"]}, "sure": {"type": "boolean"}},
        "required": ["verdict", "sure"],
        "additionalProperties": False,
    }
)
HOLDER = """
import sys, time
from aris_pipeline.engines.server_process import ServerProcess
from aris_pipeline.engines import EngineSettings
from aris_pipeline.engines.vllm_arguments import as_flags, engine_args, server_environment
from aris_pipeline.models import find_model
card = find_model(None)
settings = EngineSettings(max_model_len=1024)
flags = as_flags(engine_args(card, settings, on_gpu=False))
server = ServerProcess(flags, server_environment(settings, on_gpu=False))
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def engine(tiny: TinyModel) -> Iterator[VllmServe]:
    engine = VllmServe(tiny.card, SETTINGS)
    yield engine
    if engine._server.ended() is None:
        engine.close()


def _requests() -> list[Request]:
    plan = build_score_plan(load_rubric("aris-swe-v1"), load_tokenizer(CARD))
    scoring = Scoring(plan, ids("Judge nobody."))
    prompts = {f"r{n}": ids(f"Is candidate {n} any good?") for n in range(8)}
    return [
        *(Request(key, prompt, Sampling(40), SCHEMA) for key, prompt in prompts.items()),
        *(
            request
            for key, prompt in prompts.items()
            for request in scoring.requests(RequestId(key), prompt)
        ),
    ]


def _wait(holds: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    found = []
    for process in processes:
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


@on_one_server
def test_the_server_answers_and_scores_as_the_engine_in_the_process_does(
    engine: VllmServe, tiny: TinyModel
) -> None:
    served = {answer.request_id: answer for answer in engine.generate(_requests())}
    with VllmOffline(tiny.card, EngineSettings(max_model_len=1024)) as offline:
        known = {answer.request_id: answer for answer in offline.generate(_requests())}

    assert served.keys() == known.keys()
    for key, answer in served.items():
        if "#" in key:
            assert answer.logprobs.keys() >= {
                token
                for request in _requests()
                for token in request.logprob_token_ids
                if request.request_id == key
            }
            for token, value in answer.logprobs.items():
                assert value == pytest.approx(known[key].logprobs[token], abs=0.15)
        else:
            assert set(json.loads(answer.text or "")) == {"verdict", "sure"}
            assert answer.prompt_tokens == known[key].prompt_tokens
            assert answer.latency_s
    assert any(answer.cached_tokens for answer in served.values())


@on_one_server
def test_a_refused_row_leaves_the_others_unharmed(engine: VllmServe) -> None:
    requests = [
        Request("too long", ids("word " * 3000), Sampling(5)),
        Request("empty", [], Sampling(5)),
        Request("no such token", [10**8], Sampling(5)),
        Request("bad temperature", ids("hi"), Sampling(5, temperature=-1)),
        Request("bad schema", ids("hi"), Sampling(5), '{"type": "nonsense"}'),
        Request("warm", ids("hi"), Sampling(5, temperature=0.8, seed=3)),
        Request("good", ids("hi"), Sampling(5)),
    ]
    answers = {answer.request_id: answer for answer in engine.generate(requests)}

    assert answers["good"].text
    assert answers["warm"].text
    assert answers["too long"].error_type == "prompt_too_long"
    for key in ("empty", "no such token", "bad temperature", "bad schema"):
        assert answers[key].error_type == "refused", answers[key]


@on_one_server
def test_the_engine_tells_what_it_is_and_how_many_tokens_it_has_worked_on(
    engine: VllmServe,
) -> None:
    before = engine.token_counts()
    (answer,) = engine.generate([Request("row", ids("Tell a story."), Sampling(5))])
    after = engine.token_counts()
    assert before
    assert after
    assert after.since(before).prompt == answer.prompt_tokens
    assert after.since(before).output == answer.output_tokens
    assert engine.info.name.startswith("vllm-serve-0.")
    assert engine.info.max_model_len == 1024
    assert (engine.info.kv_cache_tokens or 0) > 10_000
    usage = engine.kv_cache_usage()
    assert usage is not None
    assert 0 <= usage <= 1


@on_one_server
def test_a_killed_server_is_replaced_no_row_is_lost_and_nothing_is_left(
    engine: VllmServe, tiny: TinyModel
) -> None:
    opened: list[VllmServe] = []
    processes: list[psutil.Process] = []

    def open_engine() -> VllmServe:
        opened.append(VllmServe(tiny.card, SETTINGS) if opened else engine)
        processes.extend(_family(opened[-1]))
        return opened[-1]

    # Some are answered at once; the others are at work when the server is killed.
    tokens = [5] * 3 + [400] * 9
    prompts = table(
        Prompts,
        *(
            {"prompt_token_ids": ids(f"Tell {n}."), "max_tokens": most}
            for n, most in enumerate(tokens)
        ),
    )
    with EngineSession(open_engine, backoff_s=0) as session:
        rows = []
        for row in generate_rows(
            session,
            prompts.iter_rows(named=True),
            scoring=None,
            shorten=lambda _prompt, _limit: None,
            run_id="run",
        ):
            rows.append(row)
            if len(rows) == 3:
                processes[0].kill()

    assert sorted(row["request_key"] for row in rows) == sorted(prompts["request_key"])
    assert all(row["finish_reason"] for row in rows)
    assert (session.restarts, session.loads) == (1, 2)
    assert len(processes) >= 4
    _wait(lambda: not _alive(processes), 20)


def _family(engine: VllmServe) -> list[psutil.Process]:
    """The server's process and those that it has started."""
    assert engine._server._process
    server = psutil.Process(engine._server._process.pid)
    return [server, *server.children(recursive=True)]


def test_a_server_that_does_not_start_tells_why_and_names_its_log(tiny: TinyModel) -> None:
    with pytest.raises(EngineError, match=r"--kv-cache-dtype.*log .*vllm-serve-.*\.log") as raised:
        VllmServe(tiny.card, SETTINGS.model_copy(update={"kv_cache_dtype": "nonsense"}))

    log = str(raised.value).rpartition("(log ")[2].partition(")")[0]
    assert os.path.exists(log)


def test_nothing_is_left_of_a_server_whose_run_is_killed(tiny: TinyModel) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | tiny.environment,
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "started\n"
        run = psutil.Process(holder.pid)
        _wait(lambda: any("EngineCore" in c.name() for c in run.children(recursive=True)), 120)
        family = run.children(recursive=True)

        os.kill(holder.pid, signal.SIGKILL)

    _wait(lambda: not _alive(family), 10)
